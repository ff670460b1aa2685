//! Ports that ask the cache first.

mod embedder;
mod product_search;
mod query_runner;
mod schema_catalog;
mod weigh;

pub use embedder::CachedEmbedder;
pub use product_search::CachedProductSearch;
pub use query_runner::CachedQueryRunner;
pub use schema_catalog::CachedSchemaCatalog;
