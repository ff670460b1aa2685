//! From the queue to the database.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use retail_domain::AuditEntry;
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::counters::Counters;
use crate::audit::AuditAnchor;
use crate::audit::sink::PgAuditSink;

/// Most entries that are written together.
const BATCH_ENTRIES: usize = 500;

/// A batch waits as long for more, unless it is full at once. Nobody waits for it.
const BATCH_WAIT: Duration = Duration::from_millis(25);

/// First and longest pause before another try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The end of the chain is logged at most as often, and at the very end.
const ANCHOR_EVERY: Duration = Duration::from_mins(1);

/// A warning while the database is down comes at most as often.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Sets the mark also when the task is aborted.
struct End(Arc<Counters>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Writes until the queue is closed and empty.
pub(super) async fn run(
    mut queue: Receiver<AuditEntry>,
    sink: PgAuditSink,
    counters: Arc<Counters>,
    stop: Arc<Notify>,
) {
    let _end = End(Arc::clone(&counters));
    let mut anchors = Anchors::default();
    let mut batch = Vec::with_capacity(BATCH_ENTRIES);
    loop {
        let received = tokio::select! {
            biased;
            () = stop.notified() => {
                // Places that are taken can still be filled.
                queue.close();
                continue;
            }
            received = queue.recv_many(&mut batch, BATCH_ENTRIES) => received,
        };
        if received == 0 {
            break;
        }
        if batch.len() < BATCH_ENTRIES && !queue.is_closed() {
            // To be woken by each entry would cost more than to write it.
            sleep(BATCH_WAIT).await;
            let more = iter::from_fn(|| queue.try_recv().ok());
            batch.extend(more.take(BATCH_ENTRIES - batch.len()));
        }
        let end = write(&sink, &batch, &counters).await;
        counters.write(batch.len());
        batch.clear();
        anchors.reached(end);
    }
    anchors.tell();
}

/// Tries until it is done.
async fn write(sink: &PgAuditSink, batch: &[AuditEntry], counters: &Counters) -> AuditAnchor {
    let mut pause = FIRST_PAUSE;
    let mut warned: Option<Instant> = None;
    loop {
        match sink.append(batch).await {
            Ok(end) => {
                if warned.is_some() {
                    info!("the audit log is written again");
                }
                return end;
            }
            Err(error) => {
                counters.fail();
                if warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    warn!(error = %error, cause, "the audit log cannot be written; it is tried again");
                    warned = Some(Instant::now());
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The ends of the chain that are told outside of the database.
#[derive(Default)]
struct Anchors {
    told_at: Option<Instant>,
    untold: Option<AuditAnchor>,
}

impl Anchors {
    fn reached(&mut self, end: AuditAnchor) {
        self.untold = Some(end);
        if self.told_at.is_none_or(|at| at.elapsed() >= ANCHOR_EVERY) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if let Some(anchor) = self.untold.take() {
            info!(target: "retail_mcp::audit", anchor = %anchor, "audit chain head");
            self.told_at = Some(Instant::now());
        }
    }
}
