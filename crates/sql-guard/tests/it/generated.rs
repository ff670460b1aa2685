//! Random input: texts, words of SQL, and changed statements of the collections.

use proptest::prelude::*;
use retail_sql_guard::CheckedQuery;

use crate::support::{attacks, benign, check};

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "LIMIT",
    "WITH",
    "RECURSIVE",
    "AS",
    "UNION ALL",
    "VALUES",
    "DISTINCT",
    "JOIN",
    "LEFT JOIN",
    "LATERAL",
    "ON",
    "USING",
    "(",
    ")",
    ",",
    ".",
    ";",
    "*",
    "+",
    "-",
    "=",
    "<",
    "||",
    "::",
    "[",
    "]",
    "AND",
    "NOT",
    "IN",
    "LIKE",
    "ANY",
    "EXISTS",
    "ARRAY",
    "CASE WHEN",
    "THEN",
    "END",
    "CAST(",
    "OVER (",
    "FILTER (WHERE",
    "orders",
    "o",
    "retail.",
    "stores",
    "store_id",
    "order_id",
    "rls_user_id",
    "ctid",
    "count(*)",
    "sum(",
    "repeat(",
    "generate_series(",
    "string_agg(",
    "pg_sleep(",
    "1",
    "2.5",
    "'x'",
    "NULL",
    "int",
    "numeric",
    "-- x\n",
    "/* y */",
    "$1",
    "$$z$$",
    "E'\\x'",
    "U&'\\0041'",
    "\"o\"",
];

fn parse(sql: &str) -> pg_query::Result<pg_query::protobuf::ParseResult> {
    pg_query::parse(sql, 0).map(|parsed| parsed.protobuf)
}

/// An accepted statement stays one subquery where storage puts it.
fn stays_one_subquery(query: &CheckedQuery) {
    use pg_query::NodeEnum;
    let sql = query.sql();
    let wrapped = format!("SELECT to_json(q) FROM (\n{sql}\n) AS q LIMIT 1");
    let tree = match parse(&wrapped) {
        Ok(tree) => tree,
        Err(pg_query::Error::Decode(_)) => return,
        Err(error) => panic!("{error}: {wrapped}"),
    };
    let [statement] = tree.stmts.as_slice() else { panic!("two statements: {wrapped}") };
    let Some(NodeEnum::SelectStmt(outer)) = statement.stmt.as_ref().and_then(|s| s.node.as_ref())
    else {
        panic!("no SELECT: {wrapped}")
    };
    let Some(NodeEnum::RangeSubselect(inner)) =
        outer.from_clause.first().and_then(|item| item.node.as_ref())
    else {
        panic!("no subquery: {wrapped}")
    };
    assert!(outer.from_clause.len() == 1 && outer.where_clause.is_none() && outer.op == 1);
    let mut alone = parse(sql).expect("a statement");
    let mut inside = alone.clone();
    inside.stmts[0].stmt.clone_from(&inner.subquery);
    for tree in [&mut alone, &mut inside] {
        tree.stmts[0].stmt_location = 0;
        tree.stmts[0].stmt_len = 0;
    }
    let text = |tree: &pg_query::protobuf::ParseResult| {
        pg_query::deparse(tree, pg_query::DeparseOptions::default()).expect("a text")
    };
    assert_eq!(text(&inside), text(&alone));
}

fn look_at(sql: &str) {
    match check(sql) {
        Ok(query) => {
            stays_one_subquery(&query);
            if let Some(generic) = query.without_filter_values() {
                assert_eq!(parse(generic).expect("a statement").stmts.len(), 1);
            }
        }
        Err(rejection) => {
            let most = sql.chars().count() + 1;
            assert!(
                rejection.position().is_none_or(|at| (1..=most).contains(&at)),
                "{rejection:?}"
            );
            assert!(rejection.hint().is_some(), "{rejection:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        look_at(&text);
        look_at(&format!("SELECT {text}"));
    }

    #[test]
    fn any_words_are_answered(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        look_at(&words.join(" "));
        look_at(&format!("SELECT {} FROM orders", words.join(" ")));
    }

    #[test]
    fn changed_statements_are_answered(
        pick in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        word in prop::sample::select(WORDS),
        change in 0..4_u8,
    ) {
        let statements: Vec<String> =
            benign().into_iter().chain(attacks()).map(|entry| entry.sql).filter(|sql| !sql.is_empty()).collect();
        let sql = pick.get(&statements);
        let mut characters: Vec<char> = sql.chars().collect();
        let (from, to) = (at.index(characters.len()), other.index(characters.len()));
        match change {
            0 => { characters.splice(from..from, word.chars()); }
            1 => { characters.drain(from.min(to)..from.max(to)); }
            2 => characters.swap(from, to),
            _ => characters.truncate(from),
        }
        look_at(&characters.into_iter().collect::<String>());
    }
}

#[test]
fn the_collections_stay_one_subquery() {
    for entry in benign().into_iter().chain(attacks()) {
        look_at(&entry.sql);
    }
}
