//! Whether the process lives, and whether it can answer a tool call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use retail_domain::ports::{HealthProbe, HealthReport, PartHealth};
use retail_storage::QueryDatabase;
use retail_telemetry::{Telemetry, names};
use serde_json::json;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::kept_answers::{CacheHealth, KeptAnswers};

/// An answer counts this long, so that nobody can keep the database busy by asking.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// How often it is looked for metrics, whether anybody asks or not.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Whether an address is there for probes.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/health" | "/startup" | "/ready")
}

/// The process lives. Depends on nothing else.
pub(super) async fn alive() -> Response {
    Json(json!({"status": "alive"})).into_response()
}

/// What `/ready` needs.
#[derive(Clone)]
pub(super) struct Readiness(Arc<Inner>);

struct Inner {
    probe: Arc<dyn HealthProbe>,
    kept_answers: KeptAnswers,
    database: Arc<QueryDatabase>,
    draining: CancellationToken,
    /// Whether it was ready once.
    has_started: AtomicBool,
    last: Mutex<Option<(Instant, HealthReport, CacheHealth)>>,
    /// What the last look found, for metrics, which do not wait for one.
    found: Arc<SyncMutex<Vec<PartHealth>>>,
}

impl Readiness {
    pub(super) fn new(
        probe: Arc<dyn HealthProbe>,
        kept_answers: KeptAnswers,
        database: Arc<QueryDatabase>,
        draining: CancellationToken,
    ) -> Self {
        let has_started = AtomicBool::new(false);
        let (last, found) = Default::default();
        Self(Arc::new(Inner { probe, kept_answers, database, draining, has_started, last, found }))
    }

    /// Looks every ten seconds, for as long as somebody may ask, and tells `telemetry` what was found.
    pub(super) fn report_to(&self, telemetry: &Telemetry) {
        let found = Arc::clone(&self.0.found);
        telemetry.gauge(&names::READY, move |observe| {
            for part in found.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                observe.count(part.ok.into(), &[&part.part]);
            }
        });
        let readiness = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(inner) = readiness.upgrade() {
                Self(inner).report().await;
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
    }

    /// The state of what an answer needs, and of the cache, without which there is one too.
    async fn report(&self) -> (HealthReport, Option<CacheHealth>) {
        let Inner { probe, kept_answers, draining, has_started, last, found, .. } = &*self.0;
        if draining.is_cancelled() {
            let parts = vec![PartHealth {
                part: "server".to_owned(),
                ok: false,
                problem: Some("it is shutting down".to_owned()),
            }];
            return (HealthReport { parts }, None);
        }
        // Held while asking: those who come meanwhile get the same answer.
        let mut last = last.lock().await;
        match &*last {
            Some((asked, report, cache)) if asked.elapsed() < REMEMBERED_FOR => {
                (report.clone(), Some(cache.clone()))
            }
            _ => {
                let (report, cache) = tokio::join!(probe.check(), kept_answers.health());
                *last = Some((Instant::now(), report.clone(), cache.clone()));
                found.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&report.parts);
                if report.is_ready() {
                    has_started.store(true, Ordering::Relaxed);
                }
                (report, Some(cache))
            }
        }
    }
}

/// Whoever asks may read what exactly is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct Detail(pub(super) bool);

/// The server has been ready once: 200, and 503 before. What fails later is no reason to start it anew.
pub(super) async fn started(
    State(readiness): State<Readiness>,
    Extension(Detail(detail)): Extension<Detail>,
) -> Response {
    if readiness.0.has_started.load(Ordering::Relaxed) {
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
    let standbys = readiness.0.database.replica_counts();
    if let (1.., Some(body)) = (standbys.configured, body.as_object_mut()) {
        let counts = json!({"configured": standbys.configured, "in_use": standbys.in_use});
        body.insert("standbys".to_owned(), counts);
    }
    (status, Json(body)).into_response()
}
