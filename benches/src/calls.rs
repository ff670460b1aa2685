//! A tool call without a database: what stands around it is what is measured.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use retail_domain::ports::{QueryRunner, SchemaCatalog};
use retail_domain::{
    Column, Error, Freshness, JsonRows, Principal, QueryAnswer, QueryLimits, RetailTable, SqlText,
    StatementSummary, TableSchema,
};
use retail_mcp_protocol::{HttpOptions, McpHttpService, RetailMcp};
use tower::ServiceExt as _;

/// One product with its stock, as most answers are.
const ROW: &str = r#"["HTHM001600","Claw Hammer 16oz","24.99",17]"#;

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"execute_sales_query",
    "arguments":{"postgresql_query":"SELECT p.sku, p.product_name, p.base_price, i.stock_level FROM retail.products p JOIN retail.inventory i USING (product_id) WHERE p.sku = 'HTHM001600'"},
    "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
    "io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},
    "io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// Answers each statement with the same rows.
#[derive(Debug, Clone)]
pub struct ConstantRunner(QueryAnswer);

impl ConstantRunner {
    /// So many rows of four columns.
    pub fn new(rows: usize) -> Self {
        let columns = [
            ("sku", "text"),
            ("product_name", "text"),
            ("base_price", "numeric"),
            ("stock_level", "int4"),
        ];
        let json = format!("[{}]", vec![ROW; rows].join(","));
        Self(QueryAnswer {
            columns: columns
                .map(|(name, pg_type)| Column {
                    name: name.to_owned(),
                    pg_type: pg_type.to_owned(),
                })
                .into(),
            rows: JsonRows::from_json(json, rows).expect("rows"),
            truncation: None,
            next_cursor: None,
            statement: StatementSummary {
                fingerprint: "50fde20626009aba".to_owned(),
                tables: vec!["retail.products".to_owned(), "retail.inventory".to_owned()],
            },
            as_of: DateTime::<Utc>::UNIX_EPOCH,
            elapsed: Duration::from_millis(1),
            freshness: Freshness::default(),
        })
    }
}

#[async_trait]
impl QueryRunner for ConstantRunner {
    async fn run_page(
        &self,
        _principal: &Principal,
        _sql: &SqlText,
        _cursor: Option<String>,
        _limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        Ok(self.0.clone())
    }
}

struct NoCatalog;

#[async_trait]
impl SchemaCatalog for NoCatalog {
    async fn describe(
        &self,
        _principal: &Principal,
        _tables: &[RetailTable],
    ) -> Result<Arc<[TableSchema]>, Error> {
        Ok(Arc::new([]))
    }
}

/// A server of `runner` without anything in front.
pub fn mcp_service(runner: Arc<dyn QueryRunner>) -> McpHttpService {
    RetailMcp::builder()
        .query_runner(runner)
        .schema_catalog(Arc::new(NoCatalog))
        .build()
        .expect("a server")
        .streamable_http_service(HttpOptions::default())
}

/// Which way a call takes through the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Read and answered by the server itself.
    Direct,
    /// Through rmcp: the request says the same in a form that only rmcp reads.
    Rmcp,
}

/// Makes one call and gives the bytes of its answer.
pub async fn call(service: &McpHttpService, principal: &Principal, way: Way) -> Bytes {
    let accept = match way {
        Way::Direct => "application/json, text/event-stream",
        Way::Rmcp => "application/json;q=1, text/event-stream;q=1",
    };
    let request = Request::post("/mcp")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", accept)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "execute_sales_query")
        .extension(principal.clone())
        .body(Full::new(Bytes::from_static(BODY.as_bytes())))
        .expect("a request");
    let Ok(response) = service.clone().oneshot(request).await;
    assert!(response.status().is_success(), "{}", response.status());
    let Ok(body) = response.into_body().collect().await;
    body.to_bytes()
}
