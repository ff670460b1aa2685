//! The one place that knows what is in a [`QueryAnswer`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use retail_domain::{Column, Freshness, JsonRow, QueryAnswer, StatementSummary, Truncation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::decorators::weigh;

/// A [`QueryAnswer`] in memory and as bytes, without what differs from call to call.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeptAnswer {
    columns: Arc<[Column]>,
    rows: Rows,
    truncation: Option<Truncation>,
    next_cursor: Option<String>,
    statement: StatementSummary,
    as_of: DateTime<Utc>,
    elapsed: Duration,
}

impl From<QueryAnswer> for KeptAnswer {
    fn from(answer: QueryAnswer) -> Self {
        let QueryAnswer {
            columns,
            rows,
            truncation,
            next_cursor,
            statement,
            as_of,
            elapsed,
            freshness: _,
        } = answer;
        let rows = Rows(rows);
        Self { columns, rows, truncation, next_cursor, statement, as_of, elapsed }
    }
}

impl KeptAnswer {
    /// The answer for a call that began at `started`.
    pub(super) fn answer(&self, freshness: Freshness, started: Instant) -> QueryAnswer {
        QueryAnswer {
            columns: Arc::clone(&self.columns),
            rows: self.rows.0.clone(),
            truncation: self.truncation,
            next_cursor: self.next_cursor.clone(),
            statement: self.statement.clone(),
            as_of: self.as_of,
            elapsed: if freshness.cached { started.elapsed() } else { self.elapsed },
            freshness,
        }
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.statement.tables.iter().map(String::as_str)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + weigh::columns(&self.columns)
            + self.rows.bytes()
            + weigh::optional(self.next_cursor.as_deref())
            + weigh::statement(&self.statement)
    }
}

/// The rows. Written as JSON text, since the compact form of the rest cannot hold values of any type.
#[derive(Debug, PartialEq)]
struct Rows(Vec<JsonRow>);

impl Rows {
    fn bytes(&self) -> usize {
        let row = |row: &JsonRow| size_of::<JsonRow>() + row.iter().map(value_bytes).sum::<usize>();
        self.0.iter().map(row).sum()
    }
}

fn value_bytes(value: &Value) -> usize {
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(value_bytes).sum(),
        // A key, a hash and a place in the order each.
        Value::Object(values) => values
            .iter()
            .map(|(name, value)| weigh::text(name) + 2 * size_of::<usize>() + value_bytes(value))
            .sum(),
    };
    size_of::<Value>() + inside
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        serde_json::from_str(text).map(Self).map_err(serde::de::Error::custom)
    }
}
