//! The keys of a provider, and which one a token needs.

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;

use super::fault::TokenFault;
use super::settings::SigningAlgorithm;

/// More keys than this are not looked at.
const MAX_KEYS: usize = 100;
const MIN_RSA_BITS: usize = 2048;
/// What the library verifies with at most.
const MAX_RSA_BITS: usize = 4096;

/// A JWK set as it comes. Keys of kinds that are not known are passed over, not an error.
#[derive(Deserialize)]
pub(super) struct Document {
    keys: Vec<Value>,
}

/// The keys that signatures are checked with.
#[derive(Debug, PartialEq)]
pub(super) struct KeySet(Vec<Key>);

/// One key, and all that it may be used for.
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<SigningAlgorithm>,
    jwk: Jwk,
    pub(super) decoding: DecodingKey,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithms", &self.algorithms)
            .finish_non_exhaustive()
    }
}

impl KeySet {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The usable keys of a document. There may be none: so a provider takes all of them back.
    pub(super) fn new(document: Document) -> Self {
        Self(document.keys.into_iter().take(MAX_KEYS).filter_map(Key::new).collect())
    }

    /// Whether a key has this id.
    pub(super) fn has_id(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// The key for a token with this header.
    pub(super) fn find(
        &self,
        id: Option<&str>,
        algorithm: SigningAlgorithm,
    ) -> Result<&Key, TokenFault> {
        let fits = |key: &&Key| key.algorithms.contains(&algorithm);
        match (id, self.0.as_slice()) {
            (None, [only]) => Some(only).filter(fits).ok_or(TokenFault::WrongKey),
            (None, keys) => Err(TokenFault::NoKeyId(keys.len())),
            (Some(id), keys) => {
                let mut named = keys.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
                if named.peek().is_none() {
                    return Err(TokenFault::UnknownKey(""));
                }
                named.find(fits).ok_or(TokenFault::WrongKey)
            }
        }
    }
}

impl Key {
    /// None for a key that is for something else, too weak, or not understood.
    fn new(json: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(json).ok()?;
        let common = &jwk.common;
        let is_for_signatures = common
            .public_key_use
            .as_ref()
            .is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
            && common
                .key_operations
                .as_ref()
                .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !is_for_signatures {
            return None;
        }
        let possible: &[SigningAlgorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => &[
                SigningAlgorithm::Rs256,
                SigningAlgorithm::Rs384,
                SigningAlgorithm::Rs512,
                SigningAlgorithm::Ps256,
            ],
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => &[SigningAlgorithm::Es256],
                EllipticCurve::P384 => &[SigningAlgorithm::Es384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                &[SigningAlgorithm::EdDsa]
            }
            // A symmetric key in a public document is no secret.
            _ => return None,
        };
        let algorithms = match common.key_algorithm {
            None => possible.to_vec(),
            Some(said) => {
                let said = signing_algorithm(said)?;
                possible.contains(&said).then(|| vec![said])?
            }
        };
        let decoding = DecodingKey::from_jwk(&jwk).ok()?;
        let id = common.key_id.clone();
        has_good_length(&decoding, &algorithms).then_some(Self { id, algorithms, jwk, decoding })
    }
}

fn signing_algorithm(said: KeyAlgorithm) -> Option<SigningAlgorithm> {
    Algorithm::try_from(said).ok().and_then(SigningAlgorithm::from_jwt)
}

/// The library takes a key of any length, and does not look before it cuts.
fn has_good_length(key: &DecodingKey, algorithms: &[SigningAlgorithm]) -> bool {
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => {
            let significant = n.iter().skip_while(|byte| **byte == 0);
            let bytes = significant.clone().count();
            let unused = significant.clone().next().map_or(0, |first| first.leading_zeros());
            let bits = bytes * 8 - unused as usize;
            (MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits)
        }
        DecodingKeyKind::SecretOrDer(bytes) => {
            let expected = match algorithms {
                [SigningAlgorithm::Es256] => 1 + 2 * 32,
                [SigningAlgorithm::Es384] => 1 + 2 * 48,
                _ => 32,
            };
            bytes.len() == expected
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// 32 bytes, and one more.
    const COORDINATE: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    const TOO_LONG: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

    fn rsa(bits: usize) -> Value {
        // 0xff and then zeros, in the alphabet of base64url: 3 bytes are 4 letters.
        let bytes = bits / 8;
        let mut n = "_wAA".to_owned() + &"AAAA".repeat(bytes / 3 - 1);
        n.push_str(match bytes % 3 {
            0 => "",
            1 => "AA",
            _ => "AAA",
        });
        json!({ "kty": "RSA", "n": n, "e": "AQAB" })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    fn ec() -> Value {
        json!({ "kty": "EC", "crv": "P-256", "x": COORDINATE, "y": COORDINATE })
    }

    #[rstest]
    #[case::rsa_2048(rsa(2048), true)]
    #[case::rsa_4096(rsa(4096), true)]
    #[case::rsa_2040(rsa(2040), false)]
    #[case::rsa_1024(rsa(1024), false)]
    #[case::rsa_8192(rsa(8192), false)]
    #[case::leading_zeros_are_no_bits(with(rsa(1024), "n", json!("AAAA".repeat(86))), false)]
    #[case::empty(with(rsa(2048), "n", json!("")), false)]
    #[case::ec(ec(), true)]
    #[case::ec_long(with(ec(), "y", json!(TOO_LONG)), false)]
    #[case::ec_of_another_curve(with(ec(), "crv", json!("P-384")), false)]
    #[case::ec_521(with(ec(), "crv", json!("P-521")), false)]
    #[case::ed(json!({ "kty": "OKP", "crv": "Ed25519", "x": COORDINATE }), true)]
    #[case::ed_short(json!({ "kty": "OKP", "crv": "Ed25519", "x": "AQEB" }), false)]
    #[case::ed_448(json!({ "kty": "OKP", "crv": "Ed448", "x": COORDINATE }), false)]
    #[case::secret(json!({ "kty": "oct", "k": COORDINATE }), false)]
    #[case::secret_for_hs256(json!({ "kty": "oct", "k": COORDINATE, "alg": "HS256" }), false)]
    #[case::for_encryption(with(ec(), "use", json!("enc")), false)]
    #[case::for_signatures(with(ec(), "use", json!("sig")), true)]
    #[case::to_verify(with(ec(), "key_ops", json!(["verify"])), true)]
    #[case::to_sign(with(ec(), "key_ops", json!(["sign"])), false)]
    #[case::hmac_with_a_public_key(with(rsa(2048), "alg", json!("HS256")), false)]
    #[case::alg_of_another_family(with(ec(), "alg", json!("RS256")), false)]
    #[case::unknown_alg(with(ec(), "alg", json!("ES999")), false)]
    #[case::no_key(json!("key"), false)]
    fn a_key_is_usable_or_passed_over(#[case] key: Value, #[case] usable: bool) {
        assert_eq!(Key::new(key).is_some(), usable);
    }

    #[test]
    fn a_token_must_say_which_of_two_keys() {
        let named = |id: &str| with(ec(), "kid", json!(id));
        let one = KeySet::new(Document { keys: vec![named("a")] });
        let two = KeySet::new(Document { keys: vec![named("a"), named("b")] });
        let es256 = SigningAlgorithm::Es256;
        assert!(one.find(None, es256).is_ok());
        assert!(matches!(two.find(None, es256), Err(TokenFault::NoKeyId(2))));
        assert!(two.find(Some("b"), es256).is_ok());
        assert!(matches!(one.find(Some("b"), es256), Err(TokenFault::UnknownKey(_))));
        assert!(matches!(one.find(Some("a"), SigningAlgorithm::Rs256), Err(TokenFault::WrongKey)));
        assert!(matches!(one.find(None, SigningAlgorithm::EdDsa), Err(TokenFault::WrongKey)));
    }

    #[test]
    fn a_document_may_have_no_usable_key() {
        let none = KeySet::new(Document { keys: vec![json!({ "kty": "oct", "k": "AQ" })] });
        assert_eq!(none.len(), 0);
        assert!(matches!(
            none.find(Some("a"), SigningAlgorithm::Es256),
            Err(TokenFault::UnknownKey(_))
        ));
    }
}
