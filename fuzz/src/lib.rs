//! What the fuzz targets share.

use std::sync::LazyLock;

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, ParseResult, RawStmt};
use retail_sql_guard::{CheckedQuery, Guard, GuardPolicy};

static GUARD: LazyLock<Guard> = LazyLock::new(|| {
    let policy = include_str!("../../crates/storage/policy/retail.toml");
    Guard::new(GuardPolicy::from_toml(policy).expect("the retail policy"))
});

/// Checks a text. A refusal must be short and point into the text.
pub fn check(sql: &str) -> Option<CheckedQuery> {
    match GUARD.check(sql) {
        Ok(query) => {
            assert!(sql.contains(query.sql()), "the statement is a part of the text");
            Some(query)
        }
        Err(rejection) => {
            let characters = sql.chars().count();
            assert!(rejection.position().is_none_or(|at| at >= 1 && at <= characters + 1));
            assert!(rejection.message().chars().count() < 300, "{}", rejection.message());
            None
        }
    }
}

/// An accepted statement stays one subquery where storage puts it, and can be written without
/// its filter values.
pub fn check_envelope(query: &CheckedQuery) {
    let sql = query.sql();
    let own = pg_query::parse(sql, 0).expect("an accepted statement parses").protobuf;
    let wrapped = format!("SELECT row_to_json(q)::text FROM (\n{sql}\n) AS q LIMIT 1001");
    let wrapped = match pg_query::parse(&wrapped, 0) {
        Ok(wrapped) => wrapped.protobuf,
        // Two levels more may be one too many.
        Err(pg_query::Error::Decode(_)) => return,
        Err(error) => panic!("the wrapped statement does not parse: {error}"),
    };
    let [RawStmt { stmt: Some(outer), .. }] = wrapped.stmts.as_slice() else {
        panic!("not one statement")
    };
    let Some(NodeEnum::SelectStmt(outer)) = &outer.node else { panic!("no SELECT") };
    let [Node { node: Some(NodeEnum::RangeSubselect(inner)) }] = outer.from_clause.as_slice()
    else {
        panic!("not one subquery")
    };
    assert!(outer.where_clause.is_none() && outer.with_clause.is_none() && outer.op == 1);
    assert_eq!(outer.target_list.len(), 1);
    let inner = RawStmt { stmt: inner.subquery.clone(), stmt_location: 0, stmt_len: 0 };
    let inner = ParseResult { version: wrapped.version, stmts: vec![inner] };
    assert_eq!(text(&inner), text(&own), "the same tree");
    if let Some(generic) = query.without_filter_values() {
        let generic = pg_query::parse(generic, 0).expect("a statement with parameters parses");
        let [RawStmt { stmt: Some(select), .. }] = generic.protobuf.stmts.as_slice() else {
            panic!("not one statement")
        };
        assert!(matches!(select.node, Some(NodeEnum::SelectStmt(_))), "no SELECT");
    }
    assert_eq!(query.fingerprint().len(), 16);
}

fn text(tree: &ParseResult) -> String {
    pg_query::deparse(tree, pg_query::DeparseOptions::default()).expect("a text")
}
