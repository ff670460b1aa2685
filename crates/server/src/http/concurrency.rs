//! How many requests are worked on at once, of all and of one principal or address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts requests, all together and of each key. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Concurrency<K> {
    all: Option<Arc<Semaphore>>,
    share: usize,
    by_key: Counts<K>,
}

type Counts<K> = Arc<Mutex<HashMap<K, usize>>>;

/// One of all that may be worked on. Given back when dropped.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    _permit: Option<Arc<OwnedSemaphorePermit>>,
}

/// One of a key's share. Given back when dropped.
#[derive(Debug)]
pub(super) struct Share<K: Hash + Eq> {
    key: K,
    by_key: Counts<K>,
}

impl<K: Hash + Eq + Clone> Concurrency<K> {
    /// So many of all, and so many of one key; 0 is no limit.
    pub(super) fn new(max: usize, share: usize) -> Self {
        let all = (max > 0).then(|| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))));
        let share = if share == 0 { usize::MAX } else { share };
        Self { all, share, by_key: Arc::default() }
    }

    /// One of all; none when there is none left.
    pub(super) fn slot(&self) -> Option<Slot> {
        let permit = match &self.all {
            None => None,
            Some(all) => Some(Arc::new(Arc::clone(all).try_acquire_owned().ok()?)),
        };
        Some(Slot { _permit: permit })
    }

    /// One of the key's; none when it has its share.
    pub(super) fn share_of(&self, key: K) -> Option<Share<K>> {
        let mut counts = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_default();
        if *count >= self.share {
            return None;
        }
        *count += 1;
        Some(Share { key, by_key: Arc::clone(&self.by_key) })
    }
}

impl<K: Hash + Eq> Drop for Share<K> {
    fn drop(&mut self) {
        let mut counts = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            // Only those who ask now are remembered.
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_principal_has_no_more_than_its_share() {
        let concurrency = Concurrency::new(3, 2);
        let share = || concurrency.share_of("a".to_owned());
        let first = share().unwrap();
        let second = share().unwrap();
        assert!(share().is_none());
        assert!(concurrency.share_of("b".to_owned()).is_some());
        drop(first);
        let third = share().unwrap();
        drop((second, third));
        assert!(concurrency.by_key.lock().unwrap().is_empty(), "nothing is remembered");
    }

    #[test]
    fn all_together_have_no_more_than_there_is() {
        let concurrency = Concurrency::new(1, 0);
        let slot = concurrency.slot().unwrap();
        assert!(concurrency.slot().is_none());
        drop(slot);
        assert!(concurrency.slot().is_some());
        let shares: Vec<_> =
            (0..100).map(|_| concurrency.share_of("a".to_owned()).unwrap()).collect();
        assert_eq!(shares.len(), 100);
    }

    #[test]
    fn none_is_no_limit() {
        let concurrency = Concurrency::<String>::new(0, 0);
        let slots: Vec<_> = (0..1000).map(|_| concurrency.slot().unwrap()).collect();
        assert_eq!(slots.len(), 1000);
    }
}
