//! A client that gives up a read stops its statement, and is in the log all the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::QueryRunner;
use retail_domain::{Error, ErrorCode, Principal, QueryAnswer, QueryLimits, SqlText};
use retail_mcp_protocol::HttpOptions;
use rstest::rstest;
use serde_json::json;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::reading_support::{Records, post};
use crate::support::{NEWEST, Post, seattle, server_with};

/// A statement that never ends, and tells when it began and when it was dropped.
#[derive(Clone, Default)]
struct Endless {
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
impl QueryRunner for Endless {
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

async fn within_seconds(notify: &Notify) {
    tokio::time::timeout(Duration::from_secs(5), notify.notified()).await.unwrap();
}

fn store(version: &str) -> Post {
    let params = json!({ "uri": "retail://store" });
    if version == NEWEST {
        post("resources/read", params)
    } else {
        Post::legacy(version, "resources/read", params)
    }
}

#[rstest]
#[case(NEWEST)]
#[case("2025-06-18")]
#[tokio::test]
async fn dropping_the_request_drops_the_statement(#[case] version: &str) {
    let (runner, records) = (Endless::default(), Records::default());
    let service = records.service(Arc::new(runner.clone()));
    let request = store(version).by(seattle().await).into_request();
    let reading = tokio::spawn(service.oneshot(request));
    within_seconds(&runner.started).await;
    reading.abort();
    within_seconds(&runner.dropped).await;
    let started = std::time::Instant::now();
    while records.entries().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(5), "it was not recorded");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let [entry] = <[_; 1]>::try_from(records.entries()).unwrap();
    assert_eq!(entry.error, Some(ErrorCode::Cancelled));
    assert_eq!(entry.statement.unwrap().fingerprint, "store");
}

#[tokio::test]
async fn shutting_down_drops_the_statement() {
    let runner = Endless::default();
    let options = HttpOptions::default();
    let shutdown = options.shutdown.clone();
    let service = server_with(Arc::new(runner.clone())).streamable_http_service(options);
    let request = store(NEWEST).by(seattle().await).into_request();
    let reading = tokio::spawn(service.oneshot(request));
    within_seconds(&runner.started).await;
    shutdown.cancel();
    within_seconds(&runner.dropped).await;
    drop(reading.await.unwrap());
}
