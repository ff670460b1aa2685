//! The last entries, for people.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::Row;
use uuid::Uuid;

use crate::admin::failed;
use crate::{Admin, StorageError};

/// An entry of the audit log as it stands in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// Place in the chain.
    pub seq: i64,
    /// Key that the server gave it.
    pub entry_id: Uuid,
    /// When the call came.
    pub called_at: DateTime<Utc>,
    /// The request's id.
    pub request_id: String,
    /// Whose rights were used.
    pub subject: String,
    /// Who vouches for the subject.
    pub issuer: Option<String>,
    /// The agent that acted for the subject.
    pub actor: Option<String>,
    /// The acting store; none for all stores.
    pub store_id: Option<i32>,
    /// Why head office looked at one store.
    pub view_as_reason: Option<String>,
    /// Name of the tool.
    pub tool: String,
    /// The statement's fingerprint.
    pub fingerprint: Option<String>,
    /// The tables that it reads.
    pub tables: Option<Vec<String>>,
    /// Rows in the answer.
    pub row_count: Option<i64>,
    /// Bytes of the answer's text.
    pub byte_count: Option<i64>,
    /// `ok`, or the code of the failure.
    pub outcome: String,
    /// From the call to its answer, in microseconds.
    pub duration_us: i64,
    /// Hash of the entry, in hexadecimal.
    pub hash: String,
}

impl Admin {
    /// The last `count` entries, oldest first.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn audit_entries(&mut self, count: u32) -> Result<Vec<AuditRecord>, StorageError> {
        self.become_owner().await?;
        let rows = sqlx::query(
            "SELECT seq, entry_id::text, (extract(epoch FROM called_at) * 1000000)::bigint,
                    request_id, subject, issuer, actor, store_id, view_as_reason, tool,
                    fingerprint, tables, row_count, byte_count, outcome, duration_us,
                    encode(hash, 'hex')
             FROM (SELECT * FROM retail_mcp.audit_log ORDER BY seq DESC LIMIT $1) AS newest
             ORDER BY seq",
        )
        .bind(i64::from(count))
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed("read the audit log"))?;
        rows.iter().map(record).collect::<Result<_, _>>().map_err(failed("read the audit log"))
    }
}

fn record(row: &sqlx::postgres::PgRow) -> Result<AuditRecord, sqlx::Error> {
    let entry_id: String = row.try_get(1)?;
    Ok(AuditRecord {
        seq: row.try_get(0)?,
        entry_id: Uuid::parse_str(&entry_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
        called_at: DateTime::from_timestamp_micros(row.try_get(2)?).unwrap_or_default(),
        request_id: row.try_get(3)?,
        subject: row.try_get(4)?,
        issuer: row.try_get(5)?,
        actor: row.try_get(6)?,
        store_id: row.try_get(7)?,
        view_as_reason: row.try_get(8)?,
        tool: row.try_get(9)?,
        fingerprint: row.try_get(10)?,
        tables: row.try_get(11)?,
        row_count: row.try_get(12)?,
        byte_count: row.try_get(13)?,
        outcome: row.try_get(14)?,
        duration_us: row.try_get(15)?,
        hash: row.try_get(16)?,
    })
}
