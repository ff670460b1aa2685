//! Fakes of the ports, principals, and HTTP requests.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use retail_domain::ports::{
    Clock, Credential, IdentityResolver, MockSchemaCatalog, Proof, QueryRunner, SchemaCatalog,
};
use retail_domain::{
    Column, ColumnSchema, Error, ErrorCode, Freshness, KeyRole, Principal, QueryAnswer,
    QueryLimits, Relationship, RetailTable, RlsUserId, RowEstimate, Scope, SqlText,
    StatementSummary, Store, StoreId, TableSchema, Truncation, ValidValues, VerifiedIdentity,
    Visibility,
};
use retail_mcp_protocol::{HttpOptions, McpHttpService, RetailMcp, RetailMcpBuilder};
use serde_json::{Value, json};
use tower::ServiceExt as _;

pub(crate) const NEWEST: &str = "2026-07-28";

/// Trusts the credential: `seattle` or `head-office`, with scopes after a colon.
struct NamedIdentities;

#[async_trait]
impl IdentityResolver for NamedIdentities {
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error> {
        let Proof::TrustedHeader(text) = &credential.proof else {
            return Err(Error::new(ErrorCode::Unauthenticated, "unknown kind of credential"));
        };
        let (name, scopes) = text.split_once(':').unwrap();
        let visibility = match name {
            "seattle" => Visibility::Store(Store {
                id: StoreId(1),
                name: "Zava Retail Seattle".to_owned(),
                rls_user_id: RlsUserId(uuid::Uuid::from_u128(1)),
            }),
            _ => Visibility::AllStores,
        };
        let scopes = Scope::ALL.into_iter().filter(|scope| scopes.contains(scope.as_str()));
        Ok(VerifiedIdentity::new(name, visibility, scopes))
    }
}

/// A principal such as `seattle:retail.read retail.search retail.sql`.
pub(crate) async fn principal(text: &str) -> Principal {
    NamedIdentities.resolve(&Credential::trusted_header(text)).await.unwrap()
}

pub(crate) async fn seattle() -> Principal {
    principal("seattle:retail.read retail.search retail.sql").await
}

pub(crate) async fn head_office() -> Principal {
    principal("head-office:retail.read retail.search retail.sql").await
}

/// Answers by the text of the statement.
pub(crate) struct ScriptedRunner;

#[async_trait]
impl QueryRunner for ScriptedRunner {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        _cursor: Option<String>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let rows = match sql.as_str() {
            "SELECT none" => 0,
            "SELECT many" => 3,
            "SELECT wrong" => {
                return Err(Error::new(ErrorCode::QueryFailed, "column \"wrong\" does not exist")
                    .with_cause("SQLSTATE 42703"));
            }
            "SELECT broken" => return Err(Error::internal("password=hunter2")),
            "SELECT panic" => panic!("a defect"),
            _ => 1,
        };
        Ok(QueryAnswer {
            columns: ["store", "total"]
                .map(|name| Column { name: name.to_owned(), pg_type: "text".to_owned() })
                .into(),
            rows: vec![vec![json!(principal.visibility().label()), json!("12.50")]; rows].into(),
            truncation: (rows == 3).then_some(Truncation::Rows(limits.max_rows)),
            next_cursor: None,
            statement: statement(),
            as_of: FixedClock.now(),
            elapsed: Duration::from_millis(7),
            freshness: Freshness::default(),
        })
    }
}

/// What the log says of each statement.
pub(crate) fn statement() -> StatementSummary {
    StatementSummary {
        fingerprint: "50fde20626009aba".to_owned(),
        tables: vec!["retail.orders".to_owned()],
    }
}

pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(1_795_382_757_123_456).unwrap()
    }
}

fn orders_schema(table: RetailTable) -> TableSchema {
    TableSchema {
        table,
        purpose: "Orders (baskets)".to_owned(),
        columns: vec![
            ColumnSchema {
                name: "order_id".to_owned(),
                pg_type: "integer".to_owned(),
                comment: Some("Key of the order".to_owned()),
                nullable: false,
                key: Some(KeyRole::Primary),
            },
            ColumnSchema {
                name: "store_id".to_owned(),
                pg_type: "integer".to_owned(),
                comment: Some("Store that sold".to_owned()),
                nullable: true,
                key: None,
            },
        ],
        relationships: vec![Relationship {
            column: "store_id".to_owned(),
            references_table: RetailTable::Stores,
            references_column: "store_id".to_owned(),
        }],
        valid_values: vec![ValidValues {
            of: "year of order_date".to_owned(),
            heading: "Available Years".to_owned(),
            values: vec!["2025".to_owned(), "2026".to_owned()],
        }],
        rows: Some(RowEstimate::MoreThan(10_000)),
    }
}

pub(crate) fn catalog() -> Arc<dyn SchemaCatalog> {
    let mut catalog = MockSchemaCatalog::new();
    catalog
        .expect_describe()
        .returning(|_, tables| Ok(tables.iter().copied().map(orders_schema).collect()));
    Arc::new(catalog)
}

pub(crate) fn server_with(query_runner: Arc<dyn QueryRunner>) -> RetailMcp {
    builder(query_runner).build().unwrap()
}

pub(crate) fn builder(query_runner: Arc<dyn QueryRunner>) -> RetailMcpBuilder {
    RetailMcp::builder()
        .query_runner(query_runner)
        .schema_catalog(catalog())
        .clock(Arc::new(FixedClock))
        .query_limits(QueryLimits { max_rows: 3, ..QueryLimits::default() })
        .server_version("9.9.9")
}

pub(crate) fn server() -> RetailMcp {
    server_with(Arc::new(ScriptedRunner))
}

pub(crate) fn service() -> McpHttpService {
    server().streamable_http_service(HttpOptions::default())
}

/// The `_meta` of a request of the newest protocol.
pub(crate) fn meta(version: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// One HTTP POST to the server.
pub(crate) struct Post {
    request: http::request::Builder,
    body: Value,
    text: Option<String>,
    principal: Option<Principal>,
}

impl Post {
    /// A request of the newest protocol, with all headers that it asks for.
    pub(crate) fn newest(method: &str, mut params: Value) -> Self {
        params["_meta"] = meta(NEWEST);
        let mut post = Self::bare(method, params)
            .header("mcp-protocol-version", NEWEST)
            .header("mcp-method", method);
        if let Some(name) = post.body["params"]["name"].as_str().map(str::to_owned) {
            post = post.header("mcp-name", &name);
        }
        post
    }

    /// A request of an older protocol.
    pub(crate) fn legacy(version: &str, method: &str, params: Value) -> Self {
        Self::bare(method, params).header("mcp-protocol-version", version)
    }

    /// A request with no protocol headers.
    pub(crate) fn bare(method: &str, params: Value) -> Self {
        let request = Request::post("/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        let mut body = json!({ "jsonrpc": "2.0", "id": 7, "method": method });
        body["params"] = params;
        Self { request, body, text: None, principal: None }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Some(headers) = self.request.headers_mut() {
            headers.insert(
                http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        self
    }

    pub(crate) fn without_header(mut self, name: &str) -> Self {
        self.request.headers_mut().unwrap().remove(name);
        self
    }

    pub(crate) fn without_meta(mut self) -> Self {
        self.body["params"].as_object_mut().unwrap().remove("_meta");
        self
    }

    pub(crate) fn with_meta(mut self, meta: Value) -> Self {
        self.body["params"]["_meta"] = meta;
        self
    }

    /// Sends this in place of the body.
    pub(crate) fn with_text(mut self, text: &str) -> Self {
        self.text = Some(text.to_owned());
        self
    }

    pub(crate) fn by(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }

    pub(crate) fn into_request(self) -> Request<String> {
        let has_host = self.request.headers_ref().unwrap().contains_key("host");
        let request =
            if has_host { self.request } else { self.request.header("host", "localhost") };
        let text = self.text.unwrap_or_else(|| self.body.to_string());
        let mut request = request.body(text).unwrap();
        if let Some(principal) = self.principal {
            request.extensions_mut().insert(principal);
        }
        request
    }

    pub(crate) async fn send(self) -> Reply {
        self.send_to(service()).await
    }

    pub(crate) async fn send_to(self, service: McpHttpService) -> Reply {
        let response = service.oneshot(self.into_request()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status, headers: parts.headers, body }
    }
}

/// What came back. `body` is null when it was no JSON.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        assert_eq!(self.body["id"], 7, "{self:?}");
        assert!(self.body["error"].is_null(), "{self:?}");
        &self.body["result"]
    }

    pub(crate) fn error_code(&self) -> i64 {
        self.body["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    /// The text of a tool's answer.
    pub(crate) fn text(&self) -> &str {
        self.result()["content"][0]["text"].as_str().unwrap()
    }

    /// The body of a tool's failure.
    pub(crate) fn failure(&self) -> Value {
        assert_eq!(self.result()["isError"], true, "{self:?}");
        assert!(self.result()["structuredContent"].is_null(), "{self:?}");
        serde_json::from_str(self.text()).unwrap()
    }
}

/// A call of a tool over the newest protocol.
pub(crate) async fn call(principal: Principal, tool: &str, arguments: Value) -> Reply {
    Post::newest("tools/call", json!({ "name": tool, "arguments": arguments }))
        .by(principal)
        .send()
        .await
}
