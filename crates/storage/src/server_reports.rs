//! What servers tell each other and operators, by way of the database.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use retail_domain::Error;
use serde::Serialize;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use crate::ServiceDatabase;

const EXCHANGE: &str = "SELECT r.server, r.age_seconds, r.report
    FROM retail_mcp.exchange_server_reports($1, $2) r";
const RECENT: &str = "SELECT called_us, subject, actor, store_name, tool, fingerprint, outcome, row_count, duration_us
    FROM retail_mcp.recent_audit($1)";
const NEWEST: &str = "SELECT retail_mcp.newest_order_date()::text";

/// Longest time for each.
const LONGEST: Duration = Duration::from_secs(5);

/// What a server told, and how long ago.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedReport {
    /// Key of the process.
    pub server: Uuid,
    /// Time since it told, by the clock of the database.
    pub age: Duration,
    /// What it told. To be read with care: it may be of another version.
    pub report: String,
}

/// A call of the audit log, as operators are shown it: no argument, no SQL and no hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RecentCall {
    /// When it came.
    pub called_at: DateTime<Utc>,
    /// Whose rights were used.
    pub subject: String,
    /// The agent that acted for the subject.
    pub actor: Option<String>,
    /// The acting store; none for all stores.
    pub store: Option<String>,
    /// Name of the tool.
    pub tool: String,
    /// The shape of the statement.
    pub fingerprint: Option<String>,
    /// `ok`, or the code of the failure.
    pub outcome: String,
    /// Rows in the answer.
    pub rows: Option<i64>,
    /// From the call to its answer, in microseconds.
    pub duration_us: i64,
}

impl ServiceDatabase {
    /// Leaves a server's report, at most 64 KiB, and gives those of all servers, newest first. Those that have been silent
    /// for a quarter of an hour are left out.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when the database does not answer.
    pub async fn exchange_server_reports(
        &self,
        server: Uuid,
        report: &str,
    ) -> Result<Vec<ReceivedReport>, Error> {
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&server, Type::UUID), (&report, Type::TEXT)];
        let rows = self.rows(EXCHANGE, &parameters, LONGEST).await?;
        rows.iter().map(received).collect::<Result<_, _>>().map_err(|error| unreadable(&error))
    }

    /// The last `count` calls of the audit log, newest first; at most a hundred.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when the database does not answer.
    pub async fn recent_calls(&self, count: u32) -> Result<Vec<RecentCall>, Error> {
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let rows = self.rows(RECENT, &[(&count, Type::INT4)], LONGEST).await?;
        rows.iter().map(call).collect::<Result<_, _>>().map_err(|error| unreadable(&error))
    }

    /// The day of the newest order of any store. None where there is no order.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when the database does not answer.
    pub async fn newest_order_date(&self) -> Result<Option<NaiveDate>, Error> {
        let rows = self.rows(NEWEST, &[], LONGEST).await?;
        let day: Option<&str> = match rows.first() {
            Some(row) => row.try_get(0).map_err(|error| unreadable(&error))?,
            None => None,
        };
        day.map(str::parse).transpose().map_err(Error::internal)
    }
}

fn unreadable(error: &tokio_postgres::Error) -> Error {
    Error::internal(error.to_string())
}

fn received(row: &Row) -> Result<ReceivedReport, tokio_postgres::Error> {
    Ok(ReceivedReport {
        server: row.try_get(0)?,
        // From a time that is to come, the database's clock was set back: who knows when it was.
        age: Duration::try_from_secs_f64(row.try_get(1)?).unwrap_or(Duration::from_hours(1)),
        report: row.try_get(2)?,
    })
}

fn call(row: &Row) -> Result<RecentCall, tokio_postgres::Error> {
    Ok(RecentCall {
        called_at: DateTime::from_timestamp_micros(row.try_get(0)?).unwrap_or_default(),
        subject: row.try_get(1)?,
        actor: row.try_get(2)?,
        store: row.try_get(3)?,
        tool: row.try_get(4)?,
        fingerprint: row.try_get(5)?,
        outcome: row.try_get(6)?,
        rows: row.try_get(7)?,
        duration_us: row.try_get(8)?,
    })
}
