//! What the layers ask of each other: small, object-safe traits.

mod audit_log;
mod clock;
mod data_versions;
mod embedder;
mod health;
mod identity_grants;
mod identity_resolver;
mod observer;
mod product_search;
mod query_runner;
mod receipt_seal;
mod schema_catalog;
mod store_directory;
mod trace;

pub use audit_log::{AuditLog, AuditPlace};
#[cfg(any(test, feature = "test-support"))]
pub use audit_log::{MockAuditLog, MockAuditPlace};
#[cfg(any(test, feature = "test-support"))]
pub use clock::MockClock;
pub use clock::{Clock, SystemClock};
#[cfg(any(test, feature = "test-support"))]
pub use data_versions::MockDataVersions;
pub use data_versions::{DataVersions, InMemoryVersions};
pub use embedder::Embedder;
#[cfg(any(test, feature = "test-support"))]
pub use embedder::MockEmbedder;
#[cfg(any(test, feature = "test-support"))]
pub use health::MockHealthProbe;
pub use health::{HealthProbe, HealthReport, PartHealth};
#[cfg(any(test, feature = "test-support"))]
pub use identity_grants::MockIdentityGrants;
pub use identity_grants::{ClaimValue, IdentityGrant, IdentityGrants};
pub use identity_resolver::{ActingStore, Credential, IdentityResolver, Proof};
pub use observer::{
    ObservedOperation, ObservedTransaction, OperationObserver, TransactionObserver,
};
#[cfg(any(test, feature = "test-support"))]
pub use product_search::MockProductSearch;
pub use product_search::ProductSearch;
#[cfg(any(test, feature = "test-support"))]
pub use query_runner::MockQueryRunner;
pub use query_runner::QueryRunner;
#[cfg(any(test, feature = "test-support"))]
pub use receipt_seal::MockReceiptSeal;
pub use receipt_seal::ReceiptSeal;
#[cfg(any(test, feature = "test-support"))]
pub use schema_catalog::MockSchemaCatalog;
pub use schema_catalog::SchemaCatalog;
#[cfg(any(test, feature = "test-support"))]
pub use store_directory::MockStoreDirectory;
pub use store_directory::StoreDirectory;
pub use trace::{CallerTrace, SpanName, TRACE_TARGET, Tracer};
