//! The connections that callers' statements run on.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use deadpool::managed::{self, Pool, PoolError, Timeouts};
use retail_domain::ports::{TRACE_TARGET, Tracer, TransactionObserver};
use retail_domain::{Error, ErrorCode, QueryLimits, RlsUserId};
use tokio_postgres::types::Type;
use tracing::{Instrument as _, info_span};
use uuid::Uuid;

use crate::callers::Callers;
use crate::connection::{ConnectError, PooledConnection, QueryManager};
use crate::identity::Who;
use crate::key_ring::KeyRing;
use crate::posture::PostureGate;
use crate::replicas::Replicas;
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
    /// How long a statement may run where the call does not say otherwise. A call that says something else
    /// has to tell PostgreSQL.
    pub statement_timeout: Duration,
    /// Most statements that each connection keeps prepared. PostgreSQL has a plan of each, of some 30 kB.
    pub max_prepared_statements: usize,
}

impl PoolSettings {
    /// How many of the connections are head office's: a quarter, and at least one.
    pub(crate) fn head_office_connections(&self) -> usize {
        (self.max_connections / 4).max(1)
    }
}

impl Default for PoolSettings {
    /// 8 connections, 5 seconds, 2 statements a caller, 5 seconds each, and 128 of them prepared.
    fn default() -> Self {
        Self {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            max_statements_per_caller: 2,
            statement_timeout: QueryLimits::default().statement_timeout,
            max_prepared_statements: 128,
        }
    }
}

/// The query side of the database: one pool a role, and the key that signs identities.
///
/// Connections are made when first needed, so this can be built while the database is down. Before the
/// first call the database's [posture](QueryDatabase::posture) is looked at; a bad one answers no call.
pub struct QueryDatabase {
    pub(crate) primary: Place,
    pub(crate) replicas: Replicas,
    pub(crate) callers: Callers,
    pub(crate) counters: Arc<Counters>,
    pub(crate) keys: KeyRing,
    pub(crate) tracer: Option<Arc<dyn Tracer>>,
}

/// One database server, and the way to it.
pub(crate) struct Place {
    stores: Pool<QueryManager>,
    head_office: Pool<QueryManager>,
    pub(crate) gate: PostureGate,
    pub(crate) is_standby: bool,
    pub(crate) observer: Option<Arc<dyn TransactionObserver>>,
}

impl fmt::Debug for QueryDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryDatabase")
            .field("primary", &self.primary)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("is_standby", &self.is_standby).finish_non_exhaustive()
    }
}

/// Connections of one pool, or of all standbys, as they are now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// `stores`, `head_office` or `standby`.
    pub name: &'static str,
    /// Most connections.
    pub max: usize,
    /// Those on which a statement runs.
    pub used: usize,
    /// Those that wait for one.
    pub idle: usize,
    /// Calls that wait for a connection.
    pub waiting: usize,
}

/// The name of the connections on which this identity's statements run.
pub(crate) fn pool_name(who: Who, is_standby: bool) -> &'static str {
    match (is_standby, who) {
        (true, _) => "standby",
        (false, Who::Store(_)) => "stores",
        (false, Who::AllStores) => "head_office",
    }
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
        let keys = KeyRing::new(key);
        Ok(Self {
            primary: Place::new(settings, logins, &keys, &pool)?,
            replicas: Replicas::default(),
            callers: Callers::new(pool.max_statements_per_caller, pool.acquire_timeout),
            counters: Arc::default(),
            keys,
            tracer: None,
        })
    }

    /// Signs with `key` from now on. The database must believe it already: see
    /// [`Admin::rotate_identity_key`](crate::Admin::rotate_identity_key).
    pub fn use_key(&self, key: IdentityKey) {
        self.keys.replace(key);
    }

    /// Name of the key that signs now.
    pub fn key_id(&self) -> String {
        self.keys.current().id().to_owned()
    }

    /// Until when the database believes `key`; none means that it does not know it.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when the database does not answer.
    pub async fn key_not_after(&self, key: &IdentityKey) -> Result<Option<KeyEnd>, Error> {
        // Past the gate: with a key that ended it stays shut, and only this key may open it.
        let connection = self.primary.pooled(Who::AllStores).await?;
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

    /// The same with somebody who counts and times transactions, on the standbys that it has, too.
    #[must_use]
    pub fn with_observer(mut self, observer: &Arc<dyn TransactionObserver>) -> Self {
        for place in [&mut self.primary].into_iter().chain(self.replicas.places()) {
            place.observer = Some(Arc::clone(observer));
        }
        self
    }

    /// The same with somebody who names the spans of transactions to PostgreSQL, which sees them as comments.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Arc<dyn Tracer>) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// How the connections are used: those for stores, for head office, and of all standbys together if there are any.
    pub fn pools(&self) -> Vec<PoolStatus> {
        let mut pools = self.primary.statuses().to_vec();
        pools.extend(self.replicas.pool_status());
        pools
    }

    /// Opens a connection of each role for the first calls. That a role cannot log in is told by whoever needs it.
    pub async fn warm_up(&self) {
        let nobody = Who::Store(RlsUserId(Uuid::nil()));
        let primary = &self.primary;
        let _ = tokio::join!(primary.pooled(nobody), primary.pooled(Who::AllStores));
    }

    pub(crate) async fn connection(&self, who: Who) -> Result<PooledConnection, Error> {
        self.primary.connection(who).await
    }
}

impl Place {
    pub(crate) fn new(
        settings: &DatabaseSettings,
        logins: &QueryLogins,
        keys: &KeyRing,
        pool: &PoolSettings,
    ) -> Result<Self, StorageError> {
        let head_office_size = pool.head_office_connections();
        let manager = |login: &Login| QueryManager::for_callers(settings, login, pool);
        let make = |login: &Login, max_size: usize| {
            Pool::builder(manager(login)?)
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
            gate: PostureGate::new(
                manager(&logins.stores)?,
                manager(&logins.head_office)?,
                keys.clone(),
            ),
            is_standby: false,
            observer: None,
        })
    }

    /// The same, where it follows another server.
    pub(crate) fn of_standby(self) -> Self {
        Self { is_standby: true, ..self }
    }

    pub(crate) async fn connection(&self, who: Who) -> Result<PooledConnection, Error> {
        let span = info_span!(target: TRACE_TARGET, "connection");
        let found = async {
            self.gate.pass().await?;
            let asked = Instant::now();
            Ok::<_, Error>((self.pooled(who).await?, asked))
        };
        let (connection, asked) = found.instrument(span).await?;
        if let Some(observer) = &self.observer {
            observer.connection_given(pool_name(who, self.is_standby), asked.elapsed());
        }
        Ok(connection)
    }

    pub(crate) fn statuses(&self) -> [PoolStatus; 2] {
        [(Who::Store(RlsUserId(Uuid::nil())), &self.stores), (Who::AllStores, &self.head_office)]
            .map(|(who, pool)| {
                let status = pool.status();
                PoolStatus {
                    name: pool_name(who, self.is_standby),
                    max: status.max_size,
                    used: status.size.saturating_sub(status.available),
                    idle: status.available,
                    waiting: status.waiting,
                }
            })
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
