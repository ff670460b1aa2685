//! The administrator's connection: migrations, loading, and what only an operator may ask.

use std::time::Duration;

use retail_domain::{RlsUserId, Store, StoreId};
use sqlx::postgres::{PgConnection, PgValueRef};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, ValueRef};
use uuid::Uuid;

use crate::{DatabaseSettings, Login, StorageError};

/// Longest time to connect.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);

/// A connection that may change the database. No caller's statement ever runs on it.
#[derive(Debug)]
pub struct Admin {
    pub(crate) connection: PgConnection,
    pub(crate) user: String,
}

/// A store as the operator's side sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStore {
    /// The store.
    pub store: Store,
    /// Whether it is the online store.
    pub is_online: bool,
}

impl Admin {
    /// Connects as an administrator, or as `retail_migrator` once it exists.
    ///
    /// # Errors
    /// [`StorageError::Connect`] when the server is not reached within half a minute, or refuses.
    pub async fn connect(settings: &DatabaseSettings, login: &Login) -> Result<Self, StorageError> {
        let options = settings.sqlx_options(login).disable_statement_logging();
        // A server that hangs takes the connection and says nothing.
        let connected = tokio::time::timeout(CONNECT_WITHIN, options.connect()).await;
        let connection = connected
            .unwrap_or_else(|late| Err(sqlx::Error::Io(std::io::Error::other(late))))
            .map_err(|source| StorageError::Connect { user: login.user.clone(), source })?;
        Ok(Self { connection, user: login.user.clone() })
    }

    /// Closes the connection in good order.
    pub async fn close(self) {
        // There is nothing to do about a failure to say goodbye.
        let _ = self.connection.close().await;
    }

    /// All stores, by key.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn stores(&mut self) -> Result<Vec<ChainStore>, StorageError> {
        self.become_owner().await?;
        let rows = sqlx::query(
            "SELECT store_id, store_name, rls_user_id::text, is_online
             FROM retail.stores ORDER BY store_id",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed("read the stores"))?;
        rows.iter()
            .map(|row| {
                let rls_user_id: String = row.try_get(2)?;
                Ok(ChainStore {
                    store: Store {
                        id: StoreId(row.try_get(0)?),
                        name: row.try_get(1)?,
                        rls_user_id: RlsUserId(
                            Uuid::parse_str(&rls_user_id)
                                .map_err(|error| sqlx::Error::Decode(error.into()))?,
                        ),
                    },
                    is_online: row.try_get(3)?,
                })
            })
            .collect::<Result<_, _>>()
            .map_err(failed("read the stores"))
    }

    /// Runs a query that is a constant of the program, and gives each value as text.
    ///
    /// # Errors
    /// [`StorageError::Statement`] when it fails.
    pub async fn measure(
        &mut self,
        sql: &'static str,
    ) -> Result<Vec<Vec<Option<String>>>, StorageError> {
        self.become_owner().await?;
        // The simple protocol: the server sends text for every type.
        let rows = sqlx::raw_sql(sql)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("run a verification query"))?;
        rows.iter()
            .map(|row| {
                (0..row.len())
                    .map(|i| text(&row.try_get_raw(i)?))
                    .collect::<Result<_, sqlx::Error>>()
            })
            .collect::<Result<_, _>>()
            .map_err(failed("read a verification query"))
    }

    /// Takes the owner's role for the rest of the connection. The owner may read and write the
    /// tables and nothing else.
    pub(crate) async fn become_owner(&mut self) -> Result<(), StorageError> {
        self.execute("SET ROLE retail_owner", "take the owner's role").await
    }

    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        action: &'static str,
    ) -> Result<(), StorageError> {
        // All texts are made in this crate, of constants and of values that it has checked.
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut self.connection)
            .await
            .map(|_| ())
            .map_err(failed(action))
    }
}

/// The text of a value that came by the simple protocol.
fn text(value: &PgValueRef<'_>) -> Result<Option<String>, sqlx::Error> {
    if value.is_null() {
        return Ok(None);
    }
    value.as_str().map(|text| Some(text.to_owned())).map_err(sqlx::Error::Decode)
}

/// Wraps a driver's error with what was being done.
pub(crate) fn failed(action: &'static str) -> impl FnOnce(sqlx::Error) -> StorageError {
    move |source| StorageError::Statement { action, source }
}
