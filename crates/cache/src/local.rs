//! Answers in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use moka::notification::RemovalCause;

use crate::entry::Entry;
use crate::key::Digest;
use crate::statistics::{KindCounters, count};

/// What an answer takes beside its value: key, origin, counts, the records of the cache itself. As measured by the
/// test of the memory bound, and a little more.
const ENTRY_OVERHEAD: usize = 640;

/// Answers of all kinds, under one bound.
#[derive(Debug)]
pub(crate) struct Local(Cache<Digest, Arc<Held>>);

/// An answer and what it costs.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) entry: Entry,
    bytes: u32,
    keep_for: Duration,
    counters: Arc<KindCounters>,
}

struct KeptFor;

impl Expiry<Digest, Arc<Held>> for KeptFor {
    fn expire_after_create(&self, _: &Digest, held: &Arc<Held>, _: Instant) -> Option<Duration> {
        Some(held.keep_for)
    }

    fn expire_after_update(
        &self,
        _: &Digest,
        held: &Arc<Held>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(held.keep_for)
    }
}

impl Local {
    pub(crate) fn new(max_bytes: u64) -> Self {
        let cache = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_: &Digest, held: &Arc<Held>| held.bytes)
            .expire_after(KeptFor)
            .eviction_listener(|_, held: Arc<Held>, cause| {
                held.counters.went(held.bytes);
                if cause == RemovalCause::Size {
                    count(&held.counters.evictions);
                }
            });
        Self(cache.build())
    }

    pub(crate) async fn find(&self, digest: &Digest) -> Option<Arc<Held>> {
        self.0.get(digest).await
    }

    /// Keeps an entry whose value takes `weight` bytes, for at most `keep_for`.
    pub(crate) async fn keep(
        &self,
        digest: Digest,
        entry: Entry,
        weight: usize,
        keep_for: Duration,
        counters: Arc<KindCounters>,
    ) {
        let bytes = u32::try_from(weight.saturating_add(ENTRY_OVERHEAD)).unwrap_or(u32::MAX);
        counters.came(bytes);
        self.0.insert(digest, Arc::new(Held { entry, bytes, keep_for, counters })).await;
    }

    pub(crate) fn clear(&self) {
        self.0.invalidate_all();
    }

    /// Does at once what is else done little by little: evictions.
    pub(crate) async fn settle(&self) {
        self.0.run_pending_tasks().await;
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.weighted_size()
    }
}
