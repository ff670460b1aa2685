//! The query around a caller's statement.

use std::fmt::Write as _;

use retail_domain::{QueryLimits, Truncation};

/// Added to the size of a row that is too long: no answer is this long, so the cut is known by it.
const TOO_LONG: i64 = 1 << 40;

/// How the bytes of an answer are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cap {
    /// PostgreSQL counts, and sends no value behind the limit.
    Counted,
    /// PostgreSQL withholds what is too long for a row; we count. For a statement whose answer the planner expects
    /// to be small: counting in PostgreSQL costs as much as finding one row by its key.
    EachRow,
}

impl Cap {
    /// What suits an answer of so many rows of so many bytes.
    pub(crate) fn for_size(rows: f64, row_bytes: f64, limits: &QueryLimits) -> Self {
        let rows = rows.min(f64::from(limits.max_rows));
        if rows * row_bytes < f64::from(limits.max_bytes) / 4.0 {
            Self::EachRow
        } else {
            Self::Counted
        }
    }
}

/// The statement inside a query that caps it and gives each value as text, after `offset` rows.
///
/// Inside brackets PostgreSQL takes nothing but a query: no INSERT, SET, COPY, EXPLAIN, DO, and no
/// WITH that writes. Text keeps every digit, and needs no decoder for each type. The columns are
/// renamed, since a statement may name two alike. Values behind a limit become NULL, so that they
/// never leave the database. The first column is the size in bytes: of the answer up to the row, or with
/// [`Cap::EachRow`] of the row.
pub(crate) fn capped(
    sql: &str,
    column_count: usize,
    cap: Cap,
    offset: u64,
    limits: &QueryLimits,
) -> String {
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
        let _ = match cap {
            Cap::Counted => write!(values, ",CASE WHEN sent<={} THEN c{i} END", limits.max_bytes),
            Cap::EachRow => {
                write!(values, ",CASE WHEN size<={} THEN c{i} END", limits.max_row_bytes)
            }
        };
    }
    let limit = row_limit(limits);
    let sized = format!(
        "(SELECT {bytes} AS size,* FROM (SELECT {texts} FROM (\n{sql}\n) AS q({names}) \
         LIMIT {limit} OFFSET {offset}) AS t) AS s"
    );
    let max_row_bytes = limits.max_row_bytes;
    match cap {
        Cap::Counted => format!(
            "SELECT sent{values} FROM (SELECT (sum(CASE WHEN size<={max_row_bytes} THEN size ELSE {TOO_LONG} END) \
             OVER (ROWS UNBOUNDED PRECEDING))::int8 AS sent,* FROM {sized}) AS r"
        ),
        Cap::EachRow => format!("SELECT size{values} FROM {sized}"),
    }
}

/// Adds up what the first column says.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    cap: Cap,
    limits: &'a QueryLimits,
    bytes: i64,
}

impl<'a> Sent<'a> {
    pub(crate) fn new(cap: Cap, limits: &'a QueryLimits) -> Self {
        Self { cap, limits, bytes: 0 }
    }

    /// Why the row with this first column is not part of the answer, which has `rows` rows before it.
    pub(crate) fn cut(&mut self, size: i64, rows: usize) -> Option<Truncation> {
        self.bytes = match self.cap {
            Cap::Counted => size,
            Cap::EachRow if size > i64::from(self.limits.max_row_bytes) => TOO_LONG,
            Cap::EachRow => self.bytes.saturating_add(size),
        };
        cut(self.bytes, rows, self.limits)
    }
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
fn cut(sent: i64, rows: usize, limits: &QueryLimits) -> Option<Truncation> {
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
        let limits = QueryLimits::default();
        for cap in [Cap::Counted, Cap::EachRow] {
            assert!(capped("SELECT 1 -- one", 1, cap, 0, &limits).contains("-- one\n)"));
        }
        assert!(estimate("SELECT 1 -- one", &limits).contains("-- one\n)"));
    }
}
