//! Ad-hoc SQL under a caller's identity.

use async_trait::async_trait;

use crate::{Error, Principal, QueryAnswer, QueryLimits, SqlText};

/// Runs one read-only statement.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait QueryRunner: Send + Sync {
    /// Runs `sql` in a read-only transaction that sees the rows of `principal` and no others.
    /// `cursor` is the [`next_cursor`](QueryAnswer::next_cursor) of an earlier answer to the same
    /// statement, and gives the rows after it.
    ///
    /// Dropping the returned future cancels the statement in the database.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorCode::InvalidArgument) for a cursor of another caller or
    /// statement,
    /// [`QueryNotAllowed`](crate::ErrorCode::QueryNotAllowed) for anything but one harmless query,
    /// [`QueryFailed`](crate::ErrorCode::QueryFailed) for a mistake in the statement,
    /// [`QueryTooCostly`](crate::ErrorCode::QueryTooCostly) for one that is not worth a try,
    /// [`QueryTimeout`](crate::ErrorCode::QueryTimeout) past the limit,
    /// [`Overloaded`](crate::ErrorCode::Overloaded) when no connection is free in time, or too many
    /// statements of the caller run,
    /// [`Unavailable`](crate::ErrorCode::Unavailable) when the database does not answer.
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        cursor: Option<String>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error>;

    /// [`run_page`](Self::run_page) from the first row.
    ///
    /// # Errors
    /// Those of [`run_page`](Self::run_page).
    async fn run(
        &self,
        principal: &Principal,
        sql: &SqlText,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        self.run_page(principal, sql, None, limits).await
    }
}
