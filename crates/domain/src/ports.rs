//! What the layers ask of each other: small, object-safe traits.

mod clock;
mod embedder;
mod health;
mod identity_resolver;
mod product_search;
mod query_runner;
mod schema_catalog;
mod store_directory;

#[cfg(any(test, feature = "test-support"))]
pub use clock::MockClock;
pub use clock::{Clock, SystemClock};
pub use embedder::Embedder;
#[cfg(any(test, feature = "test-support"))]
pub use embedder::MockEmbedder;
#[cfg(any(test, feature = "test-support"))]
pub use health::MockHealthProbe;
pub use health::{HealthProbe, HealthReport, PartHealth};
pub use identity_resolver::{Credential, IdentityResolver};
#[cfg(any(test, feature = "test-support"))]
pub use product_search::MockProductSearch;
pub use product_search::ProductSearch;
#[cfg(any(test, feature = "test-support"))]
pub use query_runner::MockQueryRunner;
pub use query_runner::QueryRunner;
#[cfg(any(test, feature = "test-support"))]
pub use schema_catalog::MockSchemaCatalog;
pub use schema_catalog::SchemaCatalog;
#[cfg(any(test, feature = "test-support"))]
pub use store_directory::MockStoreDirectory;
pub use store_directory::StoreDirectory;
