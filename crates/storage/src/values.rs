//! PostgreSQL's text of values as JSON text.

use retail_domain::{Column, Error, JsonRows};
use serde_json::{Number, Value};

/// Largest integer that every JSON reader holds exactly, 2^53 - 1 (RFC 8259, section 6).
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// Writes rows as one array of arrays.
#[derive(Debug)]
pub(crate) struct RowsWriter {
    kinds: Box<[Kind]>,
    json: String,
    count: usize,
}

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Integer,
    Float,
    Json,
    Text,
}

impl RowsWriter {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let kinds = columns.iter().map(|column| Kind::of(&column.pg_type)).collect();
        Self { kinds, json: "[".to_owned(), count: 0 }
    }

    /// How many rows were written.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Writes a row. `value` gives the text of the value of each column, from 0.
    ///
    /// # Errors
    /// The first one of `value`. Nothing must be written after it.
    pub(crate) fn row<'a, E>(
        &mut self,
        value: impl Fn(usize) -> Result<Option<&'a str>, E>,
    ) -> Result<(), E> {
        self.json.push_str(if self.count == 0 { "[" } else { ",[" });
        for (i, kind) in self.kinds.iter().enumerate() {
            if i > 0 {
                self.json.push(',');
            }
            match value(i)? {
                None => self.json.push_str("null"),
                Some(text) => kind.write(text, &mut self.json),
            }
        }
        self.json.push(']');
        self.count += 1;
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<JsonRows, Error> {
        self.json.push(']');
        JsonRows::from_json(self.json, self.count)
    }
}

impl Kind {
    fn of(pg_type: &str) -> Self {
        match pg_type {
            "bool" => Self::Boolean,
            "int2" | "int4" | "int8" => Self::Integer,
            "float4" | "float8" => Self::Float,
            "json" | "jsonb" => Self::Json,
            _ => Self::Text,
        }
    }

    /// What JSON cannot hold exactly stays text.
    fn write(self, text: &str, json: &mut String) {
        match self {
            Self::Boolean => json.push_str(if text == "true" { "true" } else { "false" }),
            Self::Integer if is_exact_integer(text) => json.push_str(text),
            Self::Float => match text.parse::<f64>().ok().and_then(Number::from_f64) {
                Some(number) => json.push_str(&number.to_string()),
                None => push_string(text, json),
            },
            // A tree, to know that the reader can make one as well.
            Self::Json if is_exact_json(text) && serde_json::from_str::<Value>(text).is_ok() => {
                json.push_str(text);
            }
            Self::Integer | Self::Json | Self::Text => push_string(text, json),
        }
    }
}

fn is_exact_integer(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|value| value.unsigned_abs() <= MAX_EXACT_INTEGER)
}

fn push_string(text: &str, json: &mut String) {
    let is_plain = text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
    if is_plain {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&Value::from(text).to_string());
    }
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
    #[case("say \"5\"\n\\ \u{1}é", "text", json!("say \"5\"\n\\ \u{1}é"))]
    #[case("false", "bool", json!(false))]
    #[case("1e+300", "float8", json!(1e300))]
    #[case("[1", "json", json!("[1"))]
    fn values_keep_what_json_can_hold(
        #[case] text: &str,
        #[case] pg_type: &str,
        #[case] expected: Value,
    ) {
        let columns = [Column { name: "a".to_owned(), pg_type: pg_type.to_owned() }];
        let mut rows = RowsWriter::new(&columns);
        rows.row(|_| Ok::<_, ()>(Some(text))).unwrap();
        rows.row(|_| Ok::<_, ()>(None)).unwrap();
        let rows = rows.finish().unwrap();
        assert_eq!(rows.to_vec().unwrap(), [[expected], [Value::Null]]);
        assert_eq!(rows.len(), 2);
    }
}
