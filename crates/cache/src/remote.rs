//! The shared tier, and what it may cost.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use retail_domain::CircuitBreaker;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::settings::SharedTierSettings;
use crate::shared_tier::{SharedTier, TierError};
use crate::statistics::{KindCounters, count};

/// A shared tier behind deadlines and breakers. Lookups and writes have a breaker each: a tier that is full or
/// read-only still answers lookups.
pub(crate) struct Remote {
    tier: Arc<dyn SharedTier>,
    settings: SharedTierSettings,
    pub(crate) lookups: CircuitBreaker,
    pub(crate) writes: CircuitBreaker,
    pub(crate) lookup_openings: AtomicU64,
    pub(crate) write_openings: AtomicU64,
    write_slots: Arc<Semaphore>,
}

impl Remote {
    pub(crate) fn new(tier: Arc<dyn SharedTier>, settings: SharedTierSettings) -> Self {
        let breaker = || CircuitBreaker::new(settings.failures_to_open);
        Self {
            tier,
            lookups: breaker(),
            writes: breaker(),
            lookup_openings: AtomicU64::new(0),
            write_openings: AtomicU64::new(0),
            write_slots: Arc::new(Semaphore::new(settings.max_writes)),
            settings,
        }
    }

    /// What is kept under `name`, or none where nothing is or the tier does not say in time.
    pub(crate) async fn fetch(
        &self,
        name: &str,
        most_bytes: usize,
        counters: &KindCounters,
    ) -> Option<Vec<u8>> {
        let Ok(leave) = self.lookups.enter(Instant::now()) else {
            count(&counters.shared_left_out);
            return None;
        };
        let fetched =
            timeout(self.settings.lookup_deadline, self.tier.fetch(name, most_bytes)).await;
        let problem: &dyn std::fmt::Display = match &fetched {
            Ok(Ok(_) | Err(TierError::NoValue)) => {
                leave.worked();
                return match fetched {
                    Ok(Ok(Some(bytes))) => Some(bytes),
                    Ok(Err(_)) => {
                        count(&counters.rejected_poisoned);
                        None
                    }
                    _ => {
                        count(&counters.shared_misses);
                        None
                    }
                };
            }
            Ok(Err(TierError::Failed(cause))) => {
                count(&counters.shared_errors);
                cause
            }
            Err(elapsed) => {
                count(&counters.shared_timeouts);
                elapsed
            }
        };
        tracing::debug!(%problem, "a lookup in the shared cache failed");
        if leave.failed(Instant::now(), self.open_for()) {
            count(&self.lookup_openings);
            tracing::warn!(%problem, "the shared cache is left alone: lookups fail");
        }
        None
    }

    /// Writes what `value` makes in the background, or leaves it out.
    pub(crate) fn store(
        self: &Arc<Self>,
        name: String,
        time_to_live: Duration,
        counters: Arc<KindCounters>,
        value: impl FnOnce() -> Option<Vec<u8>> + Send + 'static,
    ) {
        let slot = Arc::clone(&self.write_slots).try_acquire_owned();
        let (Ok(slot), false) = (slot, self.writes_are_left_out()) else {
            count(&counters.writes_left_out);
            return;
        };
        let this = Arc::clone(self);
        tokio::spawn(async move {
            match value() {
                Some(value) => this.write(&name, value, time_to_live, &counters).await,
                None => count(&counters.too_large),
            }
            drop(slot);
        });
    }

    /// By chance, so that servers do not come back together.
    fn open_for(&self) -> Duration {
        self.settings.open_for.mul_f64(rand::random_range(0.5..1.5))
    }

    /// A look that takes no leave, so that values are not written out for nothing.
    fn writes_are_left_out(&self) -> bool {
        self.writes.is_shut(Instant::now())
    }

    async fn write(
        &self,
        name: &str,
        value: Vec<u8>,
        time_to_live: Duration,
        counters: &KindCounters,
    ) {
        let Ok(leave) = self.writes.enter(Instant::now()) else {
            count(&counters.writes_left_out);
            return;
        };
        let stored =
            timeout(self.settings.write_deadline, self.tier.store(name, value, time_to_live)).await;
        let problem = match stored {
            Ok(Ok(())) => {
                leave.worked();
                count(&counters.writes);
                return;
            }
            Ok(Err(TierError::Failed(cause))) => cause,
            Ok(Err(error @ TierError::NoValue)) => error.into(),
            Err(elapsed) => elapsed.into(),
        };
        count(&counters.failed_writes);
        tracing::debug!(%problem, "a write to the shared cache failed");
        if leave.failed(Instant::now(), self.open_for()) {
            count(&self.write_openings);
            tracing::warn!(%problem, "the shared cache is not written to: writes fail");
        }
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("settings", &self.settings).finish_non_exhaustive()
    }
}
