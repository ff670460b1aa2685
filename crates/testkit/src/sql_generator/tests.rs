use std::collections::BTreeSet;

use super::SqlGenerator;

/// Enough for every feature to occur.
const STATEMENTS: usize = 2_000;

#[test]
fn a_seed_gives_one_series_and_each_number_one_statement() {
    let series: Vec<String> = SqlGenerator::new(42).take(200).collect();
    assert_eq!(series, SqlGenerator::new(42).take(200).collect::<Vec<_>>());
    assert_eq!(series.get(150), Some(&SqlGenerator::new(42).statement(150)));
    assert_ne!(series, SqlGenerator::new(43).take(200).collect::<Vec<_>>());
}

#[test]
fn statements_are_many_and_orderly() {
    let all: BTreeSet<String> = SqlGenerator::new(1).take(STATEMENTS).collect();
    assert!(all.len() > STATEMENTS * 95 / 100, "only {} are different", all.len());
    for sql in &all {
        assert!(sql.len() < 16 * 1024 && sql.contains(" ORDER BY 1"), "{sql}");
    }
}

/// What must occur in the text of the statements. A feature that nobody makes is not tested.
const FEATURES: &[&str] = &[
    " JOIN ",
    " LEFT JOIN ",
    " FULL JOIN ",
    " RIGHT JOIN ",
    " USING (",
    "CROSS JOIN LATERAL",
    "LEFT JOIN LATERAL",
    "(VALUES (",
    "generate_series(",
    "WITH RECURSIVE",
    "AS MATERIALIZED",
    "AS NOT MATERIALIZED",
    " UNION ",
    " UNION ALL ",
    " INTERSECT ",
    " EXCEPT ",
    "SELECT DISTINCT ",
    "DISTINCT ON (",
    "GROUP BY",
    "ROLLUP (",
    "CUBE (",
    "GROUPING SETS (",
    "GROUPING(",
    "HAVING",
    "FILTER (WHERE",
    "count(DISTINCT",
    "string_agg(DISTINCT",
    "array_agg(",
    "WITHIN GROUP (ORDER BY",
    "OVER (PARTITION BY",
    "WINDOW w AS",
    "ROWS BETWEEN",
    "RANGE BETWEEN",
    "GROUPS BETWEEN",
    "row_number()",
    "lag(",
    "NOT EXISTS (",
    " EXISTS (",
    " IN (SELECT",
    " NOT IN (SELECT",
    "<= ALL (",
    "= ANY (SELECT",
    "= ANY (ARRAY[",
    "(SELECT count(",
    "CASE WHEN",
    "coalesce(",
    "nullif(",
    "IS DISTINCT FROM",
    "BETWEEN least(",
    "ILIKE",
    " ~ '",
    "IS NOT TRUE",
    "date_trunc(",
    "extract(",
    "make_date(",
    "date_bin(",
    "INTERVAL '",
    "regexp_replace(",
    "split_part(",
    "json_build_object(",
    "JSON_OBJECT(",
    "jsonb_agg(",
    "NULLS FIRST",
    "NULLS LAST",
    " LIMIT ",
    " OFFSET ",
    "WITH TIES",
    "OFFSET 0",
    "total_amount / ",
    "(email)::int",
    "100 / (store_id",
    "OR store_id",
    "count(*) OVER ()",
    "min(customer_id)",
    " FROM retail.stores s ",
    "\"retail\".",
];

#[test]
fn every_feature_occurs() {
    let all: Vec<String> = SqlGenerator::new(1).take(STATEMENTS).collect();
    let missing: Vec<&&str> =
        FEATURES.iter().filter(|feature| !all.iter().any(|sql| sql.contains(**feature))).collect();
    assert!(missing.is_empty(), "nothing has {missing:?}");
}
