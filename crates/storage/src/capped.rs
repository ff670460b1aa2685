//! The query around a caller's statement.

use std::fmt::Write as _;

use retail_domain::{QueryLimits, Truncation};

/// Added to the size of a row that is too long: no answer is this long, so the cut is known by it.
const TOO_LONG: i64 = 1 << 40;

/// The statement inside a query that caps it and gives each value as text, after `offset` rows.
///
/// Inside brackets PostgreSQL takes nothing but a query: no INSERT, SET, COPY, EXPLAIN, DO, and no
/// WITH that writes. Text keeps every digit, and needs no decoder for each type. The columns are
/// renamed, since a statement may name two alike. Values behind a limit become NULL, so that they
/// never leave the database. The first column is the size of the answer up to the row, in bytes.
pub(crate) fn capped(sql: &str, column_count: usize, offset: u64, limits: &QueryLimits) -> String {
    let names = (0..column_count).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    let mut texts = String::new();
    let mut bytes = String::new();
    let mut values = String::new();
    for i in 0..column_count {
        let comma = if i == 0 { "" } else { "," };
        let plus = if i == 0 { "" } else { "+" };
        // Writing to a String cannot fail.
        let _ = write!(texts, "{comma}q.c{i}::text AS c{i}");
        let _ = write!(bytes, "{plus}coalesce(octet_length(c{i}),0)::int8");
        let _ = write!(values, ",CASE WHEN sent<={} THEN c{i} END", limits.max_bytes);
    }
    let limit = row_limit(limits);
    let max_row_bytes = limits.max_row_bytes;
    format!(
        "SELECT sent{values} FROM (SELECT (sum(CASE WHEN size<={max_row_bytes} THEN size ELSE {TOO_LONG} END) \
         OVER (ROWS UNBOUNDED PRECEDING))::int8 AS sent,* FROM (SELECT {bytes} AS size,* \
         FROM (SELECT {texts} FROM (\n{sql}\n) AS q({names}) LIMIT {limit} OFFSET {offset}) AS t) AS s) AS r"
    )
}

/// The planner's opinion of the statement under the same cap. With parameters for the values that it
/// filters by, the opinion does not depend on how common they are in other stores' rows.
pub(crate) fn estimate(without_filter_values: &str, limits: &QueryLimits) -> String {
    let limit = row_limit(limits);
    format!(
        "EXPLAIN (GENERIC_PLAN, FORMAT JSON) \
         SELECT * FROM (\n{without_filter_values}\n) AS q LIMIT {limit}"
    )
}

/// One row more than the answer holds, to know that there is more.
fn row_limit(limits: &QueryLimits) -> u64 {
    u64::from(limits.max_rows) + 1
}

/// Why a row is not part of the answer: `sent` bytes with it, after `rows` rows.
pub(crate) fn cut(sent: i64, rows: usize, limits: &QueryLimits) -> Option<Truncation> {
    if rows >= limits.max_rows as usize {
        Some(Truncation::Rows(limits.max_rows))
    } else if sent >= TOO_LONG {
        Some(Truncation::RowBytes(limits.max_row_bytes))
    } else if sent > i64::from(limits.max_bytes) {
        Some(Truncation::Bytes(limits.max_bytes))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_comment_does_not_swallow_the_bracket() {
        assert!(capped("SELECT 1 -- one", 1, 0, &QueryLimits::default()).contains("-- one\n)"));
        assert!(estimate("SELECT 1 -- one", &QueryLimits::default()).contains("-- one\n)"));
    }
}
