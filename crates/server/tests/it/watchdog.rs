//! A server that looks alive and answers no calls says so.

use std::net::TcpStream;
use std::time::Duration;

use retail_testkit::{TestDatabase, store};
use serde_json::{Value, json};

use crate::support::{Call, PATIENCE, TestServer, access_to};

/// Two series of this length: counting their pairs takes minutes.
const LONG: &str = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b";

/// Waits until `/ready` has this status, and gives what it says of the way of calls.
async fn tool_path_at(server: &TestServer, status: u16) -> Value {
    let started = std::time::Instant::now();
    loop {
        let reply = server.get("/ready").await;
        if reply.status == status {
            let parts = reply.body["parts"].as_array().unwrap().clone();
            return parts.into_iter().find(|part| part["part"] == "tool_path").unwrap_or_default();
        }
        assert!(started.elapsed() < PATIENCE, "still {reply:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A call that runs: while one of the watchdog's own does, it is turned away.
fn running(send: impl Fn() -> TcpStream) -> TcpStream {
    loop {
        let stream = send();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        if stream.peek(&mut [0]).is_err() {
            return stream;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_get_no_answers_are_noticed_while_all_else_is_well() {
    let server = TestServer::seeded(&[
        ("TELEMETRY__WATCHDOG__EVERY", "100ms"),
        ("QUERY__STATEMENT_TIMEOUT", "50s"),
        // One caller can take all there is.
        ("LIMITS__MAX_CONCURRENT", "1"),
        ("LIMITS__PRINCIPAL_MAX_CONCURRENT", "1"),
    ])
    .await;
    let address = server.listen().await;
    assert_eq!(tool_path_at(&server, 200).await["ok"], true);
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let stuck = running(|| Call::query(LONG).bearer(&seattle).send_to(address));
    let tool_path = tool_path_at(&server, 503).await;
    assert_eq!(tool_path["ok"], false);
    let problem = tool_path["problem"].as_str().unwrap();
    assert!(problem.contains("turned away for long"), "{problem}");
    assert_eq!(server.get("/health").await.status, 200, "the process lives");
    drop(stuck);
    assert_eq!(tool_path_at(&server, 200).await["ok"], true);
}

#[tokio::test]
async fn its_calls_see_no_rows_of_a_store_and_are_in_the_audit_log() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::with(access_to(&database), &[("TELEMETRY__WATCHDOG__EVERY", "50ms")]);
    let entries = || {
        database.psql(
            "SELECT DISTINCT subject, store_id, tool, outcome FROM retail_mcp.audit_log
             WHERE subject = 'retail-mcp watchdog'",
        )
    };
    let started = std::time::Instant::now();
    while entries().trim().is_empty() {
        assert!(started.elapsed() < PATIENCE, "no call");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(entries().trim(), "retail-mcp watchdog|0|execute_sales_query|ok");
    assert_eq!(tool_path_at(&server, 200).await, json!({ "part": "tool_path", "ok": true }));
}

/// What does not answer is named by itself, and the way of calls is not blamed for it: so all is well the moment that it is
/// back.
#[tokio::test]
async fn a_database_that_is_away_explains_it() {
    let database = TestDatabase::seeded().await;
    let mut access = access_to(&database);
    access.settings.host = "127.0.0.1".to_owned();
    // The port of no service.
    access.settings.port = 1;
    let server = TestServer::with(access, &[("TELEMETRY__WATCHDOG__EVERY", "50ms")]);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(tool_path_at(&server, 503).await["ok"], true);
}

/// Answers that no statement is behind prove nothing, and one lock of a table is no reason to leave.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_asks_the_database_and_no_table() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::with(access_to(&database), &[("TELEMETRY__WATCHDOG__EVERY", "100ms")]);
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let asked = || {
        database
            .psql("SELECT count(*) FROM retail_mcp.audit_log WHERE subject = 'retail-mcp watchdog'")
    };
    let started = std::time::Instant::now();
    while asked().trim().parse::<u32>().unwrap() < 3 {
        assert!(started.elapsed() < PATIENCE, "it leaves it to calls that ask no database");
        server.send(Call::tool("get_current_utc_date", &json!({})).bearer(&seattle)).await;
    }
    let lock = "BEGIN; LOCK TABLE retail.categories, retail.products, retail.orders IN ACCESS EXCLUSIVE MODE;
                SELECT pg_sleep(3); ROLLBACK";
    let database = std::sync::Arc::new(database);
    let other = std::sync::Arc::clone(&database);
    let locked = tokio::task::spawn_blocking(move || other.psql(lock));
    while !locked.is_finished() {
        let reply = server.get("/ready").await;
        let parts = reply.body["parts"].as_array().unwrap();
        let tool_path = parts.iter().find(|part| part["part"] == "tool_path").unwrap();
        assert_eq!(tool_path["ok"], true, "{reply:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
