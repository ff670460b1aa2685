//! What must not run, whatever it is dressed in.

use retail_sql_guard::RejectionCode;
use rstest::rstest;

use crate::support::refuse;

#[rstest]
#[case::unicode_escape(r#"SELECT U&"\0070g_sleep"(1)"#)]
#[case::unicode_escape_with_own_sign(r#"SELECT U&"!0070g_sleep" UESCAPE '!' (1)"#)]
#[case::unicode_escape_long(r#"SELECT U&"\+000070g_sleep"(1)"#)]
#[case::quoted("SELECT \"pg_sleep\"(1)")]
#[case::upper_case("SELECT PG_SLEEP(1)")]
#[case::prefix("SELECT pg_catalog.pg_sleep(1)")]
#[case::quoted_prefix("SELECT \"pg_catalog\".\"pg_sleep\"(1)")]
#[case::remarks("SELECT pg_sleep/* x */ /* y /* z */ */ -- \n(1)")]
#[case::other_schema("SELECT public.count(1)")]
#[case::schema_of_the_tables("SELECT retail.lower('a')")]
#[case::database("SELECT postgres.pg_catalog.lower('a')")]
#[case::quoted_in_upper_case("SELECT \"LOWER\"('a')")]
#[case::in_from("SELECT * FROM pg_ls_dir('.')")]
#[case::in_rows_from("SELECT * FROM ROWS FROM (generate_series(1, 2), pg_ls_dir('.')) t")]
#[case::in_lateral("SELECT * FROM orders, LATERAL current_setting('x')")]
#[case::in_window_frame("SELECT sum(1) OVER (ROWS length(version()) PRECEDING) FROM orders")]
#[case::in_named_window("SELECT sum(1) OVER w FROM orders WINDOW w AS (ORDER BY version())")]
#[case::in_aggregate_order("SELECT array_agg(store_id ORDER BY version()) FROM orders")]
#[case::in_within_group("SELECT mode() WITHIN GROUP (ORDER BY version()) FROM orders")]
#[case::in_filter("SELECT count(*) FILTER (WHERE version() = '') FROM orders")]
#[case::in_fetch("SELECT 1 FETCH FIRST (length(version())) ROWS ONLY")]
#[case::in_subscript("SELECT (ARRAY[1])[length(version())]")]
#[case::in_slice("SELECT (ARRAY[1])[1:length(version())]")]
#[case::in_named_argument("SELECT make_interval(days => length(version()))")]
#[case::in_json("SELECT JSON_OBJECT('a' : version())")]
#[case::in_json_array("SELECT JSON_ARRAY(SELECT version())")]
#[case::in_json_aggregate("SELECT JSON_ARRAYAGG(version())")]
#[case::in_json_aggregate_filter("SELECT JSON_OBJECTAGG('a' : 1) FILTER (WHERE version() = '')")]
#[case::in_json_aggregate_window("SELECT JSON_ARRAYAGG(1) OVER (PARTITION BY version())")]
#[case::in_is_json("SELECT version() IS JSON")]
#[case::in_unused_cte("WITH x AS (SELECT version()) SELECT 1")]
#[case::in_join("SELECT 1 FROM orders JOIN stores ON version() = ''")]
#[case::in_distinct_on("SELECT DISTINCT ON (version()) 1 FROM orders")]
#[case::in_grouping_set("SELECT 1 FROM orders GROUP BY GROUPING SETS ((version()))")]
#[case::in_between("SELECT 1 BETWEEN 0 AND length(version())")]
#[case::in_in("SELECT 1 IN (1, length(version()))")]
#[case::in_row("SELECT ROW(1, version())")]
#[case::in_collate("SELECT version() COLLATE \"C\"")]
#[case::in_like_escape("SELECT 'a' LIKE 'b' ESCAPE version()")]
#[case::in_greatest("SELECT greatest(1, length(version()))")]
#[case::in_is_null("SELECT version() IS NULL")]
#[case::in_is_true("SELECT (version() = '') IS TRUE")]
#[case::treat("SELECT TREAT('x' AS regclass)")]
#[case::collation_for("SELECT COLLATION FOR ('x'::text)")]
#[case::cast_call("SELECT regclass('x')")]
#[case::random("SELECT random()")]
#[case::clock("SELECT clock_timestamp()")]
#[case::session_user("SELECT session_user")]
#[case::current_role("SELECT current_role")]
#[case::user("SELECT user")]
#[case::current_catalog("SELECT CURRENT_CATALOG")]
#[case::current_schema("SELECT CURRENT_SCHEMA")]
#[case::current_schema_call("SELECT current_schema()")]
#[case::current_database("SELECT current_database()")]
#[case::value_function_in_from("SELECT * FROM current_user")]
fn a_function(#[case] sql: &str) {
    refuse(sql, RejectionCode::FunctionNotAllowed);
}

/// `x.f` and `(x).f` also mean `f(x)`, for any function.
#[rstest]
#[case::of_a_constant("SELECT ('data_directory'::text).current_setting")]
#[case::of_a_call("SELECT (lower('x')).pg_ls_dir")]
#[case::of_a_table_function("SELECT g.current_setting FROM unnest(ARRAY['data_directory']) AS g")]
#[case::of_an_open_table_function(
    "SELECT j.current_setting FROM jsonb_array_elements_text('[\"x\"]') AS j"
)]
#[case::of_a_case("SELECT (CASE WHEN true THEN 'x' END).current_setting")]
#[case::of_a_subquery("SELECT (SELECT 'x').current_setting")]
#[case::of_a_subscript("SELECT (ARRAY['x'])[1].current_setting")]
#[case::of_a_row("SELECT (ROW(1)).hash_record")]
#[case::of_a_table("SELECT (o).record_out FROM orders o")]
#[case::of_a_table_dotted("SELECT o.record_out FROM orders o")]
#[case::of_an_expanded_row("SELECT (o.*).record_out FROM orders o")]
#[case::of_a_field("SELECT ((o).order_id).pg_sleep FROM orders o")]
#[case::type_name("SELECT (o).text FROM orders o")]
#[case::in_where("SELECT 1 FROM orders o WHERE (o.order_id).pg_sleep IS NULL")]
#[case::pg_of_a_subquery("SELECT q.pg_typeof FROM (SELECT (o).* FROM orders o) q")]
fn a_function_as_a_field(#[case] sql: &str) {
    refuse(sql, RejectionCode::UnknownColumn);
}

#[rstest]
#[case::catalog("SELECT * FROM pg_catalog.pg_class")]
#[case::catalog_without_schema("SELECT * FROM pg_class")]
#[case::unicode_escape(r#"SELECT * FROM U&"\0070g_class""#)]
#[case::toast("SELECT * FROM pg_toast.pg_toast_1")]
#[case::information_schema("SELECT * FROM information_schema.columns")]
#[case::database("SELECT * FROM zava.retail.orders")]
#[case::other_schema("SELECT * FROM public.orders")]
#[case::quoted_upper_case("SELECT * FROM \"ORDERS\"")]
#[case::quoted_with_dot("SELECT * FROM \"retail.orders\"")]
#[case::not_on_the_list("SELECT * FROM retail.product_image_embeddings")]
#[case::table_statement("TABLE pg_class")]
#[case::only("SELECT * FROM ONLY (pg_class)")]
#[case::star_suffix("SELECT * FROM pg_class *")]
#[case::in_sublink("SELECT (SELECT count(*) FROM pg_class)")]
#[case::in_array("SELECT ARRAY(TABLE pg_class)")]
#[case::in_values("VALUES ((SELECT 1 FROM pg_class))")]
#[case::in_limit("SELECT 1 LIMIT (SELECT 1 FROM pg_class)")]
#[case::in_join("SELECT * FROM orders JOIN (orders o CROSS JOIN pg_class) ON true")]
#[case::in_union("SELECT 1 UNION SELECT 1 FROM pg_class")]
#[case::in_json_array("SELECT JSON_ARRAY(SELECT 1 FROM pg_class)")]
fn a_relation(#[case] sql: &str) {
    refuse(sql, RejectionCode::UnknownRelation);
}

#[rstest]
#[case::regclass("SELECT 'x'::regclass")]
#[case::cast("SELECT CAST('x' AS regclass)")]
#[case::literal("SELECT regclass 'x'")]
#[case::prefix("SELECT 'x'::pg_catalog.regclass")]
#[case::array("SELECT '{x}'::regclass[]")]
#[case::row_type("SELECT NULL::retail.orders")]
#[case::row_type_without_schema("SELECT NULL::orders")]
#[case::quoted_char("SELECT 'a'::\"char\"")]
#[case::oid("SELECT 1::oid")]
#[case::name("SELECT 'a'::name")]
#[case::xml("SELECT '<a/>'::xml")]
#[case::bit("SELECT '1'::bit(3)")]
#[case::range("SELECT '[1,2]'::int4range")]
#[case::other_schema("SELECT 'a'::evil.text")]
#[case::literal_with_modifier("SELECT evil.t(3) 'x'")]
#[case::json_returning("SELECT JSON_OBJECT('a' : 1 RETURNING bytea)")]
#[case::bytea("SELECT 'a'::bytea")]
#[case::percent_type_in_cast("SELECT 'x'::vector(3)")]
fn a_type(#[case] sql: &str) {
    refuse(sql, RejectionCode::TypeNotAllowed);
}

#[rstest]
#[case::overlap("SELECT ARRAY[1] && ARRAY[2]")]
#[case::contains("SELECT ARRAY[1] @> ARRAY[2]")]
#[case::contained("SELECT ARRAY[1] <@ ANY (ARRAY[ARRAY[2]])")]
#[case::other_schema("SELECT 1 OPERATOR(evil.+) 2")]
#[case::catalog_but_not_listed("SELECT 1 OPERATOR(pg_catalog.&&) 2")]
#[case::prefix("SELECT !!1")]
#[case::text_search("SELECT 'a' @@ 'b'")]
#[case::sublink("SELECT 1 OPERATOR(evil.=) ANY (SELECT 1)")]
#[case::pattern_order("SELECT 'a' ~<~ 'b'")]
fn an_operator(#[case] sql: &str) {
    refuse(sql, RejectionCode::OperatorNotAllowed);
}

#[rstest]
#[case::into("SELECT * INTO t FROM orders")]
#[case::into_temp("SELECT 1 INTO TEMP t")]
#[case::into_in_union("SELECT 1 INTO t UNION SELECT 2")]
#[case::update("SELECT * FROM orders FOR UPDATE")]
#[case::key_share("SELECT * FROM orders FOR KEY SHARE SKIP LOCKED")]
#[case::share_in_cte("WITH x AS (SELECT * FROM orders FOR SHARE) SELECT 1")]
#[case::sample("SELECT * FROM orders TABLESAMPLE BERNOULLI (1) REPEATABLE (1)")]
#[case::xml_table("SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS b text)")]
#[case::json_table("SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (a int))")]
#[case::json_query("SELECT JSON_VALUE('{}', '$.a')")]
#[case::json_scalar("SELECT JSON_SCALAR(1)")]
#[case::xml_element("SELECT xmlelement(name a)")]
#[case::xml_serialize("SELECT xmlserialize(content 'a' AS text)")]
#[case::xml_parse("SELECT xmlparse(document 'a')")]
#[case::bit_string("SELECT B'1'")]
#[case::hex_string("SELECT X'1F'")]
#[case::order_using("SELECT * FROM orders ORDER BY order_id USING >")]
#[case::column_definitions("SELECT * FROM jsonb_each('{}') AS x(a text, b text)")]
#[case::row_definitions("SELECT * FROM ROWS FROM (unnest(ARRAY[1]) AS (a int)) x")]
#[case::default("VALUES (DEFAULT)")]
#[case::aliases_of_a_table_with_hidden_columns("SELECT c FROM stores AS s(a, b, c, d)")]
#[case::variadic("SELECT format('%s', VARIADIC ARRAY['a'])")]
fn a_form(#[case] sql: &str) {
    refuse(sql, RejectionCode::UnsupportedSyntax);
}

#[rstest]
#[case::delete_in_cte("WITH d AS (DELETE FROM orders RETURNING *) SELECT * FROM d")]
#[case::delete_in_inner_cte("SELECT (WITH d AS (DELETE FROM orders RETURNING 1) SELECT 1 FROM d)")]
#[case::with_before_insert("WITH x AS (SELECT 1) INSERT INTO orders SELECT 1")]
#[case::with_before_update("WITH x AS (SELECT 1) UPDATE orders SET store_id = 1")]
#[case::with_before_delete("WITH x AS (SELECT 1) DELETE FROM orders")]
#[case::with_before_merge(
    "WITH x AS (SELECT 1) MERGE INTO orders USING x ON true WHEN MATCHED THEN DELETE"
)]
#[case::explain("EXPLAIN SELECT 1")]
#[case::explain_after_remark("/* SELECT */ EXPLAIN (ANALYZE) SELECT 1")]
#[case::show("SHOW ALL")]
#[case::set("SET x = 1")]
#[case::do_block("DO $$ BEGIN END $$")]
#[case::call("CALL p()")]
#[case::lock("LOCK orders")]
#[case::prepare("PREPARE p AS SELECT 1")]
#[case::create_view("CREATE VIEW v AS SELECT 1")]
fn another_statement(#[case] sql: &str) {
    refuse(sql, RejectionCode::NotASelect);
}

#[rstest]
#[case::two("SELECT 1; SELECT 2")]
#[case::two_with_remark("SELECT 1; -- x\n DELETE FROM orders")]
#[case::empty_between("SELECT 1;; SELECT 2")]
fn two_statements(#[case] sql: &str) {
    refuse(sql, RejectionCode::MultipleStatements);
}

#[rstest]
#[case::collation("SELECT 'a' COLLATE \"en_US\"", RejectionCode::CollationNotAllowed)]
#[case::collation_schema("SELECT 'a' COLLATE retail.\"C\"", RejectionCode::CollationNotAllowed)]
#[case::parameter("SELECT $1", RejectionCode::Parameter)]
#[case::parameter_in_limit("SELECT 1 LIMIT $1", RejectionCode::Parameter)]
#[case::nothing("", RejectionCode::Empty)]
#[case::remark("/* SELECT 1 */ -- x", RejectionCode::Empty)]
#[case::semicolons(" ;; ", RejectionCode::Empty)]
#[case::nul("SELECT 1\0", RejectionCode::InvalidText)]
#[case::wrapper_escape("SELECT 1) q, LATERAL (SELECT 2", RejectionCode::SyntaxError)]
#[case::open_quote("SELECT 'a", RejectionCode::SyntaxError)]
#[case::open_remark("SELECT 1 /* ", RejectionCode::SyntaxError)]
#[case::open_name("SELECT \"a", RejectionCode::SyntaxError)]
#[case::open_dollar("SELECT $a$ $b$", RejectionCode::SyntaxError)]
#[case::current_of("SELECT * FROM orders WHERE CURRENT OF c", RejectionCode::SyntaxError)]
#[case::psql("\\d orders", RejectionCode::SyntaxError)]
#[case::fence("```sql\nSELECT 1\n```", RejectionCode::SyntaxError)]
fn other_faults(#[case] sql: &str, #[case] code: RejectionCode) {
    refuse(sql, code);
}
