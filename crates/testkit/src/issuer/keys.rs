//! Keys of a test identity provider, and signatures with them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use serde_json::{Value, json};
use sha2::Sha256;

/// Two keys of 2048 bits. To make one takes seconds, so they stand here.
const RSA_PEMS: [&str; 2] = [include_str!("test_rsa_1.pem"), include_str!("test_rsa_2.pem")];

/// A kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with 2048 bits, for RS256.
    Rsa,
    /// P-256, for ES256.
    Ec,
    /// Ed25519, for `EdDSA`.
    Ed,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Rsa, Self::Ec, Self::Ed];

    /// The algorithm that tokens name.
    pub fn algorithm(self) -> &'static str {
        match self {
            Self::Rsa => "RS256",
            Self::Ec => "ES256",
            Self::Ed => "EdDSA",
        }
    }
}

/// A key pair with an id.
#[derive(Debug)]
pub struct TestKey {
    id: String,
    pair: Pair,
}

#[derive(Debug)]
enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl TestKey {
    /// A new key. RSA keys are fixed ones, of which there are two that take turns by `turn`.
    pub fn new(kind: KeyKind, id: impl Into<String>, turn: usize) -> Self {
        let random = SystemRandom::new();
        let pair = match kind {
            KeyKind::Rsa => Pair::Rsa(rsa(RSA_PEMS[turn % 2])),
            KeyKind::Ec => {
                let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a new key");
                let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random);
                Pair::Ec(pair.expect("the new key"))
            }
            KeyKind::Ed => {
                let document = Ed25519KeyPair::generate_pkcs8(&random).expect("a new key");
                Pair::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("the new key"))
            }
        };
        Self { id: id.into(), pair }
    }

    /// Its kind.
    pub fn kind(&self) -> KeyKind {
        match self.pair {
            Pair::Rsa(_) => KeyKind::Rsa,
            Pair::Ec(_) => KeyKind::Ec,
            Pair::Ed(_) => KeyKind::Ed,
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its public half, as it stands in a JWK set.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": encoded(public.n), "e": encoded(public.e) })
            }
            Pair::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key()) })
            }
        };
        jwk["kid"] = self.id.clone().into();
        jwk["alg"] = self.kind().algorithm().into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// The public half as bytes: what somebody would take for the secret of HS256.
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// A header that names this key and its algorithm.
    pub fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": self.kind().algorithm(), "kid": self.id })
    }

    /// A token of these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with_header(&self.header(), claims)
    }

    /// A token with this header, whatever it says.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        let random = SystemRandom::new();
        joined_token(header, claims, |message| match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        })
    }
}

/// A token whose signature `sign` makes of its first two parts.
pub fn joined_token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    let signature = encoded(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// A token with an HS256 signature.
pub fn hmac_token(secret: &[u8], header: &Value, claims: &Value) -> String {
    joined_token(header, claims, |message| {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length is good");
        mac.update(message);
        mac.finalize().into_bytes().to_vec()
    })
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa(pem: &str) -> Box<RsaKeyPair> {
    let base64: String = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    let der = STANDARD.decode(base64).expect("base64");
    Box::new(RsaKeyPair::from_der(&der).expect("an RSA key"))
}
