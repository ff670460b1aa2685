//! The keys of a running server.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::info;

use crate::IdentityKey;

/// The key that signs, and the one before it. All clones share them.
#[derive(Debug, Clone)]
pub(crate) struct KeyRing(Arc<RwLock<Keys>>);

#[derive(Debug, Clone)]
struct Keys {
    current: Arc<IdentityKey>,
    former: Option<Arc<IdentityKey>>,
}

impl KeyRing {
    pub(crate) fn new(key: IdentityKey) -> Self {
        Self(Arc::new(RwLock::new(Keys { current: Arc::new(key), former: None })))
    }

    /// The key that signs.
    pub(crate) fn current(&self) -> Arc<IdentityKey> {
        self.read().current
    }

    /// The key that signs, and the one before it, whose cursors still count.
    pub(crate) fn all(&self) -> impl Iterator<Item = Arc<IdentityKey>> {
        let Keys { current, former } = self.read();
        std::iter::once(current).chain(former)
    }

    /// Signs with `key` from now on.
    pub(crate) fn replace(&self, key: IdentityKey) {
        // Both halves change in one assignment each, so a panic elsewhere does no harm.
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if keys.current.id() != key.id() {
            info!(key = key.id(), "identities are signed with a new key");
            keys.former = Some(std::mem::replace(&mut keys.current, Arc::new(key)));
        }
    }

    fn read(&self) -> Keys {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
