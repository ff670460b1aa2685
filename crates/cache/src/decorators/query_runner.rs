//! Answers to ad-hoc SQL.

mod answer;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use retail_domain::ports::QueryRunner;
use retail_domain::{Error, Principal, QueryAnswer, QueryLimits, SqlText, TableGroups};
use serde::Serialize;

use self::answer::KeptAnswer;
use crate::{AnswerCache, Cacheable, Key, Kind, OneIdentity};

/// Keeps the answers to statements, for the identity that sent them: 300 seconds, and up to a minute when the data
/// have changed meanwhile.
///
/// Every page is an answer of its own. A statement that reads no table is run each time.
#[derive(Clone)]
pub struct CachedQueryRunner {
    inner: Arc<dyn QueryRunner>,
    cache: AnswerCache,
}

impl CachedQueryRunner {
    /// Asks `cache`, and then `inner`.
    pub fn new(inner: Arc<dyn QueryRunner>, cache: AnswerCache) -> Self {
        Self { inner, cache }
    }
}

/// All that decides an answer, besides who asks.
#[derive(Debug, Serialize)]
pub(crate) struct Statement<'a> {
    sql: &'a str,
    cursor: Option<&'a str>,
    limits: &'a QueryLimits,
}

impl Cacheable for KeptAnswer {
    type Audience = OneIdentity;
    type Request<'a> = Statement<'a>;

    const KIND: Kind = Kind {
        name: "query",
        format: 1,
        time_to_live: Duration::from_mins(5),
        stale_for: Duration::from_mins(1),
        depends_on: TableGroups::ALL,
    };

    fn weight(&self) -> usize {
        self.bytes()
    }

    fn depends_on(&self) -> TableGroups {
        TableGroups::behind_all(self.tables())
    }

    /// What reads no table is the time, or arithmetic.
    fn is_worth_keeping(&self) -> bool {
        self.tables().next().is_some()
    }
}

#[async_trait]
impl QueryRunner for CachedQueryRunner {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        cursor: Option<String>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let started = Instant::now();
        let request = Statement { sql: sql.as_str(), cursor: cursor.as_deref(), limits };
        let key = Key::<KeptAnswer>::for_identity(self.cache.key_space(), principal, &request)?;
        let load = || {
            let inner = Arc::clone(&self.inner);
            let (principal, sql, cursor, limits) =
                (principal.clone(), sql.clone(), cursor.clone(), *limits);
            async move { inner.run_page(&principal, &sql, cursor, &limits).await.map(KeptAnswer::from) }
        };
        let cached = self.cache.get_or_load(&key, load).await?;
        Ok(cached.value.answer(cached.freshness, started))
    }
}

impl fmt::Debug for CachedQueryRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedQueryRunner").field("cache", &self.cache).finish_non_exhaustive()
    }
}
