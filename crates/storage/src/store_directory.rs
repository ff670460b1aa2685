//! Which store an identity belongs to, and which one a name means.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::StoreDirectory;
use retail_domain::{Error, RlsUserId, Store, StoreId};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use crate::ServiceDatabase;

/// Longest time for one lookup.
const LONGEST: Duration = Duration::from_secs(2);

/// Looks stores up by the server's own login: a caller's role may not read whose identity is whose.
#[derive(Debug, Clone)]
pub struct PgStoreDirectory {
    service: Arc<ServiceDatabase>,
}

impl PgStoreDirectory {
    /// A directory on `service`.
    pub fn new(service: Arc<ServiceDatabase>) -> Self {
        Self { service }
    }

    async fn one(&self, sql: &str, parameter: String) -> Result<Option<Store>, Error> {
        let rows = self.service.rows(sql, &[(&parameter, Type::TEXT)], LONGEST).await?;
        rows.first().map(|row| store(row, 0)).transpose()
    }
}

#[async_trait]
impl StoreDirectory for PgStoreDirectory {
    async fn store_find(&self, rls_user_id: RlsUserId) -> Result<Option<Store>, Error> {
        let sql = "SELECT store_id, store_name, rls_user_id::text FROM retail.stores
                   WHERE rls_user_id = $1::uuid";
        self.one(sql, rls_user_id.to_string()).await
    }

    async fn store_named(&self, name: &str) -> Result<Option<Store>, Error> {
        // PostgreSQL takes no text with a NUL, and no store has one.
        if name.contains('\0') {
            return Ok(None);
        }
        // A store whose name is a number comes before the one of that key.
        let sql = "SELECT store_id, store_name, rls_user_id::text FROM retail.stores
                   WHERE store_name = $1 OR store_id::text = $1
                   ORDER BY store_name = $1 DESC LIMIT 1";
        self.one(sql, name.to_owned()).await
    }
}

/// The store in the columns from `first` on: key, name, identity.
pub(crate) fn store(row: &Row, first: usize) -> Result<Store, Error> {
    let unreadable = |error: tokio_postgres::Error| Error::internal(error.to_string());
    let rls_user_id: String = row.try_get(first + 2).map_err(unreadable)?;
    Ok(Store {
        id: StoreId(row.try_get(first).map_err(unreadable)?),
        name: row.try_get(first + 1).map_err(unreadable)?,
        rls_user_id: RlsUserId(Uuid::parse_str(&rls_user_id).map_err(Error::internal)?),
    })
}
