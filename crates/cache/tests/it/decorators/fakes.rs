//! Ports whose answers follow from the request.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use retail_domain::ports::{Embedder, ProductSearch, QueryRunner, SchemaCatalog};
use retail_domain::{
    Cents, Column, ColumnSchema, Embedding, EmbeddingModel, Error, ErrorCode, Evidence, Freshness,
    FusionWeights, HybridQuery, KeyRole, KeywordTerm, Principal, ProductCard, ProductFilters,
    ProductMatch, ProductMatches, ProductWish, QueryAnswer, QueryLimits, Recommendation,
    RecommendationRequest, Recommendations, Relationship, RetailTable, RowEstimate, SearchMode,
    SemanticQuery, SqlText, StatementSummary, StockOnHand, TableSchema, Truncation, ValidValues,
};
use serde_json::json;

use crate::support::Count;

/// Answers at once, and counts.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    pub(crate) calls: Count,
}

/// What `SELECT table` gives: every type of value, and numbers that lose digits when they are handled
/// without care.
pub(crate) fn query_answer(table: &str) -> QueryAnswer {
    let tables = if table.contains('.') { vec![table.to_owned()] } else { Vec::new() };
    QueryAnswer {
        columns: [Column { name: "total".to_owned(), pg_type: "numeric".to_owned() }].into(),
        rows: vec![
            vec![json!("12.50"), json!(null), json!(true), json!(0.1 + 0.2), json!(u64::MAX)],
            vec![json!("é\n\"\u{0}"), json!({"b": [1, {"a": -0.0}], "a": 1e300}), json!(5e-324)],
        ]
        .into(),
        truncation: Some(Truncation::Bytes(9)),
        next_cursor: Some("2.3.4".to_owned()),
        statement: StatementSummary { fingerprint: "f".to_owned(), tables },
        as_of: DateTime::from_timestamp_nanos(1_795_382_757_123_456_789),
        elapsed: Duration::from_millis(7),
        freshness: Freshness::default(),
    }
}

#[async_trait]
impl QueryRunner for Counting {
    async fn run_page(
        &self,
        _: &Principal,
        sql: &SqlText,
        _: Option<String>,
        _: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        self.calls.up();
        let table = sql.as_str().strip_prefix("SELECT ").unwrap();
        if table == "broken" {
            let fingerprint = "broken".to_owned();
            return Err(Error::new(ErrorCode::QueryFailed, "no such column")
                .with_statement(StatementSummary { fingerprint, tables: Vec::new() }));
        }
        Ok(query_answer(table))
    }
}

fn card(number: u32) -> ProductCard {
    ProductCard {
        product_id: i32::try_from(number).unwrap(),
        sku: format!("SKU{number}"),
        name: "Pump".to_owned(),
        category: "PLUMBING".to_owned(),
        product_type: "PUMPS".to_owned(),
        description: "Pumps.".to_owned(),
        price: Cents(1_250),
        cost: number.is_multiple_of(2).then_some(Cents(800)),
        gross_margin_basis_points: Some(3_600),
        stock: StockOnHand { units: 3, stores: 1 },
    }
}

pub(crate) fn found(most: u32) -> ProductMatches {
    let term = KeywordTerm { asked: "pmp".to_owned(), searched: "pump".to_owned() };
    let matches = (1..=most).map(|rank| ProductMatch {
        product: card(rank),
        similarity: (rank > 1).then_some(1.0 / f64::from(rank)),
        matched_terms: vec![term.clone()],
        semantic_rank: Some(rank),
        keyword_rank: None,
        score: 0.1 + 0.2,
    });
    ProductMatches {
        matches: matches.collect(),
        mode: SearchMode::Hybrid,
        model: Some(model().as_ref().clone()),
        corrections: vec![term.clone()],
        as_of: DateTime::UNIX_EPOCH,
        elapsed: Duration::from_millis(7),
        freshness: Freshness::default(),
    }
}

pub(crate) fn recommended(most: u32) -> Recommendations {
    let evidence = [
        Evidence::Similar { similarity: 0.5 },
        Evidence::NearPurchases { similarity: 0.5, nearest_purchase: "Hose".to_owned() },
        Evidence::Growth {
            units: 3,
            units_year_before: 1,
            net_sales_change: Cents(-5),
            growth: 1.5,
        },
        Evidence::BoughtTogether { baskets: 1, baskets_of_product: 2, lift: 3.5 },
    ];
    let items = (1..=most).zip(evidence);
    Recommendations {
        items: items
            .map(|(number, evidence)| Recommendation { product: card(number), evidence })
            .collect(),
        about_product: Some("Pump".to_owned()),
        period: Some(("2026-08-25".parse().unwrap(), "2026-11-22".parse().unwrap())),
        as_of: DateTime::UNIX_EPOCH,
        elapsed: Duration::from_millis(7),
        freshness: Freshness::default(),
    }
}

#[async_trait]
impl ProductSearch for Counting {
    async fn semantic(
        &self,
        _: &Principal,
        query: &SemanticQuery,
    ) -> Result<ProductMatches, Error> {
        self.calls.up();
        Ok(found(query.max_results))
    }

    async fn hybrid(&self, _: &Principal, query: &HybridQuery) -> Result<ProductMatches, Error> {
        self.calls.up();
        Ok(found(query.max_results))
    }

    async fn recommend(
        &self,
        _: &Principal,
        request: &RecommendationRequest,
    ) -> Result<Recommendations, Error> {
        self.calls.up();
        Ok(recommended(request.max_results))
    }
}

pub(crate) fn schema(table: RetailTable) -> TableSchema {
    TableSchema {
        table,
        purpose: "Orders.".to_owned(),
        columns: vec![ColumnSchema {
            name: "order_id".to_owned(),
            pg_type: "integer".to_owned(),
            comment: Some("Key.".to_owned()),
            nullable: false,
            key: Some(KeyRole::Primary),
        }],
        relationships: vec![Relationship {
            column: "store_id".to_owned(),
            references_table: RetailTable::Stores,
            references_column: "store_id".to_owned(),
        }],
        valid_values: vec![ValidValues {
            of: "year".to_owned(),
            heading: "Years".to_owned(),
            values: vec!["2026".to_owned()],
        }],
        rows: Some(RowEstimate::MoreThan(200_000)),
    }
}

#[async_trait]
impl SchemaCatalog for Counting {
    async fn describe(
        &self,
        _: &Principal,
        tables: &[RetailTable],
    ) -> Result<Arc<[TableSchema]>, Error> {
        self.calls.up();
        Ok(tables.iter().copied().map(schema).collect())
    }
}

fn model() -> Arc<EmbeddingModel> {
    Arc::new(EmbeddingModel { name: "m".to_owned(), dimensions: 3 })
}

/// A vector that would change if it were scaled again.
pub(crate) fn vector(text: &str) -> Embedding {
    let number = f32::from(u8::try_from(text.len()).unwrap());
    Embedding::new(model(), vec![0.1, number, 0.7]).unwrap()
}

#[async_trait]
impl Embedder for Counting {
    fn model(&self) -> Arc<EmbeddingModel> {
        model()
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        self.calls.up();
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

pub(crate) fn semantic_query(most: u32) -> SemanticQuery {
    SemanticQuery { embedding: vector("pump"), max_results: most, min_similarity: 0.3 }
}

pub(crate) fn hybrid_query(most: u32) -> HybridQuery {
    HybridQuery {
        wish: ProductWish::parse("query", "pump under $20, not electric").unwrap(),
        embedding: Some(vector("pump")),
        weights: FusionWeights::default(),
        filters: ProductFilters::default(),
        max_results: most,
    }
}
