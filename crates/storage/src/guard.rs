//! The guard over our tables, and its refusals as the caller sees them.

use std::sync::{Arc, LazyLock};

use retail_domain::{Error, ErrorCode};
use retail_sql_guard::{Guard, GuardPolicy, Rejection, RejectionCode};

/// What callers' statements may name: the twelve tables, without the hidden column.
///
/// It is TOML for [`GuardPolicy::from_toml`](retail_sql_guard::GuardPolicy::from_toml). Add
/// relations of your own to it for [`PgQueryRunner::with_guard`](crate::PgQueryRunner::with_guard).
pub const RETAIL_GUARD_POLICY: &str = include_str!("../policy/retail.toml");

/// The guard that lets statements use the twelve tables. One for the whole program: it never changes.
pub(crate) fn retail_guard() -> Arc<Guard> {
    static GUARD: LazyLock<Arc<Guard>> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "a constant, and every test of statements reads it")]
        let policy =
            GuardPolicy::from_toml(RETAIL_GUARD_POLICY).expect("the policy of this crate is valid");
        Arc::new(Guard::new(policy))
    });
    Arc::clone(&GUARD)
}

/// A refusal in the caller's terms.
pub(crate) fn refusal(rejection: &Rejection) -> Error {
    let code = match rejection.code() {
        // Mistakes, which PostgreSQL would have refused as well.
        RejectionCode::SyntaxError
        | RejectionCode::UnknownRelation
        | RejectionCode::UnknownColumn => ErrorCode::QueryFailed,
        RejectionCode::Empty
        | RejectionCode::TooLong
        | RejectionCode::InvalidText
        | RejectionCode::Parameter => ErrorCode::InvalidArgument,
        RejectionCode::TooComplex | RejectionCode::TooExpensive => ErrorCode::QueryTooCostly,
        RejectionCode::Internal => ErrorCode::Internal,
        _ => ErrorCode::QueryNotAllowed,
    };
    let message = match rejection.position() {
        Some(position) => format!("{} at character {position}", rejection.message()),
        None => rejection.message().to_owned(),
    };
    let error = Error::new(code, message);
    match rejection.hint() {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
