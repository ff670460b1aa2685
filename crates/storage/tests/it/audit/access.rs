//! Who can do what to the log, by trying.

use retail_domain::ports::QueryRunner;
use retail_domain::{QueryLimits, SqlText};
use retail_storage::PgQueryRunner;
use retail_testkit::{TestDatabase, head_office};
use rstest::rstest;
use std::sync::Arc;
use tokio_postgres::error::SqlState;

use super::{PATIENCE, assert_good, record, verify, writer};
use crate::isolation::connect;

/// What no login may do. The query roles may not append either.
const ATTEMPTS: &[&str] = &[
    "SELECT * FROM retail_mcp.audit_log",
    "SELECT seq FROM retail_mcp.audit_log",
    "SELECT count(*) FROM retail_mcp.audit_log",
    "SELECT a.*::text FROM retail_mcp.audit_log a",
    "TABLE retail_mcp.audit_head",
    "COPY retail_mcp.audit_log TO STDOUT",
    "INSERT INTO retail_mcp.audit_log SELECT * FROM retail_mcp.audit_log",
    "INSERT INTO retail_mcp.audit_log (seq) VALUES (99)",
    "UPDATE retail_mcp.audit_log SET subject = 'x'",
    "UPDATE retail_mcp.audit_head SET last_seq = 0",
    "DELETE FROM retail_mcp.audit_log",
    "DELETE FROM retail_mcp.audit_head",
    "MERGE INTO retail_mcp.audit_log a USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE",
    "TRUNCATE retail_mcp.audit_log",
    "TRUNCATE retail_mcp.audit_head",
    "DROP TABLE retail_mcp.audit_log",
    "ALTER TABLE retail_mcp.audit_log DISABLE TRIGGER ALL",
    "ALTER TABLE retail_mcp.audit_log DISABLE ROW LEVEL SECURITY",
    "DROP TRIGGER keep_audit ON retail_mcp.audit_log",
    "LOCK TABLE retail_mcp.audit_log IN ACCESS EXCLUSIVE MODE",
    "SELECT 1 FROM retail_mcp.audit_head FOR UPDATE",
    "CREATE INDEX ON retail_mcp.audit_log (subject)",
    "CREATE VIEW retail_mcp.seen AS SELECT * FROM retail_mcp.audit_log",
    "CREATE POLICY mine ON retail_mcp.audit_log USING (true)",
    "GRANT SELECT ON retail_mcp.audit_log TO PUBLIC",
    "SELECT retail_mcp.prune_audit(1)",
    "SELECT retail_mcp.audit_link('', '', 'x')",
    "SELECT retail_mcp.audit_chain('', 'x')",
    "CREATE OR REPLACE FUNCTION retail_mcp.append_audit(p_entry_id uuid[]) RETURNS TABLE (last_seq bigint,
         last_hash bytea) LANGUAGE sql AS 'SELECT 1::bigint, NULL::bytea'",
    "INSERT INTO retail_mcp.identity (issuer, claim, value, all_stores, scopes)
         VALUES ('i', 'sub', 'me', true, '{}')",
    "UPDATE retail_mcp.identity SET all_stores = true",
    "DELETE FROM retail_mcp.identity",
    "SELECT note FROM retail_mcp.identity",
    "SET ROLE retail_owner",
    "SET SESSION AUTHORIZATION retail_owner",
];

/// What the query roles may not do besides.
const QUERY_ATTEMPTS: &[&str] = &[
    "SELECT * FROM retail_mcp.append_audit(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    "SELECT * FROM retail_mcp.recent_audit(1)",
    "SELECT retail_mcp.newest_order_date()",
    "SELECT * FROM retail_mcp.exchange_server_reports('00000000-0000-0000-0000-000000000000', 'x')",
    "SELECT issuer FROM retail_mcp.identity",
    "SELECT rls_user_id FROM retail.stores",
];

/// What the service login may not do besides: it has nothing of the callers' data.
const SERVICE_ATTEMPTS: &[&str] = &[
    "SELECT is_online FROM retail.stores",
    "SELECT * FROM retail.orders",
    "SELECT * FROM retail.customers",
    "SELECT * FROM retail.products",
    "SELECT * FROM retail_mcp.product_texts",
    "SELECT * FROM retail.sales_by_day",
    "SELECT * FROM retail.store_benchmark",
    "SELECT * FROM retail_mcp.benchmark_month",
    "SELECT * FROM retail_mcp.publish_store_benchmarks('2026-01-31', true)",
    "SELECT * FROM retail_mcp.server_report",
    "DELETE FROM retail_mcp.server_report",
    "SELECT * FROM retail_sec.identity_key",
    "SELECT retail_sec.current_store_id()",
    "SELECT * FROM retail_sec.posture()",
    "UPDATE retail.stores SET store_name = 'x'",
    "SET ROLE retail_query_hq",
];

#[rstest]
#[case("retail_query")]
#[case("retail_query_hq")]
#[case("retail_service")]
#[tokio::test]
async fn no_login_can_read_or_alter_the_log(#[case] role: &str) {
    let database = TestDatabase::seeded().await;
    let writer = writer(&database);
    record(&writer, &head_office().await, 0..3).await;
    writer.flush(PATIENCE).await.unwrap();
    let before = database.psql("SELECT a FROM retail_mcp.audit_log a ORDER BY seq");
    let logins = database.query_logins();
    let (login, more) = match role {
        "retail_query" => (logins.stores, QUERY_ATTEMPTS),
        "retail_query_hq" => (logins.head_office, QUERY_ATTEMPTS),
        _ => (database.service_login(), SERVICE_ATTEMPTS),
    };
    let client = connect(&database, &login).await;
    for attempt in ATTEMPTS.iter().chain(more) {
        // The privileges must refuse it, not the transaction.
        let tried = client.simple_query(&format!("BEGIN READ WRITE; {attempt}")).await;
        let error = tried.expect_err(attempt);
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{attempt}: {error:?}");
        client.simple_query("ROLLBACK").await.unwrap();
    }
    assert_eq!(database.psql("SELECT a FROM retail_mcp.audit_log a ORDER BY seq"), before);
    assert_good(&verify(&database, None).await, 3);
}

/// Not even the owner changes an entry by mistake, nor a superuser, nor a session that says it replicates.
#[rstest]
#[case("UPDATE retail_mcp.audit_log SET subject = 'x' WHERE seq = 1")]
#[case("DELETE FROM retail_mcp.audit_log WHERE seq = 1")]
#[case("DELETE FROM retail_mcp.audit_log WHERE seq = 3")]
#[case("TRUNCATE retail_mcp.audit_log")]
#[case("UPDATE retail_mcp.audit_head SET last_seq = 1")]
#[case("DELETE FROM retail_mcp.audit_head")]
#[case("TRUNCATE retail_mcp.audit_head")]
#[case("SELECT retail_mcp.prune_audit(99)")]
#[tokio::test]
async fn the_triggers_bind_everybody(#[case] change: &str) {
    let database = TestDatabase::seeded().await;
    let writer = writer(&database);
    record(&writer, &head_office().await, 0..3).await;
    writer.flush(PATIENCE).await.unwrap();
    let client = connect(&database, &database.superuser()).await;
    for first in
        ["SET LOCAL ROLE retail_owner", "SELECT 1", "SET LOCAL session_replication_role = replica"]
    {
        let tried = client.simple_query(&format!("BEGIN; {first}; {change}")).await;
        assert!(tried.is_err(), "{first}: {change}");
        client.simple_query("ROLLBACK").await.unwrap();
    }
    assert_good(&verify(&database, None).await, 3);
}

/// The guard knows nothing of these tables, so a caller's statement does not get as far as the roles.
#[tokio::test]
async fn callers_statements_cannot_name_the_log() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    for name in ["audit_log", "audit_head", "identity"] {
        let sql = SqlText::new(&format!("SELECT 1 FROM retail_mcp.{name}")).unwrap();
        let error =
            runner.run(&head_office().await, &sql, &QueryLimits::default()).await.unwrap_err();
        assert!(error.statement().is_none(), "{error}");
    }
}
