//! A connection to PostgreSQL, and what it is made ready with.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};
use tracing::{debug, error};

use crate::cancel::cancel;
use crate::identity::ConnectionPlace;
use crate::prepared::Prepared;
use crate::settings::Tls;
use crate::{DatabaseSettings, Login, PoolSettings, StorageError};

/// Whether the role that logged in is a query role and no more. It cannot read the catalogue itself.
const IS_FIT: &str = "SELECT retail_sec.login_is_fit()";

/// What the server must know of a connection, once.
const PLACE: &str = "SELECT retail_sec.connection_id(),
    (extract(epoch FROM clock_timestamp()) * 1000000)::int8";

/// What is the same for all transactions of a connection. Each of them is rolled back, and with it whatever a
/// statement has set; so the next one starts from this again.
const SETTINGS: [&str; 7] = [
    "search_path = retail",
    "lock_timeout = 1000",
    "work_mem = '16MB'",
    "row_security = on",
    "standard_conforming_strings = on",
    "TimeZone = 'UTC'",
    "DateStyle = 'ISO, YMD'",
];

/// Sets that, and how long statements and transactions may take. `set` is `SET` or `SET LOCAL`.
pub(crate) fn session(set: &str, statement: Duration, has_transaction_timeout: bool) -> String {
    let mut sql = timeouts(set, statement, has_transaction_timeout);
    for setting in SETTINGS {
        // Writing to a String cannot fail.
        let _ = write!(sql, "; {set} {setting}");
    }
    sql
}

/// A transaction may take this much longer than a statement in it. PostgreSQL ends the connection
/// then, so this has to come after our own deadline: it is for a server that has died.
const TRANSACTION_GRACE: Duration = Duration::from_secs(10);

/// When PostgreSQL ends a transaction, where it can.
pub(crate) fn transaction_timeout(statement_timeout: Duration) -> Duration {
    statement_timeout + TRANSACTION_GRACE
}

/// Sets how long statements and transactions may take. `set` is `SET` or `SET LOCAL`.
pub(crate) fn timeouts(set: &str, statement: Duration, has_transaction_timeout: bool) -> String {
    let mut sql = format!("{set} statement_timeout = {}", statement.as_millis());
    if has_transaction_timeout {
        let transaction_ms = transaction_timeout(statement).as_millis();
        // Writing to a String cannot fail.
        let _ = write!(sql, "; {set} transaction_timeout = {transaction_ms}");
    }
    sql
}

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
    settings: Arc<DatabaseSettings>,
    config: tokio_postgres::Config,
    tls: Tls,
    /// How long a statement of a session may run. None where there are no sessions: behind a pooler.
    statement_timeout: Option<Duration>,
    max_prepared_statements: usize,
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
    /// The limit of a statement that the session itself has.
    /// None behind a pooler: whatever the session has, the next transaction may have another session.
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) prepared: Prepared,
    cancel: CancelToken,
    settings: Arc<DatabaseSettings>,
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
        if let Err(error) = cancel(&self.cancel, &self.settings, &self.tls).await {
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
        Ok(Self {
            settings: Arc::new(settings.clone()),
            config: settings.query_config(login),
            tls: settings.query_tls()?,
            statement_timeout: Some(PoolSettings::default().statement_timeout),
            max_prepared_statements: 0,
        })
    }

    /// The same for callers' statements.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub(crate) fn for_callers(
        settings: &DatabaseSettings,
        login: &Login,
        pool: &PoolSettings,
    ) -> Result<Self, StorageError> {
        let has_sessions = settings.pooler.is_none();
        let settings = settings.for_callers();
        Ok(Self {
            config: settings.query_config(login),
            tls: settings.query_tls()?,
            statement_timeout: has_sessions.then_some(pool.statement_timeout),
            max_prepared_statements: if has_sessions { pool.max_prepared_statements } else { 0 },
            settings: Arc::new(settings),
        })
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
        let has_transaction_timeout = version.is_some_and(|version| version >= 170_000);
        if let Some(statement_timeout) = self.statement_timeout {
            let session = session("SET", statement_timeout, has_transaction_timeout);
            client.batch_execute(&session).await?;
        }
        let cancel = client.cancel_token();
        Ok(QueryConnection {
            client,
            place,
            has_transaction_timeout,
            statement_timeout: self.statement_timeout,
            prepared: Prepared::new(self.max_prepared_statements),
            cancel,
            settings: Arc::clone(&self.settings),
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
