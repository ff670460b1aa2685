//! Seals on receipts of answers, with keys derived from those that sign identities.

use std::fmt;
use std::sync::Arc;

use retail_domain::ports::ReceiptSeal;

use crate::key_ring::KeyRing;
use crate::{IdentityKey, QueryDatabase};

/// Seals with the key in use, and knows the seals of the one before it.
struct KeySeal(KeyRing);

impl fmt::Debug for KeySeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySeal").finish_non_exhaustive()
    }
}

impl QueryDatabase {
    /// What seals receipts: every server of the deployment has the same keys, and nobody else has them.
    pub fn receipt_seal(&self) -> Arc<dyn ReceiptSeal> {
        Arc::new(KeySeal(self.keys.clone()))
    }
}

/// What is sealed, as a text that is like none of those that the same key signs: cursors and identities.
fn sealed(message: &[u8]) -> String {
    format!("receipt|{}", hex::encode(message))
}

/// Digits of a seal that are given: 128 bits.
const DIGITS: usize = 32;

fn seal_of(key: &IdentityKey, message: &[u8]) -> String {
    key.mac(&sealed(message)).chars().take(DIGITS).collect()
}

impl ReceiptSeal for KeySeal {
    fn seal(&self, message: &[u8]) -> String {
        seal_of(&self.0.current(), message)
    }

    fn is_sealed(&self, message: &[u8], seal: &str) -> bool {
        // What is compared is what a stranger would have to guess: each wrong digit counts, whatever comes before it.
        let differs = |key: Arc<IdentityKey>| {
            let ours = seal_of(&key, message);
            let pairs = ours.bytes().zip(seal.bytes());
            pairs.fold(u8::from(ours.len() != seal.len()), |off, (a, b)| off | (a ^ b)) != 0
        };
        !self.0.all().all(differs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> IdentityKey {
        IdentityKey::new([byte; IdentityKey::BYTES])
    }

    #[test]
    fn a_seal_counts_for_its_message_and_keys_alone() {
        let ring = KeyRing::new(key(1));
        let seal = KeySeal(ring.clone());
        let made = seal.seal(b"answer");
        assert!(seal.is_sealed(b"answer", &made));
        assert!(!seal.is_sealed(b"other", &made));
        assert!(!seal.is_sealed(b"answer", &made[1..]) && !seal.is_sealed(b"answer", ""));
        assert!(!KeySeal(KeyRing::new(key(2))).is_sealed(b"answer", &made));
        ring.replace(key(2));
        assert!(seal.is_sealed(b"answer", &made), "the former key still counts");
        ring.replace(key(3));
        assert!(!seal.is_sealed(b"answer", &made));
    }
}
