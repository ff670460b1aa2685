//! A database that knows names, and records of who read what.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::{
    AuditLog, AuditPlace, Clock as _, ObservedOperation, OperationObserver, QueryRunner,
};
use retail_domain::{
    AuditEntry, Error, ErrorCode, Freshness, JsonRow, Principal, QueryAnswer, QueryLimits, SqlText,
    Visibility,
};
use retail_mcp_protocol::{HttpOptions, McpHttpService, RetailMcp};
use serde_json::{Value, json};

use crate::support::{FixedClock, Post, Reply, builder, statement};

/// Stores, with names that row security shows to head office alone, and more product types than a list may have.
pub(crate) struct NamesRunner;

#[async_trait]
impl QueryRunner for NamesRunner {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        _cursor: Option<String>,
        _limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let rows: Vec<JsonRow> = if sql.as_str().contains("AS newest_order") {
            vec![vec![json!("2020-01-01"), json!("2026-11-21"), json!(424), json!(7)]]
        } else {
            names(principal)
        };
        Ok(QueryAnswer {
            columns: [].into(),
            rows: rows.into(),
            truncation: None,
            next_cursor: None,
            statement: statement(),
            as_of: FixedClock.now(),
            elapsed: Duration::from_millis(7),
            freshness: Freshness::default(),
        })
    }
}

fn names(principal: &Principal) -> Vec<JsonRow> {
    let stores: &[&str] = match principal.visibility() {
        // The second as if row security had failed.
        Visibility::Store(_) => &["Zava Retail Seattle", "Zava Retail Tacoma"],
        Visibility::AllStores => {
            &["Zava Retail Online", "Zava Retail Seattle", "Zava Retail Tacoma"]
        }
    };
    let row = |kind: &str, name: String, of: Value| vec![json!(kind), json!(name), of];
    let categories = ["GARDEN & OUTDOOR", "HAND TOOLS", "POWER TOOLS"];
    let mut rows: Vec<JsonRow> = Vec::new();
    rows.extend(categories.map(|name| row("c", name.to_owned(), Value::Null)));
    rows.extend(stores.iter().map(|name| row("s", (*name).to_owned(), Value::Null)));
    rows.push(row("t", "HAMMERS".to_owned(), json!("HAND TOOLS")));
    rows.extend((0..150).map(|n| row("t", format!("DRILL {n:03}"), json!("POWER TOOLS"))));
    rows
}

/// A database that does not answer.
pub(crate) struct Unavailable;

#[async_trait]
impl QueryRunner for Unavailable {
    async fn run_page(
        &self,
        _principal: &Principal,
        _sql: &SqlText,
        _cursor: Option<String>,
        _limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        Err(Error::new(ErrorCode::Unavailable, "the database does not answer")
            .with_cause("hunter2"))
    }
}

/// Keeps what is recorded and what is observed.
#[derive(Clone, Default)]
pub(crate) struct Records {
    entries: Arc<Mutex<Vec<AuditEntry>>>,
    observed: Arc<Mutex<Vec<ObservedOperation>>>,
    /// Whether there is no place in the log.
    is_full: bool,
}

#[async_trait]
impl AuditLog for Records {
    async fn reserve(&self) -> Result<Box<dyn AuditPlace>, Error> {
        if self.is_full {
            return Err(Error::new(ErrorCode::Overloaded, "there is no place"));
        }
        Ok(Box::new(self.clone()))
    }
}

impl AuditPlace for Records {
    fn record(self: Box<Self>, entry: AuditEntry) {
        self.entries.lock().unwrap().push(entry);
    }
}

impl OperationObserver for Records {
    fn operation_ended(&self, operation: &ObservedOperation) {
        self.observed.lock().unwrap().push(*operation);
    }
}

impl Records {
    /// A log without a place.
    pub(crate) fn full() -> Self {
        Self { is_full: true, ..Self::default() }
    }

    pub(crate) fn server(&self, runner: Arc<dyn QueryRunner>) -> RetailMcp {
        let records = Arc::new(self.clone());
        builder(runner).audit_log(Arc::clone(&records) as _).observer(records).build().unwrap()
    }

    pub(crate) fn service(&self, runner: Arc<dyn QueryRunner>) -> McpHttpService {
        self.server(runner).streamable_http_service(HttpOptions::default())
    }

    pub(crate) fn entries(&self) -> Vec<AuditEntry> {
        self.entries.lock().unwrap().clone()
    }

    /// Method and failure of each request.
    pub(crate) fn observed(&self) -> Vec<(&'static str, Option<ErrorCode>)> {
        let observed = self.observed.lock().unwrap();
        assert!(observed.iter().all(|operation| operation.tool.is_none()), "{observed:?}");
        observed.iter().map(|operation| (operation.method, operation.error)).collect()
    }
}

/// A request to a server that knows names.
pub(crate) async fn ask(principal: Principal, method: &str, params: Value) -> Reply {
    let service = Records::default().service(Arc::new(NamesRunner));
    post(method, params).by(principal).send_to(service).await
}

/// A request of the newest protocol, with its headers.
pub(crate) fn post(method: &str, params: Value) -> Post {
    let uri = params["uri"].as_str().filter(|_| method == "resources/read").map(str::to_owned);
    let post = Post::newest(method, params);
    match uri {
        Some(uri) => post.header("mcp-name", &uri),
        None => post,
    }
}

/// The hint of a JSON-RPC error.
pub(crate) fn hint(reply: &Reply) -> &str {
    reply.body["error"]["data"]["hint"].as_str().unwrap_or_else(|| panic!("no hint: {reply:?}"))
}
