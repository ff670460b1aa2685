//! Descriptions of the tables.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Error, Principal, RetailTable, TableSchema};

/// Describes the tables that a model may query.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait SchemaCatalog: Send + Sync {
    /// Describes `tables` as `principal` may see them, in the order given.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorCode::Unavailable) when the database does not answer.
    async fn describe(
        &self,
        principal: &Principal,
        tables: &[RetailTable],
    ) -> Result<Arc<[TableSchema]>, Error>;
}
