//! One entry in the audit log for each call, whichever way it ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::{AuditLog, AuditPlace, QueryRunner};
use retail_domain::{AuditEntry, Error, ErrorCode, Principal, QueryAnswer, QueryLimits, SqlText};
use retail_mcp_protocol::{HttpOptions, McpHttpService};
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{Post, ScriptedRunner, builder, head_office, principal, seattle, statement};

/// Keeps the entries.
#[derive(Clone, Default)]
struct Kept {
    entries: Arc<Mutex<Vec<AuditEntry>>>,
    /// Whether there is no place.
    full: bool,
}

#[async_trait]
impl AuditLog for Kept {
    async fn reserve(&self) -> Result<Box<dyn AuditPlace>, Error> {
        if self.full {
            return Err(Error::new(ErrorCode::Overloaded, "there is no place"));
        }
        // So that calls can be given up while they wait for a place, too.
        tokio::task::yield_now().await;
        Ok(Box::new(self.clone()))
    }
}

impl AuditPlace for Kept {
    fn record(self: Box<Self>, entry: AuditEntry) {
        self.entries.lock().unwrap().push(entry);
    }
}

impl Kept {
    fn service(&self, runner: Arc<dyn QueryRunner>) -> McpHttpService {
        let mcp = builder(runner).audit_log(Arc::new(self.clone())).build().unwrap();
        mcp.streamable_http_service(HttpOptions::default())
    }

    fn only(&self) -> AuditEntry {
        let entries = self.entries.lock().unwrap();
        assert_eq!(entries.len(), 1, "{entries:?}");
        entries[0].clone()
    }
}

fn call(tool: &str, arguments: &Value) -> Post {
    Post::newest("tools/call", json!({ "name": tool, "arguments": arguments }))
}

fn query(sql: &str) -> Post {
    call("execute_sales_query", &json!({ "postgresql_query": sql }))
}

#[rstest]
#[case::good(query("SELECT many"), "execute_sales_query", None, Some(3), true)]
#[case::no_rows(query("SELECT none"), "execute_sales_query", None, Some(0), true)]
#[case::failed(
    query("SELECT wrong"),
    "execute_sales_query",
    Some(ErrorCode::QueryFailed),
    None,
    false
)]
#[case::broken(
    query("SELECT broken"),
    "execute_sales_query",
    Some(ErrorCode::Internal),
    None,
    false
)]
#[case::panicking(
    query("SELECT panic"),
    "execute_sales_query",
    Some(ErrorCode::Internal),
    None,
    false
)]
#[case::wrong_argument(
    call("execute_sales_query", &json!({ "sql": "SELECT 'hunter2'" })),
    "execute_sales_query",
    Some(ErrorCode::InvalidArgument),
    None,
    false
)]
#[case::unknown_tool(
    call("drop_hunter2", &json!({})),
    "unknown",
    Some(ErrorCode::NotFound),
    None,
    false
)]
#[case::own_statement(
    call("get_multiple_table_schemas", &json!({ "table_names": ["retail.orders"] })),
    "get_multiple_table_schemas",
    None,
    None,
    true
)]
#[case::no_statement(call("get_current_utc_date", &json!({})), "get_current_utc_date", None, None, false)]
#[tokio::test]
async fn each_call_is_recorded_once(
    #[case] post: Post,
    #[case] tool: &str,
    #[case] error: Option<ErrorCode>,
    #[case] rows: Option<u64>,
    #[case] has_statement: bool,
) {
    let log = Kept::default();
    let reply = post
        .header("x-request-id", "req-1")
        .by(seattle().await)
        .send_to(log.service(Arc::new(ScriptedRunner)))
        .await;
    let entry = log.only();
    assert_eq!((entry.tool.as_str(), entry.error, entry.rows), (tool, error, rows), "{reply:?}");
    assert_eq!((entry.request_id.as_str(), entry.subject.as_str()), ("req-1", "seattle"));
    assert_eq!(entry.store_id, Some(1));
    assert_eq!(entry.statement.is_some(), has_statement, "{entry:?}");
    assert_eq!(entry.bytes, error.is_none().then(|| reply.text().len() as u64));
    assert!(!format!("{entry:?}").contains("hunter2"));
}

#[tokio::test]
async fn statements_are_told_by_fingerprint_and_tables() {
    let log = Kept::default();
    let service = log.service(Arc::new(ScriptedRunner));
    query("SELECT 'secret'").by(head_office().await).send_to(service.clone()).await;
    let entry = log.only();
    assert_eq!(entry.statement, Some(statement()));
    assert_eq!(entry.store_id, None, "all stores");
    assert!(!entry.request_id.is_empty(), "one is made where there is none");

    log.entries.lock().unwrap().clear();
    let arguments = json!({ "table_names": ["retail.orders"] });
    call("get_multiple_table_schemas", &arguments).by(seattle().await).send_to(service).await;
    let own = log.only().statement.unwrap();
    assert_eq!(own.fingerprint, "get_multiple_table_schemas");
    assert!(own.tables.contains(&"retail.stores".to_owned()), "{own:?}");
}

#[tokio::test]
async fn a_call_without_the_scope_is_recorded() {
    let log = Kept::default();
    let reply = query("SELECT 1")
        .by(principal("seattle:retail.read").await)
        .send_to(log.service(Arc::new(ScriptedRunner)))
        .await;
    assert_eq!(reply.failure()["code"], "forbidden");
    let entry = log.only();
    assert_eq!((entry.error, entry.statement), (Some(ErrorCode::Forbidden), None));
}

/// What lists and describes is no call.
#[tokio::test]
async fn other_requests_are_not_recorded() {
    let log = Kept::default();
    let post = Post::newest("tools/list", json!({})).by(seattle().await);
    post.send_to(log.service(Arc::new(ScriptedRunner))).await.result();
    assert!(log.entries.lock().unwrap().is_empty());
}

/// Takes as long as the statement says, and keeps which statements began and ended.
#[derive(Clone, Default)]
struct SlowRunner {
    begun: Arc<Mutex<Vec<String>>>,
    ended: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl QueryRunner for SlowRunner {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        cursor: Option<String>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let number: u64 = sql.as_str().trim_start_matches("SELECT ").parse().unwrap();
        self.begun.lock().unwrap().push(format!("req-{number}"));
        for _ in 0..number % 7 {
            tokio::time::sleep(Duration::from_millis(number * 37 % 9)).await;
        }
        self.ended.lock().unwrap().push(format!("req-{number}"));
        ScriptedRunner.run_page(principal, sql, cursor, limits).await
    }
}

fn number_of(id: &str) -> u64 {
    id.trim_start_matches("req-").parse().unwrap()
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_not_made() {
    let log = Kept { full: true, ..Kept::default() };
    let runner = SlowRunner::default();
    let service = log.service(Arc::new(runner.clone()));
    let reply = query("SELECT 1").by(seattle().await).send_to(service.clone()).await;
    assert_eq!(reply.failure()["code"], "overloaded");
    assert_eq!(reply.failure()["retryable"], true);
    assert!(runner.begun.lock().unwrap().is_empty());
    let reply = call("no_such_tool", &json!({})).by(seattle().await).send_to(service).await;
    assert_eq!(reply.failure()["code"], "overloaded");
}

/// Six hundred calls, half of them given up at some time: each that began is there once, with its own outcome.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_is_recorded_once_whenever_its_client_leaves() {
    let log = Kept::default();
    let runner = SlowRunner::default();
    let service = log.service(Arc::new(runner.clone()));
    let mut calls = Vec::new();
    for number in 20..620_u64 {
        let request = query(&format!("SELECT {number}"))
            .header("x-request-id", &format!("req-{number}"))
            .by(if number.is_multiple_of(2) { seattle().await } else { head_office().await })
            .into_request();
        calls.push(tokio::spawn(service.clone().oneshot(request)));
        if number % 20 == 19 {
            // Some before they begin, most in the middle, some after their end.
            let before = number - 20;
            let enough = usize::try_from(number * 31 % 21).unwrap();
            for _ in 0..20 {
                let begun = runner.begun.lock().unwrap().clone();
                if begun.iter().filter(|id| number_of(id) > before).count() >= enough {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            for call in calls.iter().skip(calls.len() - 20).step_by(2) {
                call.abort();
            }
        }
    }
    let mut answered = Vec::new();
    for (number, call) in (20..).zip(calls) {
        if call.await.is_ok() {
            answered.push(format!("req-{number}"));
        }
    }
    // What rmcp drops a moment later.
    let begun = runner.begun.lock().unwrap().clone();
    let started = std::time::Instant::now();
    while log.entries.lock().unwrap().len() < begun.len() {
        assert!(started.elapsed() < Duration::from_secs(10), "calls are missing");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut entries = BTreeMap::new();
    for entry in log.entries.lock().unwrap().iter() {
        let number = number_of(&entry.request_id);
        assert_eq!(entry.subject, if number.is_multiple_of(2) { "seattle" } else { "head-office" });
        assert!(entries.insert(entry.request_id.clone(), entry.error).is_none(), "{entry:?} twice");
    }
    for id in &begun {
        assert!(entries.contains_key(id), "{id} began and is not there");
    }
    for id in &answered {
        assert_eq!(entries[id], None, "{id} was answered");
    }
    let ended = runner.ended.lock().unwrap().clone();
    let cancelled = |id: &&String| entries[*id] == Some(ErrorCode::Cancelled);
    let given_up = begun.iter().filter(cancelled).count();
    assert!(given_up > 20, "only {given_up} of {} were given up in the middle", begun.len());
    for id in begun.iter().filter(|id| !ended.contains(id)) {
        assert_eq!(entries[id], Some(ErrorCode::Cancelled), "{id}");
    }
}
