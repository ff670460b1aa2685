//! Who called what, and what came of it.

use async_trait::async_trait;

use crate::{AuditEntry, Error};

/// Keeps one entry for each call, for good.
///
/// A place is taken before the work and filled after it, so that a call which cannot be recorded is not made,
/// and one whose caller gave up is recorded all the same.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Takes a place. Waits for one where the policy says so.
    ///
    /// # Errors
    /// [`Overloaded`](crate::ErrorCode::Overloaded) when there is none in time and the policy is not to go on
    /// without.
    async fn reserve(&self) -> Result<Box<dyn AuditPlace>, Error>;
}

/// A place in the log. It does not wait, so that it can be filled while a call is dropped.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait AuditPlace: Send + Sync {
    /// Fills the place. One that is dropped unfilled is free again.
    fn record(self: Box<Self>, entry: AuditEntry);
}
