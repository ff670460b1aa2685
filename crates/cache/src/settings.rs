//! How much the cache may take, and how long it may wait.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Kind;

/// Bounds of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Bytes of memory that kept answers may take, with all that belongs to them.
    pub max_bytes: u64,
    /// Largest answer that is kept, in bytes: in memory, and in the form in which it is written to the shared tier.
    pub max_value_bytes: usize,
    /// Longest age of an answer that is given, by the name of its kind. A kind that is not named has its own.
    pub times_to_live: BTreeMap<&'static str, Duration>,
    /// Longest age of an answer that is given though the data have changed, for all kinds: the kind's own bound
    /// holds as well. Zero: such an answer is never given.
    pub max_stale: Duration,
    /// Most answers that are read anew in the background at one time.
    pub max_refreshes: usize,
    /// Bounds of the shared tier.
    pub shared_tier: SharedTierSettings,
}

impl Default for CacheSettings {
    /// 64 MiB, 256 KiB an answer, stale answers up to an hour where the kind allows that, 8 refreshes.
    fn default() -> Self {
        Self {
            max_bytes: 64 * 1024 * 1024,
            max_value_bytes: 256 * 1024,
            times_to_live: BTreeMap::new(),
            max_stale: Duration::from_hours(1),
            max_refreshes: 8,
            shared_tier: SharedTierSettings::default(),
        }
    }
}

impl CacheSettings {
    /// Longest age of an answer of a kind.
    pub(crate) fn time_to_live(&self, kind: &Kind) -> Duration {
        self.times_to_live.get(kind.name).copied().unwrap_or(kind.time_to_live)
    }
}

/// Bounds of what the shared tier may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedTierSettings {
    /// Longest wait for a lookup: no answer is later than without the tier by more than this.
    pub lookup_deadline: Duration,
    /// Longest time that a write takes, behind the answer.
    pub write_deadline: Duration,
    /// Lookups, or writes, that must fail in a row before it is left alone.
    pub failures_to_open: u32,
    /// How long it is left alone: half of this or up to half more, by chance, so that servers do not come back
    /// together. Then one lookup, or write, tries.
    pub open_for: Duration,
    /// Most writes at one time. What comes while all are under way is not written.
    pub max_writes: usize,
}

impl Default for SharedTierSettings {
    /// 20 ms a lookup, 250 ms a write, left alone for about 5 s after 5 failures, 32 writes.
    fn default() -> Self {
        Self {
            lookup_deadline: Duration::from_millis(20),
            write_deadline: Duration::from_millis(250),
            failures_to_open: 5,
            open_for: Duration::from_secs(5),
            max_writes: 32,
        }
    }
}
