//! Adds entries to the chain in the database.

use std::sync::Arc;
use std::time::Duration;

use retail_domain::{AuditEntry, Error, ErrorCode};
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::AuditAnchor;
use crate::ServiceDatabase;

/// Longest time for one batch; it may wait for another server's.
const LONGEST: Duration = Duration::from_secs(15);

/// Longest text of an entry, in bytes. Names from tokens and requests may have any length.
const MAX_TEXT_BYTES: usize = 1024;

/// Most tables of an entry. A statement reads fewer.
const MAX_TABLES: usize = 64;

const APPEND: &str = "SELECT last_seq, last_hash FROM retail_mcp.append_audit(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

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
        let columns = Columns::of(entries);
        let rows = self.service.rows(APPEND, &columns.parameters(), LONGEST).await?;
        let row = rows.first().ok_or_else(|| Error::internal("the audit log has no end"))?;
        let unreadable = |error: tokio_postgres::Error| Error::internal(error.to_string());
        let hash: &[u8] = row.try_get(1).map_err(unreadable)?;
        Ok(AuditAnchor {
            seq: row.try_get(0).map_err(unreadable)?,
            hash: hash.try_into().map_err(Error::internal)?,
        })
    }
}

/// Entries by the parameters of the function.
#[derive(Default)]
struct Columns<'a> {
    entry_id: Vec<Uuid>,
    called_us: Vec<i64>,
    request_id: Vec<&'a str>,
    subject: Vec<&'a str>,
    issuer: Vec<Option<&'a str>>,
    actor: Vec<Option<&'a str>>,
    store_id: Vec<Option<i32>>,
    view_as_reason: Vec<Option<&'a str>>,
    tool: Vec<&'a str>,
    fingerprint: Vec<Option<&'a str>>,
    tables: Vec<Option<String>>,
    row_count: Vec<Option<i64>>,
    byte_count: Vec<Option<i64>>,
    outcome: Vec<&'static str>,
    duration_us: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(entries: &'a [AuditEntry]) -> Self {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut columns = Self::default();
        for entry in entries {
            let statement = entry.statement.as_ref();
            columns.entry_id.push(entry.id);
            columns.called_us.push(entry.at.timestamp_micros());
            columns.request_id.push(&entry.request_id);
            columns.subject.push(&entry.subject);
            columns.issuer.push(entry.issuer.as_deref());
            columns.actor.push(entry.actor.as_deref());
            columns.store_id.push(entry.store_id);
            columns.view_as_reason.push(entry.view_as_reason.as_deref());
            columns.tool.push(&entry.tool);
            columns.fingerprint.push(statement.map(|statement| statement.fingerprint.as_str()));
            columns.tables.push(statement.map(|statement| array_literal(&statement.tables)));
            columns.row_count.push(entry.rows.map(whole));
            columns.byte_count.push(entry.bytes.map(whole));
            columns.outcome.push(outcome(entry));
            let duration_us = i64::try_from(entry.duration.as_micros()).unwrap_or(i64::MAX);
            columns.duration_us.push(duration_us);
        }
        columns
    }

    fn parameters(&self) -> [(&(dyn ToSql + Sync), Type); 15] {
        [
            (&self.entry_id, Type::UUID_ARRAY),
            (&self.called_us, Type::INT8_ARRAY),
            (&self.request_id, Type::TEXT_ARRAY),
            (&self.subject, Type::TEXT_ARRAY),
            (&self.issuer, Type::TEXT_ARRAY),
            (&self.actor, Type::TEXT_ARRAY),
            (&self.store_id, Type::INT4_ARRAY),
            (&self.view_as_reason, Type::TEXT_ARRAY),
            (&self.tool, Type::TEXT_ARRAY),
            (&self.fingerprint, Type::TEXT_ARRAY),
            (&self.tables, Type::TEXT_ARRAY),
            (&self.row_count, Type::INT8_ARRAY),
            (&self.byte_count, Type::INT8_ARRAY),
            (&self.outcome, Type::TEXT_ARRAY),
            (&self.duration_us, Type::INT8_ARRAY),
        ]
    }
}

/// A list of texts as PostgreSQL reads one: a list of lists must be of one length, so lists come as texts.
fn array_literal(texts: &[String]) -> String {
    let mut literal = String::from("{");
    for (number, text) in texts.iter().enumerate() {
        literal.push_str(if number == 0 { "\"" } else { ",\"" });
        for letter in text.chars() {
            if matches!(letter, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(letter);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
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
