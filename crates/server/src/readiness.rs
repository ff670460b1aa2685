//! Whether a call would be answered now, looked at for probes, metrics, alarms and operators alike.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::{Duration, Instant};

use retail_domain::ports::{HealthProbe, HealthReport, PartHealth};
use retail_storage::{QueryDatabase, ReplicaCounts};
use retail_telemetry::{Telemetry, names};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::kept_answers::{CacheHealth, KeptAnswers};

/// An answer counts this long, so that nobody can keep the database busy by asking.
const REMEMBERED_FOR: Duration = Duration::from_secs(1);

/// The part that the watchdog looks at.
pub(crate) const TOOL_PATH: &str = "tool_path";

/// What is known of what a call needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readiness(Arc<Inner>);

struct Inner {
    probe: Arc<dyn HealthProbe>,
    kept_answers: KeptAnswers,
    database: Arc<QueryDatabase>,
    draining: CancellationToken,
    /// Whether it was ready once.
    has_started: AtomicBool,
    last: Mutex<Option<(Instant, HealthReport, CacheHealth)>>,
    /// What the last look found, for those who do not wait for one.
    found: Arc<SyncMutex<Vec<PartHealth>>>,
    /// What the watchdog found, if there is one.
    tool_path: SyncMutex<Option<PartHealth>>,
}

impl Readiness {
    pub(crate) fn new(
        probe: Arc<dyn HealthProbe>,
        kept_answers: KeptAnswers,
        database: Arc<QueryDatabase>,
        draining: CancellationToken,
    ) -> Self {
        Self(Arc::new(Inner {
            probe,
            kept_answers,
            database,
            draining,
            has_started: AtomicBool::new(false),
            last: Mutex::default(),
            found: Arc::default(),
            tool_path: SyncMutex::default(),
        }))
    }

    /// Shows `telemetry` what was found last.
    pub(crate) fn report_to(&self, telemetry: &Telemetry) {
        let found = Arc::clone(&self.0.found);
        telemetry.gauge(&names::READY, move |observe| {
            for part in found.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                observe.count(part.ok.into(), &[&part.part]);
            }
        });
    }

    /// The state of what an answer needs, and of the cache, without which there is one too.
    pub(crate) async fn report(&self) -> (HealthReport, Option<CacheHealth>) {
        let Inner { probe, kept_answers, draining, has_started, last, found, .. } = &*self.0;
        if draining.is_cancelled() {
            let problem = Some("it is shutting down".to_owned());
            return (HealthReport::new(vec![PartHealth::new("server", problem)]), None);
        }
        // Held while asking: those who come meanwhile get the same answer.
        let mut last = last.lock().await;
        match &*last {
            Some((asked, report, cache)) if asked.elapsed() < REMEMBERED_FOR => {
                (report.clone(), Some(cache.clone()))
            }
            _ => {
                let (mut report, cache) = tokio::join!(probe.check(), kept_answers.health());
                let tool_path = self.0.tool_path.lock().unwrap_or_else(PoisonError::into_inner);
                report.parts.extend(tool_path.clone());
                drop(tool_path);
                *last = Some((Instant::now(), report.clone(), cache.clone()));
                found.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&report.parts);
                if report.is_ready() {
                    has_started.store(true, Ordering::Relaxed);
                }
                (report, Some(cache))
            }
        }
    }

    /// What the last look found.
    pub(crate) fn found(&self) -> Vec<PartHealth> {
        self.0.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it was ready once.
    pub(crate) fn has_started(&self) -> bool {
        self.0.has_started.load(Ordering::Relaxed)
    }

    /// Whether it is shutting down.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    pub(crate) fn standbys(&self) -> ReplicaCounts {
        self.0.database.replica_counts()
    }

    /// What the watchdog found. It counts from the next look on.
    pub(crate) fn set_tool_path(&self, problem: Option<String>) {
        let part = PartHealth::new(TOOL_PATH, problem);
        *self.0.tool_path.lock().unwrap_or_else(PoisonError::into_inner) = Some(part);
    }
}
