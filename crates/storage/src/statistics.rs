//! What operators must hear of.

use std::sync::atomic::{AtomicU64, Ordering};

use tracing::error;

/// Counts since the start. The first two must stay zero: each is worth an alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueryStatistics {
    /// Answers that were discarded because the statement had changed its identity.
    pub identity_changes: u64,
    /// Statements that row security refused because it did not believe the identity.
    pub identity_refusals: u64,
    /// Statements that the guard refused.
    pub guard_refusals: u64,
    /// Statements that ran past their deadline and were left by their caller's side.
    pub overruns: u64,
    /// Connections that were thrown away after use.
    pub discarded_connections: u64,
    /// Statements that a replica answered.
    pub replica_answers: u64,
    /// Statements that a replica did not answer, so that the primary had to.
    pub replica_failures: u64,
}

/// The counters behind [`QueryStatistics`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    identity_changes: AtomicU64,
    identity_refusals: AtomicU64,
    guard_refusals: AtomicU64,
    overruns: AtomicU64,
    discarded_connections: AtomicU64,
    replica_answers: AtomicU64,
    replica_failures: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> QueryStatistics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        QueryStatistics {
            identity_changes: read(&self.identity_changes),
            identity_refusals: read(&self.identity_refusals),
            guard_refusals: read(&self.guard_refusals),
            overruns: read(&self.overruns),
            discarded_connections: read(&self.discarded_connections),
            replica_answers: read(&self.replica_answers),
            replica_failures: read(&self.replica_failures),
        }
    }

    /// The name in `alert` is what an alarm can be set on.
    pub(crate) fn identity_changed(&self) {
        self.identity_changes.fetch_add(1, Ordering::Relaxed);
        error!(
            alert = "identity_changed",
            "a statement changed its row security identity; its answer was discarded"
        );
    }

    pub(crate) fn identity_refused(&self) {
        self.identity_refusals.fetch_add(1, Ordering::Relaxed);
        error!(
            alert = "identity_refused",
            "row security did not believe the identity: the keys differ, a clock jumped, or a \
             statement changed it"
        );
    }

    pub(crate) fn guard_refused(&self) {
        self.guard_refusals.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn overran(&self) {
        self.overruns.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn replica_answered(&self) {
        self.replica_answers.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn replica_failed(&self) {
        self.replica_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn discarded(&self) {
        self.discarded_connections.fetch_add(1, Ordering::Relaxed);
    }
}
