//! The query around a caller's statement.

use retail_domain::{Column, QueryLimits, Truncation};

/// Added to the size of a row that is too long: no answer is this long, so the cut is known by it.
const TOO_LONG: i64 = 1 << 40;

/// How the bytes of an answer are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cap {
    /// PostgreSQL counts, and sends no value behind the limit.
    Counted,
    /// PostgreSQL cuts what is too long for any row; we count. For a statement whose answer the planner expects to be
    /// small: counting in PostgreSQL costs as much as finding one row by its key.
    Cut,
}

impl Cap {
    /// What suits an answer of so many rows of so many bytes.
    pub(crate) fn for_size(rows: f64, row_bytes: f64, limits: &QueryLimits) -> Self {
        let rows = rows.min(f64::from(limits.max_rows));
        if rows * row_bytes < f64::from(limits.max_bytes) / 4.0 { Self::Cut } else { Self::Counted }
    }

    /// Where the values of a row begin.
    pub(crate) fn first_value(self) -> usize {
        match self {
            Self::Counted => 1,
            Self::Cut => 0,
        }
    }
}

/// The statement inside a query that caps it and gives each value as text, after `offset` rows.
///
/// Inside brackets PostgreSQL takes nothing but a query: no INSERT, SET, COPY, EXPLAIN, DO, and no
/// WITH that writes. Text keeps every digit, and needs no decoder for each type. The columns are
/// renamed, since a statement may name two alike. What is too long never leaves the database. With [`Cap::Counted`] the
/// first column is the size of the answer up to the row, in bytes.
pub(crate) fn capped(
    sql: &str,
    columns: &[Column],
    cap: Cap,
    offset: u64,
    limits: &QueryLimits,
) -> String {
    let names: Vec<String> = (0..columns.len()).map(|i| format!("c{i}")).collect();
    let QueryLimits { max_bytes, max_row_bytes, .. } = limits;
    let texts = |text: &dyn Fn(&str, &Column) -> String| {
        names
            .iter()
            .zip(columns)
            .map(|(name, column)| text(name, column))
            .collect::<Vec<_>>()
            .join(",")
    };
    let rows = |texts: String| {
        let (names, limit) = (names.join(","), row_limit(limits));
        format!("SELECT {texts} FROM (\n{sql}\n) AS q({names}) LIMIT {limit} OFFSET {offset}")
    };
    match cap {
        Cap::Counted => {
            let rows = rows(texts(&|name, _| format!("q.{name}::text AS {name}")));
            let sizes = names.iter().map(|name| format!("coalesce(octet_length({name}),0)::int8"));
            let size = sizes.collect::<Vec<_>>().join("+");
            let values = texts(&|name, _| format!("CASE WHEN sent<={max_bytes} THEN {name} END"));
            format!(
                "SELECT sent::text,{values} FROM (SELECT (sum(CASE WHEN size<={max_row_bytes} THEN size ELSE \
                 {TOO_LONG} END) OVER (ROWS UNBOUNDED PRECEDING))::int8 AS sent,* FROM (SELECT {size} AS size,* \
                 FROM ({rows}) AS t) AS s) AS r"
            )
        }
        // A character has at least one byte: what is too long for a row stays so.
        Cap::Cut => rows(texts(&|name, column| {
            if is_short(&column.pg_type) {
                format!("q.{name}::text AS {name}")
            } else {
                format!("left(q.{name}::text,{}) AS {name}", u64::from(*max_row_bytes) + 1)
            }
        })),
    }
}

/// Types whose values have a few digits at most.
fn is_short(pg_type: &str) -> bool {
    [
        "bool",
        "int2",
        "int4",
        "int8",
        "float4",
        "float8",
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "interval",
        "uuid",
        "oid",
    ]
    .contains(&pg_type)
}

/// Adds up how much was sent.
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

    /// Why a row of so many texts is not part of the answer, which has `rows` rows before it. `text` gives each.
    ///
    /// # Errors
    /// The first one of `text`.
    pub(crate) fn cut<'t, E>(
        &mut self,
        rows: usize,
        texts: usize,
        text: impl Fn(usize) -> Result<Option<&'t str>, E>,
    ) -> Result<Option<Truncation>, E> {
        self.bytes = match self.cap {
            // Without a size there is no knowing that the row fits.
            Cap::Counted => text(0)?.and_then(|sent| sent.parse().ok()).unwrap_or(i64::MAX),
            Cap::Cut => {
                let mut row: usize = 0;
                for i in 0..texts {
                    row += text(i)?.map_or(0, str::len);
                }
                if row > self.limits.max_row_bytes as usize {
                    TOO_LONG
                } else {
                    self.bytes.saturating_add(i64::try_from(row).unwrap_or(TOO_LONG))
                }
            }
        };
        Ok(cut(self.bytes, rows, self.limits))
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
        let columns = [Column { name: "a".to_owned(), pg_type: "int4".to_owned() }];
        for cap in [Cap::Counted, Cap::Cut] {
            assert!(capped("SELECT 1 -- one", &columns, cap, 0, &limits).contains("-- one\n)"));
        }
        let text = [Column { name: "a".to_owned(), pg_type: "text".to_owned() }];
        let cut = format!("left(q.c0::text,{})", limits.max_row_bytes + 1);
        assert!(capped("SELECT 'a'", &text, Cap::Cut, 0, &limits).contains(&cut));
        assert!(!capped("SELECT 1", &columns, Cap::Cut, 0, &limits).contains("left("));
        assert!(estimate("SELECT 1 -- one", &limits).contains("-- one\n)"));
    }
}
