//! The one place where the parts are joined.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use retail_auth::{DevTokenKey, DevTokenResolver, TrustedHeaderResolver, TrustedPeers};
use retail_domain::QueryLimits;
use retail_domain::ports::{Clock, HealthProbe, IdentityResolver, StoreDirectory, SystemClock};
use retail_mcp_protocol::RetailMcp;
use retail_storage::{
    PgHealthProbe, PgQueryRunner, PgSchemaCatalog, PgStoreDirectory, PoolSettings, QueryDatabase,
};

use crate::access::DatabaseAccess;
use crate::config::{AuthConfig, AuthMode, Config};
use crate::http::CredentialSource;

/// The parts of a running server.
pub struct App {
    /// The tools.
    pub mcp: RetailMcp,
    /// Who is calling.
    pub identities: Arc<dyn IdentityResolver>,
    /// Where a request shows who is calling.
    pub credentials: CredentialSource,
    /// Whether a tool call would work now.
    pub health: Arc<dyn HealthProbe>,
    /// Which store an identity belongs to.
    pub stores: Arc<dyn StoreDirectory>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("mcp", &self.mcp).finish_non_exhaustive()
    }
}

impl App {
    /// Joins the parts. Connects to nothing: a database that is down shows in `/ready`.
    ///
    /// # Errors
    /// When a value cannot work or a key file cannot be used.
    pub fn new(config: &Config, access: DatabaseAccess, data_dir: &Path) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let pool = PoolSettings {
            max_connections: config.database.pool_max_connections,
            acquire_timeout: config.database.pool_acquire_timeout,
        };
        let database = Arc::new(QueryDatabase::new(
            &access.settings,
            &access.query,
            access.identity_key,
            pool,
        )?);
        let stores: Arc<dyn StoreDirectory> =
            Arc::new(PgStoreDirectory::new(Arc::clone(&database)));
        let (identities, credentials) =
            identity(&config.auth, data_dir, Arc::clone(&clock), Arc::clone(&stores))?;
        let mcp = RetailMcp::builder()
            .query_runner(Arc::new(PgQueryRunner::new(Arc::clone(&database))))
            .schema_catalog(Arc::new(PgSchemaCatalog::new(Arc::clone(&database))))
            .clock(clock)
            .query_limits(query_limits(config)?)
            .build()?;
        Ok(Self {
            mcp,
            identities,
            credentials,
            health: Arc::new(PgHealthProbe::new(database)),
            stores,
        })
    }
}

fn query_limits(config: &Config) -> anyhow::Result<QueryLimits> {
    Ok(QueryLimits {
        max_rows: u32::try_from(config.query.max_rows).context("query.max_rows")?,
        max_bytes: u32::try_from(config.query.max_bytes).context("query.max_bytes")?,
        statement_timeout: config.query.statement_timeout,
    })
}

fn identity(
    config: &AuthConfig,
    data_dir: &Path,
    clock: Arc<dyn Clock>,
    stores: Arc<dyn StoreDirectory>,
) -> anyhow::Result<(Arc<dyn IdentityResolver>, CredentialSource)> {
    // Without a mode nobody has an identity by HTTP; stdio and maintenance need none.
    match config.mode.unwrap_or(AuthMode::DevToken) {
        AuthMode::DevToken => {
            let key = dev_token_key(config, data_dir)?;
            Ok((
                Arc::new(DevTokenResolver::new(&key, clock, stores)),
                CredentialSource::BearerToken,
            ))
        }
        AuthMode::TrustedHeader => {
            let head_office = config.trusted_header.head_office_ids.iter().copied();
            Ok((
                Arc::new(TrustedHeaderResolver::new(head_office, clock, stores)),
                CredentialSource::TrustedHeader(TrustedPeers::new(
                    config.trusted_header.proxies.clone(),
                )),
            ))
        }
    }
}

/// The key of development tokens, made at first use.
pub(crate) fn dev_token_key(config: &AuthConfig, data_dir: &Path) -> anyhow::Result<DevTokenKey> {
    let file = config
        .dev_token
        .key_file
        .clone()
        .unwrap_or_else(|| crate::local::dev_token_key_file(data_dir));
    Ok(DevTokenKey::load_or_create(&file)?)
}
