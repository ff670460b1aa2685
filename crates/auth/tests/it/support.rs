//! A clock that tests set, a directory with one store, and helpers for errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use retail_domain::ports::{Clock, StoreDirectory};
use retail_domain::{Error, RlsUserId, Store, StoreId};
use uuid::Uuid;

/// When the tests take place, in seconds since 1970. Far from the real time, on purpose: a check
/// against the system's clock would fail.
pub(crate) const NOW_S: i64 = 4_000_000_000;

/// The identity of the one store that exists.
pub(crate) const SEATTLE: Uuid = Uuid::from_u128(0xf47a_c10b_58cc_4372_a567_0e02_b2c3_d479);

pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(NOW_S)))
    }

    pub(crate) fn set(&self, second: i64) {
        self.0.store(second, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap()
    }
}

pub(crate) fn seattle() -> Store {
    Store {
        id: StoreId(1),
        name: "Zava Retail Seattle".to_owned(),
        rls_user_id: RlsUserId(SEATTLE),
    }
}

pub(crate) struct OneStore;

#[async_trait]
impl StoreDirectory for OneStore {
    async fn store_find(&self, rls_user_id: RlsUserId) -> Result<Option<Store>, Error> {
        Ok((rls_user_id.0 == SEATTLE).then(seattle))
    }

    async fn store_named(&self, name: &str) -> Result<Option<Store>, Error> {
        Ok(Some(seattle()).filter(|store| store.name == name || store.id.to_string() == name))
    }
}

/// A directory whose database is down.
pub(crate) struct NoDirectory;

#[async_trait]
impl StoreDirectory for NoDirectory {
    async fn store_find(&self, _: RlsUserId) -> Result<Option<Store>, Error> {
        Err(Error::unavailable("the database", "connection refused"))
    }

    async fn store_named(&self, _: &str) -> Result<Option<Store>, Error> {
        Err(Error::unavailable("the database", "connection refused"))
    }
}

/// The whole chain of causes, as a log would show it.
pub(crate) fn causes(error: &Error) -> String {
    let mut text = String::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&cause.to_string());
        text.push('\n');
        next = cause.source();
    }
    text
}
