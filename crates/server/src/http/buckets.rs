//! Token buckets, one a key, in bounded memory.

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// Keys that are remembered; of more, those that asked last. A bucket takes about 200 bytes.
const MAX_KEYS: u64 = 100_000;

/// A bucket for each key. Cheap to clone.
#[derive(Clone)]
pub(super) struct Buckets<K> {
    quota: Quota,
    by_key: Cache<K, Arc<DefaultDirectRateLimiter>>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Send + Sync + 'static> Buckets<K> {
    /// Buckets that hold `burst` and get one more each `every`.
    fn new(every: Duration, burst: u32) -> Option<Self> {
        let burst = NonZeroU32::new(burst)?;
        let quota = Quota::with_period(every)?.allow_burst(burst);
        // By then it is full again, as a new one is.
        let full_again = every.saturating_mul(burst.get()).max(Duration::from_secs(1));
        let by_key = Cache::builder()
            .max_capacity(MAX_KEYS)
            .time_to_idle(full_again)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Some(Self { quota, by_key, clock: DefaultClock::default() })
    }

    /// So many a second; none for 0.
    pub(super) fn per_second(count: u32, burst: u32) -> Option<Self> {
        Self::new(Duration::from_secs(1).checked_div(count)?, burst)
    }

    /// So many a minute; none for 0.
    pub(super) fn per_minute(count: u32, burst: u32) -> Option<Self> {
        Self::new(Duration::from_mins(1).checked_div(count)?, burst)
    }

    /// Takes one out of a key's bucket, or says how long it takes until there is one.
    pub(super) fn take(&self, key: K) -> Result<(), Duration> {
        let bucket = self.by_key.get_with(key, || Arc::new(RateLimiter::direct(self.quota)));
        bucket.check().map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_says_when_to_come_again() {
        let buckets = Buckets::per_minute(6, 3).unwrap();
        for _ in 0..3 {
            assert_eq!(buckets.take("a"), Ok(()));
        }
        let wait = buckets.take("a").unwrap_err();
        assert!(wait > Duration::from_secs(8) && wait <= Duration::from_secs(10), "{wait:?}");
        assert_eq!(buckets.take("b"), Ok(()), "each key has its own");
    }

    #[test]
    fn it_fills_again() {
        let buckets = Buckets::per_second(50, 1).unwrap();
        assert_eq!(buckets.take(1), Ok(()));
        let wait = buckets.take(1).unwrap_err();
        std::thread::sleep(wait);
        assert_eq!(buckets.take(1), Ok(()));
    }

    #[test]
    fn many_keys_take_bounded_memory() {
        let buckets = Buckets::per_second(1, 1000).unwrap();
        for key in 0..MAX_KEYS + 20_000 {
            assert_eq!(buckets.take(key), Ok(()));
        }
        buckets.by_key.run_pending_tasks();
        assert!(buckets.by_key.entry_count() <= MAX_KEYS);
    }

    #[test]
    fn nothing_a_second_is_no_limit() {
        assert!(Buckets::<u8>::per_second(0, 5).is_none());
        assert!(Buckets::<u8>::per_minute(0, 5).is_none());
    }
}
