//! A store of bytes that several servers share.

use std::error::Error as StdError;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// Keeps bytes under a name for a time, for several servers. It is not trusted: what it gives is checked.
///
/// It need not have time limits of its own. Dropping a future gives the call up.
#[async_trait]
pub trait SharedTier: Send + Sync {
    /// The first `most_bytes` bytes of the value under `name`, or none.
    ///
    /// # Errors
    /// [`TierError`] when it cannot say.
    async fn fetch(&self, name: &str, most_bytes: usize) -> Result<Option<Vec<u8>>, TierError>;

    /// Keeps `value` under `name` for `time_to_live`, in place of what is there.
    ///
    /// # Errors
    /// [`TierError::Failed`] when it is not kept.
    async fn store(
        &self,
        name: &str,
        value: Vec<u8>,
        time_to_live: Duration,
    ) -> Result<(), TierError>;
}

/// Why the shared tier did not do what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TierError {
    /// It works, but what lies under the name is not a value of ours.
    #[error("what lies under the name is no value")]
    NoValue,
    /// It does not work now.
    #[error("the shared tier failed")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}
