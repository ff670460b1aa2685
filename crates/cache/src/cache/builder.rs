//! Putting a cache together.

use std::fmt;
use std::sync::Arc;

use retail_domain::ports::{Clock, DataVersions, SystemClock};
use tokio::sync::Semaphore;

use super::{AnswerCache, Inner};
use crate::flight::Flights;
use crate::local::Local;
use crate::remote::Remote;
use crate::statistics::Counters;
use crate::{CacheSettings, KeySpace, SharedTier};

/// The parts of an [`AnswerCache`].
#[must_use]
pub struct AnswerCacheBuilder {
    space: KeySpace,
    versions: Arc<dyn DataVersions>,
    clock: Arc<dyn Clock>,
    settings: CacheSettings,
    shared_tier: Option<Arc<dyn SharedTier>>,
}

impl AnswerCacheBuilder {
    pub(super) fn new(space: KeySpace, versions: Arc<dyn DataVersions>) -> Self {
        Self {
            space,
            versions,
            clock: Arc::new(SystemClock),
            settings: CacheSettings::default(),
            shared_tier: None,
        }
    }

    /// Bounds other than the usual.
    pub fn settings(mut self, settings: CacheSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Keeps answers for other servers as well.
    pub fn shared_tier(mut self, tier: Arc<dyn SharedTier>) -> Self {
        self.shared_tier = Some(tier);
        self
    }

    /// Another clock, by which answers age. What leaves memory for its age leaves by the computer's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The cache, empty.
    pub fn build(self) -> AnswerCache {
        let Self { space, versions, clock, settings, shared_tier } = self;
        let remote =
            shared_tier.map(|tier| Arc::new(Remote::new(tier, settings.shared_tier.clone())));
        AnswerCache {
            inner: Arc::new(Inner {
                space,
                versions,
                clock,
                local: Local::new(settings.max_bytes),
                remote,
                flights: Arc::new(Flights::default()),
                refreshes: Arc::new(Semaphore::new(settings.max_refreshes)),
                counters: Counters::default(),
                settings,
            }),
        }
    }
}

impl fmt::Debug for AnswerCacheBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerCacheBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
