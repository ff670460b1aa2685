#![doc = include_str!("../README.md")]

mod audit;
mod circuit_breaker;
mod data_version;
mod embedding;
mod error;
mod freshness;
mod identity;
mod money;
pub mod ports;
mod query;
mod recommendation;
mod schema;
mod search;

pub use audit::{AuditEntry, StatementSummary};
pub use circuit_breaker::{CircuitBreaker, Leave};
pub use data_version::{TableGroup, TableGroups, VersionVector};
pub use embedding::{Embedding, EmbeddingModel};
pub use error::{Choices, Error, ErrorCode, SharedError};
pub use freshness::Freshness;
pub use identity::{Principal, RlsUserId, Scope, Store, StoreId, VerifiedIdentity, Visibility};
pub use money::Cents;
pub use query::{Column, JsonRow, JsonRows, QueryAnswer, QueryLimits, SqlText, Truncation};
pub use recommendation::{
    Evidence, ProductRef, Recommendation, RecommendationKind, RecommendationRequest,
    Recommendations,
};
pub use schema::{
    ColumnSchema, KeyRole, Relationship, RetailTable, RowEstimate, TableSchema, ValidValues,
};
pub use search::{
    FusionWeights, HybridQuery, KeywordTerm, ProductCard, ProductFilters, ProductMatch,
    ProductMatches, ProductWish, SearchMode, SemanticQuery, StockOnHand,
};
