//! Statements with parameters in place of their values.

use rstest::rstest;

use crate::support::{accept, attacks, benign, check};

#[rstest]
#[case::number(
    "SELECT order_id FROM orders WHERE store_id = 2",
    "SELECT order_id FROM orders WHERE store_id = $1::int"
)]
#[case::negative(
    "SELECT order_id FROM orders WHERE store_id > -2",
    "SELECT order_id FROM orders WHERE store_id > $1::int"
)]
#[case::big(
    "SELECT order_id FROM orders WHERE order_id < 5000000000",
    "SELECT order_id FROM orders WHERE order_id < $1::bigint"
)]
#[case::decimal(
    "SELECT sku FROM products WHERE cost >= 1.5",
    "SELECT sku FROM products WHERE cost >= $1::numeric"
)]
#[case::text(
    "SELECT sku FROM products WHERE sku <> 'a'",
    "SELECT sku FROM products WHERE sku <> $1"
)]
#[case::like(
    "SELECT sku FROM products WHERE sku LIKE 'a%'",
    "SELECT sku FROM products WHERE sku LIKE $1"
)]
#[case::list(
    "SELECT order_id FROM orders WHERE store_id IN (1, 2)",
    "SELECT order_id FROM orders WHERE store_id IN ($1::int, $2::int)"
)]
#[case::between(
    "SELECT order_id FROM orders WHERE store_id BETWEEN 1 AND 2",
    "SELECT order_id FROM orders WHERE store_id BETWEEN $1::int AND $2::int"
)]
#[case::date_literal(
    "SELECT order_id FROM orders WHERE order_date = DATE '2024-01-01'",
    "SELECT order_id FROM orders WHERE order_date = $1::date"
)]
#[case::cast(
    "SELECT order_id FROM orders WHERE order_date = '2024-01-01'::date",
    "SELECT order_id FROM orders WHERE order_date = $1::date"
)]
#[case::any(
    "SELECT order_id FROM orders WHERE store_id = ANY (ARRAY[1, 2])",
    "SELECT order_id FROM orders WHERE store_id = ANY(ARRAY[$1::int, $2::int])"
)]
#[case::distinct(
    "SELECT order_id FROM orders WHERE store_id IS DISTINCT FROM 3",
    "SELECT order_id FROM orders WHERE store_id IS DISTINCT FROM $1::int"
)]
#[case::calculated(
    "SELECT order_id FROM orders WHERE store_id = abs(1 + 1)",
    "SELECT order_id FROM orders WHERE store_id = abs($1::int + $2::int)"
)]
#[case::from_a_subquery(
    "SELECT 1 FROM orders o, (SELECT 2 AS x) v WHERE o.store_id = v.x",
    "SELECT $1::int FROM orders o, (SELECT $2::int AS x) v WHERE o.store_id = v.x"
)]
#[case::from_values(
    "SELECT order_id FROM orders, (VALUES (2)) AS v(x) WHERE store_id = x",
    "SELECT order_id FROM orders, (VALUES ($1::int)) v(x) WHERE store_id = x"
)]
#[case::in_join(
    "SELECT order_id FROM orders o JOIN stores s ON s.store_id = 2",
    "SELECT order_id FROM orders o JOIN stores s ON s.store_id = $1::int"
)]
#[case::order_and_limit(
    "SELECT order_id FROM orders GROUP BY 1 ORDER BY 1 LIMIT 10",
    "SELECT order_id FROM orders GROUP BY 1 ORDER BY 1 LIMIT 10"
)]
#[case::booleans(
    "SELECT store_id FROM stores WHERE is_online = true",
    "SELECT store_id FROM stores WHERE is_online = $1::boolean"
)]
#[case::same_expression(
    "SELECT date_trunc('month', order_date) FROM orders WHERE store_id = 1 GROUP BY date_trunc('month', order_date)",
    "SELECT date_trunc($1, order_date) FROM orders WHERE store_id = $2::int GROUP BY date_trunc($1, order_date)"
)]
#[case::extract(
    "SELECT 1 FROM orders WHERE EXTRACT(YEAR FROM order_date) = 2024",
    "SELECT $1::int FROM orders WHERE extract ('year' FROM order_date) = $2::int"
)]
#[case::any_type(
    "SELECT concat('a', sku) FROM products",
    "SELECT concat($1::text, sku) FROM products"
)]
fn constants_become_parameters(#[case] sql: &str, #[case] expected: &str) {
    assert_eq!(accept(sql).without_filter_values(), Some(expected));
}

#[test]
fn no_constant_is_left_in_a_comparison() {
    for entry in benign().into_iter().chain(attacks()) {
        let Ok(query) = check(&entry.sql) else { continue };
        let generic = query.without_filter_values();
        let generic = generic.unwrap_or_else(|| panic!("no generic form: {}", entry.sql));
        // A text constant is left only where the grammar wants one.
        for kept in generic.split('\'').skip(1).step_by(2) {
            assert!(generic.contains(&format!("extract ('{kept}' FROM")), "{generic}");
        }
    }
}

#[test]
fn the_same_for_other_values() {
    let generic = |value: &str| {
        let sql = format!("SELECT count(*) FROM orders WHERE store_id = {value} AND order_id > 5");
        accept(&sql).without_filter_values().map(str::to_owned)
    };
    assert!(generic("2").is_some());
    assert_eq!(generic("2"), generic("99"));
    assert_eq!(generic("2"), generic("-7"));
}
