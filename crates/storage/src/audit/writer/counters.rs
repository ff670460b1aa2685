//! What became of the entries.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// A warning about dropped entries comes at most as often.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// What happened to entries since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuditStatistics {
    /// Put into the queue.
    pub accepted: u64,
    /// In the database.
    pub written: u64,
    /// In the log alone: there was no place.
    pub dropped: u64,
    /// Tries to write that failed.
    pub failed_writes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    accepted: AtomicU64,
    written: AtomicU64,
    dropped: AtomicU64,
    failed_writes: AtomicU64,
    has_ended: AtomicBool,
    told: Mutex<Told>,
}

/// What was last warned of.
#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    dropped: u64,
}

impl Counters {
    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn write(&self, entries: usize) {
        self.written.fetch_add(entries as u64, Ordering::Relaxed);
    }

    pub(super) fn fail(&self) {
        self.failed_writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(super) fn drop_one(&self) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.at.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            told.tell(dropped);
        }
    }

    /// Warns of what was not yet warned of.
    pub(super) fn tell_dropped(&self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if dropped > told.dropped {
            told.tell(dropped);
        }
    }

    pub(super) fn read(&self) -> AuditStatistics {
        // Written first: it is never more than accepted.
        let written = self.written.load(Ordering::Acquire);
        AuditStatistics {
            accepted: self.accepted.load(Ordering::Acquire),
            written,
            dropped: self.dropped.load(Ordering::Relaxed),
            failed_writes: self.failed_writes.load(Ordering::Relaxed),
        }
    }
}

impl Told {
    fn tell(&mut self, dropped: u64) {
        let entries = dropped.saturating_sub(self.dropped);
        warn!(entries, in_all = dropped, "calls are not in the audit log: there was no place");
        *self = Self { at: Some(Instant::now()), dropped };
    }
}
