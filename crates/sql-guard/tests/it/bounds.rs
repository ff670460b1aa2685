//! What could take too much time or memory, and what looks like it and does not.

use retail_sql_guard::RejectionCode::{TooComplex, TooExpensive, TooLong};
use rstest::rstest;

use crate::support::{accept, check, refuse};

#[rstest]
#[case::repeat("SELECT repeat('x', 10001)")]
#[case::repeat_of_a_column("SELECT repeat('x', order_id) FROM orders")]
#[case::nested_repeat("SELECT repeat(repeat('x', 1000), 11)")]
#[case::repeat_through_a_subquery("SELECT repeat(s, 1000) FROM (SELECT repeat('x', 1000) AS s) q")]
#[case::repeat_through_a_cte(
    "WITH q(s) AS (SELECT repeat('x', 1000)) SELECT repeat(s, 1000) FROM q"
)]
#[case::repeat_through_values(
    "SELECT repeat(s, 1000) FROM (VALUES ('a'), (repeat('x', 1000))) AS q(s)"
)]
#[case::repeat_through_union(
    "SELECT repeat(s, 1000) FROM (SELECT 'a' AS s UNION ALL SELECT repeat('x', 1000)) q"
)]
#[case::repeat_of_an_aggregate("SELECT repeat(string_agg(sku, ''), 2) FROM products")]
#[case::repeat_of_a_sublink("SELECT repeat((SELECT string_agg(sku, '') FROM products), 2)")]
#[case::repeat_of_a_star(
    "SELECT repeat(q.s, 2) FROM (SELECT * FROM (SELECT string_agg(sku, '') AS s FROM products) p) q"
)]
#[case::repeat_in_catalog("SELECT pg_catalog.repeat('x', 100000)")]
#[case::repeat_twice_the_least("SELECT repeat('x', greatest(order_id, 5)) FROM orders")]
#[case::lpad("SELECT lpad('x', 1001)")]
#[case::rpad("SELECT rpad('x', order_id) FROM orders")]
#[case::lpad_negative("SELECT lpad('x', -100000)")]
#[case::format_width("SELECT format('%1000s', 1)")]
#[case::format_left("SELECT format('%-100000s', 1)")]
#[case::format_position("SELECT format('%1$100000s', 1)")]
#[case::format_star("SELECT format('%*s', 100000, 1)")]
#[case::format_star_position("SELECT format('%1$*2$s', 1, 100000)")]
#[case::format_built("SELECT format('%' || '9999999s', 1)")]
#[case::format_cast("SELECT format('%9999999s'::text, 1)")]
#[case::char_type("SELECT 'x'::char(1000000)")]
#[case::numeric_type("SELECT 1::numeric(1001)")]
#[case::series("SELECT generate_series(1, 100002)")]
#[case::series_step("SELECT generate_series(0, 1000000, 2)")]
#[case::series_down("SELECT generate_series(1000000, 0, -1)")]
#[case::series_numeric("SELECT generate_series(0.0, 1.0, 0.000001)")]
#[case::series_cast("SELECT generate_series('1'::int, 1000000::bigint)")]
#[case::series_seconds("SELECT generate_series(timestamp '2024-01-01', '2025-01-01', '1 second')")]
#[case::series_centuries(
    "SELECT generate_series(DATE '0001-01-01', DATE '9999-01-01', INTERVAL '1 day')"
)]
#[case::translate("SELECT translate(sku, repeat('ab', 40), '') FROM products")]
#[case::translate_aggregate("SELECT translate(string_agg(sku, ''), 'abc', '') FROM products")]
#[case::btrim_aggregate("SELECT btrim(string_agg(sku, ''), 'abc') FROM products")]
#[case::trim_aggregate("SELECT trim(BOTH 'abc' FROM (SELECT string_agg(sku, '') FROM products))")]
#[case::like_pattern_too_long("SELECT sku LIKE repeat('%a', 6000) FROM products")]
#[case::like_in_aggregate(
    "SELECT string_agg(sku, '') LIKE '%' || repeat('a', 900) || 'b%' FROM products"
)]
#[case::ilike_in_aggregate(
    "SELECT string_agg(sku, '') ILIKE '%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab%' FROM products"
)]
#[case::like_any_in_aggregate(
    "SELECT string_agg(sku, '') LIKE ANY (ARRAY['%aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab%']) FROM products"
)]
#[case::like_any_sublink(
    "SELECT string_agg(sku, '') LIKE ANY (SELECT product_name FROM products) FROM products"
)]
#[case::like_operator(
    "SELECT string_agg(sku, '') OPERATOR(pg_catalog.~~) repeat('a', 900) FROM products"
)]
#[case::like_of_aggregates(
    "SELECT a.s LIKE b.s FROM (SELECT string_agg(sku, '') AS s FROM products) a, (SELECT string_agg(sku, '') AS s FROM products) b"
)]
#[case::strpos("SELECT strpos(string_agg(sku, ''), repeat('ab', 100)) FROM products")]
#[case::position("SELECT position(repeat('ab', 100) IN string_agg(sku, '')) FROM products")]
#[case::split_part("SELECT split_part(string_agg(sku, ''), repeat('ab', 100), 1) FROM products")]
#[case::replace_grows("SELECT replace(string_agg(sku, ''), 'a', repeat('b', 100)) FROM products")]
#[case::replace_nested(
    "SELECT replace(replace(replace('aaaaaaaaaa', 'a', repeat('a', 100)), 'a', repeat('a', 100)), 'a', repeat('a', 100))"
)]
#[case::constant_pattern_too_long(
    "SELECT sku ~ '(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)' FROM products"
)]
#[case::to_char_template("SELECT to_char(1, repeat('9', 300))")]
#[case::to_char_aggregate("SELECT to_char(1, (SELECT string_agg(sku, '') FROM products))")]
#[case::exponent("SELECT power(9.97::numeric, 130000)")]
#[case::exponent_operator("SELECT 9.97::numeric ^ 130000")]
#[case::exponent_negative("SELECT power(9.97, -130000)")]
#[case::exponent_text("SELECT power(9.97::numeric, '130000')")]
#[case::exponent_of_exponent("SELECT 10::numeric ^ 100 ^ 100")]
#[case::exponent_through_a_subquery("SELECT x * x FROM (SELECT (10::numeric ^ 100) ^ 39 AS x) q")]
#[case::unknown_powers_multiplied(
    "SELECT x * x FROM (SELECT power(9.97, order_id) AS x FROM orders) q"
)]
#[case::unknown_powers_divided(
    "SELECT y / x FROM (SELECT power(9.97, order_id) AS x, power(9.9, order_id) AS y FROM orders) q"
)]
#[case::exp("SELECT exp(100000::numeric)")]
#[case::long_number("SELECT repeat('9', 3000)::numeric * repeat('9', 3000)::numeric")]
#[case::joined_number("SELECT string_agg('9', '')::numeric * 2 FROM orders")]
#[case::long_float("SELECT 1e5000")]
#[case::squares_in_levels(
    "SELECT z * z FROM (SELECT y * y AS z FROM (SELECT x * x AS y FROM (SELECT 10::numeric ^ 99 AS x) a) b) c, (SELECT 1) d WHERE z * z * z * z * z > 0"
)]
#[case::gcd("SELECT gcd(repeat('9', 3000)::numeric, repeat('7', 3000)::numeric)")]
#[case::doubling(
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) SELECT 1 FROM t"
)]
#[case::doubling_in_a_subquery(
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT a || b FROM (SELECT s AS a, s AS b FROM t) q) SELECT 1 FROM t"
)]
#[case::doubling_by_concat(
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT concat(s, '-', s) FROM t) SELECT 1 FROM t"
)]
#[case::doubling_by_replace(
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT replace(s, 'x', 'xx') FROM t) SELECT 1 FROM t"
)]
#[case::doubling_arrays(
    "WITH RECURSIVE t(a) AS (SELECT ARRAY[1] UNION ALL SELECT array_cat(a, a) FROM t) SELECT 1 FROM t"
)]
#[case::doubling_through_an_array(
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT array_to_string(ARRAY[s, s], '') FROM t) SELECT 1 FROM t"
)]
#[case::doubling_by_format(
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT format('%s%s', s, s) FROM t) SELECT 1 FROM t"
)]
#[case::squaring(
    "WITH RECURSIVE t(x) AS (SELECT 10::numeric UNION ALL SELECT x * x FROM t) SELECT 1 FROM t"
)]
#[case::squaring_by_power(
    "WITH RECURSIVE t(x) AS (SELECT 10::numeric UNION ALL SELECT power(x, 2) FROM t) SELECT x * x FROM t"
)]
#[case::grown_text_searched(
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || 'abcdefgh' FROM t) SELECT translate(s, 'abc', '') FROM t"
)]
fn is_too_expensive(#[case] sql: &str) {
    refuse(sql, TooExpensive);
}

#[rstest]
#[case::repeat("SELECT repeat('x', 10000), repeat('=', 40)")]
#[case::repeat_least("SELECT repeat('x', least(order_id, 100)) FROM orders")]
#[case::pads("SELECT lpad(order_id::text, 10, '0'), rpad('x', 1000) FROM orders")]
#[case::format_widths("SELECT format('%-20s|%5s %% %I', 'a', 1, 'b')")]
#[case::series(
    "SELECT generate_series(1, 100000), generate_series(10, 1, -1), generate_series(0, 1, 0.1)"
)]
#[case::series_of_columns("SELECT generate_series(1, store_id) FROM stores")]
#[case::series_days("SELECT generate_series('2020-01-01'::date, '2029-12-31'::date, '1 day')")]
#[case::translate("SELECT translate(phone, '()- ', '') FROM customers")]
#[case::trims(
    "SELECT trim(sku), btrim(sku, '-_ '), trim(string_agg(sku, '')) FROM products GROUP BY sku"
)]
#[case::like("SELECT 1 FROM products WHERE product_description ILIKE '%' || sku || '%'")]
#[case::regex(
    "SELECT regexp_replace(product_description, '\\s+', ' ', 'g'), regexp_match(sku, '^[A-Z]+') FROM products"
)]
#[case::split("SELECT split_part(email, '@', 2), strpos(email, '@') FROM customers")]
#[case::products_of_columns(
    "SELECT quantity * unit_price * (1 - discount_percent / 100.0) * 1.0825 FROM order_items"
)]
#[case::sum_of_products(
    "SELECT sum(quantity * unit_price) * 1.1 / nullif(sum(quantity), 0) FROM order_items"
)]
#[case::ratio_of_ratios(
    "WITH a AS (SELECT sum(total_amount) / count(*) AS x FROM order_items) SELECT x / (SELECT avg(x) FROM a) * 100 FROM a"
)]
#[case::logs(
    "SELECT ln(total_amount), log(10, total_amount), exp(1.5), sqrt(total_amount) FROM order_items WHERE total_amount > 0"
)]
#[case::rounding(
    "SELECT round(avg(total_amount), 2), trunc(123.456, 1), round(5.5) FROM order_items"
)]
#[case::one_long_number("SELECT 123456789012345678901234567890 * 2, 1e100")]
fn is_cheap_enough(#[case] sql: &str) {
    accept(sql);
}

#[test]
fn long_texts_are_refused_at_once() {
    refuse(&format!("SELECT '{}'", "x".repeat(16_384)), TooLong);
    refuse(&"(".repeat(1_000_000), TooLong);
    accept(&format!("SELECT '{}'", "x".repeat(16_000)));
}

#[rstest]
#[case::parentheses(|n| format!("SELECT {}1{}", "(".repeat(n), ")".repeat(n)))]
#[case::brackets(|n| format!("SELECT {}1{}", "ARRAY[".repeat(n), "]".repeat(n)))]
#[case::cases(|n| format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(n), " END".repeat(n)))]
#[case::nots(|n| format!("SELECT {}true", "NOT ".repeat(n)))]
#[case::minuses(|n| format!("SELECT {}order_id FROM orders", "- ".repeat(n)))]
#[case::tildes(|n| format!("SELECT {}1", "~ ".repeat(n)))]
#[case::additions(|n| format!("SELECT 1{}", "+1".repeat(n)))]
#[case::joins_of_text(|n| format!("SELECT 'a'{}", "||'a'".repeat(n)))]
#[case::casts(|n| format!("SELECT 1{}", "::int".repeat(n)))]
#[case::unions(|n| format!("SELECT 1{}", " UNION SELECT 1".repeat(n)))]
#[case::excepts(|n| format!("{}SELECT 1", "SELECT 1 EXCEPT ALL ".repeat(n)))]
#[case::sublinks(|n| format!("SELECT {}1{}", "(SELECT ".repeat(n), ")".repeat(n)))]
#[case::subqueries(|n| format!("SELECT 1 FROM {}orders{}", "(SELECT 1 FROM ".repeat(n), ") q".repeat(n)))]
#[case::withs(|n| format!("{}SELECT 1{}", "WITH a AS (".repeat(n), ") SELECT 1".repeat(n)))]
#[case::joins(|n| format!("SELECT 1 FROM orders a{}", " CROSS JOIN (SELECT 1) b".repeat(n)))]
#[case::collations(|n| format!("SELECT 'a'{}", " COLLATE \"C\"".repeat(n)))]
#[case::time_zones(|n| format!("SELECT now(){}", " AT TIME ZONE 'UTC'".repeat(n)))]
#[case::is_nulls(|n| format!("SELECT 1{}", " IS NULL".repeat(n)))]
#[case::grouping_sets(|n| format!("SELECT 1 GROUP BY {}(){}", "GROUPING SETS (".repeat(n), ")".repeat(n)))]
#[case::likes(|n| format!("SELECT ('a' LIKE 'a'){}", " IS TRUE".repeat(n)))]
fn deep_nesting_is_refused_on_a_small_stack(#[case] shape: fn(usize) -> String) {
    // The smallest stack that Rust's threads have by default.
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let thread = thread.spawn(move || {
        for n in [10, 60, 400, 3000, 8000] {
            let sql = shape(n);
            match check(&sql) {
                Ok(_) => assert!(n <= 60, "accepted with {n}"),
                Err(rejection) if n >= 400 => {
                    let code = rejection.code();
                    assert!(matches!(code, TooComplex | TooLong), "{n}: {rejection:?}");
                }
                Err(_) => {}
            }
        }
    });
    thread.expect("a thread").join().expect("no overflow");
}

#[rstest]
#[case::relations(&format!("SELECT 1 FROM {}", vec!["orders"; 17].join(",")))]
#[case::relations_in_sublinks(&format!("SELECT {}", vec!["(SELECT 1 FROM orders)"; 17].join(",")))]
#[case::references_to_a_cte(&format!("WITH a AS (SELECT 1) SELECT 1 FROM {}", vec!["a"; 17].join(",")))]
#[case::ctes(&format!("WITH {} SELECT 1", (0..25).map(|n| format!("a{n} AS (SELECT 1)")).collect::<Vec<_>>().join(",")))]
#[case::columns(&format!("SELECT {}", vec!["1"; 257].join(",")))]
#[case::values(&format!("VALUES ({})", vec!["1"; 257].join(",")))]
#[case::branches(&vec!["SELECT 1"; 33].join(" UNION ALL "))]
#[case::whens(&format!("SELECT CASE {} END", "WHEN true THEN 1 ".repeat(101)))]
#[case::windows(&format!("SELECT {}", vec!["count(*) OVER ()"; 51].join(",")))]
#[case::cube("SELECT 1 FROM orders GROUP BY CUBE (1,2,3,4,5,6,7,8)")]
#[case::cubes("SELECT 1 FROM orders GROUP BY CUBE (1,2,3,4), CUBE (1,2,3,4)")]
#[case::rollups(
    "SELECT 1 FROM orders GROUP BY ROLLUP (1,2,3,4,5,6), ROLLUP (1,2,3,4,5,6), ROLLUP (1,2,3)"
)]
#[case::sets(
    "SELECT 1 FROM orders GROUP BY GROUPING SETS (CUBE (1,2,3,4,5,6), CUBE (1,2,3,4,5,6), ())"
)]
#[case::tokens(&format!("SELECT 1 IN ({})", vec!["1"; 2100].join(",")))]
fn is_too_complex(#[case] sql: &str) {
    refuse(sql, TooComplex);
}

#[test]
fn long_and_flat_is_no_nesting() {
    accept(&format!("SELECT (ARRAY[1]){}", "[1]".repeat(400)));
    accept(&format!("SELECT {}1", "- ".repeat(400)));
    accept(&format!("SELECT 1 WHERE 1 = 1{}", " AND 1 = 1".repeat(400)));
}

#[test]
fn limits_themselves_are_allowed() {
    accept(&format!(
        "SELECT 1 FROM {}",
        (0..16).map(|n| format!("orders o{n}")).collect::<Vec<_>>().join(",")
    ));
    accept(&format!("SELECT {}", vec!["1"; 256].join(",")));
    accept("SELECT 1 FROM orders GROUP BY CUBE (1,2,3,4,5,6,7)");
    accept(&format!("SELECT 1 IN ({})", vec!["1"; 2000].join(",")));
    accept(&format!("SELECT 1 WHERE {}", vec!["1 = 1"; 600].join(" OR ")));
}
