//! PostgreSQL's text of a value as JSON.

use retail_domain::{Column, JsonRow};
use serde_json::{Number, Value};
use tokio_postgres::Row;

/// Largest integer that every JSON reader holds exactly, 2^53 - 1 (RFC 8259, section 6).
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// The values of a row, whose first column is not the caller's.
pub(crate) fn json_row(row: &Row, columns: &[Column]) -> Result<JsonRow, tokio_postgres::Error> {
    columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let text: Option<&str> = row.try_get(i + 1)?;
            Ok(text.map_or(Value::Null, |text| json_value(text, &column.pg_type)))
        })
        .collect()
}

/// The JSON value of PostgreSQL's text for a type. What JSON cannot hold exactly stays text.
fn json_value(text: &str, pg_type: &str) -> Value {
    let exact = match pg_type {
        "bool" => Some(Value::Bool(text == "true")),
        "int2" | "int4" | "int8" => text
            .parse::<i64>()
            .ok()
            .filter(|value| value.unsigned_abs() <= MAX_EXACT_INTEGER)
            .map(Value::from),
        "float4" | "float8" => {
            text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
        }
        "json" | "jsonb" if is_exact_json(text) => serde_json::from_str(text).ok(),
        _ => None,
    };
    exact.unwrap_or_else(|| Value::from(text))
}

/// Whether a JSON reader keeps every digit of a document: no fraction, no exponent, no long number.
/// Digits inside strings count too, which costs no more than the text form.
fn is_exact_json(text: &str) -> bool {
    const EXACT_DIGITS: usize = 15;
    let mut digits = 0;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            digits += 1;
        } else if digits > 0 && matches!(byte, b'.' | b'e' | b'E') {
            return false;
        } else {
            digits = 0;
        }
        if digits > EXACT_DIGITS {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("true", "bool", json!(true))]
    #[case("-7", "int4", json!(-7))]
    #[case("9007199254740991", "int8", json!(9_007_199_254_740_991_i64))]
    #[case("9007199254740993", "int8", json!("9007199254740993"))]
    #[case("12.50", "numeric", json!("12.50"))]
    #[case("1.5", "float8", json!(1.5))]
    #[case("NaN", "float8", json!("NaN"))]
    #[case("{\"a\": 1}", "jsonb", json!({"a": 1}))]
    #[case("[12.50]", "jsonb", json!("[12.50]"))]
    #[case("[9007199254740993]", "json", json!("[9007199254740993]"))]
    #[case("2026-11-22", "date", json!("2026-11-22"))]
    fn values_keep_what_json_can_hold(
        #[case] text: &str,
        #[case] pg_type: &str,
        #[case] expected: Value,
    ) {
        assert_eq!(json_value(text, pg_type), expected);
    }
}
