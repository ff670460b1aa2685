//! How often the cache helped, and what it met.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Counts since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatistics {
    /// By kind of answer.
    pub kinds: BTreeMap<&'static str, KindStatistics>,
    /// How often lookups in the shared tier failed so often in a row that it was left alone.
    pub lookup_breaker_openings: u64,
    /// The same of writes.
    pub write_breaker_openings: u64,
    /// Whether lookups are left out now.
    pub lookup_breaker_is_open: bool,
    /// Whether writes are left out now.
    pub write_breaker_is_open: bool,
}

impl CacheStatistics {
    /// Bytes that kept answers take in memory now.
    pub fn bytes(&self) -> u64 {
        self.kinds.values().map(|kind| kind.bytes).sum()
    }

    /// The counts of a kind: zeros for one that was never asked for.
    pub fn kind(&self, name: &str) -> KindStatistics {
        self.kinds.get(name).copied().unwrap_or_default()
    }
}

macro_rules! counts {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counts of one kind of answer since the start, and what it takes now.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct KindStatistics {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        /// The counters behind [`KindStatistics`].
        #[derive(Debug, Default)]
        pub(crate) struct KindCounters {
            $(pub(crate) $name: AtomicU64,)+
        }

        impl KindCounters {
            fn read(&self) -> KindStatistics {
                KindStatistics { $($name: self.$name.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counts! {
    /// Answers from memory.
    local_hits,
    /// Answers from the shared tier.
    shared_hits,
    /// Answers, of those from memory or the shared tier, given though the data have changed.
    stale_hits,
    /// Lookups that found nothing to give in memory.
    misses,
    /// Of those: answered by what another call was looking up or reading already.
    coalesced,
    /// Answers read anew.
    loads,
    /// Of those: that ended in an error.
    failed_loads,
    /// Of those: in the background, behind a stale answer.
    refreshes,
    /// Refreshes that were left out because too many were under way.
    refreshes_left_out,
    /// Answers that were not kept because they are too large.
    too_large,
    /// Answers that were not kept because the data's version was not known.
    of_unknown_version,
    /// Lookups in the shared tier that found nothing.
    shared_misses,
    /// Values of the shared tier that are older than the data, or too old.
    shared_outdated,
    /// Values of the shared tier that this server did not believe: changed, moved from another key, or none at all.
    /// Worth a look: somebody else writes there.
    rejected_poisoned,
    /// Values of the shared tier that are not whole.
    rejected_truncated,
    /// Values of the shared tier in the form of another release.
    rejected_format,
    /// Lookups in the shared tier that failed.
    shared_errors,
    /// Lookups in the shared tier that took too long.
    shared_timeouts,
    /// Lookups in the shared tier that were left out because it does not work.
    shared_left_out,
    /// Values written to the shared tier.
    writes,
    /// Writes that failed or took too long.
    failed_writes,
    /// Writes that were left out: the tier does not work, or too many were under way.
    writes_left_out,
    /// Answers that left memory for want of room.
    evictions,
    /// Answers in memory now.
    entries,
    /// Bytes that they take.
    bytes,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl KindCounters {
    pub(crate) fn came(&self, bytes: u32) {
        count(&self.entries);
        self.bytes.fetch_add(bytes.into(), Ordering::Relaxed);
    }

    pub(crate) fn went(&self, bytes: u32) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes.into(), Ordering::Relaxed);
    }
}

/// The counters of all kinds, made when they are first asked for.
#[derive(Debug, Default)]
pub(crate) struct Counters(RwLock<BTreeMap<&'static str, Arc<KindCounters>>>);

impl Counters {
    pub(crate) fn of(&self, kind: &'static str) -> Arc<KindCounters> {
        // The map is whole at every moment.
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(kind).cloned();
        known.unwrap_or_else(|| {
            let mut kinds = self.0.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(kinds.entry(kind).or_default())
        })
    }

    pub(crate) fn read(&self) -> BTreeMap<&'static str, KindStatistics> {
        let kinds = self.0.read().unwrap_or_else(PoisonError::into_inner);
        kinds.iter().map(|(name, counters)| (*name, counters.read())).collect()
    }
}
