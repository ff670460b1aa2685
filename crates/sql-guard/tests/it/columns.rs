//! Columns: those that are not there, and those that are not for everybody.

use retail_sql_guard::RejectionCode::{HiddenColumn, UnknownColumn, UnknownRelation};
use rstest::rstest;

use crate::support::{accept, refuse};

#[rstest]
#[case::bare("SELECT rls_user_id FROM stores")]
#[case::qualified("SELECT s.rls_user_id FROM stores s")]
#[case::full("SELECT retail.stores.rls_user_id FROM retail.stores")]
#[case::quoted("SELECT \"rls_user_id\" FROM stores")]
#[case::unicode(r#"SELECT U&"\0072ls_user_id" FROM stores"#)]
#[case::in_where("SELECT 1 FROM stores WHERE rls_user_id IS NOT NULL")]
#[case::in_order("SELECT store_id FROM stores ORDER BY rls_user_id")]
#[case::in_group("SELECT 1 FROM stores GROUP BY rls_user_id")]
#[case::in_join(
    "SELECT 1 FROM stores a JOIN stores b ON a.store_id = b.store_id AND a.rls_user_id = b.rls_user_id"
)]
#[case::in_using("SELECT 1 FROM stores a JOIN stores b USING (rls_user_id)")]
#[case::from_inside(
    "SELECT 1 FROM stores s WHERE EXISTS (SELECT 1 FROM orders WHERE rls_user_id IS NULL)"
)]
#[case::from_inside_qualified(
    "SELECT 1 FROM stores s WHERE EXISTS (SELECT s.rls_user_id FROM orders)"
)]
#[case::lateral("SELECT x.* FROM stores s, LATERAL (SELECT s.rls_user_id) x")]
#[case::as_output("SELECT store_name AS rls_user_id FROM stores ORDER BY rls_user_id")]
#[case::field("SELECT (s).rls_user_id FROM stores s")]
#[case::star("SELECT * FROM stores")]
#[case::star_of_alias("SELECT s.* FROM stores s")]
#[case::star_of_full_name("SELECT retail.stores.* FROM retail.stores")]
#[case::star_of_a_join("SELECT * FROM orders o JOIN stores s ON o.store_id = s.store_id")]
#[case::star_of_a_natural_join("SELECT * FROM orders NATURAL JOIN stores")]
#[case::star_of_a_join_alias("SELECT j.* FROM (orders JOIN stores USING (store_id)) AS j")]
#[case::column_of_a_join_alias(
    "SELECT j.rls_user_id FROM (orders JOIN stores USING (store_id)) AS j"
)]
#[case::whole_join("SELECT j FROM (orders JOIN stores USING (store_id)) AS j")]
#[case::star_in_exists(
    "SELECT 1 FROM orders o WHERE EXISTS (SELECT * FROM stores s WHERE s.store_id = o.store_id)"
)]
#[case::star_in_row("SELECT ROW(s.*) FROM stores s")]
#[case::star_in_count("SELECT count(s.*) FROM stores s")]
#[case::star_expanded("SELECT (s.*).store_id FROM stores s")]
#[case::whole_row("SELECT s FROM stores s")]
#[case::whole_row_unaliased("SELECT stores FROM stores")]
#[case::whole_row_as_argument("SELECT to_jsonb(s) FROM stores s")]
#[case::whole_row_expanded("SELECT (s).* FROM stores s")]
#[case::whole_row_compared("SELECT 1 FROM stores a, stores b WHERE a = b")]
#[case::whole_row_from_inside("SELECT (SELECT row_to_json(s)) FROM stores s")]
#[case::table_statement("TABLE stores")]
#[case::in_cte("WITH x AS (SELECT * FROM stores) SELECT store_id FROM x")]
#[case::ctid("SELECT ctid FROM orders")]
#[case::xmin("SELECT o.xmin FROM orders o")]
#[case::quoted_ctid("SELECT \"ctid\" FROM orders")]
#[case::tableoid("SELECT (o).tableoid FROM orders o")]
#[case::ctid_in_using("SELECT 1 FROM orders a JOIN orders b USING (ctid)")]
#[case::ctid_of_a_subquery("SELECT q.ctid FROM (SELECT (o).* FROM orders o) q")]
#[case::cmax_in_order("SELECT 1 FROM orders ORDER BY cmax")]
fn is_hidden(#[case] sql: &str) {
    refuse(sql, HiddenColumn);
}

#[rstest]
#[case::bare("SELECT amount FROM order_items")]
#[case::qualified("SELECT oi.order_date FROM order_items oi")]
#[case::of_a_subquery("SELECT q.b FROM (SELECT 1 AS a) q")]
#[case::bare_of_a_subquery("SELECT b FROM (SELECT 1 AS a) q")]
#[case::of_a_cte("WITH q(a) AS (SELECT 1) SELECT q.b FROM q")]
#[case::of_a_series("SELECT d.day FROM generate_series(1, 2) AS d")]
#[case::without_from("SELECT store_id")]
#[case::alias_in_where("SELECT total_amount * 2 AS twice FROM order_items WHERE twice > 3")]
#[case::alias_in_having("SELECT count(*) AS n FROM orders GROUP BY store_id HAVING n > 3")]
#[case::quoted_text("SELECT 1 FROM stores WHERE store_name = \"Seattle\"")]
#[case::upper_case("SELECT \"ORDER_ID\" FROM orders")]
#[case::using("SELECT 1 FROM orders JOIN products USING (product_id)")]
#[case::in_join("SELECT 1 FROM orders o JOIN order_items i ON o.order_id = i.orderid")]
#[case::renamed("SELECT x.order_id FROM (SELECT order_id FROM orders) AS x(a)")]
fn is_unknown(#[case] sql: &str) {
    refuse(sql, UnknownColumn);
}

#[rstest]
#[case::not_in_from("SELECT o.order_id FROM orders")]
#[case::name_behind_alias("SELECT orders.order_id FROM orders o")]
#[case::full_name_behind_alias("SELECT retail.orders.order_id FROM retail.orders o")]
#[case::star("SELECT x.* FROM orders o")]
#[case::inside_a_join_alias(
    "SELECT o.order_id FROM (orders o JOIN stores s USING (store_id)) AS j"
)]
fn is_not_in_from(#[case] sql: &str) {
    refuse(sql, UnknownRelation);
}

#[rstest]
#[case::using(
    "SELECT store_id, order_id, quantity FROM orders JOIN order_items USING (order_id, store_id)"
)]
#[case::three_tables(
    "SELECT 1 FROM orders JOIN order_items USING (order_id) JOIN products USING (product_id)"
)]
#[case::from_outside(
    "SELECT 1 FROM orders WHERE EXISTS (SELECT 1 FROM products WHERE customer_id = product_id)"
)]
#[case::from_far_outside("SELECT (SELECT (SELECT order_date)) FROM orders")]
#[case::output_over_column("SELECT store_name AS store_id FROM stores ORDER BY store_id")]
#[case::hidden_name_elsewhere("SELECT q.rls_user_id FROM (SELECT 1 AS rls_user_id) q")]
#[case::visible_columns("SELECT s.store_id, store_name, is_online FROM stores s")]
#[case::count_star("SELECT count(*) FROM stores")]
#[case::star_of_the_other("SELECT o.* FROM orders o JOIN stores s USING (store_id)")]
#[case::series_name("SELECT d, d::date FROM generate_series(1, 2) AS d")]
#[case::function_name("SELECT generate_series FROM generate_series(1, 2)")]
#[case::case_name("SELECT q.case FROM (SELECT CASE WHEN true THEN 1 END FROM orders) q")]
#[case::cast_name("SELECT q.order_id, q.int4 FROM (SELECT order_id::int, '1'::int FROM orders) q")]
#[case::sublink_name("SELECT q.max FROM (SELECT (SELECT max(order_id) FROM orders)) q")]
#[case::exists_name(
    "SELECT q.exists, q.array, q.coalesce, q.nullif FROM (SELECT EXISTS (SELECT 1), ARRAY[1], coalesce(1, 2), nullif(1, 2)) q"
)]
#[case::extract_name(
    "SELECT q.extract, q.btrim, q.timezone FROM (SELECT EXTRACT(YEAR FROM order_date), trim('a'), now() AT TIME ZONE 'UTC' FROM orders) q"
)]
#[case::values_names("SELECT column1, q.column2 FROM (VALUES (1, 2)) q")]
#[case::current_date_name("SELECT q.current_date FROM (SELECT current_date) q")]
#[case::ordinality("SELECT t.t, t.ordinality FROM unnest(ARRAY[1]) WITH ORDINALITY AS t")]
fn is_there(#[case] sql: &str) {
    accept(sql);
}
