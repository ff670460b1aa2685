//! Whether the process lives, and whether it can answer a tool call.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde_json::json;

use crate::readiness::Readiness;

/// Whether an address is there for probes.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/health" | "/startup" | "/ready")
}

/// The process lives. Depends on nothing else.
pub(super) async fn alive() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// Whoever asks may read what exactly is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail(pub(super) bool);

/// The server has been ready once: 200, and 503 before. What fails later is no reason to start it anew.
pub(super) async fn started(
    State(readiness): State<Readiness>,
    Extension(Detail(detail)): Extension<Detail>,
) -> Response {
    if readiness.has_started() {
        return Json(json!({"status": "started"})).into_response();
    }
    let (report, _) = readiness.report().await;
    if report.is_ready() {
        return Json(json!({"status": "started"})).into_response();
    }
    let mut body = json!({"status": "starting"});
    if let (true, Some(body)) = (detail, body.as_object_mut()) {
        body.insert("parts".to_owned(), json!(report.parts));
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// A tool call would work now: 200, or 503 with the part that does not.
pub(super) async fn ready(
    State(readiness): State<Readiness>,
    Extension(Detail(detail)): Extension<Detail>,
) -> Response {
    let (report, cache) = readiness.report().await;
    let (status, word) = if report.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    if !detail {
        return (status, Json(json!({"status": word}))).into_response();
    }
    let mut body = json!({"status": word, "parts": report.parts});
    if let (Some(cache), Some(body)) = (cache, body.as_object_mut()) {
        body.insert("cache".to_owned(), json!(cache));
    }
    let standbys = readiness.standbys();
    if let (1.., Some(body)) = (standbys.configured, body.as_object_mut()) {
        let counts = json!({"configured": standbys.configured, "in_use": standbys.in_use});
        body.insert("standbys".to_owned(), counts);
    }
    (status, Json(body)).into_response()
}
