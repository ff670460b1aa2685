//! The two tiers behind one door.

mod builder;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;
use retail_domain::ports::{Clock, DataVersions, TRACE_TARGET};
use retail_domain::{Error, Freshness};
use tokio::sync::Semaphore;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

pub use self::builder::AnswerCacheBuilder;
use crate::entry::{Entry, Origin, Present, State};
use crate::envelope::{self, Rejected};
use crate::flight::{Flights, Landed, Landing, Needs, Outcome, Place, Source};
use crate::key::{Digest, Key, KeySpace};
use crate::kind::Cacheable;
use crate::local::Local;
use crate::remote::Remote;
use crate::statistics::{Counters, KindCounters, count};
use crate::{CacheSettings, CacheStatistics};

/// An answer, and how old it is.
#[derive(Debug)]
#[non_exhaustive]
pub struct Cached<V> {
    /// The answer.
    pub value: Arc<V>,
    /// Whether it was read for this call.
    pub freshness: Freshness,
}

/// Keeps answers in this process and, where there is one, in a shared tier.
///
/// A clone is another handle on the same cache. It works inside a tokio runtime.
#[derive(Clone)]
pub struct AnswerCache {
    inner: Arc<Inner>,
}

/// What the background works on as well.
struct Inner {
    space: KeySpace,
    versions: Arc<dyn DataVersions>,
    clock: Arc<dyn Clock>,
    settings: CacheSettings,
    local: Local,
    remote: Option<Arc<Remote>>,
    flights: Arc<Flights>,
    refreshes: Arc<Semaphore>,
    counters: Counters,
}

/// What a flight is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Somebody waits.
    Answer,
    /// Somebody was given a stale answer.
    Refresh,
}

impl AnswerCache {
    /// A cache whose parts can be chosen.
    pub fn builder(space: KeySpace, versions: Arc<dyn DataVersions>) -> AnswerCacheBuilder {
        AnswerCacheBuilder::new(space, versions)
    }

    /// What makes keys of this cache.
    pub fn key_space(&self) -> &KeySpace {
        &self.inner.space
    }

    /// The answer that is kept under `key`, or else the one that `load` reads.
    ///
    /// Equal calls at the same time share one read. `load` is called only if there is something to read; what it
    /// gives must own all that it needs, since it may be read on for others, or behind a stale answer. It is dropped
    /// when nobody waits for it any more. Errors are not kept, and all who waited get the same.
    ///
    /// # Errors
    /// Those of `load`; [`Internal`](retail_domain::ErrorCode::Internal) if it panics.
    pub async fn get_or_load<V, F>(
        &self,
        key: &Key<V>,
        load: impl FnOnce() -> F,
    ) -> Result<Cached<V>, Error>
    where
        V: Cacheable,
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let span = info_span!(
            target: TRACE_TARGET,
            "cache",
            retail.cache.kind = V::KIND.name,
            retail.cache.result = Empty,
        );
        self.find(key, load, &span).instrument(span.clone()).await
    }

    async fn find<V, F>(
        &self,
        key: &Key<V>,
        load: impl FnOnce() -> F,
        span: &Span,
    ) -> Result<Cached<V>, Error>
    where
        V: Cacheable,
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let inner = &self.inner;
        let digest = key.digest;
        let counters = inner.counters.of(V::KIND.name);
        let present = inner.present::<V>();
        if let Some(held) = inner.local.find(&digest).await
            && let Some(value) = held.entry.value::<V>()
        {
            let state = held.entry.origin.state::<V>(&present);
            if state != State::Over {
                span.record("retail.cache.result", "memory");
                count(&counters.local_hits);
                if state == State::Stale {
                    count(&counters.stale_hits);
                    inner.refresh(digest, &present, &counters, load);
                }
                return Ok(Cached { value, freshness: kept(&held.entry.origin, &present, state) });
            }
        }
        count(&counters.misses);
        let place = inner.flights.board(digest, &needs::<V>(&present), |landing| {
            let purpose = Purpose::Answer;
            Inner::flight(
                Arc::clone(inner),
                landing,
                digest,
                purpose,
                Arc::clone(&counters),
                load(),
            )
        });
        let flight = match place {
            Place::Joined(flight) => {
                span.record("retail.cache.result", "coalesced");
                count(&counters.coalesced);
                flight
            }
            Place::Began(flight) => {
                span.record("retail.cache.result", "read");
                flight
            }
        };
        let Landed { entry, source } = flight.await?;
        let value = entry.value().ok_or_else(|| Error::internal("an answer of another kind"))?;
        let freshness = match source {
            Source::Load => Freshness::default(),
            Source::SharedTier => {
                let present = Present { now: inner.clock.now(), ..present };
                let state = entry.origin.state::<V>(&present);
                span.record("retail.cache.result", "redis");
                count(&counters.shared_hits);
                if state == State::Stale {
                    count(&counters.stale_hits);
                }
                kept(&entry.origin, &present, state)
            }
        };
        Ok(Cached { value, freshness })
    }

    /// Forgets what is kept in this process.
    pub fn clear(&self) {
        self.inner.local.clear();
    }

    /// Does at once what is else done little by little: counts and bytes are then as they stay.
    pub async fn settle(&self) {
        self.inner.local.settle().await;
    }

    /// Counts since the start.
    pub fn statistics(&self) -> CacheStatistics {
        let kinds = self.inner.counters.read();
        match &self.inner.remote {
            None => CacheStatistics { kinds, ..CacheStatistics::default() },
            Some(remote) => CacheStatistics {
                kinds,
                lookup_breaker_openings: remote.lookup_openings.load(Ordering::Relaxed),
                write_breaker_openings: remote.write_openings.load(Ordering::Relaxed),
                lookup_breaker_is_open: remote.lookups.is_open(),
                write_breaker_is_open: remote.writes.is_open(),
            },
        }
    }
}

/// How old a kept answer is.
fn kept(origin: &Origin, present: &Present, state: State) -> Freshness {
    let age = origin.age(present.now).unwrap_or_default();
    Freshness::kept(age, state == State::Stale)
}

fn needs<V: Cacheable>(present: &Present) -> Needs {
    Needs {
        versions: present.versions,
        depends_on: V::KIND.depends_on,
        is_personal: Key::<V>::is_personal(),
    }
}

impl Inner {
    /// The versions first: what is read after them is at least as new.
    fn present<V: Cacheable>(&self) -> Present {
        let versions = self.versions.current();
        let (time_to_live, max_stale) =
            (self.settings.time_to_live(&V::KIND), self.settings.max_stale);
        Present { now: self.clock.now(), versions, time_to_live, max_stale }
    }

    /// Reads an answer anew in the background, unless that is under way.
    fn refresh<V, F>(
        self: &Arc<Self>,
        digest: Digest,
        present: &Present,
        counters: &Arc<KindCounters>,
        load: impl FnOnce() -> F,
    ) where
        V: Cacheable,
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let Ok(slot) = Arc::clone(&self.refreshes).try_acquire_owned() else {
            count(&counters.refreshes_left_out);
            return;
        };
        let place = self.flights.board(digest, &needs::<V>(present), |landing| {
            let purpose = Purpose::Refresh;
            Self::flight(Arc::clone(self), landing, digest, purpose, Arc::clone(counters), load())
        });
        if let Place::Began(flight) = place {
            tokio::spawn(async move {
                if let Err(error) = flight.await {
                    let error = Error::from(error);
                    tracing::debug!(code = %error.code(), "a kept answer was not read anew");
                }
                drop(slot);
            });
        }
    }

    /// Looks in the shared tier, and reads what is not there. No `async fn`: a flight may begin another.
    fn flight<V, F>(
        self: Arc<Self>,
        landing: Landing,
        digest: Digest,
        purpose: Purpose,
        counters: Arc<KindCounters>,
        load: F,
    ) -> futures_util::future::BoxFuture<'static, Outcome>
    where
        V: Cacheable,
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        Box::pin(async move {
            // Takes the flight off the table when this ends, however it does.
            let landing = landing;
            if let Some((entry, state)) = self.look_up_remote::<V>(digest, &counters).await {
                let landed = Landed { entry: entry.clone(), source: Source::SharedTier };
                match (state, purpose) {
                    (State::Fresh, _) => {
                        self.keep_local::<V>(digest, entry, &counters).await;
                        return Ok(landed);
                    }
                    (State::Stale, Purpose::Answer) => {
                        self.keep_local::<V>(digest, entry, &counters).await;
                        drop(landing);
                        self.refresh::<V, F>(digest, &self.present::<V>(), &counters, || load);
                        return Ok(landed);
                    }
                    (State::Stale, Purpose::Refresh) | (State::Over, _) => {}
                }
            }
            count(&counters.loads);
            if purpose == Purpose::Refresh {
                count(&counters.refreshes);
            }
            let Present { now, versions, .. } = self.present::<V>();
            let loaded = AssertUnwindSafe(load).catch_unwind().await;
            let value = loaded
                .unwrap_or_else(|_| Err(Error::internal("the read of an answer panicked")))
                .inspect_err(|_| count(&counters.failed_loads))?;
            let depends_on = value.depends_on();
            let read_at = now.timestamp_micros();
            let entry = Entry::new(value, Origin { read_at, versions, depends_on });
            self.keep::<V>(digest, &entry, &counters).await;
            Ok(Landed { entry, source: Source::Load })
        })
    }

    async fn look_up_remote<V: Cacheable>(
        &self,
        digest: Digest,
        counters: &KindCounters,
    ) -> Option<(Entry, State)> {
        let remote = self.remote.as_deref()?;
        if Key::<V>::is_personal() && self.versions.current().is_none() {
            // It would not be given.
            return None;
        }
        // One byte more than a good value can have, so that a longer one is seen as such.
        let most_bytes = envelope::HEAD_BYTES + self.settings.max_value_bytes + 1;
        let bytes = remote.fetch(&name::<V>(&digest), most_bytes, counters).await?;
        match envelope::open::<V>(&self.space, &digest, &bytes) {
            Ok(entry) => {
                let state = entry.origin.state::<V>(&self.present::<V>());
                if state != State::Fresh {
                    count(&counters.shared_outdated);
                }
                Some((entry, state))
            }
            Err(rejected) => {
                let kind = V::KIND.name;
                count(match rejected {
                    Rejected::Truncated => &counters.rejected_truncated,
                    Rejected::Format => &counters.rejected_format,
                    Rejected::Poisoned => {
                        tracing::warn!(kind, "a value of the shared cache is not ours");
                        &counters.rejected_poisoned
                    }
                });
                None
            }
        }
    }

    /// Keeps what was read, in both tiers.
    async fn keep<V: Cacheable>(
        &self,
        digest: Digest,
        entry: &Entry,
        counters: &Arc<KindCounters>,
    ) {
        let Some(value) = entry.value::<V>().filter(|value| value.is_worth_keeping()) else {
            return;
        };
        let origin = entry.origin;
        if origin.versions.is_none() && !origin.depends_on.is_empty() {
            count(&counters.of_unknown_version);
            return;
        }
        if value.weight() > self.settings.max_value_bytes {
            count(&counters.too_large);
            return;
        }
        self.keep_local::<V>(digest, entry.clone(), counters).await;
        if let Some(remote) = &self.remote {
            let (space, most_bytes) = (self.space.clone(), self.settings.max_value_bytes);
            remote.store(
                name::<V>(&digest),
                self.settings.time_to_live(&V::KIND),
                Arc::clone(counters),
                move || envelope::seal(&space, &digest, &*value, &origin, most_bytes),
            );
        }
    }

    async fn keep_local<V: Cacheable>(
        &self,
        digest: Digest,
        entry: Entry,
        counters: &Arc<KindCounters>,
    ) {
        let weight = entry.value::<V>().map_or(0, |value| value.weight());
        let age = entry.origin.age(self.clock.now()).unwrap_or_default();
        let keep_for = self.settings.time_to_live(&V::KIND).saturating_sub(age);
        if keep_for > Duration::ZERO {
            self.local.keep(digest, entry, weight, keep_for, Arc::clone(counters)).await;
        }
    }
}

/// The name in the shared tier. It tells the kind to operators, and nothing of the request.
fn name<V: Cacheable>(digest: &Digest) -> String {
    format!("retail-mcp:{}:{}", V::KIND.name, hex::encode(digest.0))
}

impl fmt::Debug for AnswerCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerCache")
            .field("bytes", &self.inner.local.bytes())
            .field("remote", &self.inner.remote)
            .finish_non_exhaustive()
    }
}
