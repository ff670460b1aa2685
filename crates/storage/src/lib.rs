#![doc = include_str!("../README.md")]

mod admin;
mod audit;
mod callers;
mod cancel;
mod capped;
mod connection;
mod connection_limits;
mod data_versions;
mod embeddings;
mod error;
mod granting;
mod guard;
mod health;
mod identity;
mod identity_grants;
mod key_ring;
mod keys;
mod load;
mod migrate;
mod pages;
mod peers;
mod plan_hash;
mod plans;
mod pool;
mod posture;
mod prepared;
mod product_search;
mod query_runner;
mod receipt_seal;
mod recommendations;
mod replicas;
mod rollups;
mod schema_catalog;
mod server_reports;
mod service;
mod settings;
mod sql_error;
mod statements;
mod statistics;
mod store_directory;
mod tenant;
#[cfg(feature = "test-support")]
mod test_support;
mod values;

pub use admin::{Admin, ChainStore};
pub use audit::{
    AuditAnchor, AuditBreak, AuditFault, AuditPolicy, AuditRecord, AuditReport, AuditSettings,
    AuditStatistics, AuditWriter,
};
pub use connection_limits::{ConnectionLimits, ConnectionNeeds};
pub use data_versions::PgDataVersions;
pub use embeddings::{EmbeddingModelRecord, ProductText};
pub use error::StorageError;
pub use granting::{IdentityGrantRecord, NewIdentityGrant};
pub use guard::RETAIL_GUARD_POLICY;
pub use health::PgHealthProbe;
pub use identity::IdentityKey;
pub use identity_grants::PgIdentityGrants;
pub use keys::IdentityKeyRecord;
pub use load::{CopyTable, LoadRecord};
pub use migrate::{MigrateOptions, MigrationReport, SCHEMA_VERSION};
pub use peers::{PublishedBenchmarks, Restate};
pub use pool::{KeyEnd, PoolSettings, PoolStatus, QueryDatabase, QueryLogins};
pub use posture::{Finding, FindingState, Posture};
#[cfg(feature = "test-support")]
pub use product_search::SearchPlans;
pub use product_search::{PgProductSearch, SearchSettings};
pub use query_runner::PgQueryRunner;
pub use replicas::{ReplicaCounts, ReplicaSettings, ReplicaState};
pub use schema_catalog::PgSchemaCatalog;
pub use server_reports::{ReceivedReport, RecentCall};
pub use service::ServiceDatabase;
pub use settings::{DatabaseSettings, Login, ServerAddress, TlsMode};
pub use statistics::QueryStatistics;
pub use store_directory::PgStoreDirectory;
