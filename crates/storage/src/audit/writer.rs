//! Takes entries without making calls wait, and writes them in batches.

mod counters;
mod task;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::{AuditLog, AuditPlace};
use retail_domain::{AuditEntry, Error, ErrorCode};
use tokio::sync::Notify;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::task::JoinHandle;
use tracing::{error, info};

use super::sink::{PgAuditSink, outcome, storable};
use crate::{ServiceDatabase, StorageError};
use counters::Counters;

pub use counters::AuditStatistics;

/// What becomes of a call that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum AuditPolicy {
    /// It waits for a place, and then is not made.
    #[default]
    Block,
    /// It is made; the entry is counted, logged, and not kept.
    DropAndCount,
}

/// How entries are queued.
#[derive(Debug, Clone, Copy)]
pub struct AuditSettings {
    /// What becomes of a call for which there is no place.
    pub policy: AuditPolicy,
    /// Places, those of calls that are running among them. At least 1.
    pub queue_entries: usize,
    /// Longest wait for a place, under [`AuditPolicy::Block`].
    pub wait: Duration,
}

impl Default for AuditSettings {
    /// To block after 2 seconds without one of 1,024 places.
    fn default() -> Self {
        Self { policy: AuditPolicy::Block, queue_entries: 1024, wait: Duration::from_secs(2) }
    }
}

/// The audit log of a running server.
///
/// A call takes a place before it begins and fills it when it is over, whichever way; a task writes what is in the
/// places to the database, and goes on trying while the database is down. Each entry is also a line of the log,
/// target `retail_mcp::audit`.
#[derive(Debug)]
pub struct AuditWriter {
    sender: mpsc::Sender<AuditEntry>,
    settings: AuditSettings,
    counters: Arc<Counters>,
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl AuditWriter {
    /// Starts the task that writes, on the runtime of the caller. It ends after [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`StorageError::Setting`] for a queue without a place.
    pub fn start(
        service: Arc<ServiceDatabase>,
        settings: AuditSettings,
    ) -> Result<Self, StorageError> {
        if settings.queue_entries == 0 {
            return Err(StorageError::Setting("audit.queue_entries must be at least 1".to_owned()));
        }
        let (sender, receiver) = mpsc::channel(settings.queue_entries);
        let counters = Arc::<Counters>::default();
        let stop = Arc::<Notify>::default();
        let task = task::run(
            receiver,
            PgAuditSink::new(service),
            Arc::clone(&counters),
            Arc::clone(&stop),
        );
        let task = Mutex::new(Some(tokio::spawn(task)));
        Ok(Self { sender, settings, counters, stop, task })
    }

    /// What happened since the start.
    pub fn statistics(&self) -> AuditStatistics {
        self.counters.read()
    }

    /// Takes no more calls, waits until those that run have filled their places, and writes all that is left.
    ///
    /// # Errors
    /// [`StorageError::AuditUnwritten`] when that takes longer than `deadline`. The entries are in the log.
    pub async fn flush(&self, deadline: Duration) -> Result<(), StorageError> {
        self.stop.notify_one();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut task) = task
            && tokio::time::timeout(deadline, &mut task).await.is_err()
        {
            task.abort();
            // Until it is gone it may still write, and what is counted must be true.
            let _ = task.await;
        }
        self.counters.tell_dropped();
        let AuditStatistics { accepted, written, .. } = self.statistics();
        match accepted.saturating_sub(written) {
            0 => Ok(()),
            entries => {
                error!(entries, "entries of the audit log were not written");
                Err(StorageError::AuditUnwritten { entries })
            }
        }
    }

    fn place(&self, permit: Option<OwnedPermit<AuditEntry>>) -> Box<dyn AuditPlace> {
        Box::new(Place { permit, counters: Arc::clone(&self.counters) })
    }
}

#[async_trait]
impl AuditLog for AuditWriter {
    async fn reserve(&self) -> Result<Box<dyn AuditPlace>, Error> {
        let sender = self.sender.clone();
        match self.settings.policy {
            AuditPolicy::DropAndCount => Ok(self.place(sender.try_reserve_owned().ok())),
            AuditPolicy::Block => {
                let sender = match sender.try_reserve_owned() {
                    Ok(permit) => return Ok(self.place(Some(permit))),
                    Err(TrySendError::Full(sender) | TrySendError::Closed(sender)) => sender,
                };
                match tokio::time::timeout(self.settings.wait, sender.reserve_owned()).await {
                    Ok(Ok(permit)) => Ok(self.place(Some(permit))),
                    Ok(Err(closed)) => Err(Error::unavailable("the audit log", closed)),
                    Err(_) => Err(Error::new(
                        ErrorCode::Overloaded,
                        "the call could not be recorded in the audit log, so it was not made",
                    )
                    .with_hint("try again in a moment")),
                }
            }
        }
    }
}

struct Place {
    /// None where the queue was full and the policy is to go on.
    permit: Option<OwnedPermit<AuditEntry>>,
    counters: Arc<Counters>,
}

impl AuditPlace for Place {
    fn record(self: Box<Self>, entry: AuditEntry) {
        let entry = storable(entry);
        // After a flush that was given up nobody takes it from the queue.
        let permit = self.permit.filter(|_| !self.counters.has_ended());
        log_line(&entry, permit.is_some());
        match permit {
            Some(permit) => {
                self.counters.accept();
                permit.send(entry);
            }
            None => self.counters.drop_one(),
        }
    }
}

/// The entry as a line of the log. `queued` says whether it is on its way to the database.
fn log_line(entry: &AuditEntry, queued: bool) {
    let statement = entry.statement.as_ref();
    info!(
        target: "retail_mcp::audit",
        entry_id = %entry.id,
        called_at = %entry.at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        request_id = entry.request_id,
        subject = entry.subject,
        issuer = entry.issuer,
        actor = entry.actor,
        store_id = entry.store_id,
        view_as_reason = entry.view_as_reason,
        tool = entry.tool,
        fingerprint = statement.map(|statement| statement.fingerprint.as_str()),
        tables = statement.map(|statement| statement.tables.join(",")),
        rows = entry.rows,
        bytes = entry.bytes,
        outcome = outcome(entry),
        duration_s = entry.duration.as_secs_f64(),
        queued,
        "call"
    );
}
