//! The connections that callers' statements run on.

use std::fmt;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Pool, PoolError, RecycleError, RecycleResult, Timeouts};
use retail_domain::{Error, ErrorCode};
use tokio_postgres::{CancelToken, Client};
use tracing::{debug, error};

use crate::identity::Who;
use crate::settings::Tls;
use crate::{DatabaseSettings, IdentityKey, Login, StorageError};

/// The two roles that run callers' statements.
#[derive(Debug, Clone)]
pub struct QueryLogins {
    /// Runs store managers' statements.
    pub stores: Login,
    /// Runs head office's statements.
    pub head_office: Login,
}

/// How many connections there are.
#[derive(Debug, Clone, Copy)]
pub struct PoolSettings {
    /// Most connections, of both roles together. At least 2.
    pub max_connections: usize,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
}

impl Default for PoolSettings {
    /// 8 connections, and 5 seconds.
    fn default() -> Self {
        Self { max_connections: 8, acquire_timeout: Duration::from_secs(5) }
    }
}

/// The query side of the database: one pool a role, and the key that signs identities.
///
/// Connections are made when first needed, so this can be built while the database is down.
#[derive(Debug)]
pub struct QueryDatabase {
    pub(crate) stores: Pool<QueryManager>,
    pub(crate) head_office: Pool<QueryManager>,
    pub(crate) key: IdentityKey,
}

impl QueryDatabase {
    /// Makes the pools. A quarter of the connections, at least one, is head office's.
    ///
    /// # Errors
    /// [`StorageError::Setting`] for fewer than two connections, [`StorageError::Certificates`] when
    /// TLS is asked for and no authority is known.
    pub fn new(
        settings: &DatabaseSettings,
        logins: &QueryLogins,
        key: IdentityKey,
        pool: PoolSettings,
    ) -> Result<Self, StorageError> {
        if pool.max_connections < 2 {
            return Err(StorageError::Setting(
                "database.pool_max_connections must be at least 2: one for stores, one for head office"
                    .to_owned(),
            ));
        }
        let tls = settings.query_tls()?;
        let head_office_size = (pool.max_connections / 4).max(1);
        let make = |login: &Login, max_size: usize| {
            let manager = QueryManager { config: settings.query_config(login), tls: tls.clone() };
            Pool::builder(manager)
                .max_size(max_size)
                .timeouts(Timeouts {
                    wait: Some(pool.acquire_timeout),
                    create: Some(pool.acquire_timeout),
                    recycle: Some(pool.acquire_timeout),
                })
                .runtime(deadpool::Runtime::Tokio1)
                .build()
                .map_err(|error| StorageError::Setting(error.to_string()))
        };
        Ok(Self {
            stores: make(&logins.stores, pool.max_connections - head_office_size)?,
            head_office: make(&logins.head_office, head_office_size)?,
            key,
        })
    }

    pub(crate) async fn connection(&self, who: Who) -> Result<PooledConnection, Error> {
        let pool = match who {
            Who::Store(_) => &self.stores,
            Who::AllStores => &self.head_office,
        };
        pool.get().await.map_err(|error| match error {
            PoolError::Timeout(managed::TimeoutType::Wait) => {
                Error::new(ErrorCode::Overloaded, "no database connection was free in time")
                    .with_hint("try again in a moment")
                    .with_cause(error)
            }
            error => Error::unavailable("the database", error),
        })
    }
}

/// Whether the role that logged in is more than a query role may be.
const IS_UNFIT: &str = "SELECT r.rolsuper OR r.rolbypassrls OR EXISTS (
        SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid)
    FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the query role could not connect")]
    Connect(#[from] tokio_postgres::Error),
    #[error("the query role is a superuser, bypasses row security or is a member of a role")]
    UnfitRole,
}

pub(crate) type PooledConnection = managed::Object<QueryManager>;

/// Makes connections of one role.
pub(crate) struct QueryManager {
    config: tokio_postgres::Config,
    tls: Tls,
}

impl fmt::Debug for QueryManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryManager({:?})", self.config.get_user())
    }
}

/// A connection and the means to cancel what runs on it.
pub(crate) struct QueryConnection {
    pub(crate) client: Client,
    cancel: CancelToken,
    tls: Tls,
}

impl fmt::Debug for QueryConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryConnection")
    }
}

impl QueryConnection {
    /// Asks PostgreSQL to stop the running statement, over a connection of its own.
    pub(crate) async fn cancel(&self) {
        let sent = match &self.tls {
            Tls::Off(tls) => self.cancel.cancel_query(*tls).await,
            Tls::On(tls) => self.cancel.cancel_query(tls.as_ref().clone()).await,
        };
        if let Err(error) = sent {
            debug!(error = %error, "a cancel request was not delivered");
        }
    }
}

impl managed::Manager for QueryManager {
    type Type = QueryConnection;
    type Error = ConnectError;

    async fn create(&self) -> Result<QueryConnection, ConnectError> {
        let client = match &self.tls {
            Tls::Off(tls) => {
                let (client, connection) = self.config.connect(*tls).await?;
                tokio::spawn(drive(connection));
                client
            }
            Tls::On(tls) => {
                let (client, connection) = self.config.connect(tls.as_ref().clone()).await?;
                tokio::spawn(drive(connection));
                client
            }
        };
        let rows = client.query_typed(IS_UNFIT, &[]).await?;
        if !rows.first().is_some_and(|row| row.try_get(0).is_ok_and(|unfit: bool| !unfit)) {
            error!("a query role is a superuser, bypasses row security or is a member of a role");
            return Err(ConnectError::UnfitRole);
        }
        let cancel = client.cancel_token();
        Ok(QueryConnection { client, cancel, tls: self.tls.clone() })
    }

    async fn recycle(
        &self,
        connection: &mut QueryConnection,
        _: &Metrics,
    ) -> RecycleResult<ConnectError> {
        if connection.client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        Ok(())
    }
}

/// Moves bytes between the socket and the client until either closes.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        debug!(error = %error, "a database connection ended");
    }
}
