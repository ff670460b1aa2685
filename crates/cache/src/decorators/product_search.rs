//! What searches and recommendations found.

mod kept;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use retail_domain::ports::ProductSearch;
use retail_domain::{
    Error, HybridQuery, Principal, ProductMatches, RecommendationKind, RecommendationRequest,
    Recommendations, SemanticQuery, TableGroup, TableGroups,
};
use serde::{Deserialize, Serialize};

use self::kept::{KeptMatches, KeptRecommendations};
use crate::{AnswerCache, Cacheable, Cached, Key, Kind, OneIdentity};

/// Keeps what searches (an hour) and recommendations (4 hours) found, for the identity that asked.
///
/// None of it is for everyone: every product comes with the stock that the caller sees, and for some callers with
/// its cost.
#[derive(Clone)]
pub struct CachedProductSearch {
    inner: Arc<dyn ProductSearch>,
    cache: AnswerCache,
}

impl CachedProductSearch {
    /// Asks `cache`, and then `inner`.
    pub fn new(inner: Arc<dyn ProductSearch>, cache: AnswerCache) -> Self {
        Self { inner, cache }
    }

    /// What is kept for `principal` and `request`, or else what `load` reads.
    async fn ask<V, Q, F>(
        &self,
        principal: &Principal,
        request: &Q,
        load: impl FnOnce(Arc<dyn ProductSearch>, Principal, Q) -> F + Send,
    ) -> Result<Cached<V>, Error>
    where
        V: for<'a> Cacheable<Audience = OneIdentity, Request<'a> = &'a Q>,
        Q: Clone + Sync,
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let key = Key::for_identity(self.cache.key_space(), principal, &request)?;
        let load = || load(Arc::clone(&self.inner), principal.clone(), request.clone());
        self.cache.get_or_load(&key, load).await
    }
}

/// The products, and their stock in the caller's store.
const CARDS: TableGroups = TableGroups::NONE
    .with(TableGroup::Catalogue)
    .with(TableGroup::Inventory)
    .with(TableGroup::Stores);

/// A search says nothing about stock that is not so, so a stale one is never given.
const fn search(name: &'static str) -> Kind {
    Kind {
        name,
        format: 1,
        time_to_live: Duration::from_hours(1),
        stale_for: Duration::ZERO,
        depends_on: CARDS,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Semantic(KeptMatches);

impl Cacheable for Semantic {
    type Audience = OneIdentity;
    type Request<'a> = &'a SemanticQuery;

    const KIND: Kind = search("semantic_search");

    fn weight(&self) -> usize {
        self.0.bytes()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Hybrid(KeptMatches);

impl Cacheable for Hybrid {
    type Audience = OneIdentity;
    type Request<'a> = &'a HybridQuery;

    const KIND: Kind = search("hybrid_search");

    fn weight(&self) -> usize {
        self.0.bytes()
    }
}

impl Cacheable for KeptRecommendations {
    type Audience = OneIdentity;
    type Request<'a> = &'a RecommendationRequest;

    const KIND: Kind = Kind {
        name: "recommendations",
        format: 1,
        time_to_live: Duration::from_hours(4),
        stale_for: Duration::from_mins(15),
        depends_on: TableGroups::ALL,
    };

    fn weight(&self) -> usize {
        self.bytes()
    }

    fn depends_on(&self) -> TableGroups {
        self.depends_on
    }
}

/// What the evidence is read from, and the cards.
fn behind(kind: &RecommendationKind) -> TableGroups {
    let tables: &[&str] = match kind {
        RecommendationKind::SimilarProducts { .. } => &[],
        RecommendationKind::CustomerBased { .. } => &["customers", "orders"],
        RecommendationKind::Trending { .. } | RecommendationKind::CrossSell { .. } => &["orders"],
    };
    CARDS.union(TableGroups::behind_all(tables.iter().copied()))
}

#[async_trait]
impl ProductSearch for CachedProductSearch {
    async fn semantic(
        &self,
        principal: &Principal,
        query: &SemanticQuery,
    ) -> Result<ProductMatches, Error> {
        let started = Instant::now();
        let load = |search: Arc<dyn ProductSearch>, caller, query| async move {
            search.semantic(&caller, &query).await.map(|found| Semantic(found.into()))
        };
        let cached = self.ask(principal, query, load).await?;
        Ok(cached.value.0.answer(cached.freshness, started))
    }

    async fn hybrid(
        &self,
        principal: &Principal,
        query: &HybridQuery,
    ) -> Result<ProductMatches, Error> {
        let started = Instant::now();
        let load = |search: Arc<dyn ProductSearch>, caller, query| async move {
            search.hybrid(&caller, &query).await.map(|found| Hybrid(found.into()))
        };
        let cached = self.ask(principal, query, load).await?;
        Ok(cached.value.0.answer(cached.freshness, started))
    }

    async fn recommend(
        &self,
        principal: &Principal,
        request: &RecommendationRequest,
    ) -> Result<Recommendations, Error> {
        let started = Instant::now();
        let load = |search: Arc<dyn ProductSearch>, caller, request: RecommendationRequest| async move {
            let found = search.recommend(&caller, &request).await?;
            Ok(KeptRecommendations::new(found, behind(&request.kind)))
        };
        let cached = self.ask(principal, request, load).await?;
        Ok(cached.value.answer(cached.freshness, started))
    }
}

impl fmt::Debug for CachedProductSearch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedProductSearch").field("cache", &self.cache).finish_non_exhaustive()
    }
}
