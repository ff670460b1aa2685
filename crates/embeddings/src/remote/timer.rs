//! The time, as calls to a service see it.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use retail_domain::ports::{Clock, SystemClock};

/// Time that passes. Tests give one that they push forward.
#[async_trait]
pub trait Timer: Send + Sync {
    /// A moment, to measure from.
    fn now(&self) -> Instant;

    /// The time of day, which the dates of a service refer to.
    fn utc(&self) -> DateTime<Utc>;

    /// The pause between two tries.
    async fn pause(&self, how_long: Duration);

    /// Comes back when what was begun at the same moment has had its time.
    async fn expire(&self, after: Duration);
}

/// Real time.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTimer;

#[async_trait]
impl Timer for SystemTimer {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn utc(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    async fn pause(&self, how_long: Duration) {
        tokio::time::sleep(how_long).await;
    }

    async fn expire(&self, after: Duration) {
        tokio::time::sleep(after).await;
    }
}
