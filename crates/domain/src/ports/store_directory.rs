//! Which store an identity belongs to.

use async_trait::async_trait;

use crate::{Error, RlsUserId, Store};

/// Finds the store of an identity.
///
/// The one port that takes no principal, since it helps to make one. It tells nothing but a store's
/// key and name.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait StoreDirectory: Send + Sync {
    /// The store whose rows `rls_user_id` sees, or none.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorCode::Unavailable) when the database does not answer.
    async fn store_find(&self, rls_user_id: RlsUserId) -> Result<Option<Store>, Error>;

    /// The store of this name, or of this key written as a number; or none.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorCode::Unavailable) when the database does not answer.
    async fn store_named(&self, name: &str) -> Result<Option<Store>, Error>;
}
