//! What PostgreSQL's errors mean to a caller.
//!
//! A caller sees the message and the position of their own mistake, and a hint of ours. DETAIL, HINT
//! and CONTEXT of PostgreSQL stay here: they may quote values or names that are not the caller's.

use retail_domain::{Error, ErrorCode};
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

/// SQLSTATE of `transaction_timeout`, from PostgreSQL 17.
pub(crate) const TRANSACTION_TIMEOUT: &str = "25P04";

/// The message of `retail_sec.signed_identity()`, migration 0006.
const NO_IDENTITY: &str = "there is no valid identity for row level security";

/// What is accepted, for whoever sent something else.
pub(crate) const ONE_QUERY: &str =
    "send one SELECT (it may begin with WITH); nothing that writes, locks or changes settings";
const SEE_SCHEMA: &str =
    "call get_multiple_table_schemas for the exact names of tables and columns";

/// The error of a caller's statement, which was sent behind `prefix`.
pub(crate) fn statement_failed(error: &tokio_postgres::Error, prefix: &str) -> Error {
    let Some(refusal) = error.as_db_error() else {
        return not_an_sql_error(error);
    };
    let message = refusal.message();
    let state = refusal.code();
    if *state == SqlState::QUERY_CANCELED || state.code() == TRANSACTION_TIMEOUT {
        return Error::new(ErrorCode::QueryTimeout, "the statement took too long and was stopped")
            .with_hint("filter on a date range, aggregate, or ask for less at once");
    }
    if is_not_a_query(state, message) {
        return Error::new(ErrorCode::QueryNotAllowed, format!("not a read-only query: {message}"))
            .with_hint(ONE_QUERY);
    }
    if is_our_fault(state) {
        return trouble(refusal);
    }
    if is_identity_refusal(error) {
        return Error::new(ErrorCode::QueryNotAllowed, "the statement has no valid identity")
            .with_hint("a statement may not change settings; it runs as the caller, and only so");
    }
    let position = match refusal.position() {
        Some(ErrorPosition::Original(position)) => {
            format!(" at character {}", (*position as usize).saturating_sub(prefix.len()))
        }
        _ => String::new(),
    };
    // Here the message names roles, schemas and functions of ours.
    let message =
        if *state == SqlState::INSUFFICIENT_PRIVILEGE { "permission denied" } else { message };
    let text = format!("PostgreSQL query failed: {message}{position} (SQLSTATE {})", state.code());
    let failed = Error::new(ErrorCode::QueryFailed, text);
    match hint(state, refusal.message()) {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

/// Whether row security did not believe who is asking.
pub(crate) fn is_identity_refusal(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::INSUFFICIENT_PRIVILEGE && refusal.message() == NO_IDENTITY
    })
}

/// The error of a statement of ours: the caller did nothing wrong.
pub(crate) fn our_statement_failed(error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(refusal) if is_our_fault(refusal.code()) => trouble(refusal),
        Some(refusal) => Error::internal(refusal.clone()),
        None => not_an_sql_error(error),
    }
}

/// What is nobody's mistake, and may pass.
fn trouble(refusal: &DbError) -> Error {
    if *refusal.code() == SqlState::LOCK_NOT_AVAILABLE {
        return Error::new(ErrorCode::Unavailable, "a table of the statement is locked now")
            .with_hint("try again in a moment")
            .with_cause(refusal.clone());
    }
    Error::unavailable("the database", refusal.clone())
}

fn not_an_sql_error(error: &tokio_postgres::Error) -> Error {
    Error::unavailable("the database", error.to_string())
}

/// Whether the text is something else than one read-only query.
fn is_not_a_query(state: &SqlState, message: &str) -> bool {
    *state == SqlState::READ_ONLY_SQL_TRANSACTION
        || message.starts_with("cannot insert multiple commands")
        || message.contains("must be at the top level")
        || message.starts_with("SELECT ... INTO is not allowed")
        || (*state == SqlState::FEATURE_NOT_SUPPORTED && message.contains("data-modifying"))
}

/// Whether the server, not the statement, is the trouble: it shuts down, starts, is full or broken, or others are in the way.
fn is_our_fault(state: &SqlState) -> bool {
    let class = state.code().get(..2).unwrap_or_default();
    matches!(class, "08" | "57" | "58" | "28" | "3D" | "XX")
        || [
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::DISK_FULL,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(state)
}

fn hint(state: &SqlState, message: &str) -> Option<&'static str> {
    if *state == SqlState::UNDEFINED_TABLE || *state == SqlState::UNDEFINED_COLUMN {
        Some(SEE_SCHEMA)
    } else if *state == SqlState::INSUFFICIENT_PRIVILEGE && message.contains("table stores") {
        Some("name the columns that can be read: store_id, store_name, is_online")
    } else if *state == SqlState::INSUFFICIENT_PRIVILEGE {
        Some(
            "only the twelve tables that get_multiple_table_schemas describes can be read; name the \
             columns, or use row_to_json(t), instead of a whole row t",
        )
    } else if state.code().starts_with("53") {
        Some("the statement needs too much memory or disk: filter, aggregate, or ask for less")
    } else if *state == SqlState::UNDEFINED_PARAMETER {
        Some("write values into the statement; there are no parameters")
    } else {
        None
    }
}
