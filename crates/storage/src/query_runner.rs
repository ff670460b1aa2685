//! Ad-hoc statements of callers.

mod again;
mod failure;
mod first;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use retail_domain::ports::{Clock, QueryRunner, SystemClock, TRACE_TARGET};
use retail_domain::{
    Column, Error, ErrorCode, Freshness, JsonRows, Principal, QueryAnswer, QueryLimits, SqlText,
    StatementSummary, Truncation,
};
use retail_sql_guard::{CheckedQuery, Guard, GuardPolicy};
use tracing::field::Empty;
use tracing::info_span;

use crate::QueryDatabase;
use crate::capped::capped;
use crate::guard::{refusal, retail_guard};
use crate::identity::Who;
use crate::pages::Pages;
use crate::pool::Place;
use crate::replicas::may_go_on;
use crate::statements::{Learned, Statements};
use crate::tenant::TenantTransaction;
use failure::Failure;

/// Beyond the statement's own limit, for functions that PostgreSQL cannot interrupt.
const DEADLINE_GRACE: Duration = Duration::from_secs(2);

/// Checks callers' statements and runs them on the query side of the database.
///
/// There is no way to run a statement that the guard did not accept.
#[derive(Clone)]
pub struct PgQueryRunner {
    database: Arc<QueryDatabase>,
    guard: Arc<Guard>,
    statements: Arc<Statements>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for PgQueryRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgQueryRunner").field("database", &self.database).finish_non_exhaustive()
    }
}

impl PgQueryRunner {
    /// A runner on `database`, with the guard over the twelve tables.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self::with_guard(database, retail_guard())
    }

    /// A runner with another guard, for a database that has more than the twelve tables.
    pub fn with_guard(database: Arc<QueryDatabase>, guard: Arc<Guard>) -> Self {
        Self {
            database,
            guard,
            statements: Arc::new(Statements::new()),
            clock: Arc::new(SystemClock),
        }
    }

    /// What statements may use.
    pub fn guard_policy(&self) -> &GuardPolicy {
        self.guard.policy()
    }

    /// The same with another clock, by which cursors end.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Runs a checked statement, from the row after `cursor`.
    ///
    /// # Errors
    /// Those of [`QueryRunner::run_page`], except the guard's.
    pub async fn run_checked(
        &self,
        principal: &Principal,
        query: &CheckedQuery,
        cursor: Option<&str>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let pages = Pages::new(principal, query.sql(), self.clock.now());
        let offset = match cursor {
            None => 0,
            Some(cursor) => {
                let keys: Vec<_> = self.database.keys.all().collect();
                pages.offset(&keys, cursor)?
            }
        };
        let mut answer = match self.run_on_replica(principal, query, offset, limits).await? {
            Some(answer) => answer,
            None => self.run_on(&self.database.primary, principal, query, offset, limits).await?,
        };
        // Without an order of its own, the next page could repeat rows or miss some.
        if answer.truncation.is_some() && query.is_ordered() && !answer.rows.is_empty() {
            let next = offset + answer.rows.len() as u64;
            answer.next_cursor = pages.cursor(&self.database.keys.current(), next);
        }
        Ok(answer)
    }

    /// The answer of a standby, if there is one that can give it.
    async fn run_on_replica(
        &self,
        principal: &Principal,
        query: &CheckedQuery,
        offset: u64,
        limits: &QueryLimits,
    ) -> Result<Option<QueryAnswer>, Error> {
        // What was found of the primary holds for those that follow it.
        if self.database.primary.gate.is_shut_again() {
            return Ok(None);
        }
        let Some(replica) = self.database.replicas.pick() else { return Ok(None) };
        let Some(has_all_until) = replica.has_all_until() else { return Ok(None) };
        let run = Box::pin(self.run_on(&replica.place, principal, query, offset, limits));
        let answer = tokio::select! {
            answer = run => answer,
            // Its answer might never come. Leaving drops the statement.
            () = replica.lost() => Err(Error::new(ErrorCode::Unavailable, "the replica is lost")),
        };
        match answer {
            Ok(mut answer) => {
                self.database.counters.replica_answered();
                // By the database's clock: now, less the time since then.
                answer.as_of = answer.as_of + answer.elapsed - has_all_until.elapsed();
                Ok(Some(answer))
            }
            Err(error) if may_go_on(&error) => {
                self.database.counters.replica_failed();
                if error.code() == ErrorCode::Unavailable {
                    replica.give_up();
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn run_on(
        &self,
        place: &Place,
        principal: &Principal,
        query: &CheckedQuery,
        offset: u64,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let who = Who::from(principal.visibility());
        // The waits for a turn and a connection have limits of their own, and are not the
        // statement's fault.
        let turn = self.database.callers.turn(principal).await?;
        let connection = place.connection(who).await?;
        let deadline = limits.statement_timeout + DEADLINE_GRACE;
        // Past the deadline the future is dropped, which cancels and closes.
        let mut transaction = self.database.transaction(connection, who, Some(turn));
        transaction.is_on_standby = place.is_standby;
        transaction.deadline = Some(deadline);
        transaction.trace_statement(query);
        transaction.fingerprint = place.observer.as_ref().map(|_| query.fingerprint().into());
        let run = pin!(self.run_to_end(transaction, query, offset, limits));
        tokio::time::timeout(deadline, run).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorCode::QueryTimeout, "the statement took too long and was stopped")
                .with_hint("filter on a date range, aggregate, or ask for less at once"))
        })
    }

    /// The guard's verdict.
    fn checked(&self, sql: &str) -> Result<Arc<CheckedQuery>, Error> {
        if let Some(query) = self.statements.accepted(sql) {
            return Ok(query);
        }
        let query = self.guard.check(sql).map_err(|rejection| {
            self.database.counters.guard_refused();
            refusal(&rejection)
        })?;
        Ok(self.statements.accept(sql, query))
    }

    async fn run_to_end(
        &self,
        transaction: TenantTransaction,
        query: &CheckedQuery,
        offset: u64,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let started = Instant::now();
        let learned = if offset == 0 && transaction.may_prepare() {
            self.statements.learned(query, limits)
        } else {
            None
        };
        let mut answer = match learned {
            Some(learned) => self.run_again(transaction, query, &learned, limits).await?,
            // In a box, or each call would carry what only the first one needs.
            None => Box::pin(self.run_first(transaction, query, offset, limits)).await?,
        };
        answer.elapsed = started.elapsed();
        Ok(answer)
    }

    /// Runs a statement that ran before.
    async fn run_again(
        &self,
        mut transaction: TenantTransaction,
        query: &CheckedQuery,
        learned: &Learned,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        transaction.plan.clone_from(&learned.plan);
        match again::run(&mut transaction, learned, limits).await {
            Ok(Some(again::Answered { rows, truncation, read_back })) => {
                let as_of = transaction.started();
                let is_ours = transaction.is_identity(&read_back);
                transaction.finished(is_ours)?;
                let columns = Arc::clone(&learned.columns);
                Ok(answer(query, columns, rows, truncation, as_of))
            }
            Ok(None) => {
                self.statements.forget(query);
                let transaction = transaction.restart().await?;
                Box::pin(self.run_first(transaction, query, 0, limits)).await
            }
            Err(failure) => Err(self.fail(transaction, failure).await),
        }
    }

    /// Runs a statement as if it were new.
    async fn run_first(
        &self,
        mut transaction: TenantTransaction,
        query: &CheckedQuery,
        offset: u64,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let run = async {
            let known = first::prepare(&mut transaction, query, limits).await?;
            let sql = capped(query.sql(), &known.columns, known.cap, offset, limits);
            let (rows, truncation) = first::fetch(&transaction, &sql, &known, limits).await?;
            Ok((known, sql, rows, truncation))
        };
        match run.await {
            Ok((known, sql, rows, truncation)) => {
                let (as_of, plan) = (transaction.started(), transaction.plan.clone());
                transaction.finish().await?;
                if offset == 0 {
                    let columns = Arc::clone(&known.columns);
                    let learned = Learned::new(columns, sql, known.cap, plan, limits);
                    self.statements.learn(query, learned);
                }
                Ok(answer(query, known.columns, rows, truncation, as_of))
            }
            Err(failure) => Err(self.fail(transaction, failure).await),
        }
    }

    async fn fail(&self, transaction: TenantTransaction, failure: Failure) -> Error {
        if failure.is_identity_refusal() && !transaction.is_on_standby {
            self.database.counters.identity_refused();
        }
        let error = failure.into_error();
        transaction.abandon(error.code()).await;
        error
    }
}

fn answer(
    query: &CheckedQuery,
    columns: Arc<[Column]>,
    rows: JsonRows,
    truncation: Option<Truncation>,
    as_of: DateTime<Utc>,
) -> QueryAnswer {
    QueryAnswer {
        columns,
        rows,
        truncation,
        next_cursor: None,
        statement: summary(query),
        as_of,
        elapsed: Duration::ZERO,
        freshness: Freshness::default(),
    }
}

#[async_trait]
impl QueryRunner for PgQueryRunner {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        cursor: Option<String>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let span = info_span!(target: TRACE_TARGET, "guard", error.type = Empty);
        let query = span.in_scope(|| self.checked(sql.as_str())).inspect_err(|error| {
            span.record("error.type", error.code().as_str());
        });
        // It ends here.
        drop(span);
        let query = query?;
        self.run_checked(principal, &query, cursor.as_deref(), limits)
            .await
            .map_err(|error| error.with_statement(summary(&query)))
    }
}

/// What the audit log says of a statement.
fn summary(query: &CheckedQuery) -> StatementSummary {
    StatementSummary {
        fingerprint: query.fingerprint().to_owned(),
        tables: query.relations().to_vec(),
    }
}
