//! Ad-hoc SQL under a caller's identity.

use async_trait::async_trait;

use crate::{Error, Principal, QueryAnswer, QueryLimits, SqlText};

/// Runs one read-only statement.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait QueryRunner: Send + Sync {
    /// Runs `sql` in a read-only transaction that sees the rows of `principal` and no others.
    ///
    /// Dropping the returned future cancels the statement in the database.
    ///
    /// # Errors
    /// [`QueryNotAllowed`](crate::ErrorCode::QueryNotAllowed) for anything but one query,
    /// [`QueryFailed`](crate::ErrorCode::QueryFailed) for a mistake in the statement,
    /// [`QueryTimeout`](crate::ErrorCode::QueryTimeout) past the limit,
    /// [`Overloaded`](crate::ErrorCode::Overloaded) when no connection is free in time,
    /// [`Unavailable`](crate::ErrorCode::Unavailable) when the database does not answer.
    async fn run(
        &self,
        principal: &Principal,
        sql: &SqlText,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error>;
}
