//! What a failed statement of a search means to the caller.

use retail_domain::{Error, ErrorCode};
use tokio_postgres::error::SqlState;

use crate::sql_error::{TRANSACTION_TIMEOUT, our_statement_failed};

/// The error of a statement of a search or a recommendation. The statements are ours, so the caller
/// did nothing wrong; only a time limit is worth words of its own.
pub(crate) fn search_failed(error: &tokio_postgres::Error) -> Error {
    let timed_out = error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::QUERY_CANCELED || refusal.code().code() == TRANSACTION_TIMEOUT
    });
    if timed_out { took_too_long() } else { our_statement_failed(error) }
}

/// The error of a search that did not end in time.
pub(crate) fn took_too_long() -> Error {
    Error::new(ErrorCode::QueryTimeout, "the search took too long and was stopped")
        .with_hint("ask for fewer results, or leave a filter out")
}
