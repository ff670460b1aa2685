//! What analysts write beyond the collection: a false refusal is a fault too.

use rstest::rstest;

use crate::support::accept;

#[rstest]
#[case::text("SELECT upper(trim(first_name)) || ' ' || initcap(last_name) FROM customers")]
#[case::trim_both(
    "SELECT trim(BOTH ' ' FROM sku), ltrim(sku, '0'), position('-' IN sku) FROM products"
)]
#[case::substring(
    "SELECT substring(sku FROM 1 FOR 3), substring(sku FROM '[0-9]+'), overlay(sku PLACING 'x' FROM 1) FROM products"
)]
#[case::cleaning("SELECT replace(replace(phone, '-', ''), ' ', '')::numeric FROM customers")]
#[case::like_column(
    "SELECT p.sku FROM products p JOIN categories c ON p.product_name ILIKE '%' || c.category_name || '%'"
)]
#[case::like_escape(
    r"SELECT sku FROM products WHERE product_name LIKE '50\%%' OR sku LIKE '10!%' ESCAPE '!'"
)]
#[case::similar(
    "SELECT sku FROM products WHERE sku SIMILAR TO '(AB|CD)%' OR sku ~* '^a' OR sku !~ 'z$'"
)]
#[case::like_any(
    "SELECT sku FROM products WHERE product_name ILIKE ANY (ARRAY['%hammer%', '%saw%'])"
)]
#[case::in_list(
    "SELECT * FROM orders WHERE store_id IN (1, 2, 3) AND order_id NOT IN (SELECT order_id FROM order_items)"
)]
#[case::rows_in("SELECT * FROM inventory WHERE (store_id, product_id) IN ((1, 2), (3, 4))")]
#[case::any_array(
    "SELECT * FROM orders WHERE store_id = ANY (ARRAY[1, 2]) OR store_id = ANY ('{3,4}'::int[])"
)]
#[case::between(
    "SELECT * FROM orders WHERE order_date BETWEEN SYMMETRIC '2024-12-31' AND DATE '2024-01-01'"
)]
#[case::distinct_from(
    "SELECT * FROM customers WHERE phone IS DISTINCT FROM email AND primary_store_id IS NOT NULL"
)]
#[case::intervals(
    "SELECT order_date + INTERVAL '1 month' - INTERVAL '2' DAY + make_interval(days => 3) FROM orders"
)]
#[case::time_zone(
    "SELECT created_at AT TIME ZONE 'UTC' AT TIME ZONE 'America/Los_Angeles', created_at AT LOCAL FROM customers"
)]
#[case::extracts(
    "SELECT EXTRACT(EPOCH FROM now() - created_at) / 86400, date_part('dow', created_at) FROM customers"
)]
#[case::to_char(
    "SELECT to_char(order_date, 'YYYY-\"W\"IW'), to_char(order_id, 'FM00000') FROM orders"
)]
#[case::now(
    "SELECT CURRENT_DATE - 30, CURRENT_TIMESTAMP(3), LOCALTIMESTAMP, now()::date, CURRENT_TIME"
)]
#[case::overlaps(
    "SELECT (DATE '2024-01-01', DATE '2024-02-01') OVERLAPS (order_date, INTERVAL '1 day') FROM orders"
)]
#[case::growth("SELECT power(max(total_amount) / min(total_amount), 1.0 / 3) - 1 FROM order_items")]
#[case::compound("SELECT n, 1000 * power(1.05, n) FROM generate_series(1, 24) AS n")]
#[case::geometric_mean(
    "SELECT exp(avg(ln(total_amount))), sqrt(variance(total_amount)) FROM order_items WHERE total_amount > 0"
)]
#[case::float_power("SELECT power(quantity::float8, 250), 2 ^ 10, quantity ^ 2 FROM order_items")]
#[case::histogram(
    "SELECT width_bucket(total_amount, 0, 500, 10) AS b, repeat('#', least(count(*), 60)::int) FROM order_items GROUP BY b"
)]
#[case::ntile(
    "SELECT ntile(4) OVER w, first_value(total_amount) OVER (w ROWS UNBOUNDED PRECEDING) FROM order_items WINDOW w AS (PARTITION BY store_id ORDER BY total_amount)"
)]
#[case::range_frame(
    "SELECT sum(total_amount) OVER (ORDER BY order_item_id RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING EXCLUDE CURRENT ROW) FROM order_items"
)]
#[case::filter(
    "SELECT count(*) FILTER (WHERE quantity > 1), string_agg(DISTINCT unit_price::text, ',' ORDER BY unit_price::text) FROM order_items"
)]
#[case::within_group(
    "SELECT mode() WITHIN GROUP (ORDER BY quantity), rank(3) WITHIN GROUP (ORDER BY quantity) FROM order_items"
)]
#[case::grouping_sets(
    "SELECT store_id, customer_id, count(*), GROUPING(store_id, customer_id) FROM orders GROUP BY GROUPING SETS (ROLLUP (store_id, customer_id), CUBE (store_id), ())"
)]
#[case::group_distinct(
    "SELECT store_id, count(*) FROM orders GROUP BY DISTINCT ROLLUP (store_id), ROLLUP (store_id)"
)]
#[case::group_alias(
    "SELECT date_trunc('month', order_date) AS month, count(*) FROM orders GROUP BY month ORDER BY month"
)]
#[case::order_alias(
    "SELECT sum(total_amount) AS revenue FROM order_items GROUP BY product_id ORDER BY revenue DESC NULLS LAST"
)]
#[case::having("SELECT store_id FROM orders GROUP BY store_id HAVING count(*) > 10")]
#[case::with_ties("SELECT order_id FROM orders ORDER BY order_date FETCH FIRST 3 ROWS WITH TIES")]
#[case::values("VALUES (1, 'a'), (2, 'b')")]
#[case::table("TABLE retail.orders")]
#[case::only("SELECT * FROM ONLY retail.orders")]
#[case::star_suffix("SELECT * FROM retail.orders *")]
#[case::full_names("SELECT retail.orders.order_id FROM retail.orders WHERE orders.store_id = 1")]
#[case::quoted("SELECT \"o\".\"order_id\" FROM \"retail\".\"orders\" \"o\"")]
#[case::upper_case("SELECT O.ORDER_ID FROM RETAIL.ORDERS O")]
#[case::natural("SELECT order_id FROM orders NATURAL JOIN order_items")]
#[case::using_alias("SELECT u.order_id FROM orders JOIN order_items USING (order_id) AS u")]
#[case::join_alias("SELECT j.quantity FROM (orders JOIN order_items USING (order_id)) AS j")]
#[case::full_join(
    "SELECT a.m, b.m FROM (SELECT 1 AS m) a FULL JOIN (SELECT 2 AS m) b ON a.m = b.m"
)]
#[case::lateral(
    "SELECT c.customer_id, x.n FROM customers c, LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer_id = c.customer_id) x"
)]
#[case::correlated(
    "SELECT p.sku, (SELECT sum(quantity) FROM order_items oi WHERE oi.product_id = p.product_id) FROM products p"
)]
#[case::exists(
    "SELECT 1 FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = c.customer_id)"
)]
#[case::outer_bare(
    "SELECT (SELECT max(quantity) FROM order_items WHERE product_id = sku::int) FROM products"
)]
#[case::column_aliases("SELECT a, d FROM orders AS o(a, b, c, d)")]
#[case::derived_aliases("SELECT x.a FROM (SELECT order_id, store_id FROM orders) AS x(a)")]
#[case::unnest(
    "SELECT w, n FROM products, unnest(string_to_array(product_name, ' ')) WITH ORDINALITY AS t(w, n)"
)]
#[case::unnest_two("SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b']) AS t(n, s)")]
#[case::named_function_columns(
    "SELECT t.n, u.m, e.k, e.value FROM unnest(ARRAY[1], ARRAY[2]) AS t(n), regexp_matches('a', 'a') AS u(m), jsonb_each('{}') AS e(k)"
)]
#[case::rows_from_names(
    "SELECT t.a, t.b FROM ROWS FROM (generate_series(1, 3), generate_series(1, 5)) AS t(a, b)"
)]
#[case::rows_from(
    "SELECT * FROM ROWS FROM (generate_series(1, 3), generate_series(1, 5)) AS t(a, b)"
)]
#[case::json_each("SELECT e.key, e.value FROM jsonb_each('{\"a\": 1}'::jsonb) AS e")]
#[case::json_each_bare("SELECT key, value FROM json_each_text('{\"a\": 1}')")]
#[case::json_field(
    "SELECT '{\"a\": {\"b\": 1}}'::jsonb -> 'a' ->> 'b', jsonb_build_object('n', count(*)) FROM orders"
)]
#[case::json_sql(
    "SELECT JSON_ARRAYAGG(store_id ORDER BY store_id RETURNING jsonb), JSON_OBJECTAGG(store_id : store_name), JSON_ARRAY(1, 'a') FROM stores"
)]
#[case::is_json("SELECT product_description IS JSON FROM products")]
#[case::row_to_json("SELECT row_to_json(t) FROM (SELECT order_id, store_id FROM orders) t")]
#[case::whole_row("SELECT o, count(o) FROM orders o GROUP BY o")]
#[case::row_field("SELECT (o).order_date, (o).* FROM orders o")]
#[case::composite("SELECT (x.r).order_id FROM (SELECT o AS r FROM orders o) x")]
#[case::arrays(
    "SELECT (array_agg(order_id ORDER BY order_id))[1], (ARRAY[[1,2],[3,4]])[1][2], cardinality(ARRAY[1]) FROM orders"
)]
#[case::array_sublink("SELECT ARRAY(SELECT order_id FROM orders ORDER BY 1 LIMIT 3)")]
#[case::case_forms(
    "SELECT CASE store_id WHEN 1 THEN 'a' ELSE 'b' END, CASE WHEN store_id > 1 THEN 1 END FROM orders"
)]
#[case::greatest(
    "SELECT greatest(cost, base_price), least(1, 2), nullif(cost, 0), coalesce(gross_margin_percent, 0) FROM products"
)]
#[case::booleans("SELECT is_online IS TRUE, NOT is_online, is_online IS NOT UNKNOWN FROM stores")]
#[case::casts(
    "SELECT cost::int, CAST(cost AS double precision), base_price::numeric(12,2), sku::varchar(4000), cost::money, '1 day'::interval FROM products"
)]
#[case::type_literals(
    "SELECT DATE '2024-01-01', TIMESTAMP '2024-01-01 10:00', TIMESTAMPTZ '2024-01-01', INTERVAL '1' MONTH, bool 't', numeric '1.5'"
)]
#[case::bits("SELECT 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 3, |/ 25.0, @ -5")]
#[case::strings("SELECT E'a\\nb', $$it's$$, $x$y$x$, U&'\\0041', 'a'\n'b'")]
#[case::collate("SELECT sku FROM products ORDER BY sku COLLATE \"C\"")]
#[case::operator_form(
    "SELECT 1 OPERATOR(pg_catalog.+) 2 FROM orders WHERE store_id OPERATOR(pg_catalog.=) 1"
)]
#[case::catalog_function("SELECT pg_catalog.count(*), pg_catalog.lower('A') FROM orders")]
#[case::intersect(
    "SELECT product_id FROM products INTERSECT ALL SELECT product_id FROM order_items ORDER BY product_id"
)]
#[case::parentheses(
    "(SELECT order_id FROM orders LIMIT 3) UNION ALL (SELECT order_id FROM orders ORDER BY 1 DESC LIMIT 3)"
)]
#[case::union_order(
    "SELECT store_id AS s FROM orders UNION SELECT store_id FROM inventory ORDER BY s LIMIT 5 OFFSET 1"
)]
#[case::search_cycle(
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SEARCH DEPTH FIRST BY n SET o CYCLE n SET c USING p SELECT n, o, c, p FROM t ORDER BY o"
)]
#[case::materialized(
    "WITH a AS MATERIALIZED (SELECT 1 AS n), b AS NOT MATERIALIZED (SELECT n FROM a) SELECT n FROM b"
)]
#[case::compounding(
    "WITH RECURSIVE t(n, v) AS (SELECT 1, 100.0 UNION ALL SELECT n + 1, v * 1.05 FROM t WHERE n < 12) SELECT n, round(v, 2), v * 12 FROM t"
)]
#[case::factorials(
    "WITH RECURSIVE f(n, v) AS (SELECT 1, 1::numeric UNION ALL SELECT n + 1, v * (n + 1) FROM f WHERE n < 20) SELECT * FROM f"
)]
#[case::fibonacci(
    "WITH RECURSIVE f(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM f WHERE b < 1000) SELECT a FROM f"
)]
#[case::paths(
    "WITH RECURSIVE t(id, path) AS (SELECT 1, 'a'::text UNION ALL SELECT id + 1, path || ' > ' || id::text FROM t WHERE id < 5) SELECT * FROM t WHERE path LIKE '%3%'"
)]
#[case::array_path(
    "WITH RECURSIVE t(id, path) AS (SELECT 1, ARRAY[1] UNION ALL SELECT id + 1, path || (id + 1) FROM t WHERE id < 5 AND NOT id = ANY (path)) SELECT * FROM t"
)]
#[case::squares(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i * i < 100) SELECT i * i FROM n"
)]
#[case::list_search(
    "SELECT * FROM (SELECT customer_id, string_agg(order_id::text, ',') AS ids FROM orders GROUP BY 1) t WHERE ids LIKE '%,17,%'"
)]
#[case::months("SELECT generate_series(min(order_date), max(order_date), '1 month') FROM orders")]
#[case::all_subquery(
    "SELECT sku FROM products WHERE base_price >= ALL (SELECT base_price FROM products)"
)]
#[case::comment_inside("SELECT /* a /* b */ c */ order_id -- end\nFROM orders")]
#[case::output_like_system_name(
    "SELECT q.lowest FROM (SELECT min(order_id) AS lowest FROM orders) q"
)]
#[case::output_named_like_function(
    "SELECT q.count, q.sum, q.max FROM (SELECT count(*), sum(order_id), max(order_id) FROM orders) q"
)]
#[case::open_names("SELECT q.anything FROM (SELECT (o).order_id AS anything FROM orders o) q")]
#[case::semicolons(" SELECT 1 ; ; ")]
fn is_accepted(#[case] sql: &str) {
    accept(sql);
}

#[test]
fn statements_of_analysts_are_accepted() {
    let statements = include_str!("analysts.sql").lines().filter(|line| !line.starts_with("--"));
    let mut number = 0;
    for sql in statements {
        let query = accept(sql);
        assert!(query.without_filter_values().is_some(), "{sql}");
        number += 1;
    }
    assert_eq!(number, 86);
}
