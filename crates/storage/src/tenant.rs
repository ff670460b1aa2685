//! The transaction in which a caller's statement runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use deadpool::managed::Object;
use retail_domain::ports::{ObservedTransaction, TRACE_TARGET, TransactionObserver};
use retail_domain::{Error, ErrorCode};
use retail_sql_guard::CheckedQuery;
use tokio::runtime::Handle;
use tokio_postgres::SimpleQueryMessage;
use tracing::field::Empty;
use tracing::{Span, warn};

use crate::callers::Turn;
use crate::connection::{PooledConnection, QueryConnection, session, timeouts};
use crate::identity::{ConnectionPlace, SignedIdentity, Who};
use crate::pool::pool_name;
use crate::prepared::Prepared;
use crate::sql_error::our_statement_failed;
use crate::statistics::Counters;
use crate::{IdentityKey, QueryDatabase};

/// Longest time to deliver a cancel request.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection keeps its place in the pool after its caller has left, at most. Some
/// functions look for a cancel request only when they are done.
const STOP_TIMEOUT: Duration = Duration::from_mins(1);

/// All statements of a transaction together may take this much longer than one of them.
const STATEMENTS_GRACE: Duration = Duration::from_secs(5);

/// When a caller's transaction of several statements is given up. PostgreSQL's own limit of it comes
/// later: the caller is told what happened, and the connection is ended in order.
pub(crate) fn deadline(statement_timeout: Duration) -> Duration {
    statement_timeout + STATEMENTS_GRACE
}

/// When the transaction began, in microseconds since 1970.
pub(crate) const DATABASE_TIME: &str =
    "SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::int8";

/// Reads the identity back, and rolls back. SHOW needs no right to call a function.
pub(crate) const READ_BACK: &str = "SHOW app.current_rls_user_id; SHOW app.rls_signature; ROLLBACK";

/// A read-only transaction under one identity.
///
/// End it with [`finish`](Self::finish). One that is dropped instead, because the caller went away
/// or a deadline passed, cancels what runs in PostgreSQL and throws the connection away: nothing of
/// it can reach the next caller. Until PostgreSQL has stopped, the connection's place in the pool
/// and the caller's turn stay taken, so that callers cannot pile up work by leaving it.
pub(crate) struct TenantTransaction {
    /// None only while the transaction is being ended.
    connection: Option<PooledConnection>,
    who: Who,
    key: Arc<IdentityKey>,
    identity: SignedIdentity,
    started: DateTime<Utc>,
    turn: Option<Turn>,
    counters: Arc<Counters>,
    /// Where a key may be missing that the primary has.
    pub(crate) is_on_standby: bool,
    /// The shape of the caller's statement, for the observer.
    pub(crate) fingerprint: Option<Box<str>>,
    /// Hash of the plan that the statement has, for the observer.
    pub(crate) plan: Option<Arc<str>>,
    /// Its part of the trace.
    span: Span,
    /// Stands before statements, for whoever looks into PostgreSQL. Empty where the call is not traced.
    comment: String,
    /// When the caller is told that it took too long, for the observer.
    pub(crate) deadline: Option<Duration>,
    watched: Watched,
}

/// What the observer will be told.
struct Watched {
    observer: Option<Arc<dyn TransactionObserver>>,
    began: Instant,
    error: Option<ErrorCode>,
}

impl Watched {
    /// Remembers why something of ours failed.
    fn note<T>(&mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            self.error = Some(error.code());
        }
        outcome
    }
}

impl QueryDatabase {
    /// Begins a transaction, in one round trip where there is no pooler.
    pub(crate) async fn begin(
        &self,
        who: Who,
        statement_timeout: Duration,
    ) -> Result<TenantTransaction, Error> {
        let transaction = self.transaction(self.connection(who).await?, who, None);
        transaction.open(statement_timeout).await
    }

    /// A transaction that has not begun. It guards the connection from here on.
    pub(crate) fn transaction(
        &self,
        connection: PooledConnection,
        who: Who,
        turn: Option<Turn>,
    ) -> TenantTransaction {
        let key = self.keys.current();
        let identity = key.sign(&who, &connection.place);
        let span = tracing::info_span!(
            target: TRACE_TARGET,
            "transaction",
            otel.name = "SELECT",
            otel.kind = "client",
            db.system.name = "postgresql",
            db.operation.name = "SELECT",
            db.query.summary = Empty,
            retail.statement.fingerprint = Empty,
            error.type = Empty,
            otel.status_code = Empty,
        );
        let name = self.tracer.as_ref().and_then(|tracer| tracer.name_of(&span));
        TenantTransaction {
            connection: Some(connection),
            who,
            key,
            identity,
            started: DateTime::UNIX_EPOCH,
            turn,
            counters: Arc::clone(&self.counters),
            is_on_standby: false,
            fingerprint: None,
            plan: None,
            comment: name.map(|name| name.sql_comment()).unwrap_or_default(),
            span,
            deadline: None,
            watched: Watched {
                observer: self.primary.observer.clone(),
                began: Instant::now(),
                // Unless it comes to its end.
                error: Some(ErrorCode::Cancelled),
            },
        }
    }
}

impl TenantTransaction {
    #[expect(clippy::expect_used, reason = "only methods that consume the transaction take it")]
    fn connection(&self) -> &QueryConnection {
        self.connection.as_deref().expect("only methods that consume the transaction take it")
    }

    /// What the connection has prepared. Whoever finds the transaction failed has to take out what it put in.
    pub(crate) fn prepared(&mut self) -> Option<&mut Prepared> {
        self.connection.as_deref_mut().map(|connection| &mut connection.prepared)
    }

    /// What we know of the database's clock.
    pub(crate) fn place(&self) -> &ConnectionPlace {
        &self.connection().place
    }

    /// Takes the database's clock for what we know of it, instead of asking.
    pub(crate) fn assume_started_now(&mut self) -> Result<(), Error> {
        let micros = i64::try_from(self.place().database_micros()).map_err(Error::internal)?;
        self.started = DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| Error::internal("the database's clock cannot be read"))?;
        Ok(())
    }

    /// Start of the transaction in the database.
    pub(crate) fn started(&self) -> DateTime<Utc> {
        self.started
    }

    /// Tells the trace what runs: the tables that it reads, and its shape. No value and no text of the caller's.
    pub(crate) fn trace_statement(&self, query: &CheckedQuery) {
        if !self.span.is_disabled() {
            let summary = format!("SELECT {}", query.relations().join(" "));
            self.span.record("db.query.summary", summary);
            self.span.record("retail.statement.fingerprint", query.fingerprint());
        }
    }

    /// Nobody is told of it: it is a probe's.
    pub(crate) fn unobserved(mut self) -> Self {
        self.watched.observer = None;
        self
    }

    /// The comment that names the trace, to stand before a statement.
    pub(crate) fn comment(&self) -> &str {
        &self.comment
    }

    /// The client, for statements of this transaction.
    pub(crate) fn client(&self) -> &tokio_postgres::Client {
        &self.connection().client
    }

    /// Whether it takes [`open_shared`](Self::open_shared) to begin it.
    pub(crate) fn is_shared(&self) -> bool {
        self.connection().statement_timeout.is_none()
    }

    /// Begins on whichever connection a pooler gives. Only then is there something to sign for, so it takes two round
    /// trips.
    pub(crate) async fn open_shared(&mut self, statement_timeout: Duration) -> Result<(), Error> {
        let session =
            session("SET LOCAL", statement_timeout, self.connection().has_transaction_timeout);
        let opening = format!(
            "{}BEGIN TRANSACTION READ ONLY; {session}; SELECT retail_sec.connection_id(), now.micros FROM ({DATABASE_TIME} AS micros) AS now",
            self.comment
        );
        let opened = self.client().simple_query(&opening).await;
        let messages = self.watched.note(opened.map_err(|error| our_statement_failed(&error)))?;
        let place = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((row.get(0)?.to_owned(), row.get(1)?.parse::<i64>().ok()?))
            }
            _ => None,
        });
        let (id, micros) =
            place.ok_or_else(|| Error::internal("the database did not say where it is"))?;
        let at = u128::try_from(micros).map_err(Error::internal)?;
        if let Some(connection) = &mut self.connection {
            connection.place = ConnectionPlace::new(id, at);
        }
        self.began(micros, Instant::now())?;
        self.identity = self.key.sign(&self.who, self.place());
        let signed = self.client().batch_execute(&self.sign_statements()).await;
        self.watched.note(signed.map_err(|error| our_statement_failed(&error)))
    }

    async fn open(mut self, statement_timeout: Duration) -> Result<Self, Error> {
        if self.is_shared() {
            self.open_shared(statement_timeout).await?;
            return Ok(self);
        }
        let opening = self.opening(statement_timeout);
        let begun = self.client().simple_query(&opening).await;
        self.opened(begun, Instant::now())?;
        self.sign_again_if_late().await?;
        Ok(self)
    }

    /// What begins the transaction, bounds it and makes the identity known. Give its result to
    /// [`opened`](Self::opened).
    pub(crate) fn opening(&self, statement_timeout: Duration) -> String {
        format!("{}; {DATABASE_TIME}", self.begin_and_sign(statement_timeout))
    }

    /// Begins the transaction, bounds it and makes the identity known.
    pub(crate) fn begin_and_sign(&self, statement_timeout: Duration) -> String {
        let connection = self.connection();
        let timeouts = if connection.statement_timeout == Some(statement_timeout) {
            String::new()
        } else {
            let has_transaction_timeout = connection.has_transaction_timeout;
            timeouts("SET LOCAL", statement_timeout, has_transaction_timeout) + "; "
        };
        let Self { comment, .. } = self;
        format!("{comment}BEGIN TRANSACTION READ ONLY; {timeouts}{}", self.sign_statements())
    }

    fn sign_statements(&self) -> String {
        let SignedIdentity { who, signature, .. } = &self.identity;
        format!(
            "SET LOCAL app.current_rls_user_id = '{who}'; SET LOCAL app.rls_signature = '{signature}'"
        )
    }

    /// Reads when the transaction began; `at` is when the answer came. Then
    /// [`sign_again_if_late`](Self::sign_again_if_late) before the first row is read.
    pub(crate) fn opened(
        &mut self,
        begun: Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>,
        at: Instant,
    ) -> Result<(), Error> {
        let micros = begun.map_err(|error| our_statement_failed(&error)).and_then(|messages| {
            let micros = messages.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0)?.parse::<i64>().ok(),
                _ => None,
            });
            micros.ok_or_else(|| Error::internal("the database did not say when it began"))
        });
        let micros = self.watched.note(micros)?;
        self.began(micros, at)
    }

    /// Takes `micros` for the start of the transaction, which the database's clock showed at about `at`.
    pub(crate) fn began(&mut self, micros: i64, at: Instant) -> Result<(), Error> {
        self.started = DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| Error::internal("the start of the transaction cannot be read"))?;
        if let (Some(connection), Ok(micros)) = (&mut self.connection, u128::try_from(micros)) {
            connection.place.set_clock(micros, at);
        }
        Ok(())
    }

    /// Signs again where the signature does not count by the database's clock, as the transaction has
    /// shown it: that clock jumped, or this computer slept. Nobody's statement should pay for that.
    pub(crate) async fn sign_again_if_late(&mut self) -> Result<(), Error> {
        let began = u128::try_from(self.started.timestamp_micros()).map_err(Error::internal)?;
        if self.identity.counts_at(began) {
            return Ok(());
        }
        self.identity = self.key.sign(&self.who, &self.connection().place);
        let sql = format!("SET LOCAL app.rls_signature = '{}'", self.identity.signature);
        let signed = self.client().batch_execute(&sql).await;
        self.watched.note(signed.map_err(|error| our_statement_failed(&error)))
    }

    /// Reads the identity back and rolls back. The answer counts only if this gives `Ok`.
    pub(crate) async fn finish(mut self) -> Result<(), Error> {
        let read = self.client().simple_query(READ_BACK).await;
        let messages = self.watched.note(read.map_err(|error| our_statement_failed(&error)))?;
        let values = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0)),
            _ => None,
        });
        let is_ours =
            values.eq([Some(self.identity.who.as_str()), Some(self.identity.signature.as_str())]);
        self.finished(is_ours)
    }

    /// Whether these are the values of the two settings of the identity, in the order of [`READ_BACK`].
    pub(crate) fn is_identity(&self, read_back: &[Option<String>]) -> bool {
        let expected = [&self.identity.who, &self.identity.signature];
        read_back.iter().map(Option::as_ref).eq(expected.map(Some))
    }

    /// Ends a transaction that [`READ_BACK`] has ended in the database.
    pub(crate) fn finished(mut self, is_identity_ours: bool) -> Result<(), Error> {
        if !is_identity_ours {
            self.counters.identity_changed();
            self.watched.error = Some(ErrorCode::QueryNotAllowed);
            // Dropping `self` here closes the connection.
            return Err(Error::new(
                ErrorCode::QueryNotAllowed,
                "the statement changed settings that it may not change",
            ));
        }
        self.watched.error = None;
        // Back to the pool.
        drop(self.connection.take());
        Ok(())
    }

    /// Rolls back, for another try on the same connection.
    pub(crate) async fn restart(mut self) -> Result<Self, Error> {
        let rolled_back = self.client().batch_execute("ROLLBACK").await;
        self.watched.note(rolled_back.map_err(|error| our_statement_failed(&error)))?;
        self.identity = self.key.sign(&self.who, self.place());
        Ok(self)
    }

    fn tell_observer(&self) {
        let duration = self.watched.began.elapsed();
        let error = match self.watched.error {
            // Dropped: by whoever holds it to its time, or by a caller who left before.
            Some(ErrorCode::Cancelled)
                if self.deadline.is_some_and(|deadline| duration >= deadline) =>
            {
                Some(ErrorCode::QueryTimeout)
            }
            error => error,
        };
        if let Some(error) = error {
            self.span.record("error.type", error.as_str());
            self.span.record("otel.status_code", "ERROR");
        }
        let Some(observer) = &self.watched.observer else { return };
        let pool = pool_name(self.who, self.is_on_standby);
        let mut transaction = ObservedTransaction::new(pool, duration);
        transaction.fingerprint = self.fingerprint.as_deref();
        transaction.plan = self.plan.as_deref();
        transaction.error = error;
        observer.transaction_ended(&transaction);
    }

    /// Whether statements may be prepared on the connection.
    pub(crate) fn may_prepare(&self) -> bool {
        self.connection().prepared.is_allowed()
    }

    /// Rolls back after a statement that failed with `error`. The connection goes back to the pool if that works.
    pub(crate) async fn abandon(mut self, error: ErrorCode) {
        self.watched.error = Some(error);
        if self.client().batch_execute("ROLLBACK").await.is_ok() {
            drop(self.connection.take());
        }
    }
}

impl Drop for TenantTransaction {
    fn drop(&mut self) {
        if let Some(pooled) = self.connection.take() {
            self.counters.discarded();
            let turn = self.turn.take();
            let counters = Arc::clone(&self.counters);
            // Outside a runtime there is nobody to stop it; closing the socket has to do.
            match Handle::try_current() {
                Ok(runtime) => {
                    runtime.spawn(stop(pooled, turn, counters));
                }
                Err(_) => drop(Object::take(pooled)),
            }
        }
        // Last, when the connection is in good hands whatever an observer does.
        self.tell_observer();
    }
}

/// Cancels what runs, waits until it has ended, and closes the connection.
async fn stop(pooled: PooledConnection, turn: Option<Turn>, counters: Arc<Counters>) {
    // A cancel request that is not delivered only means a longer wait below.
    let _ = tokio::time::timeout(CANCEL_TIMEOUT, pooled.cancel()).await;
    // Answered, or refused because the connection broke: either way nothing runs any more.
    let ended = tokio::time::timeout(STOP_TIMEOUT, pooled.client.batch_execute("ROLLBACK")).await;
    if ended.is_err() {
        counters.overran();
        warn!(
            alert = "statement_not_stopped",
            waited_seconds = STOP_TIMEOUT.as_secs(),
            "PostgreSQL does not stop a cancelled statement; its connection was closed"
        );
    }
    drop(Object::take(pooled));
    drop(turn);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_deadline_comes_before_that_of_the_transaction() {
        for seconds in [1, 5, 60] {
            let timeout = Duration::from_secs(seconds);
            let until_the_end =
                crate::connection::transaction_timeout(timeout).saturating_sub(deadline(timeout));
            assert!(until_the_end >= Duration::from_secs(2), "{timeout:?}");
        }
    }
}
