//! Which store an identity belongs to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::StoreDirectory;
use retail_domain::{Error, RlsUserId, Store, StoreId};

use crate::QueryDatabase;
use crate::identity::Who;
use crate::sql_error::our_statement_failed;

/// Looks stores up under the very identity that is asked for: what it may see is its store.
#[derive(Debug, Clone)]
pub struct PgStoreDirectory {
    database: Arc<QueryDatabase>,
}

impl PgStoreDirectory {
    /// A directory on `database`.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl StoreDirectory for PgStoreDirectory {
    async fn store_find(&self, rls_user_id: RlsUserId) -> Result<Option<Store>, Error> {
        let who = Who::Store(rls_user_id);
        let transaction = self.database.begin(who, Duration::from_secs(2)).await?;
        let client = transaction.client();
        let rows = client
            .query_typed("SELECT store_id, store_name FROM retail.stores", &[])
            .await
            .map_err(|error| our_statement_failed(&error))?;
        let store = match rows.as_slice() {
            [] => None,
            [row] => {
                let read = |error| Error::internal(tokio_postgres::Error::to_string(&error));
                Some(Store {
                    id: StoreId(row.try_get(0).map_err(read)?),
                    name: row.try_get(1).map_err(read)?,
                    rls_user_id,
                })
            }
            _ => return Err(Error::internal("one identity sees several stores")),
        };
        transaction.finish().await?;
        Ok(store)
    }

    async fn store_named(&self, _name: &str) -> Result<Option<Store>, Error> {
        Err(Error::internal("TODO: reads through the service login"))
    }
}
