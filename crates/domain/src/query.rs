//! An ad-hoc question in SQL and its answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Error, ErrorCode, Freshness, StatementSummary};

/// The text of a statement that a model wrote. Not trusted in any way.
///
/// `Debug` shows its length alone: literals in it may be personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct SqlText(String);

impl SqlText {
    /// Longest accepted statement, in bytes.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Takes the text, without white space around it and without closing semicolons.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when the text is empty, longer than [`Self::MAX_BYTES`] or has
    /// a NUL character.
    pub fn new(text: &str) -> Result<Self, Error> {
        let trimmed = without_end(text.trim_start_matches('\u{feff}').trim());
        let refuse = |message: &str, hint: &str| {
            Err(Error::new(ErrorCode::InvalidArgument, message).with_hint(hint))
        };
        if trimmed.is_empty() {
            return refuse("postgresql_query parameter is required", "send one SELECT statement");
        }
        if trimmed.len() > Self::MAX_BYTES {
            return refuse(
                "postgresql_query is longer than 16384 bytes",
                "ask a shorter question, or split it in two",
            );
        }
        if trimmed.contains('\0') {
            return refuse("postgresql_query has a NUL character", "remove it");
        }
        Ok(Self(trimmed.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Models like to close a statement with semicolons and a remark behind them.
fn without_end(mut text: &str) -> &str {
    loop {
        text = text.trim_end();
        if let Some(shorter) = text.strip_suffix(';') {
            text = shorter;
        } else if let Some((above, last)) = text.rsplit_once('\n')
            && last.trim_start().starts_with("--")
            && above.trim_end().ends_with(';')
        {
            text = above;
        } else {
            return text;
        }
    }
}

impl fmt::Debug for SqlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlText({} bytes)", self.0.len())
    }
}

/// How much one statement may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueryLimits {
    /// Most rows in an answer.
    pub max_rows: u32,
    /// Most bytes of values in an answer.
    pub max_bytes: u32,
    /// Most bytes of values in one row.
    pub max_row_bytes: u32,
    /// Longest run time in PostgreSQL.
    pub statement_timeout: Duration,
    /// Highest cost that PostgreSQL's planner may expect, in its own units (`seq_page_cost` = 1).
    pub max_plan_cost: u64,
}

impl Default for QueryLimits {
    /// 1,000 rows, 1 MiB, 64 KiB a row, 5 seconds, and a cost of 50 million: a scan of all of the
    /// demo's rows costs some 20 thousand, and what costs more than this runs for minutes.
    fn default() -> Self {
        Self {
            max_rows: 1_000,
            max_bytes: 1024 * 1024,
            max_row_bytes: 64 * 1024,
            statement_timeout: Duration::from_secs(5),
            max_plan_cost: 50_000_000,
        }
    }
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Column {
    /// Name as the statement gave it. Two columns may have the same name.
    pub name: String,
    /// PostgreSQL type, for example `numeric`.
    #[serde(rename = "type")]
    pub pg_type: String,
}

/// The values of one row, in the order of the columns.
///
/// Integers, floats and booleans are JSON values of their kind, `json` and `jsonb` are themselves
/// unless a number in them would lose digits,
/// and all else (`numeric`, dates, UUIDs, …) is a string as PostgreSQL prints it, so that no digit
/// is lost.
pub type JsonRow = Vec<Value>;

/// Rows as the JSON text that goes out, so that nobody builds a tree of them on the way. Cheap to clone.
#[derive(Clone)]
pub struct JsonRows {
    json: Arc<RawValue>,
    count: usize,
}

impl JsonRows {
    /// Takes an array of `count` arrays, each with the values of one row.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when the text is no JSON. The error does not repeat it.
    pub fn from_json(json: String, count: usize) -> Result<Self, Error> {
        // serde_json's error would name a place, not the text; it is left out all the same.
        let json = RawValue::from_string(json)
            .map_err(|_| Error::internal("the rows could not be written as JSON"))?;
        Ok(Self { json: json.into(), count })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows as an array of arrays.
    pub fn as_json(&self) -> &str {
        self.json.get()
    }

    /// The rows one by one, for those who look into them.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] when a row is no array.
    pub fn to_vec(&self) -> Result<Vec<JsonRow>, Error> {
        serde_json::from_str(self.as_json()).map_err(Error::internal)
    }
}

impl From<Vec<JsonRow>> for JsonRows {
    fn from(rows: Vec<JsonRow>) -> Self {
        let count = rows.len();
        let json = rows.into_iter().map(Value::Array).collect::<Value>().to_string();
        #[expect(clippy::expect_used, reason = "serde_json has just written it")]
        let json = RawValue::from_string(json).expect("serde_json has just written it");
        Self { json: json.into(), count }
    }
}

impl Default for JsonRows {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl Serialize for JsonRows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl PartialEq for JsonRows {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

/// Shows how many there are: what stands in them may be personal data.
impl fmt::Debug for JsonRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonRows({})", self.count)
    }
}

/// Why an answer has fewer rows than the statement found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Truncation {
    /// There are more than this many rows.
    Rows(u32),
    /// The values take more than this many bytes.
    Bytes(u32),
    /// The values of the next row take more than this many bytes.
    RowBytes(u32),
}

/// What a statement found.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryAnswer {
    /// The columns, also when there is no row.
    pub columns: Arc<[Column]>,
    /// The rows, at most as many as the limits allow.
    pub rows: JsonRows,
    /// Set when rows were left out.
    pub truncation: Option<Truncation>,
    /// Gives the rows that follow, to the same caller for the same statement. Only where rows were
    /// left out and the statement has an order of its own.
    pub next_cursor: Option<String>,
    /// What was run.
    pub statement: StatementSummary,
    /// Start of the transaction that read the rows: the answer is the data as of this time.
    pub as_of: DateTime<Utc>,
    /// Time from the call to the last row.
    pub elapsed: Duration,
    /// Whether it was read for this call.
    pub freshness: Freshness,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("SELECT 1", "SELECT 1")]
    #[case("  SELECT 1 ;\n", "SELECT 1")]
    #[case("SELECT ';'", "SELECT ';'")]
    #[case("SELECT 1;;", "SELECT 1")]
    #[case("SELECT 1;\n-- the answer", "SELECT 1")]
    #[case("SELECT 1\n-- the answer", "SELECT 1\n-- the answer")]
    #[case("\u{feff}SELECT 1", "SELECT 1")]
    fn closing_semicolons_are_dropped(#[case] given: &str, #[case] expected: &str) {
        assert_eq!(SqlText::new(given).unwrap().as_str(), expected);
    }

    #[rstest]
    #[case("")]
    #[case(" ; ")]
    #[case("SELECT '\0'")]
    fn unusable_text_is_refused(#[case] given: &str) {
        assert_eq!(SqlText::new(given).unwrap_err().code(), ErrorCode::InvalidArgument);
    }

    #[test]
    fn the_length_limit_counts_bytes() {
        let long = format!("SELECT '{}'", "é".repeat(SqlText::MAX_BYTES / 2));
        assert!(SqlText::new(&long).is_err());
    }

    #[test]
    fn debug_hides_the_literals() {
        let sql = SqlText::new("SELECT 'ann@example.com'").unwrap();
        assert!(!format!("{sql:?}").contains("ann"));
    }
}
