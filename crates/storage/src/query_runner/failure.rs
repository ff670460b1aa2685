//! Where a statement failed, and how the caller is told.

use retail_domain::{Error, ErrorCode};
use tokio_postgres::error::SqlState;

use crate::sql_error::{ONE_QUERY, is_identity_refusal, statement_failed};

/// Stands before a statement that is parsed alone where it cannot be prepared.
pub(super) const EXPLAIN: &str = "EXPLAIN ";

/// Where a statement failed.
pub(super) enum Failure {
    /// Before it ran, and worded already.
    Ours(Error),
    /// Parsed alone, behind [`EXPLAIN`].
    Explained(tokio_postgres::Error),
    /// Parsed alone.
    Parsed(tokio_postgres::Error),
    /// Inside the query that caps it.
    Capped(tokio_postgres::Error),
}

impl Failure {
    pub(super) fn is_identity_refusal(&self) -> bool {
        match self {
            Self::Ours(_) => false,
            Self::Explained(error) | Self::Parsed(error) | Self::Capped(error) => {
                is_identity_refusal(error)
            }
        }
    }

    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Ours(error) => error,
            // It was parsed alone without complaint, so in brackets it can only fail for not being
            // a query.
            Self::Capped(error) if is_syntax_error(&error) => {
                Error::new(ErrorCode::QueryNotAllowed, "not a read-only query").with_hint(ONE_QUERY)
            }
            Self::Explained(error) => statement_failed(&error, EXPLAIN),
            Self::Parsed(error) | Self::Capped(error) => statement_failed(&error, ""),
        }
    }
}

/// Of our text, which has a position; functions such as `to_tsquery` use the same code for theirs.
fn is_syntax_error(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::SYNTAX_ERROR && refusal.position().is_some()
    })
}
