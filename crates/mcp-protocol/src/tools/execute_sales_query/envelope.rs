//! How a query's answer is told: the compact text and the receipt.

use retail_domain::{Error, JsonRows, QueryAnswer, QueryLimits, Truncation, Visibility};
use serde::Serialize;

use crate::tools::receipt::Receipt;

/// The text of an answer. The short keys are those of the reference system.
#[derive(Serialize)]
struct Envelope<'a> {
    c: Vec<&'a str>,
    r: &'a JsonRows,
    n: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<String>,
}

/// The answer as compact JSON.
///
/// # Errors
/// [`Internal`](retail_domain::ErrorCode::Internal) when a value cannot be written as JSON.
pub(super) fn text(answer: &QueryAnswer, visibility: &Visibility) -> Result<String, Error> {
    let envelope = Envelope {
        c: answer.columns.iter().map(|column| column.name.as_str()).collect(),
        r: &answer.rows,
        n: answer.rows.len(),
        truncated: answer.truncation.map(|_| true),
        limit: answer.truncation.map(|truncation| limit_and_unit(truncation).0),
        next_cursor: answer.next_cursor.as_deref(),
        msg: message(answer, visibility),
    };
    serde_json::to_string(&envelope).map_err(Error::internal)
}

/// What a reader must know beside the rows. Silence would read as "that is all".
fn message(answer: &QueryAnswer, visibility: &Visibility) -> Option<String> {
    match answer.truncation {
        Some(truncation) => {
            let (limit, unit) = limit_and_unit(truncation);
            let next_page = if answer.next_cursor.is_some() {
                " The next page: send the same statement with next_cursor as cursor."
            } else if answer.rows.is_empty() {
                ""
            } else {
                " With an ORDER BY there would be a cursor for the next page."
            };
            Some(format!(
                "There is more: the result was cut at {limit} {unit}. Aggregate, filter or ask for \
                 fewer columns.{next_page}"
            ))
        }
        None if answer.rows.is_empty() => Some(match visibility {
            Visibility::Store(store) => {
                format!(
                    "No rows. Row security was in force: only rows of {} are visible, so this says \
                     nothing about other stores.",
                    store.name
                )
            }
            Visibility::AllStores => "No rows. The rows of all stores are visible.".to_owned(),
        }),
        None => None,
    }
}

/// Under which identity and limits the rows were read.
pub(super) fn receipt(
    answer: &QueryAnswer,
    visibility: &Visibility,
    limits: &QueryLimits,
) -> Receipt {
    let (limit, limit_unit) = answer.truncation.map_or((limits.max_rows, "rows"), limit_and_unit);
    Receipt {
        limit_unit,
        truncated: answer.truncation.is_some(),
        ..Receipt::new(
            visibility,
            answer.rows.len(),
            limit,
            answer.as_of,
            answer.elapsed,
            answer.freshness,
        )
    }
}

fn limit_and_unit(truncation: Truncation) -> (u32, &'static str) {
    match truncation {
        Truncation::Rows(limit) => (limit, "rows"),
        Truncation::Bytes(limit) => (limit, "bytes"),
        Truncation::RowBytes(limit) => (limit, "bytes in one row"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use retail_domain::{Column, Freshness, RlsUserId, StatementSummary, Store, StoreId};
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn answer(rows: usize, truncation: Option<Truncation>) -> QueryAnswer {
        QueryAnswer {
            columns: [Column { name: "total".to_owned(), pg_type: "numeric".to_owned() }].into(),
            rows: vec![vec![json!("12.50")]; rows].into(),
            truncation,
            next_cursor: None,
            statement: StatementSummary { fingerprint: String::new(), tables: Vec::new() },
            as_of: DateTime::UNIX_EPOCH,
            elapsed: Duration::from_micros(1_234_567),
            freshness: Freshness::default(),
        }
    }

    fn seattle() -> Visibility {
        Visibility::Store(Store {
            id: StoreId(1),
            name: "Zava Retail Seattle".to_owned(),
            rls_user_id: RlsUserId(uuid::Uuid::nil()),
        })
    }

    #[rstest]
    #[case(1, None, seattle(), r#"{"c":["total"],"r":[["12.50"]],"n":1}"#)]
    #[case(
        0,
        None,
        Visibility::AllStores,
        r#"{"c":["total"],"r":[],"n":0,"msg":"No rows. The rows of all stores are visible."}"#
    )]
    #[case(
        0,
        None,
        seattle(),
        r#"{"c":["total"],"r":[],"n":0,"msg":"No rows. Row security was in force: only rows of Zava Retail Seattle are visible, so this says nothing about other stores."}"#
    )]
    #[case(
        2,
        Some(Truncation::Rows(2)),
        Visibility::AllStores,
        r#"{"c":["total"],"r":[["12.50"],["12.50"]],"n":2,"truncated":true,"limit":2,"msg":"There is more: the result was cut at 2 rows. Aggregate, filter or ask for fewer columns. With an ORDER BY there would be a cursor for the next page."}"#
    )]
    #[case(
        0,
        Some(Truncation::Bytes(9)),
        seattle(),
        r#"{"c":["total"],"r":[],"n":0,"truncated":true,"limit":9,"msg":"There is more: the result was cut at 9 bytes. Aggregate, filter or ask for fewer columns."}"#
    )]
    fn the_text_is_compact_and_never_silent_about_what_is_missing(
        #[case] rows: usize,
        #[case] truncation: Option<Truncation>,
        #[case] visibility: Visibility,
        #[case] expected: &str,
    ) {
        assert_eq!(text(&answer(rows, truncation), &visibility).unwrap(), expected);
    }

    #[test]
    fn the_receipt_names_the_store_and_the_limit_that_cut() {
        let limits = QueryLimits::default();
        let cut = receipt(&answer(1, Some(Truncation::Bytes(9))), &seattle(), &limits);
        assert_eq!(cut.acting_store, "Zava Retail Seattle");
        assert_eq!((cut.truncated, cut.limit, cut.limit_unit), (true, 9, "bytes"));
        assert!((cut.elapsed_seconds - 1.234_567).abs() < f64::EPSILON);

        let whole = receipt(&answer(1, None), &Visibility::AllStores, &limits);
        assert_eq!(whole.acting_store, "all stores");
        assert_eq!((whole.truncated, whole.limit, whole.limit_unit), (false, 1_000, "rows"));
    }
}
