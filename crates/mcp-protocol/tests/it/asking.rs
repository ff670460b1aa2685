//! What a call does meanwhile: asks the user what is meant, and tells how far it is.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use retail_domain::ports::{Clock as _, QueryRunner};
use retail_domain::{
    Column, Error, Freshness, JsonRow, Principal, QueryAnswer, QueryLimits, SqlText,
};
use retail_mcp_protocol::HttpOptions;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, ElicitRequestParams,
    ElicitResult, ElicitationAction, ElicitationCapability, ProgressNotificationParam,
    ProtocolVersion,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, NotificationContext, RequestContext,
};
use rmcp::{ClientHandler, RoleClient};
use rstest::rstest;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{FixedClock, NEWEST, Post, Reply, meta, seattle, server_with, statement};

/// Has two categories of tools, and one figure for whatever is asked.
#[derive(Default)]
struct Shop(Mutex<Vec<String>>);

#[async_trait]
impl QueryRunner for Shop {
    async fn run_page(
        &self,
        _principal: &Principal,
        sql: &SqlText,
        _cursor: Option<String>,
        _limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        self.0.lock().unwrap().push(sql.as_str().to_owned());
        let rows: Vec<JsonRow> = if sql.as_str().contains("AS kind") {
            ["HAND TOOLS", "POWER TOOLS"]
                .map(|name| vec![json!("c"), json!(name), json!(null)])
                .into()
        } else {
            vec![vec![json!("12.50"), json!(3)]]
        };
        Ok(QueryAnswer {
            columns: vec![Column { name: "x".to_owned(), pg_type: "text".to_owned() }].into(),
            rows: rows.into(),
            truncation: None,
            next_cursor: None,
            statement: statement(),
            as_of: FixedClock.now(),
            elapsed: std::time::Duration::from_millis(7),
            freshness: Freshness::default(),
        })
    }
}

impl Shop {
    fn asked_for(&self, text: &str) -> bool {
        self.0.lock().unwrap().iter().any(|sql| sql.contains(text))
    }
}

fn sales(arguments: &Value) -> Value {
    json!({ "name": "analyze_sales", "arguments": arguments })
}

/// A request of the newest protocol by a client that can show a form.
fn by_an_asker(params: Value) -> Post {
    let mut own = meta(NEWEST);
    own["io.modelcontextprotocol/clientCapabilities"] = json!({ "elicitation": { "form": {} } });
    Post::newest("tools/call", params).with_meta(own)
}

async fn send(post: Post, shop: &Arc<Shop>) -> Reply {
    let service =
        server_with(Arc::clone(shop) as _).streamable_http_service(HttpOptions::default());
    post.by(seattle().await).send_to(service).await
}

#[tokio::test]
async fn an_answer_asks_what_is_meant_and_the_next_call_says_it() {
    let shop = Arc::new(Shop::default());
    let question = json!({ "category": "tools", "period": "7/4/2026" });
    let first = send(by_an_asker(sales(&question)), &shop).await;
    let first = first.result();
    assert_eq!(first["resultType"], "input_required", "{first}");
    let form = &first["inputRequests"]["period"]["params"];
    let choices = form["requestedSchema"]["properties"]["period"]["enum"].clone();
    assert_eq!(choices, json!(["2026-07-04", "2026-04-07"]));

    let mut again = sales(&question);
    again["inputResponses"] = json!({ "period": accepted("period", "2026-07-04") });
    let second = send(by_an_asker(again), &shop).await;
    let second = second.result();
    assert_eq!(second["resultType"], "input_required", "{second}");
    let message = second["inputRequests"]["category"]["params"]["message"].as_str().unwrap();
    assert_eq!(message, "'category' may mean HAND TOOLS or POWER TOOLS. Which one is meant?");

    let mut last = sales(&question);
    last["inputResponses"] = json!({ "category": accepted("category", "POWER TOOLS") });
    last["requestState"] = second["requestState"].clone();
    let last = send(by_an_asker(last), &shop).await;
    assert_eq!(last.result()["resultType"], "complete", "{last:?}");
    assert_eq!(last.result()["structuredContent"]["period"]["from"], "2026-07-04");
    assert!(shop.asked_for("c.category_name = 'POWER TOOLS'"));
}

fn accepted(argument: &str, value: &str) -> Value {
    json!({ "action": "accept", "content": { argument: value } })
}

#[tokio::test]
async fn who_will_not_say_or_cannot_be_asked_gets_the_error() {
    let shop = Arc::new(Shop::default());
    let question = sales(&json!({ "category": "tools" }));
    let expected = "'category' may mean HAND TOOLS or POWER TOOLS";
    let mut declined = question.clone();
    declined["inputResponses"] = json!({ "category": { "action": "decline" } });
    for post in [
        by_an_asker(declined),
        Post::newest("tools/call", question.clone()),
        Post::legacy("2025-11-25", "tools/call", question.clone()),
    ] {
        assert_eq!(send(post, &shop).await.failure()["message"], expected);
    }
}

/// What the user says there is what the caller could have said: it opens nothing.
#[tokio::test]
async fn what_the_user_says_is_checked_as_an_argument() {
    let shop = Arc::new(Shop::default());
    for said in ["x' OR true --", "PAINT", ""] {
        let mut forged = sales(&json!({ "category": "tools" }));
        forged["inputResponses"] = json!({ "category": accepted("category", said), "show_sql": 1 });
        let reply = send(by_an_asker(forged), &shop).await;
        if !said.is_empty() {
            assert_eq!(reply.failure()["message"], "'category' has no such name");
        }
    }
    assert!(!shop.asked_for("OR true"));
}

#[tokio::test]
async fn parameters_that_cannot_be_read_are_called_so() {
    let shop = Arc::new(Shop::default());
    for (name, value) in [("inputResponses", json!(5)), ("requestState", json!({ "a": 1 }))] {
        let mut broken = sales(&json!({}));
        broken[name] = value;
        let reply = send(by_an_asker(broken), &shop).await;
        assert_eq!(reply.error_code(), -32602, "{name}: {reply:?}");
    }
}

/// A user at a client with a connection of its own.
#[derive(Clone, Default)]
struct User {
    says: Option<&'static str>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl ClientHandler for User {
    fn get_info(&self) -> ClientConfig {
        let mut config = ClientConfig::default();
        let mut capabilities = ClientCapabilities::default();
        capabilities.elicitation = Some(ElicitationCapability::new());
        config.capabilities = capabilities;
        config
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, rmcp::ErrorData> {
        let ElicitRequestParams::FormElicitationParams { message, .. } = request else {
            return Ok(ElicitResult::new(ElicitationAction::Cancel));
        };
        self.heard.lock().unwrap().push(message);
        Ok(match self.says {
            Some(category) => ElicitResult::new(ElicitationAction::Accept)
                .with_content(json!({ "category": category })),
            None => ElicitResult::new(ElicitationAction::Decline),
        })
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let text = format!("{} {}", progress.progress, progress.message.unwrap_or_default());
        self.heard.lock().unwrap().push(text);
    }
}

async fn called(user: User, lifecycle: ClientLifecycleMode, arguments: Value) -> CallToolResult {
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let server = server_with(Arc::new(Shop::default()));
    let serving = tokio::spawn(server.serve_streams(seattle().await, input, output));
    let mut client = user.serve_with_lifecycle(client_end, lifecycle).await.unwrap();
    let arguments = arguments.as_object().unwrap().clone();
    let call = CallToolRequestParams::new("analyze_sales").with_arguments(arguments);
    let result = client.call_tool(call).await.unwrap();
    client.close().await.unwrap();
    serving.await.unwrap().unwrap();
    result
}

fn newest() -> ClientLifecycleMode {
    ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
}

#[rstest]
#[case(ClientLifecycleMode::Initialize)]
#[case(newest())]
#[tokio::test]
async fn on_a_connection_the_user_is_asked_in_either_protocol(
    #[case] lifecycle: ClientLifecycleMode,
    #[values(None, Some("HAND TOOLS"), Some("tools"))] says: Option<&'static str>,
) {
    let user = User { says, ..User::default() };
    let heard = Arc::clone(&user.heard);
    let result = called(user, lifecycle, json!({ "category": "tools" })).await;
    // Once, whatever they say.
    let heard = heard.lock().unwrap().clone();
    let asked: Vec<&String> = heard.iter().filter(|text| text.contains("meant?")).collect();
    assert_eq!(asked, ["'category' may mean HAND TOOLS or POWER TOOLS. Which one is meant?"]);
    assert_eq!(result.is_error == Some(true), says != Some("HAND TOOLS"), "{result:?}");
}

#[tokio::test]
async fn a_caller_who_wants_to_know_is_told_of_each_statement() {
    let shop = Arc::new(Shop::default());
    let mut own = meta(NEWEST);
    own["progressToken"] = json!("mine");
    let call = sales(&json!({ "category": "hand tools" }));
    let service =
        server_with(Arc::clone(&shop) as _).streamable_http_service(HttpOptions::default());
    let request =
        Post::newest("tools/call", call).with_meta(own).by(seattle().await).into_request();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let messages: Vec<Value> = String::from_utf8(body.to_vec())
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
        .collect();
    let (last, told) = messages.split_last().unwrap();
    assert_eq!(last["result"]["resultType"], "complete", "{messages:?}");
    assert_eq!(shop.0.lock().unwrap().len(), 2, "the names and the figures");
    let params: Vec<&Value> = told.iter().map(|one| &one["params"]).collect();
    let expected = [1.0, 2.0].map(|number| {
        json!({ "progressToken": "mine", "progress": number, "message": format!("statement {number} runs") })
    });
    assert_eq!(params, expected.iter().collect::<Vec<_>>());
}
