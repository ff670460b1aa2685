//! The signature that row level security asks for.

use std::fmt;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use retail_domain::{RlsUserId, Visibility};
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};

use crate::StorageError;

/// How long a signature counts, from when it is made to the start of the transaction. It is made
/// right before it is sent, so this only has to cover a slow network and a busy server.
const SIGNATURE_LIFETIME: Duration = Duration::from_secs(5);

/// Migration 0006 accepts no signature that counts for longer than this from now.
const LONGEST_LIFETIME: Duration = Duration::from_mins(1);

/// The key that signs identities, 32 bytes, shared by the server and the database.
///
/// Whoever has it can be any store towards the database, so it is kept like a password.
pub struct IdentityKey {
    bytes: SecretBox<[u8; Self::BYTES]>,
    id: String,
}

impl IdentityKey {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        let mut id = hex::encode(Sha256::digest(bytes));
        id.truncate(16);
        Self { bytes: SecretBox::new(Box::new(bytes)), id }
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

    /// The name of the key: the first 16 hexadecimal digits of its SHA-256. No secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs `who` for transactions that begin on one connection in the next
    /// [`SIGNATURE_LIFETIME`]. The message is that of migration 0006.
    pub(crate) fn sign(&self, who: &Who, place: &ConnectionPlace) -> SignedIdentity {
        let end = place.database_micros() + SIGNATURE_LIFETIME.as_micros();
        let signature = self.signature(who, &place.id, end);
        SignedIdentity { who: who.to_string(), signature, end_micros: end }
    }

    fn signature(&self, who: &Who, connection_id: &str, end_micros: u128) -> String {
        let mac = self.mac(&format!("v2|{who}|{connection_id}|{end_micros:016}"));
        format!("{}.{end_micros:016}.{mac}", self.id)
    }

    /// HMAC-SHA256 in hexadecimal.
    pub(crate) fn mac(&self, message: &str) -> String {
        hex::encode(self.hmac(message).finalize().into_bytes())
    }

    /// A key of its own for another use, from which this one cannot be computed. Its message is like none that is signed.
    pub fn derived(&self, purpose: &str) -> SecretBox<[u8; Self::BYTES]> {
        let mac = self.hmac(&format!("key for another use|{purpose}")).finalize();
        SecretBox::new(Box::new(mac.into_bytes().into()))
    }

    /// Whether `mac` is that of `message`, in a time that does not tell how much of it is right.
    pub(crate) fn is_mac(&self, message: &str, mac: &str) -> bool {
        hex::decode(mac).is_ok_and(|mac| self.hmac(message).verify_slice(&mac).is_ok())
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn hmac(&self, message: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.bytes.expose_secret())
            .expect("HMAC takes a key of any length");
        mac.update(message.as_bytes());
        mac
    }

    /// The inner and the outer HMAC pad, as the database keeps them: RFC 2104.
    pub(crate) fn pads(&self) -> ([u8; 64], [u8; 64]) {
        let (mut inner, mut outer) = ([0x36; 64], [0x5c; 64]);
        for ((inner, outer), key) in
            inner.iter_mut().zip(&mut outer).zip(self.bytes.expose_secret())
        {
            *inner ^= key;
            *outer ^= key;
        }
        (inner, outer)
    }
}

/// What a signature must know of a connection. All of it is asked once, when it is made.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPlace {
    /// `retail_sec.connection_id()`.
    pub(crate) id: String,
    /// The database's clock in microseconds since 1970, and when we read it.
    clock: (u128, Instant),
}

impl ConnectionPlace {
    /// `micros` is what the database's clock showed not later than now.
    pub(crate) fn new(id: String, micros: u128) -> Self {
        Self { id, clock: (micros, Instant::now()) }
    }

    /// The clocks may drift, so each transaction sets ours again. `micros` is what the database's clock
    /// showed not later than `at`.
    pub(crate) fn set_clock(&mut self, micros: u128, at: Instant) {
        self.clock = (micros, at);
    }

    #[cfg(feature = "test-support")]
    pub(crate) fn lose_time(&mut self, lost: Duration) {
        self.clock.0 -= lost.as_micros();
    }

    /// What the database's clock shows now, if it goes as ours does.
    pub(crate) fn database_micros(&self) -> u128 {
        self.clock.0 + self.clock.1.elapsed().as_micros()
    }

    /// Since when the clock was not read.
    pub(crate) fn clock_age(&self) -> Duration {
        self.clock.1.elapsed()
    }
}

/// The two settings that row security reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedIdentity {
    pub(crate) who: String,
    pub(crate) signature: String,
    end_micros: u128,
}

impl SignedIdentity {
    /// Whether the database believes it in a transaction that began then, by its clock.
    pub(crate) fn counts_at(&self, database_micros: u128) -> bool {
        let latest_end = database_micros + LONGEST_LIFETIME.as_micros();
        (database_micros..=latest_end).contains(&self.end_micros)
    }
}

impl Clone for IdentityKey {
    fn clone(&self) -> Self {
        Self::new(*self.bytes.expose_secret())
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

    /// RFC 4231 has no case for our message; these were computed with Python's `hmac` and `hashlib`.
    #[test]
    fn the_signature_is_hmac_sha256_of_the_message() {
        let key = IdentityKey::new([7; 32]);
        let who = Who::Store(RlsUserId("f47ac10b-58cc-4372-a567-0e02b2c3d479".parse().unwrap()));
        assert_eq!(
            key.signature(&who, "4711.5432.1763848000000000", 1_763_848_005_000_000),
            "4bb06f8e4e3a7715.1763848005000000.cb4dcf0ef691f21e41f259813588eabd2bc83d5218de02122b5ae74c225a852e"
        );
    }

    #[test]
    fn a_bad_key_is_refused_without_repeating_it() {
        let error = IdentityKey::from_hex("secret").unwrap_err();
        assert!(!error.to_string().contains("secret"));
    }
}
