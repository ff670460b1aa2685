//! How new the data are.

use std::sync::{PoisonError, RwLock};

use uuid::Uuid;

use crate::{TableGroups, VersionVector};

/// Tells which version the data have.
///
/// Asked on every call, so it only reads what somebody else keeps up to date.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait DataVersions: Send + Sync {
    /// The versions as they were a moment ago: never higher than those of a read that begins now. None when
    /// they have not been heard of for so long that nothing can be said.
    fn current(&self) -> Option<VersionVector>;
}

/// Versions that this process counts itself: for tests, and for a server that makes all writes itself.
#[derive(Debug)]
pub struct InMemoryVersions(RwLock<Option<VersionVector>>);

impl InMemoryVersions {
    /// Known versions, of an epoch of their own.
    pub fn new() -> Self {
        Self::starting_at(VersionVector::first(Uuid::new_v4()))
    }

    /// Versions that go on from `versions`.
    pub fn starting_at(versions: VersionVector) -> Self {
        Self(RwLock::new(Some(versions)))
    }

    /// Counts a write to `groups`. To be called when the write can be read, and before it is reported as done.
    pub fn bump(&self, groups: TableGroups) {
        self.set(self.current().map(|versions| versions.bumped(groups)));
    }

    /// Sets the versions, or that they are not known.
    pub fn set(&self, versions: Option<VersionVector>) {
        // A plain value, whole at every moment.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = versions;
    }
}

impl Default for InMemoryVersions {
    fn default() -> Self {
        Self::new()
    }
}

impl DataVersions for InMemoryVersions {
    fn current(&self) -> Option<VersionVector> {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
