//! The server's own connections: no statement of a caller ever runs on them.

use std::fmt;
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, Pool, RecycleError, RecycleResult, Timeouts};
use retail_domain::Error;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::connection::{ConnectError, QueryManager};
use crate::pool::no_connection;
use crate::posture::{Finding, SERVICE_IS_FIT, look_as_service};
use crate::sql_error::our_statement_failed;
use crate::{DatabaseSettings, Login, StorageError};

/// One for the audit log; the others look stores and grants up, which takes a millisecond.
pub(crate) const MAX_CONNECTIONS: usize = 4;

/// Longest wait for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The database as the role `retail_service` reaches it: stores by identity, grants of claims, and the end of
/// the audit log.
///
/// Connections are made when first needed, so this can be built while the database is down.
pub struct ServiceDatabase {
    pool: Pool<ServiceManager>,
    /// For a look at the posture, past the pool.
    manager: QueryManager,
}

impl fmt::Debug for ServiceDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceDatabase({:?})", self.manager)
    }
}

impl ServiceDatabase {
    /// Makes the pool.
    ///
    /// # Errors
    /// [`StorageError::Certificates`] when TLS is asked for and no authority is known.
    pub fn new(settings: &DatabaseSettings, login: &Login) -> Result<Self, StorageError> {
        let manager = QueryManager::new(settings, login)?;
        let pool = Pool::builder(ServiceManager(manager.clone()))
            .max_size(MAX_CONNECTIONS)
            .timeouts(Timeouts {
                wait: Some(ACQUIRE_TIMEOUT),
                create: Some(ACQUIRE_TIMEOUT),
                recycle: Some(ACQUIRE_TIMEOUT),
            })
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| StorageError::Setting(error.to_string()))?;
        Ok(Self { pool, manager })
    }

    /// Looks at the role: whether it is what it must be, and is refused what it must be refused.
    ///
    /// # Errors
    /// [`StorageError::QueryRole`] when it cannot log in.
    pub async fn posture(&self) -> Result<Vec<Finding>, StorageError> {
        look_as_service(&self.manager).await
    }

    /// Runs a statement of ours.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when the database does not answer within
    /// `longest`, besides the time for a connection.
    pub(crate) async fn rows(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
        longest: Duration,
    ) -> Result<Vec<Row>, Error> {
        // In a box: the making of a connection is a large future, and is seldom needed.
        let connection = Box::pin(self.pool.get()).await.map_err(no_connection)?;
        let connection = Held(Some(connection));
        let asked =
            tokio::time::timeout(longest, connection.client()?.query_typed(sql, parameters));
        let rows = asked
            .await
            .map_err(|late| Error::unavailable("the database", late))?
            .map_err(|error| our_statement_failed(&error))?;
        connection.give_back();
        Ok(rows)
    }
}

/// A connection that is closed when it is dropped in the middle of a statement: the next one would have to wait
/// behind it.
struct Held(Option<Object<ServiceManager>>);

impl Held {
    fn client(&self) -> Result<&Client, Error> {
        self.0.as_deref().ok_or_else(|| Error::internal("a connection was given back twice"))
    }

    fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

struct ServiceManager(QueryManager);

impl managed::Manager for ServiceManager {
    type Type = Client;
    type Error = ConnectError;

    async fn create(&self) -> Result<Client, ConnectError> {
        let client = self.0.connect().await?;
        let rows = client.query_typed(SERVICE_IS_FIT, &[]).await?;
        if rows.first().is_some_and(|row| row.try_get(0).is_ok_and(|fit: bool| fit)) {
            Ok(client)
        } else {
            Err(ConnectError::UnfitService)
        }
    }

    async fn recycle(&self, client: &mut Client, _: &Metrics) -> RecycleResult<ConnectError> {
        if client.is_closed() {
            return Err(RecycleError::message("the connection is closed"));
        }
        Ok(())
    }
}
