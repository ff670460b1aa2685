//! Words of SQL in any order, one for each byte: it reaches deeper than letters do.
#![no_main]

use libfuzzer_sys::fuzz_target;

const WORDS: &[&str] = &[
    "SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "OFFSET", "WITH", "RECURSIVE",
    "AS", "UNION ALL", "UNION", "EXCEPT", "INTERSECT", "VALUES", "TABLE", "DISTINCT", "DISTINCT ON (", "ALL",
    "JOIN", "LEFT JOIN", "FULL JOIN", "CROSS JOIN", "NATURAL JOIN", "LATERAL", "ON", "USING (", "ONLY", "(",
    ")", ",", ".", ";", "*", "+", "-", "/", "%", "^", "=", "<>", "<", ">=", "||", "->>", "~", "~*", "!~~",
    "&&", "@>", "::", "[", "]", "[1:2]", "AND", "OR", "NOT", "IS NULL", "IS NOT TRUE", "IS DISTINCT FROM",
    "IN (", "BETWEEN", "BETWEEN SYMMETRIC", "LIKE", "ILIKE", "SIMILAR TO", "ESCAPE", "ANY (", "ALL (",
    "EXISTS (", "ARRAY[", "ARRAY(", "ROW(", "CASE", "WHEN", "THEN", "ELSE", "END", "CAST(", "COALESCE(",
    "NULLIF(", "GREATEST(", "EXTRACT(YEAR FROM", "SUBSTRING(", "POSITION(", "TRIM(BOTH", "OVERLAY(", "PLACING",
    "FOR", "OVER (", "PARTITION BY", "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", "WINDOW w AS (", "FILTER (WHERE",
    "WITHIN GROUP (ORDER BY", "GROUPING SETS (", "ROLLUP (", "CUBE (", "GROUPING(", "ASC", "DESC NULLS LAST",
    "FETCH FIRST 5 ROWS WITH TIES", "COLLATE \"C\"", "AT TIME ZONE", "INTERVAL", "DATE", "TIMESTAMP", "WITH ORDINALITY",
    "ROWS FROM (", "TABLESAMPLE SYSTEM (1)", "FOR UPDATE", "INTO t", "JSON_OBJECT(", "JSON_ARRAYAGG(", "KEY", "VALUE",
    "retail.", "orders", "order_items", "stores", "products", "customers", "o", "s", "t", "n", "store_id", "order_id",
    "rls_user_id", "total_amount", "order_date", "\"order_date\"", "ctid", "pg_class", "pg_catalog.", "count(", "sum(",
    "string_agg(", "repeat(", "lpad(", "format(", "generate_series(", "power(", "exp(", "translate(", "replace(",
    "set_config(", "pg_sleep(", "to_char(", "unnest(", "jsonb_each(", "now()", "CURRENT_DATE", "current_user", "1", "2",
    "0.5", "1e9", "-1", "'x'", "'2024-01-01'", "'1 day'", "E'\\n'", "U&'\\0041'", "$$x$$", "$1", "NULL", "TRUE",
    "int", "text", "numeric(10,2)", "regclass", "float8", "jsonb", "-- c\n", "/* c */", "MATERIALIZED", "SEARCH DEPTH FIRST BY n SET q",
    "CYCLE n SET c USING p", "XMLTABLE(", "JSON_TABLE(", "OPERATOR(pg_catalog.=)", "=>", "VARIADIC", "DELETE FROM", "EXPLAIN",
];

fuzz_target!(|bytes: &[u8]| {
    let words: Vec<&str> =
        bytes.iter().take(600).filter_map(|byte| WORDS.get(usize::from(*byte)).copied()).collect();
    if let Some(query) = retail_fuzz::check(&words.join(" ")) {
        retail_fuzz::check_envelope(&query);
    }
});
