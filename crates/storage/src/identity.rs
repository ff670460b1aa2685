//! The signature that row level security asks for.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use retail_domain::{RlsUserId, Visibility};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;

use crate::StorageError;

/// The key that signs identities, 32 bytes, shared by the server and the database.
///
/// Whoever has it can be any store towards the database, so it is kept like a password.
pub struct IdentityKey(SecretBox<[u8; Self::BYTES]>);

impl IdentityKey {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    /// [`StorageError::Setting`] for any other text; the error does not repeat it.
    pub fn from_hex(text: &str) -> Result<Self, StorageError> {
        let mut bytes = [0; Self::BYTES];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| {
            StorageError::Setting("the identity key must be 64 hexadecimal digits".to_owned())
        })?;
        Ok(Self::new(bytes))
    }

    /// Signs `who` for one transaction. The message is that of migration 0002.
    pub(crate) fn sign(&self, who: &Who, challenge: &str) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret())
            .expect("HMAC takes a key of any length");
        mac.update(format!("v1|{who}|{challenge}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    /// The inner HMAC pad, as the database keeps it: RFC 2104.
    pub(crate) fn inner_pad(&self) -> [u8; 64] {
        let mut pad = [0x36; 64];
        for (byte, key) in pad.iter_mut().zip(self.0.expose_secret()) {
            *byte ^= key;
        }
        pad
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl Clone for IdentityKey {
    fn clone(&self) -> Self {
        Self::new(*self.0.expose_secret())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey(***)")
    }
}

/// The identity as the database reads it.
///
/// Its text is a UUID or a fixed word, so it can stand in a `SET` statement as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Store(RlsUserId),
    AllStores,
}

impl From<&Visibility> for Who {
    fn from(visibility: &Visibility) -> Self {
        match visibility {
            Visibility::Store(store) => Self::Store(store.rls_user_id),
            Visibility::AllStores => Self::AllStores,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(rls_user_id) => write!(f, "{}", rls_user_id.0.hyphenated()),
            Self::AllStores => f.write_str("all-stores"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 has no case for our message; this one was computed with Python's `hmac` module.
    #[test]
    fn the_signature_is_hmac_sha256_of_the_message() {
        let key = IdentityKey::new([7; 32]);
        let who = Who::Store(RlsUserId("f47ac10b-58cc-4372-a567-0e02b2c3d479".parse().unwrap()));
        assert_eq!(
            key.sign(&who, "4711|1763848000000000"),
            "da8901d5d1c02b7d53257c9351bfdf9ecbe61e120459588b79c3d996e508ef36"
        );
    }

    #[test]
    fn a_bad_key_is_refused_without_repeating_it() {
        let error = IdentityKey::from_hex("secret").unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
