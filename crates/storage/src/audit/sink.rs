//! Adds entries to the chain in the database.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use retail_domain::{AuditEntry, Error, ErrorCode};
use serde::Serialize;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::AuditAnchor;
use crate::ServiceDatabase;

/// Longest time for one batch; it may wait for another server's.
const LONGEST: Duration = Duration::from_secs(15);

/// Longest text of an entry, in bytes. Names from tokens and requests may have any length.
const MAX_TEXT_BYTES: usize = 1024;

/// Most tables of an entry. A statement reads fewer.
const MAX_TABLES: usize = 64;

const APPEND: &str = "SELECT last_seq, last_hash FROM retail_mcp.append_audit($1::jsonb)";

/// The end of `retail_mcp.audit_log`.
pub(super) struct PgAuditSink {
    service: Arc<ServiceDatabase>,
}

impl PgAuditSink {
    pub(super) fn new(service: Arc<ServiceDatabase>) -> Self {
        Self { service }
    }

    /// Adds entries, in their order, and gives the new end of the chain. Entries that are there already are
    /// passed over, so it may be tried again whatever became of the first try.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorCode::Unavailable) when the database does not answer.
    pub(super) async fn append(&self, entries: &[AuditEntry]) -> Result<AuditAnchor, Error> {
        let rows: Vec<Named<'_>> = entries.iter().map(Named::new).collect();
        let entries = serde_json::to_string(&rows).map_err(Error::internal)?;
        let rows = self.service.rows(APPEND, &[(&entries, Type::TEXT)], LONGEST).await?;
        let row = rows.first().ok_or_else(|| Error::internal("the audit log has no end"))?;
        let unreadable = |error: tokio_postgres::Error| Error::internal(error.to_string());
        let hash: &[u8] = row.try_get(1).map_err(unreadable)?;
        Ok(AuditAnchor {
            seq: row.try_get(0).map_err(unreadable)?,
            hash: hash.try_into().map_err(Error::internal)?,
        })
    }
}

/// An entry by the names of the table's columns.
#[derive(Serialize)]
struct Named<'a> {
    entry_id: Uuid,
    called_at: String,
    request_id: &'a str,
    subject: &'a str,
    issuer: Option<&'a str>,
    actor: Option<&'a str>,
    store_id: Option<i32>,
    view_as_reason: Option<&'a str>,
    tool: &'a str,
    fingerprint: Option<&'a str>,
    tables: Option<&'a [String]>,
    row_count: Option<i64>,
    byte_count: Option<i64>,
    outcome: &'static str,
    duration_us: i64,
}

impl<'a> Named<'a> {
    fn new(entry: &'a AuditEntry) -> Self {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let statement = entry.statement.as_ref();
        Self {
            entry_id: entry.id,
            called_at: entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            request_id: &entry.request_id,
            subject: &entry.subject,
            issuer: entry.issuer.as_deref(),
            actor: entry.actor.as_deref(),
            store_id: entry.store_id,
            view_as_reason: entry.view_as_reason.as_deref(),
            tool: &entry.tool,
            fingerprint: statement.map(|statement| statement.fingerprint.as_str()),
            tables: statement.map(|statement| statement.tables.as_slice()),
            row_count: entry.rows.map(whole),
            byte_count: entry.bytes.map(whole),
            outcome: outcome(entry),
            duration_us: i64::try_from(entry.duration.as_micros()).unwrap_or(i64::MAX),
        }
    }
}

/// `ok`, or the code of the failure.
pub(super) fn outcome(entry: &AuditEntry) -> &'static str {
    entry.error.map_or("ok", ErrorCode::as_str)
}

/// The entry in a form that the database takes in any case. One that it refused would hold up all behind it.
pub(super) fn storable(mut entry: AuditEntry) -> AuditEntry {
    let texts = [&mut entry.request_id, &mut entry.subject, &mut entry.tool];
    let optional = [&mut entry.issuer, &mut entry.actor, &mut entry.view_as_reason];
    texts.into_iter().chain(optional.into_iter().flatten()).for_each(shorten);
    if let Some(statement) = &mut entry.statement {
        statement.tables.truncate(MAX_TABLES);
        shorten(&mut statement.fingerprint);
        statement.tables.iter_mut().for_each(shorten);
    }
    entry
}

/// PostgreSQL takes no NUL in a text.
fn shorten(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', "\u{fffd}");
    }
    text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
}
