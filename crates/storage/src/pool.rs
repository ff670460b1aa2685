//! The connections that callers' statements run on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use deadpool::managed::{self, Metrics, Pool, PoolError, RecycleError, RecycleResult, Timeouts};
use retail_domain::{Error, ErrorCode};
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};
use tracing::{debug, error};

use crate::callers::Callers;
use crate::identity::{ConnectionPlace, Who};
use crate::key_ring::KeyRing;
use crate::posture::PostureGate;
use crate::settings::Tls;
use crate::sql_error::our_statement_failed;
use crate::statistics::Counters;
use crate::{DatabaseSettings, IdentityKey, Login, QueryStatistics, StorageError};

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
    /// Most statements that one caller may have running; more wait as long as for a connection.
    pub max_statements_per_caller: usize,
}

impl Default for PoolSettings {
    /// 8 connections, 5 seconds, and 2 statements a caller.
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            max_statements_per_caller: 2,
        }
    }
}

/// The query side of the database: one pool a role, and the key that signs identities.
///
/// Connections are made when first needed, so this can be built while the database is down. Before the
/// first call the database's [posture](QueryDatabase::posture) is looked at; a bad one answers no call.
#[derive(Debug)]
pub struct QueryDatabase {
    pub(crate) stores: Pool<QueryManager>,
    pub(crate) head_office: Pool<QueryManager>,
    pub(crate) callers: Callers,
    pub(crate) counters: Arc<Counters>,
    pub(crate) keys: KeyRing,
    pub(crate) gate: PostureGate,
}

/// When a key ends; none means never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyEnd(pub Option<DateTime<Utc>>);

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
        if pool.max_statements_per_caller == 0 {
            return Err(StorageError::Setting(
                "database.max_statements_per_caller must be at least 1".to_owned(),
            ));
        }
        if pool.max_connections < 2 {
            return Err(StorageError::Setting(
                "database.pool_max_connections must be at least 2: one for stores, one for head office"
                    .to_owned(),
            ));
        }
        let tls = settings.query_tls()?;
        let head_office_size = (pool.max_connections / 4).max(1);
        let manager =
            |login: &Login| QueryManager { config: settings.query_config(login), tls: tls.clone() };
        let make = |login: &Login, max_size: usize| {
            Pool::builder(manager(login))
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
        let keys = KeyRing::new(key);
        Ok(Self {
            stores: make(&logins.stores, pool.max_connections - head_office_size)?,
            head_office: make(&logins.head_office, head_office_size)?,
            callers: Callers::new(pool.max_statements_per_caller, pool.acquire_timeout),
            counters: Arc::default(),
            gate: PostureGate::new(
                manager(&logins.stores),
                manager(&logins.head_office),
                keys.clone(),
            ),
            keys,
        })
    }

    /// Signs with `key` from now on. The database must believe it already: see
    /// [`Admin::rotate_identity_key`](crate::Admin::rotate_identity_key).
    pub fn use_key(&self, key: IdentityKey) {
        self.keys.replace(key);
    }

    /// Name of the key that signs now.
    pub fn key_id(&self) -> String {
        self.keys.current().id()
    }

    /// Until when the database believes `key`; none means that it does not know it.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when the database does not answer.
    pub async fn key_not_after(&self, key: &IdentityKey) -> Result<Option<KeyEnd>, Error> {
        // Past the gate: with a key that ended it stays shut, and only this key may open it.
        let connection = self.pooled(Who::AllStores).await?;
        let sql = "SELECT (extract(epoch FROM nullif(e, 'infinity')) * 1000000)::int8
                   FROM retail_sec.key_not_after($1) AS e WHERE e > now()";
        let rows = connection
            .client
            .query_typed(sql, &[(&key.id(), Type::TEXT)])
            .await
            .map_err(|error| our_statement_failed(&error))?;
        let Some(row) = rows.first() else { return Ok(None) };
        let micros: Option<i64> =
            row.try_get(0).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Some(KeyEnd(micros.and_then(DateTime::from_timestamp_micros))))
    }

    /// What happened since the start.
    pub fn statistics(&self) -> QueryStatistics {
        self.counters.read()
    }

    pub(crate) async fn connection(&self, who: Who) -> Result<PooledConnection, Error> {
        self.gate.pass().await?;
        self.pooled(who).await
    }

    /// A connection on which nothing of a caller's may run: the gate was not asked.
    async fn pooled(&self, who: Who) -> Result<PooledConnection, Error> {
        let pool = match who {
            Who::Store(_) => &self.stores,
            Who::AllStores => &self.head_office,
        };
        pool.get().await.map_err(no_connection)
    }
}

/// Why a pool gave no connection, for the caller.
pub(crate) fn no_connection(error: PoolError<ConnectError>) -> Error {
    match error {
        PoolError::Timeout(managed::TimeoutType::Wait) => {
            Error::new(ErrorCode::Overloaded, "no database connection was free in time")
                .with_hint("try again in a moment")
                .with_cause(error)
        }
        error => Error::unavailable("the database", error),
    }
}

/// Whether the role that logged in is a query role and no more. It cannot read the catalogue itself.
const IS_FIT: &str = "SELECT retail_sec.login_is_fit()";

/// What the server must know of a connection, once.
const PLACE: &str = "SELECT retail_sec.connection_id(),
    (extract(epoch FROM clock_timestamp()) * 1000000)::int8";

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the role could not connect")]
    Connect(#[from] tokio_postgres::Error),
    #[error("the login is not one of the query roles, or is more than a query role may be")]
    UnfitRole,
    #[error("the login is not retail_service, or is more than that role may be")]
    UnfitService,
    #[error("the database tells nothing of its connections: it is not migrated")]
    NoPlace,
}

pub(crate) type PooledConnection = managed::Object<QueryManager>;

/// Makes connections of one role.
#[derive(Clone)]
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
    pub(crate) place: ConnectionPlace,
    /// Whether the server has `transaction_timeout`: from PostgreSQL 17.
    pub(crate) has_transaction_timeout: bool,
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

impl QueryManager {
    /// Makes connections of `login`.
    ///
    /// # Errors
    /// [`StorageError::Certificates`] when TLS is asked for and no authority is known.
    pub(crate) fn new(settings: &DatabaseSettings, login: &Login) -> Result<Self, StorageError> {
        Ok(Self { config: settings.query_config(login), tls: settings.query_tls()? })
    }

    /// A connection that nothing is known about yet.
    pub(crate) async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        match &self.tls {
            Tls::Off(tls) => {
                let (client, connection) = self.config.connect(*tls).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
            Tls::On(tls) => {
                let (client, connection) = self.config.connect(tls.as_ref().clone()).await?;
                tokio::spawn(drive(connection));
                Ok(client)
            }
        }
    }

    /// The role that logs in.
    pub(crate) fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }
}

impl managed::Manager for QueryManager {
    type Type = QueryConnection;
    type Error = ConnectError;

    async fn create(&self) -> Result<QueryConnection, ConnectError> {
        let client = self.connect().await?;
        let (rows, place, version) = tokio::join!(
            client.query_typed(IS_FIT, &[]),
            place(&client),
            client.simple_query("SHOW server_version_num"),
        );
        let rows = rows?;
        if !rows.first().is_some_and(|row| row.try_get(0).is_ok_and(|fit: bool| fit)) {
            error!("a login is not one of the query roles, or is more than a query role may be");
            return Err(ConnectError::UnfitRole);
        }
        let place = place?.ok_or(ConnectError::NoPlace)?;
        let version = version?.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse::<u32>().ok(),
            _ => None,
        });
        let cancel = client.cancel_token();
        Ok(QueryConnection {
            client,
            place,
            has_transaction_timeout: version.is_some_and(|version| version >= 170_000),
            cancel,
            tls: self.tls.clone(),
        })
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

/// What a signature must know of a connection; none where the database does not tell.
pub(crate) async fn place(
    client: &Client,
) -> Result<Option<ConnectionPlace>, tokio_postgres::Error> {
    let rows = client.query_typed(PLACE, &[]).await?;
    Ok(rows.first().and_then(|row| {
        let micros: i64 = row.try_get(1).ok()?;
        Some(ConnectionPlace::new(row.try_get(0).ok()?, u128::try_from(micros).ok()?))
    }))
}

/// Moves bytes between the socket and the client until either closes.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        debug!(error = %error, "a database connection ended");
    }
}
