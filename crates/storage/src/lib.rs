#![doc = include_str!("../README.md")]

mod admin;
mod error;
mod health;
mod identity;
mod load;
mod migrate;
mod pool;
mod query_runner;
mod schema_catalog;
mod settings;
mod sql_error;
mod store_directory;
mod tenant;

pub use admin::{Admin, ChainStore};
pub use error::StorageError;
pub use health::PgHealthProbe;
pub use identity::IdentityKey;
pub use load::{CopyTable, LoadRecord};
pub use migrate::{MigrateOptions, MigrationReport};
pub use pool::{PoolSettings, QueryDatabase, QueryLogins};
pub use query_runner::PgQueryRunner;
pub use schema_catalog::PgSchemaCatalog;
pub use settings::{DatabaseSettings, Login, TlsMode};
pub use store_directory::PgStoreDirectory;
