//! Whether the process lives, and whether it can answer a tool call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use retail_domain::ports::{HealthProbe, HealthReport, PartHealth};
use serde_json::json;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// An answer counts this long, so that nobody can keep the database busy by asking.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// The process lives. Depends on nothing else.
pub(super) async fn alive() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// What `/ready` needs.
#[derive(Clone)]
pub(super) struct Readiness {
    probe: Arc<dyn HealthProbe>,
    draining: CancellationToken,
    last: Arc<Mutex<Option<(Instant, HealthReport)>>>,
}

impl Readiness {
    pub(super) fn new(probe: Arc<dyn HealthProbe>, draining: CancellationToken) -> Self {
        Self { probe, draining, last: Arc::default() }
    }

    async fn report(&self) -> HealthReport {
        if self.draining.is_cancelled() {
            return HealthReport {
                parts: vec![PartHealth {
                    part: "server".to_owned(),
                    ok: false,
                    problem: Some("it is shutting down".to_owned()),
                }],
            };
        }
        // Held while asking: those who come meanwhile get the same answer.
        let mut last = self.last.lock().await;
        match &*last {
            Some((asked, report)) if asked.elapsed() < REMEMBERED_FOR => report.clone(),
            _ => {
                let report = self.probe.check().await;
                *last = Some((Instant::now(), report.clone()));
                report
            }
        }
    }
}

/// A tool call would work now: 200, or 503 with the part that does not.
pub(super) async fn ready(State(readiness): State<Readiness>) -> Response {
    let report = readiness.report().await;
    let (status, word) = if report.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    (status, Json(json!({"status": word, "parts": report.parts}))).into_response()
}
