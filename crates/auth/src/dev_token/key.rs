//! The key of development tokens.

use std::fmt;
use std::path::Path;

use secrecy::{ExposeSecret, SecretBox};

use crate::{KEY_BYTES, KeyFileError, load_or_create_key};

/// The key that signs development tokens. Whoever has it can be any store, and head office.
pub struct DevTokenKey(SecretBox<[u8; KEY_BYTES]>);

impl DevTokenKey {
    /// A key from bytes that are kept elsewhere. They must be random.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Reads the key from a file, or makes it: see [`load_or_create_key`].
    ///
    /// # Errors
    /// Those of [`load_or_create_key`].
    pub fn load_or_create(path: &Path) -> Result<Self, KeyFileError> {
        load_or_create_key(path).map(Self)
    }

    pub(super) fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for DevTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DevTokenKey(***)")
    }
}
