//! Data that change, and ports whose answers say who read them, for what, and which version.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use retail_domain::ports::{Embedder, ProductSearch, QueryRunner, SchemaCatalog};
use retail_domain::{
    Cents, Embedding, EmbeddingModel, Error, Freshness, FusionWeights, HybridQuery, JsonRows,
    Principal, ProductCard, ProductFilters, ProductMatch, ProductMatches, ProductWish, QueryAnswer,
    QueryLimits, RecommendationKind, RecommendationRequest, Recommendations, RetailTable,
    SearchMode, SemanticQuery, SqlText, StatementSummary, StockOnHand, TableGroup, TableGroups,
    TableSchema, VersionVector,
};
use serde::{Deserialize, Serialize};

/// What an answer says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Witness {
    /// Who read it: a place in the list of callers.
    pub(crate) caller: Option<usize>,
    pub(crate) request: u64,
    /// The data that it was read from.
    pub(crate) versions: Option<VersionVector>,
}

impl Witness {
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap()
    }

    pub(crate) fn of_everyone(request: u64) -> Self {
        Self { caller: None, request, versions: None }
    }
}

/// The data, and all ports over them.
pub(crate) struct Truth {
    callers: Arc<[Principal]>,
    versions: Mutex<VersionVector>,
}

impl Truth {
    pub(crate) fn new(callers: Arc<[Principal]>) -> Self {
        let versions = Mutex::new(VersionVector::first(uuid::Uuid::from_u128(1)));
        Self { callers, versions }
    }

    pub(crate) fn versions(&self) -> VersionVector {
        *self.versions.lock().unwrap()
    }

    /// Writes to the groups whose bits are set.
    pub(crate) fn write(&self, bits: u64) {
        let groups = (0..).zip(TableGroup::ALL).filter(|(place, _)| bits >> place & 1 == 1);
        let groups = groups.fold(TableGroups::NONE, |groups, (_, group)| groups.with(group));
        let mut versions = self.versions.lock().unwrap();
        *versions = versions.bumped(groups);
    }

    /// Reads for a caller: the data as they are, and some time until they are here.
    async fn witness(&self, caller: &Principal, request: u64) -> String {
        let place = self.callers.iter().position(|known| known == caller);
        let versions = Some(self.versions());
        tokio::task::yield_now().await;
        serde_json::to_string(&Witness { caller: place, request, versions }).unwrap()
    }
}

const READ: [&str; 6] = [
    "retail.orders",
    "retail.customers",
    "retail.products",
    "retail.inventory",
    "retail.stores",
    "other.weather",
];

pub(crate) fn table(request: u64) -> &'static str {
    READ[usize::try_from(request).unwrap() % READ.len()]
}

pub(crate) fn statement(request: u64) -> String {
    format!("SELECT {request}")
}

#[async_trait]
impl QueryRunner for Truth {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        _: Option<String>,
        _: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let request = sql.as_str().strip_prefix("SELECT ").unwrap().parse().unwrap();
        let tables = vec![table(request).to_owned()];
        Ok(QueryAnswer {
            columns: [].into(),
            rows: JsonRows::default(),
            truncation: None,
            next_cursor: Some(self.witness(principal, request).await),
            statement: StatementSummary { fingerprint: String::new(), tables },
            as_of: DateTime::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            freshness: Freshness::default(),
        })
    }
}

/// One vector for all: the requests differ in their number of results.
pub(crate) fn vector(text: &str) -> Embedding {
    let model = EmbeddingModel { name: "m".to_owned(), dimensions: 8 };
    let sum: u8 = text.bytes().fold(1, u8::wrapping_add);
    let values = (1..=8_u8).map(|place| f32::from(sum) / f32::from(place)).collect();
    Embedding::new(Arc::new(model), values).unwrap()
}

pub(crate) fn semantic_query(request: u64) -> SemanticQuery {
    let max_results = u32::try_from(request).unwrap();
    SemanticQuery { embedding: vector("pump"), max_results, min_similarity: 0.3 }
}

pub(crate) fn hybrid_query(request: u64) -> HybridQuery {
    HybridQuery {
        wish: ProductWish::parse("query", "pump").unwrap(),
        embedding: None,
        weights: FusionWeights::default(),
        filters: ProductFilters::default(),
        max_results: u32::try_from(request).unwrap(),
    }
}

pub(crate) fn recommendation(request: u64) -> RecommendationRequest {
    let max_results = u32::try_from(request).unwrap();
    let kind = RecommendationKind::Trending { days_back: 30 };
    RecommendationRequest { kind, max_results, in_stock: false }
}

fn found(witness: String) -> ProductMatches {
    let product = ProductCard {
        product_id: 1,
        sku: witness,
        name: String::new(),
        category: String::new(),
        product_type: String::new(),
        description: String::new(),
        price: Cents(1),
        cost: None,
        gross_margin_basis_points: None,
        stock: StockOnHand { units: 0, stores: 0 },
    };
    let found = ProductMatch {
        product,
        similarity: None,
        matched_terms: Vec::new(),
        semantic_rank: None,
        keyword_rank: None,
        score: 1.0,
    };
    ProductMatches {
        matches: [found].into(),
        mode: SearchMode::Hybrid,
        model: None,
        corrections: Vec::new(),
        as_of: DateTime::UNIX_EPOCH,
        elapsed: Duration::ZERO,
        freshness: Freshness::default(),
    }
}

#[async_trait]
impl ProductSearch for Truth {
    async fn semantic(
        &self,
        principal: &Principal,
        query: &SemanticQuery,
    ) -> Result<ProductMatches, Error> {
        Ok(found(self.witness(principal, query.max_results.into()).await))
    }

    async fn hybrid(
        &self,
        principal: &Principal,
        query: &HybridQuery,
    ) -> Result<ProductMatches, Error> {
        Ok(found(self.witness(principal, query.max_results.into()).await))
    }

    async fn recommend(
        &self,
        principal: &Principal,
        request: &RecommendationRequest,
    ) -> Result<Recommendations, Error> {
        Ok(Recommendations {
            items: [].into(),
            about_product: Some(self.witness(principal, request.max_results.into()).await),
            period: None,
            as_of: DateTime::UNIX_EPOCH,
            elapsed: Duration::ZERO,
            freshness: Freshness::default(),
        })
    }
}

/// A list of tables for each request: the binary digits of its number and one.
pub(crate) fn tables(request: u64) -> Vec<RetailTable> {
    let digits = request + 1;
    let named = (0..).zip(RetailTable::ALL).filter(|(place, _)| digits >> place & 1 == 1);
    named.map(|(_, table)| table).collect()
}

#[async_trait]
impl SchemaCatalog for Truth {
    async fn describe(
        &self,
        principal: &Principal,
        tables: &[RetailTable],
    ) -> Result<Arc<[TableSchema]>, Error> {
        let digits = (0_u64..)
            .zip(RetailTable::ALL)
            .filter(|(_, table)| tables.contains(table))
            .map(|(place, _)| 1 << place);
        let witness = self.witness(principal, digits.sum::<u64>() - 1).await;
        let schema = |table: &RetailTable| TableSchema {
            table: *table,
            purpose: witness.clone(),
            columns: Vec::new(),
            relationships: Vec::new(),
            valid_values: Vec::new(),
            rows: None,
        };
        Ok(tables.iter().map(schema).collect())
    }
}

#[async_trait]
impl Embedder for Truth {
    fn model(&self) -> Arc<EmbeddingModel> {
        Arc::new(EmbeddingModel { name: "m".to_owned(), dimensions: 8 })
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        tokio::task::yield_now().await;
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}
