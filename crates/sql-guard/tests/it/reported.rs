//! What an accepted statement says about itself.

use rstest::rstest;

use crate::support::accept;

#[test]
fn relations_columns_and_functions() {
    let query = accept(
        "WITH s AS (SELECT store_id FROM stores) \
         SELECT o.order_date, sum(quantity), upper('x'), pg_catalog.lower('Y') \
         FROM retail.orders o JOIN order_items i USING (order_id) JOIN s ON s.store_id = o.store_id \
         GROUP BY 1",
    );
    assert_eq!(query.relations(), ["retail.order_items", "retail.orders", "retail.stores"]);
    assert_eq!(query.functions(), ["lower", "sum", "upper"]);
    let columns: Vec<String> =
        query.columns().iter().map(|(relation, column)| format!("{relation}.{column}")).collect();
    assert_eq!(
        columns,
        [
            "retail.order_items.order_id",
            "retail.order_items.quantity",
            "retail.orders.order_date",
            "retail.orders.order_id",
            "retail.orders.store_id",
            "retail.stores.store_id",
        ]
    );
}

#[test]
fn a_cte_is_no_relation() {
    let query = accept("WITH orders AS (SELECT 1 AS order_id) SELECT order_id FROM orders");
    assert!(query.relations().is_empty() && query.columns().is_empty());
}

#[rstest]
#[case("SELECT order_id FROM orders ORDER BY 1", true)]
#[case("SELECT 1 UNION SELECT 2 ORDER BY 1", true)]
#[case("SELECT order_id FROM orders", false)]
#[case("SELECT * FROM (SELECT order_id FROM orders ORDER BY 1) q", false)]
#[case("SELECT sum(order_id) OVER (ORDER BY order_id) FROM orders", false)]
#[case("WITH a AS (SELECT 1 ORDER BY 1) SELECT * FROM a", false)]
fn only_the_outer_order_counts(#[case] sql: &str, #[case] ordered: bool) {
    assert_eq!(accept(sql).is_ordered(), ordered);
}

#[rstest]
#[case("SELECT 1", "SELECT 1")]
#[case("  SELECT 1  ;  ", "SELECT 1")]
#[case("SELECT 1 -- the end", "SELECT 1")]
#[case("/* the start */ SELECT 1 /* a */ ; -- b", "SELECT 1")]
#[case("SELECT /* inside */ 1", "SELECT /* inside */ 1")]
#[case("-- ä\nSELECT 'ü' AS x;", "SELECT 'ü' AS x")]
#[case("(SELECT 1)", "(SELECT 1)")]
#[case("SELECT ';' AS \";\";", "SELECT ';' AS \";\"")]
fn the_text_is_the_statement_alone(#[case] given: &str, #[case] sql: &str) {
    assert_eq!(accept(given).sql(), sql);
}

#[test]
fn the_fingerprint_does_not_see_constants() {
    let fingerprint = |sql| accept(sql).fingerprint().to_owned();
    let one = fingerprint("SELECT 1 FROM orders WHERE store_id = 1");
    assert_eq!(one.len(), 16);
    assert_eq!(one, fingerprint("select 2 from orders where store_id = 99 -- x"));
    assert_ne!(one, fingerprint("SELECT 1 FROM orders WHERE order_id = 1"));
}

#[test]
fn debug_keeps_the_text_to_itself() {
    let shown = format!("{:?}", accept("SELECT 'secret'"));
    assert_eq!(shown, "CheckedQuery(15 bytes)");
}

#[test]
fn checks_at_once_leave_standard_error_alone() {
    // Some builds of the library redirect it while they parse, and two at once would leave a
    // closed pipe there. Ours must not.
    let standard_error = || std::fs::read_link("/proc/self/fd/2").ok();
    let before = standard_error();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for n in 0..200 {
                    let sql = format!("SELECT {n} FROM orders WHERE store_id = {thread}");
                    assert_eq!(accept(&sql).sql(), sql);
                    assert!(crate::support::check("SELECT FROM WHERE (").is_err());
                }
            });
        }
    });
    assert_eq!(standard_error(), before);
}
