//! How the other servers do, by the reports that they leave in the database.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use retail_storage::{RecentCall, ServiceDatabase};
use retail_telemetry::ServerReport;
use tracing::warn;
use uuid::Uuid;

use super::WATCHDOG;

/// A server that has been silent for longer is not counted among those that work.
const SILENT_AFTER: Duration = Duration::from_secs(45);

/// How long the last calls are shown before they are asked for again, however many look.
const CALLS_COUNT_FOR: Duration = Duration::from_secs(5);

/// How long it is believed how new the data are.
const NEWEST_COUNTS_FOR: Duration = Duration::from_mins(1);

/// The longest that is waited for one of these.
const ASK_WITHIN: Duration = Duration::from_secs(1);

/// Calls that are shown.
const RECENT_CALLS: u32 = 30;

/// What is known of all servers and their data, by way of the database.
pub(crate) struct Servers {
    service: Arc<ServiceDatabase>,
    /// This process among them.
    id: Uuid,
    heard: Mutex<Heard>,
    /// Whether the last try to tell failed.
    is_silent: AtomicBool,
    newest_order: Kept<Option<NaiveDate>>,
    recent_calls: Kept<Arc<[RecentCall]>>,
}

#[derive(Default)]
struct Heard {
    at: Option<Instant>,
    others: Vec<(Duration, ServerReport)>,
}

/// A server, and how long ago it told.
#[derive(Debug, Clone)]
pub(crate) struct ServerRow {
    pub(crate) report: ServerReport,
    pub(crate) age: Duration,
    pub(crate) is_self: bool,
}

impl ServerRow {
    /// Whether it has been silent for so long that it may be gone.
    pub(crate) fn is_silent(&self) -> bool {
        self.age > SILENT_AFTER
    }
}

impl Servers {
    pub(super) fn new(service: Arc<ServiceDatabase>) -> Self {
        Self {
            service,
            id: Uuid::new_v4(),
            heard: Mutex::default(),
            is_silent: AtomicBool::new(false),
            newest_order: Kept::new(NEWEST_COUNTS_FOR),
            recent_calls: Kept::new(CALLS_COUNT_FOR),
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // It is replaced as a whole.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves this server's report and reads the others'. Where the database does not answer, what was heard before
    /// grows old.
    pub(super) async fn exchange(&self, own: &ServerReport) {
        let Ok(report) = serde_json::to_string(own) else { return };
        match self.service.exchange_server_reports(self.id, &report).await {
            Ok(received) => {
                let others = received.into_iter().filter(|received| received.server != self.id);
                let others = others.filter_map(|received| {
                    Some((received.age, ServerReport::parse(&received.report)?))
                });
                *self.heard() = Heard { at: Some(Instant::now()), others: others.collect() };
            }
            // Whether the database answers is told elsewhere; that the others cannot hear of this server is not.
            Err(error) => {
                if !self.is_silent.swap(true, Ordering::Relaxed) {
                    warn!(%error, "this server's report does not reach the others");
                }
                return;
            }
        }
        self.is_silent.store(false, Ordering::Relaxed);
    }

    /// This server, whose report this is, and the others by name.
    pub(crate) fn rows(&self, own: ServerReport) -> Vec<ServerRow> {
        let heard = self.heard();
        let since = heard.at.map(|at| at.elapsed()).unwrap_or_default();
        let others = heard.others.iter().map(|(age, report)| ServerRow {
            report: report.clone(),
            age: age.saturating_add(since),
            is_self: false,
        });
        let own = ServerRow { report: own, age: Duration::ZERO, is_self: true };
        let mut rows: Vec<_> = std::iter::once(own).chain(others).collect();
        rows.sort_by(|a, b| a.report.instance.cmp(&b.report.instance).then(a.age.cmp(&b.age)));
        rows
    }

    /// The day of the newest order. None where it is not known.
    pub(crate) async fn newest_order(&self) -> Option<NaiveDate> {
        self.newest_order.get(async || self.service.newest_order_date().await.ok()).await.flatten()
    }

    /// The last calls of the audit log, the last first. None where the database does not answer.
    pub(crate) async fn recent_calls(&self) -> Option<Arc<[RecentCall]>> {
        let ask = async || {
            let calls = self.service.recent_calls(RECENT_CALLS).await.ok()?;
            // The watchdog's are in the log, and of no interest here.
            Some(calls.into_iter().filter(|call| call.subject != WATCHDOG).collect())
        };
        self.recent_calls.get(ask).await
    }
}

/// A value that is asked for again when it is old.
struct Kept<T> {
    counts_for: Duration,
    last: tokio::sync::Mutex<Option<(Instant, Option<T>)>>,
}

impl<T: Clone> Kept<T> {
    fn new(counts_for: Duration) -> Self {
        Self { counts_for, last: tokio::sync::Mutex::default() }
    }

    async fn get(&self, ask: impl AsyncFnOnce() -> Option<T>) -> Option<T> {
        // Held while asking: those who come meanwhile get the same answer.
        let mut last = self.last.lock().await;
        match &*last {
            Some((asked, value)) if asked.elapsed() < self.counts_for => value.clone(),
            _ => {
                // Who looks at the page of a database that hangs wants it now: what was known before counts on.
                let value = match tokio::time::timeout(ASK_WITHIN, ask()).await {
                    Ok(value) => value,
                    Err(_) => last.take().and_then(|(_, value)| value),
                };
                *last = Some((Instant::now(), value.clone()));
                value
            }
        }
    }
}
