//! A kept answer.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use retail_domain::{TableGroups, VersionVector};
use serde::{Deserialize, Serialize};

use crate::kind::{Audience, Cacheable, Kind};

/// When and from what an answer was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    /// When the read began, in microseconds since 1970.
    pub(crate) read_at: i64,
    /// The versions that were known when the read began: the data are at least as new. None when none were.
    pub(crate) versions: Option<VersionVector>,
    /// What the answer depends on.
    pub(crate) depends_on: TableGroups,
}

/// What is known of the data now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present {
    pub(crate) now: DateTime<Utc>,
    pub(crate) versions: Option<VersionVector>,
    /// Longest age of an answer.
    pub(crate) time_to_live: Duration,
    /// Longest age of a stale answer.
    pub(crate) max_stale: Duration,
}

/// Whether a kept answer may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Fresh,
    Stale,
    /// It may not.
    Over,
}

impl Origin {
    /// The age, or none for what claims to come from the future.
    pub(crate) fn age(&self, now: DateTime<Utc>) -> Option<Duration> {
        now.timestamp_micros()
            .checked_sub(self.read_at)
            .and_then(|micros| u64::try_from(micros).ok())
            .map(Duration::from_micros)
    }

    pub(crate) fn state<V: Cacheable>(&self, present: &Present) -> State {
        let Kind { stale_for, .. } = V::KIND;
        let Some(age) = self.age(present.now).filter(|age| *age < present.time_to_live) else {
            return State::Over;
        };
        let Some(current) = present.versions else {
            // Rights may have changed with the data.
            let is_personal = <V::Audience as Audience>::IS_PERSONAL;
            return if is_personal { State::Over } else { State::Fresh };
        };
        if self.depends_on.is_empty() {
            return State::Fresh;
        }
        match self.versions {
            Some(versions) if versions.covers(&current, self.depends_on) => State::Fresh,
            // Of another history nothing is known, so not how stale it is either.
            Some(versions)
                if versions.epoch == current.epoch && age < stale_for.min(present.max_stale) =>
            {
                State::Stale
            }
            _ => State::Over,
        }
    }
}

/// An answer of any kind in memory.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) value: Arc<dyn Any + Send + Sync>,
    pub(crate) origin: Origin,
}

impl Entry {
    pub(crate) fn new<V: Cacheable>(value: V, origin: Origin) -> Self {
        Self { value: Arc::new(value), origin }
    }

    /// The answer, if it is one of this kind.
    pub(crate) fn value<V: Cacheable>(&self) -> Option<Arc<V>> {
        Arc::clone(&self.value).downcast().ok()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("origin", &self.origin).finish_non_exhaustive()
    }
}
