//! A store directory that remembers for a minute what it was told.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use retail_domain::ports::{Clock, StoreDirectory};
use retail_domain::{Error, RlsUserId, Store};

/// How long an answer is used before the directory is asked again.
const FRESH_FOR: TimeDelta = TimeDelta::seconds(60);

/// How many stores are remembered at most. A chain with more still works: it asks more often.
const MAX_ENTRIES: usize = 1024;

/// Remembers found stores. An identity or a name without a store is asked for each time: so that a new
/// store can be used at once, and so that made-up ones cannot fill the memory.
pub(crate) struct CachedStores {
    directory: Arc<dyn StoreDirectory>,
    clock: Arc<dyn Clock>,
    found: Mutex<HashMap<Key, Remembered>>,
    max_entries: usize,
}

/// How a store was asked for.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Identity(RlsUserId),
    Name(String),
}

struct Remembered {
    store: Store,
    found_at: DateTime<Utc>,
}

impl Remembered {
    /// A clock that was set back makes an entry stale, not fresh for longer.
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let age = now - self.found_at;
        age >= TimeDelta::zero() && age < FRESH_FOR
    }
}

impl CachedStores {
    pub(crate) fn new(directory: Arc<dyn StoreDirectory>, clock: Arc<dyn Clock>) -> Self {
        Self { directory, clock, found: Mutex::default(), max_entries: MAX_ENTRIES }
    }

    fn recall(&self, key: &Key, now: DateTime<Utc>) -> Option<Store> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(key).filter(|entry| entry.is_fresh(now)).map(|entry| entry.store.clone())
    }

    fn remember(&self, key: Key, store: Store, now: DateTime<Utc>) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() >= self.max_entries && !found.contains_key(&key) {
            found.retain(|_, entry| entry.is_fresh(now));
        }
        if found.len() >= self.max_entries && !found.contains_key(&key) {
            let oldest =
                found.iter().min_by_key(|(_, entry)| entry.found_at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                found.remove(&oldest);
            }
        }
        found.insert(key, Remembered { store, found_at: now });
    }
}

#[async_trait]
impl StoreDirectory for CachedStores {
    async fn store_named(&self, name: &str) -> Result<Option<Store>, Error> {
        let key = Key::Name(name.to_owned());
        if let Some(store) = self.recall(&key, self.clock.now()) {
            return Ok(Some(store));
        }
        let store = self.directory.store_named(name).await?;
        if let Some(store) = &store {
            self.remember(key, store.clone(), self.clock.now());
        }
        Ok(store)
    }

    async fn store_find(&self, rls_user_id: RlsUserId) -> Result<Option<Store>, Error> {
        let key = Key::Identity(rls_user_id);
        if let Some(store) = self.recall(&key, self.clock.now()) {
            return Ok(Some(store));
        }
        let store = self.directory.store_find(rls_user_id).await?;
        if let Some(store) = &store {
            self.remember(key, store.clone(), self.clock.now());
        }
        Ok(store)
    }
}

impl fmt::Debug for CachedStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStores")
            .field("max_entries", &self.max_entries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

    use retail_domain::StoreId;
    use uuid::Uuid;

    use super::*;

    #[derive(Default)]
    struct SetClock(AtomicI64);

    impl Clock for SetClock {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
        }
    }

    /// Knows every identity but the nil one, and counts how often it was asked.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl StoreDirectory for Counting {
        async fn store_named(&self, _: &str) -> Result<Option<Store>, Error> {
            Ok(None)
        }

        async fn store_find(&self, rls_user_id: RlsUserId) -> Result<Option<Store>, Error> {
            self.0.fetch_add(1, Ordering::SeqCst);
            let store = Store { id: StoreId(1), name: "Seattle".to_owned(), rls_user_id };
            Ok((!rls_user_id.0.is_nil()).then_some(store))
        }
    }

    struct Fixture {
        clock: Arc<SetClock>,
        directory: Arc<Counting>,
        stores: CachedStores,
    }

    impl Fixture {
        fn new(max_entries: usize) -> Self {
            let clock = Arc::new(SetClock(AtomicI64::new(1_000)));
            let directory = Arc::new(Counting::default());
            let mut stores = CachedStores::new(directory.clone(), clock.clone());
            stores.max_entries = max_entries;
            Self { clock, directory, stores }
        }

        fn at(&self, second: i64) {
            self.clock.0.store(second, Ordering::SeqCst);
        }

        async fn find(&self, id: u128) -> Option<Store> {
            self.stores.store_find(RlsUserId(Uuid::from_u128(id))).await.unwrap()
        }

        fn asked(&self) -> usize {
            self.directory.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn a_store_is_asked_for_once_a_minute() {
        let fixture = Fixture::new(8);
        fixture.find(1).await.unwrap();
        fixture.at(1_059);
        fixture.find(1).await.unwrap();
        assert_eq!(fixture.asked(), 1);
        fixture.at(1_060);
        fixture.find(1).await.unwrap();
        assert_eq!(fixture.asked(), 2);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_does_not_keep_an_entry_alive() {
        let fixture = Fixture::new(8);
        fixture.find(1).await.unwrap();
        fixture.at(10);
        fixture.find(1).await.unwrap();
        assert_eq!(fixture.asked(), 2);
    }

    #[tokio::test]
    async fn an_identity_without_a_store_is_not_remembered() {
        let fixture = Fixture::new(8);
        assert_eq!(fixture.find(0).await, None);
        assert_eq!(fixture.find(0).await, None);
        assert_eq!(fixture.asked(), 2);
        assert!(fixture.stores.found.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_oldest_entry_makes_room() {
        let fixture = Fixture::new(2);
        for (second, id) in [(1_000, 1), (1_001, 2), (1_002, 3)] {
            fixture.at(second);
            fixture.find(id).await.unwrap();
        }
        assert_eq!(fixture.stores.found.lock().unwrap().len(), 2);
        fixture.find(2).await.unwrap();
        fixture.find(3).await.unwrap();
        assert_eq!(fixture.asked(), 3, "2 and 3 are remembered");
        fixture.find(1).await.unwrap();
        assert_eq!(fixture.asked(), 4, "1 was dropped");
    }
}
