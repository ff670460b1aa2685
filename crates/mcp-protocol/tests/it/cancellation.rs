//! A client that gives up stops its statement.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::QueryRunner;
use retail_domain::{Error, Principal, QueryAnswer, QueryLimits, SqlText};
use retail_mcp_protocol::HttpOptions;
use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, ClientRequest, Request};
use rmcp::service::PeerRequestOptions;
use rstest::rstest;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::support::{Post, seattle, server_with};

/// A statement that never ends, and tells when it began and when it was dropped.
#[derive(Clone, Default)]
struct EndlessRunner {
    started: Arc<Notify>,
    dropped: Arc<Notify>,
}

struct DropGuard(Arc<Notify>);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[async_trait]
impl QueryRunner for EndlessRunner {
    async fn run_page(
        &self,
        _principal: &Principal,
        _sql: &SqlText,
        _cursor: Option<String>,
        _limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let _guard = DropGuard(Arc::clone(&self.dropped));
        self.started.notify_one();
        std::future::pending().await
    }
}

async fn within_seconds(what: &str, notify: &Notify) {
    tokio::time::timeout(Duration::from_secs(5), notify.notified())
        .await
        .unwrap_or_else(|_| panic!("the statement was not {what}"));
}

fn endless_call() -> serde_json::Value {
    json!({ "name": "execute_sales_query", "arguments": { "postgresql_query": "SELECT 1" } })
}

#[rstest]
#[case(Post::newest("tools/call", endless_call()))]
#[case(Post::legacy("2025-06-18", "tools/call", endless_call()))]
#[tokio::test]
async fn dropping_the_http_request_drops_the_statement(#[case] post: Post) {
    let runner = EndlessRunner::default();
    let service =
        server_with(Arc::new(runner.clone())).streamable_http_service(HttpOptions::default());
    let request = post.by(seattle().await).into_request();
    let call = tokio::spawn(service.oneshot(request));
    within_seconds("started", &runner.started).await;
    call.abort();
    within_seconds("dropped", &runner.dropped).await;
}

#[tokio::test]
async fn shutting_down_drops_the_statement() {
    let runner = EndlessRunner::default();
    let shutdown = CancellationToken::new();
    let options = HttpOptions { shutdown: shutdown.clone(), ..HttpOptions::default() };
    let service = server_with(Arc::new(runner.clone())).streamable_http_service(options);
    let request = Post::newest("tools/call", endless_call()).by(seattle().await).into_request();
    let call = tokio::spawn(service.oneshot(request));
    within_seconds("started", &runner.started).await;
    shutdown.cancel();
    within_seconds("dropped", &runner.dropped).await;
    let response = call.await.unwrap().unwrap();
    assert!(response.status().is_server_error());
}

#[tokio::test]
async fn a_cancelled_notification_drops_the_statement_on_streams() {
    let runner = EndlessRunner::default();
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let server = server_with(Arc::new(runner.clone()));
    let serving = tokio::spawn(server.serve_streams(seattle().await, input, output));

    let mut client = ().serve(client_end).await.unwrap();
    let params = CallToolRequestParams::new("execute_sales_query")
        .with_arguments(endless_call()["arguments"].as_object().unwrap().clone());
    let call = client
        .send_cancellable_request(
            ClientRequest::CallToolRequest(Request::new(params)),
            PeerRequestOptions::no_options(),
        )
        .await
        .unwrap();
    within_seconds("started", &runner.started).await;
    call.cancel(Some("changed my mind".to_owned())).await.unwrap();
    within_seconds("dropped", &runner.dropped).await;

    client.close().await.unwrap();
    serving.await.unwrap().unwrap();
}
