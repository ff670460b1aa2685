//! The transaction in which a caller's statement runs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use deadpool::managed::Object;
use retail_domain::{Error, ErrorCode};
use tokio::runtime::Handle;
use tokio_postgres::{SimpleQueryMessage, Statement};
use tracing::error;

use crate::identity::Who;
use crate::pool::{PooledConnection, QueryConnection};
use crate::sql_error::{our_statement_failed, statement_failed};
use crate::{QueryDatabase, sql_error};

/// Longest time to deliver a cancel request.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// A read-only transaction under one identity.
///
/// End it with [`finish`](Self::finish). One that is dropped instead, because the caller went away
/// or a deadline passed, cancels what runs in PostgreSQL and throws the connection away: nothing of
/// it can reach the next caller.
pub(crate) struct TenantTransaction {
    /// None only while the transaction is being ended.
    connection: Option<PooledConnection>,
    identity: SignedIdentity,
    started: DateTime<Utc>,
}

struct SignedIdentity {
    who: String,
    signature: String,
}

impl QueryDatabase {
    /// Begins a transaction, and parses `sql` in the same round trip where given.
    ///
    /// `sql` is parsed alone, as one statement, before it stands inside any other text: so it cannot
    /// close a bracket that it did not open.
    pub(crate) async fn begin(
        &self,
        who: Who,
        statement_timeout: Duration,
        sql: Option<&str>,
    ) -> Result<(TenantTransaction, Option<Statement>), Error> {
        let connection = self.connection(who).await?;
        self.begin_on(connection, who, statement_timeout, sql).await
    }

    /// The same, on a connection that was got before.
    pub(crate) async fn begin_on(
        &self,
        connection: PooledConnection,
        who: Who,
        statement_timeout: Duration,
        sql: Option<&str>,
    ) -> Result<(TenantTransaction, Option<Statement>), Error> {
        // Guards the connection from here on: any early return throws it away.
        let mut transaction = TenantTransaction {
            connection: Some(connection),
            identity: SignedIdentity { who: who.to_string(), signature: String::new() },
            started: DateTime::UNIX_EPOCH,
        };
        let client = transaction.client();
        let timeout_ms = statement_timeout.as_millis();
        let opening = format!(
            "BEGIN TRANSACTION READ ONLY; \
             SET LOCAL search_path = retail; \
             SET LOCAL statement_timeout = {timeout_ms}; \
             SET LOCAL lock_timeout = 1000; \
             SET LOCAL row_security = on; \
             SET LOCAL standard_conforming_strings = on; \
             SET LOCAL TimeZone = 'UTC'; \
             SET LOCAL DateStyle = 'ISO, YMD'; \
             SELECT retail_sec.transaction_challenge()"
        );
        let (begun, parsed) = tokio::join!(client.simple_query(&opening), async {
            match sql {
                Some(sql) => client.prepare(sql).await.map(Some),
                None => Ok(None),
            }
        });
        let challenge = begun
            .map_err(|error| our_statement_failed(&error))?
            .iter()
            .find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
                _ => None,
            })
            .ok_or_else(|| Error::internal("the database gave no transaction challenge"))?;
        let started = challenge
            .split_once('|')
            .and_then(|(_, micros)| micros.parse().ok())
            .and_then(DateTime::from_timestamp_micros)
            .ok_or_else(|| Error::internal("the transaction challenge cannot be read"))?;
        transaction.started = started;
        transaction.identity.signature = self.key.sign(&who, &challenge);
        match parsed {
            Ok(statement) => Ok((transaction, statement)),
            Err(error) => {
                let refusal = statement_failed(&error);
                transaction.abandon().await;
                Err(refusal)
            }
        }
    }
}

impl TenantTransaction {
    #[expect(clippy::expect_used, reason = "only methods that consume the transaction take it")]
    fn connection(&self) -> &QueryConnection {
        self.connection.as_deref().expect("only methods that consume the transaction take it")
    }

    /// Start of the transaction in the database.
    pub(crate) fn started(&self) -> DateTime<Utc> {
        self.started
    }

    /// The statement that makes the identity known. Run it before, or in one go with, the first
    /// query.
    pub(crate) fn set_identity_sql(&self) -> String {
        format!(
            "SET LOCAL app.current_rls_user_id = '{}'; SET LOCAL app.rls_signature = '{}'",
            self.identity.who, self.identity.signature
        )
    }

    /// The client, for statements of this transaction.
    pub(crate) fn client(&self) -> &tokio_postgres::Client {
        &self.connection().client
    }

    /// Reads the identity back and rolls back. The answer counts only if this gives `Ok`.
    pub(crate) async fn finish(mut self) -> Result<(), Error> {
        let client = self.client();
        let read_back = client.query_typed(
            "SELECT pg_catalog.current_setting('app.current_rls_user_id', true), \
                    pg_catalog.current_setting('app.rls_signature', true)",
            &[],
        );
        let (identity, ended) = tokio::join!(read_back, client.batch_execute(sql_error::END));
        let rows = identity.map_err(|error| our_statement_failed(&error))?;
        ended.map_err(|error| our_statement_failed(&error))?;
        let unchanged = rows.first().is_some_and(|row| {
            row.try_get(0).is_ok_and(|who: &str| who == self.identity.who)
                && row.try_get(1).is_ok_and(|signature: &str| signature == self.identity.signature)
        });
        if !unchanged {
            // Dropping `self` here closes the connection.
            error!("a statement changed its row security identity; its answer was discarded");
            return Err(Error::new(
                ErrorCode::QueryNotAllowed,
                "the statement changed settings that it may not change",
            ));
        }
        // Back to the pool.
        drop(self.connection.take());
        Ok(())
    }

    /// Rolls back after a failed statement. The connection goes back to the pool if that works.
    pub(crate) async fn abandon(mut self) {
        if self.client().batch_execute(sql_error::END).await.is_ok() {
            drop(self.connection.take());
        }
    }
}

impl Drop for TenantTransaction {
    fn drop(&mut self) {
        let Some(pooled) = self.connection.take() else {
            return;
        };
        let connection = Object::take(pooled);
        // Outside a runtime there is nobody to send it; closing the socket has to do.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                // Closing the connection is next, so a server that does not answer is no matter.
                let _ = tokio::time::timeout(CANCEL_TIMEOUT, connection.cancel()).await;
            });
        }
    }
}
