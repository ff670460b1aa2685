//! The one place where the parts are joined.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::{Context, bail};
use retail_analytics::calendar::CompanyCalendar;
use retail_auth::{
    DevTokenKey, DevTokenResolver, OidcResolver, TrustedHeaderResolver, TrustedPeers,
};
use retail_domain::ports::{
    AuditLog, Clock, Embedder, HealthProbe, IdentityGrants, IdentityResolver, OperationObserver,
    StoreDirectory, SystemClock, Tracer, TransactionObserver,
};
use retail_domain::{Error, QueryLimits};
use retail_mcp_protocol::RetailMcp;
use retail_storage::{
    AuditPolicy, AuditSettings, AuditWriter, PgHealthProbe, PgIdentityGrants, PgProductSearch,
    PgQueryRunner, PgSchemaCatalog, PgStoreDirectory, PoolSettings, Posture, QueryDatabase,
    ReplicaSettings, ServiceDatabase, StorageError,
};
use retail_telemetry::{Telemetry, Traces, Webhooks};
use tracing::warn;

use crate::access::{self, DatabaseAccess};
use crate::config::{AuditConfig, AuditPolicyName, AuthConfig, AuthMode, Config, DatabaseConfig};
use crate::export;
use crate::http::CredentialSource;
use crate::kept_answers::{KeptAnswers, Ports, Sources};
use crate::key_file;
use crate::observe::{self, Parts};
use crate::oidc::{self, SignIn};

/// The parts of a running server.
pub struct App {
    /// The tools.
    pub mcp: RetailMcp,
    /// Who is calling.
    pub identities: Arc<dyn IdentityResolver>,
    /// Where a request shows who is calling.
    pub credentials: CredentialSource,
    /// Where tokens come from, when an identity provider issues them.
    pub sign_in: Option<SignIn>,
    /// Who checks those tokens.
    pub oidc: Option<Arc<OidcResolver>>,
    /// Whether a tool call would work now.
    pub health: Arc<dyn HealthProbe>,
    /// Whether answers are kept.
    pub kept_answers: KeptAnswers,
    /// Which store an identity belongs to.
    pub stores: Arc<dyn StoreDirectory>,
    /// Where calls are recorded. Flush it when the last one has ended.
    pub audit: Arc<AuditWriter>,
    /// What all parts report to.
    pub telemetry: Arc<Telemetry>,
    /// Which requests are traced, if any is.
    pub traces: Option<Arc<Traces>>,
    pub(crate) observed: Arc<Parts>,
    pub(crate) webhooks: Webhooks,
    pub(crate) database: Arc<QueryDatabase>,
    pub(crate) service: Arc<ServiceDatabase>,
}

/// How often it is asked how far standbys are behind.
const LOOK_AT_REPLICAS_EVERY: Duration = Duration::from_secs(1);

/// Looks at the standbys until nobody asks them any more.
async fn watch(database: Weak<QueryDatabase>, service: Arc<ServiceDatabase>) {
    while let Some(database) = database.upgrade() {
        database.look_at_replicas(&service).await;
        drop(database);
        tokio::time::sleep(LOOK_AT_REPLICAS_EVERY).await;
    }
}

/// Looks whether the database is still fit, until nobody asks it any more.
async fn look_again(database: Weak<QueryDatabase>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(database) = database.upgrade() else { return };
        database.look_again().await;
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("mcp", &self.mcp).finish_non_exhaustive()
    }
}

impl App {
    /// Joins the parts. Connects to nothing: a database that is down shows in `/ready`. Without an
    /// `embedder`, products are searched for by words alone.
    ///
    /// # Errors
    /// When a value cannot work or a key file cannot be used.
    pub fn new(
        config: &Config,
        access: DatabaseAccess,
        data_dir: &Path,
        embedder: Option<Arc<dyn Embedder>>,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let metrics_go_to = export::metric_destinations(&config.telemetry)?;
        let telemetry = Arc::new(Telemetry::sending(&export::service(), &metrics_go_to)?);
        let traces =
            export::traces(&config.telemetry).map(|settings| Arc::new(Traces::new(settings)));
        tokio::spawn(observe::sample(Arc::downgrade(&telemetry)));
        let replicas = access::replicas(&config.database);
        let database =
            Arc::new(query_database(config, &access, &replicas, &telemetry, traces.as_ref())?);
        if let Some(file) = access.identity_key_file {
            tokio::spawn(key_file::follow(Arc::downgrade(&database), file));
        }
        if !config.database.posture_every.is_zero() {
            let every = config.database.posture_every;
            tokio::spawn(look_again(Arc::downgrade(&database), every));
        }
        let service = Arc::new(ServiceDatabase::new(&access.settings, &access.service)?);
        if !replicas.addresses.is_empty() {
            tokio::spawn(watch(Arc::downgrade(&database), Arc::clone(&service)));
        }
        let audit =
            Arc::new(AuditWriter::start(Arc::clone(&service), audit_settings(&config.audit))?);
        let stores: Arc<dyn StoreDirectory> = Arc::new(PgStoreDirectory::new(Arc::clone(&service)));
        let grants: Arc<dyn IdentityGrants> = Arc::new(PgIdentityGrants::new(Arc::clone(&service)));
        let Identity { resolver: identities, credentials, sign_in, oidc } =
            identity(&config.auth, data_dir, Arc::clone(&clock), Arc::clone(&stores), grants)?;
        let sources = Sources {
            query_runner: PgQueryRunner::new(Arc::clone(&database)),
            product_search: PgProductSearch::new(Arc::clone(&database)),
            schema_catalog: PgSchemaCatalog::new(Arc::clone(&database)),
            embedder,
        };
        let (kept_answers, ports) =
            KeptAnswers::in_front_of(sources, config, &access.identity_key, &service)?;
        let Ports { query_runner, product_search, schema_catalog, embedder } = ports;
        let mut mcp = RetailMcp::builder()
            .query_runner(query_runner)
            .schema_catalog(schema_catalog)
            .product_search(product_search)
            .audit_log(Arc::clone(&audit) as Arc<dyn AuditLog>)
            .clock(clock)
            .query_limits(query_limits(config)?)
            .calendar(calendar(config)?)
            .receipt_seal(database.receipt_seal());
        if config.telemetry.metrics {
            mcp = mcp.observer(Arc::clone(&telemetry) as Arc<dyn OperationObserver>);
        }
        if let Some(traces) = &traces {
            mcp = mcp.tracer(Arc::clone(traces) as Arc<dyn Tracer>);
        }
        if let Some(embedder) = embedder {
            mcp = mcp.embedder(embedder);
        }
        let observed = Parts::new(&database, &audit, &kept_answers);
        observed.report_to(&telemetry);
        Ok(Self {
            mcp: mcp.build()?,
            webhooks: export::webhooks(&config.alerts, telemetry.settings())?,
            telemetry,
            traces,
            observed,
            identities,
            credentials,
            sign_in,
            oidc,
            health: Arc::new(
                PgHealthProbe::new(Arc::clone(&database)).with_service(Arc::clone(&service)),
            ),
            kept_answers,
            stores,
            audit,
            database,
            service,
        })
    }

    /// Whether all servers' connections fit into the database. One that is down says nothing, and is no reason not to
    /// start.
    ///
    /// # Errors
    /// Names the keys and the numbers.
    pub async fn check_connections(&self, config: &DatabaseConfig) -> anyhow::Result<()> {
        match self.connections(config).await {
            Ok(fit) => Ok(fit?),
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "how many connections there are is not known"
                );
                Ok(())
            }
        }
    }

    /// The same, where it is known.
    pub(crate) async fn connections(
        &self,
        config: &DatabaseConfig,
    ) -> Result<Result<(), StorageError>, Error> {
        let limits = self.service.connection_limits().await?;
        let pool = PoolSettings {
            max_connections: config.pool_max_connections,
            ..PoolSettings::default()
        };
        Ok(limits.check(config.servers, &pool, config.pooler_host.is_some()))
    }

    /// The database's clock: the time since 1970.
    pub(crate) async fn database_time(&self) -> Result<Duration, Error> {
        self.service.time().await
    }

    /// Whether the database is fit to be served from. One that is down is no reason not to start: the
    /// first call after it came up looks at it, and is answered only if it is good.
    ///
    /// # Errors
    /// Names each thing that is not as it must be, with the SQL that mends it.
    pub async fn check_posture(&self) -> anyhow::Result<()> {
        // The look takes the database a while, in which the first calls' connections are made.
        let (looked, ()) = tokio::join!(self.posture(), Box::pin(self.database.warm_up()));
        match looked {
            Ok(posture) if posture.must_refuse() => bail!(
                "the database is not fit to be served from; mend this as a superuser of PostgreSQL, and see \
                 `retail-mcp doctor`:\n{posture}"
            ),
            Ok(_) => Ok(()),
            // The server is there and refuses a login: it will go on doing so.
            Err(error) if error.is_refusal() => Err(error.into()),
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "the database cannot be looked at; no call is answered before it was"
                );
                Ok(())
            }
        }
    }

    /// What [`check_posture`](Self::check_posture) judges by.
    ///
    /// # Errors
    /// When a role cannot log in.
    pub async fn posture(&self) -> Result<Posture, StorageError> {
        let (mut posture, service) =
            tokio::try_join!(Box::pin(self.database.posture()), Box::pin(self.service.posture()))?;
        posture.findings.extend(service);
        Ok(posture)
    }
}

/// The query side of the database, and who hears of its transactions.
fn query_database(
    config: &Config,
    access: &DatabaseAccess,
    replicas: &ReplicaSettings,
    telemetry: &Arc<Telemetry>,
    traces: Option<&Arc<Traces>>,
) -> Result<QueryDatabase, StorageError> {
    let pool = PoolSettings {
        max_connections: config.database.pool_max_connections,
        acquire_timeout: config.database.pool_acquire_timeout,
        max_statements_per_caller: config.database.max_statements_per_caller,
        statement_timeout: config.query.statement_timeout,
        max_prepared_statements: config.database.max_prepared_statements,
    };
    let mut database =
        QueryDatabase::new(&access.settings, &access.query, access.identity_key.clone(), pool)?
            .with_replicas(&access.settings, &access.query, &access.service, pool, replicas)?;
    if config.telemetry.metrics {
        database = database.with_observer(&(Arc::clone(telemetry) as Arc<dyn TransactionObserver>));
    }
    if let Some(traces) = traces {
        database = database.with_tracer(Arc::clone(traces) as Arc<dyn Tracer>);
    }
    Ok(database)
}

fn audit_settings(config: &AuditConfig) -> AuditSettings {
    AuditSettings {
        policy: match config.policy {
            AuditPolicyName::Block => AuditPolicy::Block,
            AuditPolicyName::DropAndCount => AuditPolicy::DropAndCount,
        },
        queue_entries: config.queue_entries,
        wait: config.wait,
    }
}

fn query_limits(config: &Config) -> anyhow::Result<QueryLimits> {
    Ok(QueryLimits {
        max_rows: u32::try_from(config.query.max_rows).context("query.max_rows")?,
        max_bytes: u32::try_from(config.query.max_bytes).context("query.max_bytes")?,
        max_row_bytes: u32::try_from(config.query.max_row_bytes).context("query.max_row_bytes")?,
        statement_timeout: config.query.statement_timeout,
        max_plan_cost: config.query.max_plan_cost,
    })
}

fn calendar(config: &Config) -> anyhow::Result<CompanyCalendar> {
    CompanyCalendar::in_zone(&config.query.time_zone).context("query.time_zone")
}

/// Who is calling, and how they show it.
struct Identity {
    resolver: Arc<dyn IdentityResolver>,
    credentials: CredentialSource,
    sign_in: Option<SignIn>,
    oidc: Option<Arc<OidcResolver>>,
}

impl Identity {
    fn own(resolver: impl IdentityResolver + 'static, credentials: CredentialSource) -> Self {
        Self { resolver: Arc::new(resolver), credentials, sign_in: None, oidc: None }
    }
}

fn identity(
    config: &AuthConfig,
    data_dir: &Path,
    clock: Arc<dyn Clock>,
    stores: Arc<dyn StoreDirectory>,
    grants: Arc<dyn IdentityGrants>,
) -> anyhow::Result<Identity> {
    // Without a mode nobody has an identity by HTTP; stdio and maintenance need none.
    match config.mode.unwrap_or(AuthMode::DevToken) {
        AuthMode::DevToken => {
            let key = dev_token_key(config, data_dir)?;
            let resolver = DevTokenResolver::new(&key, clock, stores)
                .with_costs_for_stores(config.store_managers_see_costs);
            Ok(Identity::own(resolver, CredentialSource::BearerToken))
        }
        AuthMode::TrustedHeader => {
            let head_office = config.trusted_header.head_office_ids.iter().copied();
            let resolver = TrustedHeaderResolver::new(head_office, clock, stores)
                .with_costs_for_stores(config.store_managers_see_costs);
            let peers = TrustedPeers::new(config.trusted_header.proxies.clone());
            Ok(Identity::own(resolver, CredentialSource::TrustedHeader(peers)))
        }
        AuthMode::Oidc => {
            let grants = config.identity_table.then_some(grants);
            let settings = oidc::settings(config)?;
            let sign_in = SignIn::new(config, &settings)?;
            let resolver = Arc::new(OidcResolver::new(&settings, clock, stores, grants)?);
            tokio::spawn(oidc::keep_fresh(Arc::downgrade(&resolver)));
            Ok(Identity {
                resolver: Arc::clone(&resolver) as Arc<dyn IdentityResolver>,
                credentials: CredentialSource::BearerToken,
                sign_in: Some(sign_in),
                oidc: Some(resolver),
            })
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
