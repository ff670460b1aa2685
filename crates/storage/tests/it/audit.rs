//! The audit log: each entry once, in a chain that tells when somebody touched it.

mod access;
mod tampered;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use retail_domain::ports::AuditLog;
use retail_domain::{AuditEntry, ErrorCode, Principal, StatementSummary};
use retail_storage::{
    AuditAnchor, AuditPolicy, AuditReport, AuditSettings, AuditWriter, DatabaseSettings,
    ServiceDatabase,
};
use retail_testkit::TestDatabase;

const PATIENCE: Duration = Duration::from_secs(30);

/// An entry that says which one it is.
fn entry(principal: &Principal, number: usize) -> AuditEntry {
    let at = DateTime::from_timestamp_micros(1_795_382_757_123_456).unwrap();
    let request = format!("request-{number}");
    let mut entry = AuditEntry::begin(at, request, principal, "execute_sales_query");
    entry.statement = Some(StatementSummary {
        fingerprint: "50fde20626009aba".to_owned(),
        tables: vec!["retail.orders".to_owned(), "retail.stores".to_owned()],
    });
    (entry.rows, entry.bytes) = (Some(3), Some(120));
    entry.error = number.is_multiple_of(3).then_some(ErrorCode::QueryFailed);
    entry.duration = Duration::from_micros(1_234);
    entry
}

fn writer_on(
    database: &TestDatabase,
    settings: &DatabaseSettings,
    audit: AuditSettings,
) -> Arc<AuditWriter> {
    let service = ServiceDatabase::new(settings, &database.service_login()).unwrap();
    Arc::new(AuditWriter::start(Arc::new(service), audit).unwrap())
}

fn writer(database: &TestDatabase) -> Arc<AuditWriter> {
    writer_on(database, &database.settings(), AuditSettings::default())
}

/// Records entries of these numbers, one after another.
async fn record(
    writer: &AuditWriter,
    principal: &Principal,
    numbers: impl Iterator<Item = usize> + Send,
) {
    for number in numbers {
        writer.reserve().await.unwrap().record(entry(principal, number));
    }
}

async fn verify(database: &TestDatabase, anchor: Option<AuditAnchor>) -> AuditReport {
    let mut admin = database.admin().await;
    let report = admin.verify_audit(anchor).await.unwrap();
    admin.close().await;
    report
}

/// Fails unless the chain is good and has this many entries.
#[track_caller]
fn assert_good(report: &AuditReport, entries: u64) {
    assert_eq!((report.first_break, report.entries), (None, entries), "{report:?}");
}

/// How many rows there are, how many requests they are of, and how many numbers are left out.
fn counted(database: &TestDatabase) -> String {
    let sql = "SELECT count(*), count(DISTINCT request_id), coalesce(max(seq), 0) - count(*)
               FROM retail_mcp.audit_log";
    database.psql(sql).trim().to_owned()
}

/// Waits until something is so.
async fn until(what: &str, so: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !so() {
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Blocks at once when there is no place.
fn impatient(queue_entries: usize) -> AuditSettings {
    AuditSettings { policy: AuditPolicy::Block, queue_entries, wait: Duration::from_millis(200) }
}
