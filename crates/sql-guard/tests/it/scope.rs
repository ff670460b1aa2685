//! A WITH name is a relation exactly where PostgreSQL sees it.

use retail_sql_guard::RejectionCode;
use rstest::rstest;

use crate::support::{accept, refuse};

#[rstest]
#[case::earlier("WITH a AS (SELECT 1 AS n), b AS (SELECT n FROM a) SELECT n FROM b")]
#[case::in_subquery("WITH a AS (SELECT 1 AS n) SELECT * FROM (SELECT n FROM a) q")]
#[case::in_sublink("WITH a AS (SELECT 1 AS n) SELECT (SELECT n FROM a)")]
#[case::in_union_branches("WITH a AS (SELECT 1 AS n) SELECT n FROM a UNION SELECT n FROM a")]
#[case::shadows_a_table("WITH orders AS (SELECT 1 AS n) SELECT n FROM orders")]
#[case::full_name_is_the_table("WITH orders AS (SELECT 1 AS n) SELECT order_id FROM retail.orders")]
#[case::reads_the_table_it_shadows(
    "WITH orders AS (SELECT order_id AS n FROM orders) SELECT n FROM orders"
)]
#[case::inner_shadows_outer(
    "WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH a AS (SELECT 2 AS y) SELECT y FROM a) q, a WHERE x = y"
)]
#[case::outer_again_after_inner(
    "WITH a AS (SELECT 1 AS x) SELECT (WITH a AS (SELECT 2 AS y) SELECT y FROM a), x FROM a"
)]
#[case::catalog_name("WITH pg_class AS (SELECT 1 AS n) SELECT n FROM pg_class")]
#[case::recursive_forward(
    "WITH RECURSIVE a AS (SELECT n FROM b), b AS (SELECT 1 AS n) SELECT n FROM a"
)]
#[case::recursive_self(
    "WITH RECURSIVE a(n) AS (VALUES (1) UNION SELECT n + 1 FROM a WHERE n < 3) SELECT n FROM a"
)]
#[case::with_in_union_branch("(WITH a AS (SELECT 1 AS n) SELECT n FROM a) UNION SELECT 2")]
#[case::in_limit("WITH a AS (SELECT 1 AS n) SELECT 1 LIMIT (SELECT n FROM a)")]
#[case::in_order("WITH a AS (SELECT 1 AS n) SELECT 1 AS o ORDER BY (SELECT n FROM a)")]
fn is_visible(#[case] sql: &str) {
    accept(sql);
}

#[rstest]
#[case::own_body("WITH pg_class AS (SELECT * FROM pg_class) SELECT 1 FROM pg_class")]
#[case::own_body_in_sublink(
    "WITH pg_class AS (SELECT (SELECT 1 FROM pg_class)) SELECT 1 FROM pg_class"
)]
#[case::later("WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a")]
#[case::after_its_subquery(
    "SELECT * FROM (WITH pg_class AS (SELECT 1) SELECT * FROM pg_class) q, pg_class"
)]
#[case::before_its_subquery(
    "SELECT * FROM pg_class, (WITH pg_class AS (SELECT 1) SELECT * FROM pg_class) q"
)]
#[case::beside_its_sublink(
    "SELECT (WITH pg_class AS (SELECT 1) SELECT 1 FROM pg_class), (SELECT 1 FROM pg_class)"
)]
#[case::beside_its_union_branch(
    "(WITH pg_class AS (SELECT 1 AS n) SELECT n FROM pg_class) UNION SELECT 1 FROM pg_class"
)]
#[case::of_an_inner_cte(
    "WITH a AS (WITH pg_class AS (SELECT 1) SELECT 1 FROM pg_class) SELECT 1 FROM pg_class"
)]
#[case::with_schema("WITH pg_class AS (SELECT 1) SELECT 1 FROM pg_catalog.pg_class")]
#[case::recursive_ends_too(
    "SELECT (WITH RECURSIVE pg_class AS (SELECT 1) SELECT 1 FROM pg_class), (SELECT 1 FROM pg_class)"
)]
#[case::inner_not_recursive(
    "WITH RECURSIVE a AS (WITH pg_class AS (SELECT * FROM pg_class) SELECT 1) SELECT 1 FROM a"
)]
#[case::after_refusal_of_case("WITH \"PG_CLASS\" AS (SELECT 1) SELECT 1 FROM pg_class")]
fn is_not_visible(#[case] sql: &str) {
    refuse(sql, RejectionCode::UnknownRelation);
}
