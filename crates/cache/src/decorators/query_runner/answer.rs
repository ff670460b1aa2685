//! The one place that knows what is in a [`QueryAnswer`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use retail_domain::{Column, Freshness, JsonRows, QueryAnswer, StatementSummary, Truncation};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// The rows, written as the JSON text that they are, and how many they are.
#[derive(Debug, PartialEq)]
struct Rows(JsonRows);

impl Rows {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.0.as_json().len()
    }
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.as_json(), self.0.len()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (json, count) = <(String, usize)>::deserialize(deserializer)?;
        JsonRows::from_json(json, count).map(Self).map_err(serde::de::Error::custom)
    }
}
