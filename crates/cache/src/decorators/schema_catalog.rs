//! Descriptions of tables.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::SchemaCatalog;
use retail_domain::{Error, Principal, RetailTable, TableGroups, TableSchema};
use serde::{Deserialize, Serialize};

use super::weigh;
use crate::{AnswerCache, Cacheable, Key, Kind, OneIdentity};

/// Keeps descriptions of tables for an hour, for the identity that asked.
///
/// They are not for everyone: they count the caller's rows and list values that occur in them. A stale one is never
/// given, since a description does not say how old it is.
#[derive(Clone)]
pub struct CachedSchemaCatalog {
    inner: Arc<dyn SchemaCatalog>,
    cache: AnswerCache,
}

impl CachedSchemaCatalog {
    /// Asks `cache`, and then `inner`.
    pub fn new(inner: Arc<dyn SchemaCatalog>, cache: AnswerCache) -> Self {
        Self { inner, cache }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Schemas(Arc<[TableSchema]>);

impl Cacheable for Schemas {
    type Audience = OneIdentity;
    type Request<'a> = &'a [RetailTable];

    const KIND: Kind = Kind {
        name: "schemas",
        format: 1,
        time_to_live: Duration::from_hours(1),
        stale_for: Duration::ZERO,
        depends_on: TableGroups::ALL,
    };

    fn weight(&self) -> usize {
        self.0.iter().map(weigh::schema).sum()
    }

    fn depends_on(&self) -> TableGroups {
        TableGroups::behind_all(self.0.iter().map(|schema| schema.table.qualified_name()))
    }
}

#[async_trait]
impl SchemaCatalog for CachedSchemaCatalog {
    async fn describe(
        &self,
        principal: &Principal,
        tables: &[RetailTable],
    ) -> Result<Arc<[TableSchema]>, Error> {
        let key = Key::for_identity(self.cache.key_space(), principal, &tables)?;
        let load = || {
            let (inner, principal, tables) =
                (Arc::clone(&self.inner), principal.clone(), tables.to_vec());
            async move { inner.describe(&principal, &tables).await.map(Schemas) }
        };
        let cached = self.cache.get_or_load(&key, load).await?;
        Ok(Arc::clone(&cached.value.0))
    }
}

impl fmt::Debug for CachedSchemaCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedSchemaCatalog").field("cache", &self.cache).finish_non_exhaustive()
    }
}
