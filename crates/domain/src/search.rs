//! A search for products and what it finds.

mod filters;
mod found;
mod wish;

pub use filters::{FusionWeights, HybridQuery, ProductFilters, SemanticQuery};
pub use found::{KeywordTerm, ProductCard, ProductMatch, ProductMatches, SearchMode, StockOnHand};
pub use wish::ProductWish;
