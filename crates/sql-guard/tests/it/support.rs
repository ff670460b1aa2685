//! Guards and statements for the tests.

use std::sync::LazyLock;

use retail_sql_guard::{CheckedQuery, Guard, GuardPolicy, Rejection, RejectionCode};
use serde_json::Value;

const RETAIL: &str = include_str!("../../../storage/policy/retail.toml");
const ATTACKS: &str = include_str!("../../../testkit/corpus/attacks.jsonl");
const BENIGN: &str = include_str!("../../../testkit/corpus/benign.jsonl");

static GUARD: LazyLock<Guard> =
    LazyLock::new(|| Guard::new(GuardPolicy::from_toml(RETAIL).expect("the retail policy")));

/// The guard of the retail schema.
pub(crate) fn guard() -> &'static Guard {
    &GUARD
}

pub(crate) fn check(sql: &str) -> Result<CheckedQuery, Rejection> {
    guard().check(sql)
}

/// One statement of a corpus.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) class: String,
    pub(crate) sql: String,
    pub(crate) must: String,
}

pub(crate) fn attacks() -> Vec<Entry> {
    entries(ATTACKS)
}

pub(crate) fn benign() -> Vec<Entry> {
    entries(BENIGN)
}

fn entries(lines: &str) -> Vec<Entry> {
    lines
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).expect("a line of JSON");
            let field = |name: &str| entry[name].as_str().expect("a text").to_owned();
            Entry { id: field("id"), class: field("class"), sql: field("sql"), must: field("must") }
        })
        .collect()
}

/// Fails unless the statement is accepted.
#[track_caller]
pub(crate) fn accept(sql: &str) -> CheckedQuery {
    match check(sql) {
        Ok(query) => query,
        Err(rejection) => panic!("refused: {sql}\n{rejection:?}"),
    }
}

/// Fails unless the statement is refused with this code.
#[track_caller]
pub(crate) fn refuse(sql: &str, code: RejectionCode) -> Rejection {
    match check(sql) {
        Ok(_) => panic!("accepted: {sql}"),
        Err(rejection) => {
            assert_eq!(rejection.code(), code, "{sql}\n{rejection:?}");
            assert!(rejection.hint().is_some_and(|hint| !hint.is_empty()), "no hint: {sql}");
            rejection
        }
    }
}
