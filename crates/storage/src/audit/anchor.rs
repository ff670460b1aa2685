//! A place in the chain, as it was known outside of the database.

use std::fmt;
use std::str::FromStr;

use crate::StorageError;

/// An entry's number and hash. The server logs one now and then; who keeps it finds out when a chain was
/// made anew by somebody who may do everything in the database.
///
/// ```
/// use retail_storage::AuditAnchor;
///
/// let text = format!("7:{}", "ab".repeat(32));
/// let anchor: AuditAnchor = text.parse()?;
/// assert_eq!((anchor.seq, anchor.to_string()), (7, text));
/// # Ok::<(), retail_storage::StorageError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditAnchor {
    /// Number of the entry; 0 is the beginning.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl fmt::Display for AuditAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

impl FromStr for AuditAnchor {
    type Err = StorageError;

    fn from_str(text: &str) -> Result<Self, StorageError> {
        let parsed = text.split_once(':').and_then(|(seq, digits)| {
            let mut hash = [0; 32];
            hex::decode_to_slice(digits, &mut hash).ok()?;
            Some(Self { seq: seq.parse().ok().filter(|seq| *seq >= 0)?, hash })
        });
        parsed.ok_or_else(|| {
            StorageError::Setting(
                "an anchor is SEQ:HASH, as in the log's line `audit chain head`".to_owned(),
            )
        })
    }
}
