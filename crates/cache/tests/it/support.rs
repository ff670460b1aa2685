//! Identities, clocks, and answers that say whose they are.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use retail_cache::{
    AnswerCache, AnswerCacheBuilder, CacheSettings, Cacheable, Cached, Everyone, Key, KeySpace,
    Kind, KindStatistics, OneIdentity, RedisSettings, RedisTier, SharedTierSettings, Surroundings,
};
use retail_domain::ports::{Clock, Credential, IdentityResolver, InMemoryVersions};
use retail_domain::{
    Error, Principal, RlsUserId, Scope, Store, StoreId, TableGroup, TableGroups, VerifiedIdentity,
    Visibility,
};
use retail_testkit::TestRedis;
use secrecy::SecretBox;
use serde::{Deserialize, Serialize};

pub(crate) const TIME_TO_LIVE: Duration = Duration::from_mins(5);
pub(crate) const STALE_FOR: Duration = Duration::from_mins(1);
pub(crate) const SALES: TableGroups = TableGroups::NONE.with(TableGroup::Sales);
pub(crate) const INVENTORY: TableGroups = TableGroups::NONE.with(TableGroup::Inventory);

/// An answer for one identity, from sales. May be stale for a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note(pub(crate) String);

impl Cacheable for Note {
    type Audience = OneIdentity;
    type Request<'a> = &'a str;
    const KIND: Kind = Kind {
        name: "note",
        format: 1,
        time_to_live: TIME_TO_LIVE,
        stale_for: STALE_FOR,
        depends_on: SALES,
    };

    fn weight(&self) -> usize {
        self.0.len()
    }
}

/// An answer for everyone, from the catalogue. Never stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Poster(pub(crate) String);

impl Cacheable for Poster {
    type Audience = Everyone;
    type Request<'a> = &'a str;
    const KIND: Kind = Kind {
        name: "poster",
        format: 1,
        time_to_live: TIME_TO_LIVE,
        stale_for: Duration::ZERO,
        depends_on: TableGroups::NONE.with(TableGroup::Catalogue),
    };

    fn weight(&self) -> usize {
        self.0.len()
    }
}

/// A clock that stands where it is put.
#[derive(Debug)]
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(1_795_382_757_000_000)))
    }

    pub(crate) fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn back(&self, by: Duration) {
        self.0.fetch_sub(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct Given(VerifiedIdentity);

#[async_trait]
impl IdentityResolver for Given {
    async fn verify(&self, _: &Credential) -> Result<VerifiedIdentity, Error> {
        Ok(self.0.clone())
    }
}

pub(crate) async fn resolved(identity: VerifiedIdentity) -> Principal {
    Given(identity).resolve(&Credential::bearer_token("")).await.unwrap()
}

pub(crate) fn store(number: i32) -> Store {
    let rls_user_id = RlsUserId(uuid::Uuid::from_u128(number.unsigned_abs().into()));
    Store { id: StoreId(number), name: format!("Store {number}"), rls_user_id }
}

pub(crate) fn manager_identity() -> VerifiedIdentity {
    let scopes = [Scope::Read, Scope::Search, Scope::Sql];
    VerifiedIdentity {
        issuer: Some("https://issuer".to_owned()),
        ..VerifiedIdentity::new("ann", Visibility::Store(store(1)), scopes)
    }
}

/// The manager of store 1.
pub(crate) async fn manager() -> Principal {
    resolved(manager_identity()).await
}

/// Nine callers, of whom each differs from the first in one thing alone.
pub(crate) async fn nine() -> Vec<Principal> {
    let ann = manager_identity();
    let other_rows = Store { rls_user_id: RlsUserId(uuid::Uuid::max()), ..store(1) };
    let with_costs = ann.scopes.iter().copied().chain([Scope::Costs]).collect();
    let identities = [
        ann.clone(),
        VerifiedIdentity { subject: "bob".to_owned(), ..ann.clone() },
        VerifiedIdentity { issuer: Some("https://other".to_owned()), ..ann.clone() },
        VerifiedIdentity { issuer: None, ..ann.clone() },
        VerifiedIdentity { actor: Some("agent".to_owned()), ..ann.clone() },
        VerifiedIdentity { visibility: Visibility::Store(store(2)), ..ann.clone() },
        VerifiedIdentity { visibility: Visibility::Store(other_rows), ..ann.clone() },
        VerifiedIdentity { visibility: Visibility::AllStores, ..ann.clone() },
        VerifiedIdentity { scopes: with_costs, ..ann },
    ];
    let mut principals = Vec::new();
    for identity in identities {
        principals.push(resolved(identity).await);
    }
    principals
}

pub(crate) fn space_of(secret: u8, surroundings: &Surroundings) -> KeySpace {
    KeySpace::new(&SecretBox::new(Box::new([secret; 32])), surroundings)
}

pub(crate) fn space() -> KeySpace {
    space_of(7, &Surroundings::default())
}

/// Deadlines that a busy machine keeps, and a breaker that opens at the third failure and tries again soon.
pub(crate) fn settings() -> CacheSettings {
    CacheSettings {
        shared_tier: SharedTierSettings {
            lookup_deadline: Duration::from_secs(2),
            write_deadline: Duration::from_secs(2),
            failures_to_open: 3,
            open_for: Duration::from_millis(20),
            ..SharedTierSettings::default()
        },
        ..CacheSettings::default()
    }
}

/// A cache and what it goes by.
pub(crate) struct World {
    pub(crate) cache: AnswerCache,
    pub(crate) versions: Arc<InMemoryVersions>,
    pub(crate) clock: Arc<SetClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(settings(), |builder| builder)
    }

    pub(crate) fn on(redis: &TestRedis) -> Self {
        Self::with(settings(), |builder| builder.shared_tier(tier(redis)))
    }

    pub(crate) fn with(
        settings: CacheSettings,
        more: impl FnOnce(AnswerCacheBuilder) -> AnswerCacheBuilder,
    ) -> Self {
        let versions = Arc::new(InMemoryVersions::new());
        let clock = SetClock::new();
        let builder = AnswerCache::builder(space(), Arc::clone(&versions) as _)
            .settings(settings)
            .clock(Arc::clone(&clock) as _);
        Self { cache: more(builder).build(), versions, clock }
    }

    /// Another server on the same data, at the same time.
    pub(crate) fn another(&self, redis: &TestRedis) -> Self {
        self.another_with(redis, space(), settings())
    }

    pub(crate) fn another_with(
        &self,
        redis: &TestRedis,
        space: KeySpace,
        settings: CacheSettings,
    ) -> Self {
        let (versions, clock) = (Arc::clone(&self.versions), Arc::clone(&self.clock));
        let cache = AnswerCache::builder(space, Arc::clone(&versions) as _)
            .settings(settings)
            .clock(Arc::clone(&clock) as _)
            .shared_tier(tier(redis))
            .build();
        Self { cache, versions, clock }
    }

    /// The note of a caller, which is `text` if it is read now.
    pub(crate) async fn note(&self, caller: &Principal, request: &str, text: &str) -> Cached<Note> {
        let key = Key::for_identity(self.cache.key_space(), caller, &request).unwrap();
        let note = Note(text.to_owned());
        self.cache.get_or_load(&key, || async move { Ok(note) }).await.unwrap()
    }

    pub(crate) async fn poster(&self, request: &str, text: &str) -> Cached<Poster> {
        let key = Key::for_everyone(self.cache.key_space(), &request).unwrap();
        let poster = Poster(text.to_owned());
        self.cache.get_or_load(&key, || async move { Ok(poster) }).await.unwrap()
    }

    pub(crate) fn notes(&self) -> KindStatistics {
        self.cache.statistics().kind("note")
    }

    /// Waits until as many notes were written to Redis, or not, as were to be.
    pub(crate) async fn written(&self, notes: u64) {
        eventually("the writes end", || {
            let KindStatistics { writes, failed_writes, writes_left_out, .. } = self.notes();
            (writes + failed_writes + writes_left_out >= notes).then_some(())
        })
        .await;
    }
}

pub(crate) fn tier(redis: &TestRedis) -> Arc<RedisTier> {
    Arc::new(RedisTier::new(&RedisSettings::new(redis.url())).unwrap())
}

/// Waits for what another task brings about.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A number that counts up.
#[derive(Debug, Default, Clone)]
pub(crate) struct Count(Arc<AtomicU64>);

impl Count {
    pub(crate) fn up(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Polls a call to where it waits for something, and leaves it there.
pub(crate) async fn begun<F: Future + Unpin>(call: &mut F) {
    let polled = futures_util::poll!(call);
    assert!(polled.is_pending(), "it has ended");
}
