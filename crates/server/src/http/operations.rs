//! What operators and their tools read: metrics, and how the server does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::rejection::QueryRejection};
use http::header::{CONTENT_TYPE, FORWARDED, VIA};
use http::{HeaderMap, HeaderValue, StatusCode};
use retail_auth::PeerNetwork;
use retail_domain::ports::Clock;
use retail_domain::{Error, ErrorCode};
use retail_telemetry::Telemetry;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::error;

use super::identity::failure;
use crate::observe::Parts;
use crate::watch::Watch;

/// Prometheus' text format.
const METRICS_TYPE: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How the names of headers begin that proxies add.
const PROXIES_SAY: [&str; 3] = ["x-forwarded-", "x-real-ip", "x-envoy-"];

/// How far back a summary goes when nobody says: the lab's.
const DEFAULT_HOURS: u64 = 24;

/// Whether an address is there for operators alone.
pub(super) fn is_operations(path: &str) -> bool {
    matches!(path, "/metrics" | "/monitor/current" | "/monitor/summary")
}

/// What the routes need.
#[derive(Clone)]
pub(super) struct Operations {
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) parts: Arc<Parts>,
    pub(super) clock: Arc<dyn Clock>,
    /// Whether calls are counted.
    pub(super) counts: bool,
    pub(super) watch: Arc<Watch>,
}

impl Operations {
    /// What the monitor says, without zeros that nobody has counted.
    fn with_monitor(&self, mut body: Value, monitor: Value) -> Value {
        if let (Some(body), Value::Object(mut monitor)) = (body.as_object_mut(), monitor) {
            if !self.counts {
                for name in ["application", "tools", "slowest_statements", "http", "transactions"] {
                    monitor.remove(name);
                }
            }
            body.extend(monitor);
        }
        body
    }

    /// How this server does.
    pub(super) async fn current(&self) -> Value {
        let Self { telemetry, parts, watch, .. } = self;
        let now = self.clock.now();
        let body = json!({
            "timestamp": now,
            "instance": telemetry.settings().instance,
            "version": telemetry.settings().service_version,
            "active_requests": telemetry.active_requests(),
            "database": parts.database(),
            "cache": parts.cache(),
            "audit": parts.audit(),
            "data": {"newest_order_date": watch.servers().newest_order().await},
            "alarms": watch.firing(now),
        });
        self.with_monitor(body, json!(telemetry.monitor().current(Instant::now())))
    }
}

pub(super) fn routes(operations: Operations) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/monitor/current", get(current))
        .route("/monitor/summary", get(summary))
        .with_state(operations)
}

async fn metrics(State(operations): State<Operations>) -> Response {
    match operations.telemetry.prometheus_text() {
        Ok(text) => ([(CONTENT_TYPE, METRICS_TYPE)], text).into_response(),
        Err(error) => {
            error!(error = &error as &dyn std::error::Error, "there are no metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn current(State(operations): State<Operations>) -> Response {
    Json(operations.current().await).into_response()
}

/// What `/monitor/summary` may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    hours: Option<u64>,
}

async fn summary(
    State(operations): State<Operations>,
    period: Result<Query<Period>, QueryRejection>,
) -> Response {
    let hours = match period {
        Ok(Query(period)) => period.hours.unwrap_or(DEFAULT_HOURS),
        Err(_) => 0,
    };
    if !(1..=168).contains(&hours) {
        let error = Error::new(ErrorCode::InvalidArgument, "hours must be a number from 1 to 168")
            .with_hint("ask for /monitor/summary?hours=24");
        return failure(StatusCode::BAD_REQUEST, &error);
    }
    let telemetry = &operations.telemetry;
    let body = json!({
        "timestamp": operations.clock.now(),
        "instance": telemetry.settings().instance,
    });
    let summary = json!(telemetry.monitor().summary(Instant::now(), hours));
    Json(operations.with_monitor(body, summary)).into_response()
}

/// From where operators ask, besides those who show a token.
#[derive(Debug, Clone)]
pub(super) struct Operators(Arc<[PeerNetwork]>);

impl Operators {
    pub(super) fn new(networks: &[PeerNetwork]) -> Self {
        Self(networks.into())
    }

    /// Whether a request with these headers, on a connection from `peer`, comes from one. What a proxy passes on does
    /// not: it may be anybody's. Proxies that are known are not asked here at all.
    pub(super) fn include(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let is_passed_on = headers.keys().any(|name| {
            [FORWARDED, VIA].contains(name)
                || PROXIES_SAY.iter().any(|prefix| name.as_str().starts_with(prefix))
        });
        !is_passed_on && self.0.iter().any(|network| network.contains(peer))
    }
}
