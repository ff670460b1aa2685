//! Ad-hoc statements of callers.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, pin_mut};
use retail_domain::ports::{Clock, QueryRunner, SystemClock};
use retail_domain::{
    Column, Error, ErrorCode, Freshness, JsonRow, Principal, QueryAnswer, QueryLimits, SqlText,
    StatementSummary, Truncation,
};
use retail_sql_guard::{CheckedQuery, Guard};
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{SimpleQueryMessage, Statement};

use crate::QueryDatabase;
use crate::capped::{capped, cut, estimate};
use crate::guard::{refusal, retail_guard};
use crate::identity::Who;
use crate::pages::Pages;
use crate::sql_error::{ONE_QUERY, is_identity_refusal, our_statement_failed, statement_failed};
use crate::tenant::TenantTransaction;
use crate::values::json_row;

/// Beyond the statement's own limit, for functions that PostgreSQL cannot interrupt.
const DEADLINE_GRACE: Duration = Duration::from_secs(2);

/// Checks callers' statements and runs them on the query side of the database.
///
/// There is no way to run a statement that the guard did not accept.
#[derive(Clone)]
pub struct PgQueryRunner {
    database: Arc<QueryDatabase>,
    guard: Arc<Guard>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for PgQueryRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgQueryRunner").field("database", &self.database).finish_non_exhaustive()
    }
}

impl PgQueryRunner {
    /// A runner on `database`, with the guard over the eight tables.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self::with_guard(database, retail_guard())
    }

    /// A runner with another guard, for a database that has more than the eight tables.
    pub fn with_guard(database: Arc<QueryDatabase>, guard: Arc<Guard>) -> Self {
        Self { database, guard, clock: Arc::new(SystemClock) }
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
        let who = Who::from(principal.visibility());
        // The waits for a turn and a connection have limits of their own, and are not the
        // statement's fault.
        let turn = self.database.callers.turn(principal).await?;
        let connection = self.database.connection(who).await?;
        let deadline = limits.statement_timeout + DEADLINE_GRACE;
        // Past the deadline the future is dropped, which cancels and closes.
        let transaction = self.database.transaction(connection, who, Some(turn));
        let run = self.run_to_end(transaction, query, offset, limits);
        let mut answer = tokio::time::timeout(deadline, run).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorCode::QueryTimeout, "the statement took too long and was stopped")
                .with_hint("filter on a date range, aggregate, or ask for less at once"))
        })?;
        // Without an order of its own, the next page could repeat rows or miss some.
        if answer.truncation.is_some() && query.is_ordered() && !answer.rows.is_empty() {
            let next = offset + answer.rows.len() as u64;
            answer.next_cursor = pages.cursor(&self.database.keys.current(), next);
        }
        Ok(answer)
    }

    async fn run_to_end(
        &self,
        mut transaction: TenantTransaction,
        query: &CheckedQuery,
        offset: u64,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let started = Instant::now();
        let prepared = prepare(&mut transaction, query, limits).await;
        let fetched = match prepared {
            Ok(columns) => {
                let sql = capped(query.sql(), columns.len(), offset, limits);
                fetch(&transaction, &sql, &columns, limits)
                    .await
                    .map(|(rows, truncation)| (columns, rows, truncation))
                    .map_err(Failure::Capped)
            }
            Err(failure) => Err(failure),
        };
        match fetched {
            Ok((columns, rows, truncation)) => {
                let as_of = transaction.started();
                transaction.finish().await?;
                let elapsed = started.elapsed();
                let statement = summary(query);
                Ok(QueryAnswer {
                    columns: columns.into(),
                    rows,
                    truncation,
                    next_cursor: None,
                    statement,
                    as_of,
                    elapsed,
                    freshness: Freshness::default(),
                })
            }
            Err(failure) => {
                if failure.is_identity_refusal() {
                    self.database.counters.identity_refused();
                }
                let refusal = failure.into_error();
                transaction.abandon().await;
                Err(refusal)
            }
        }
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
        let query = self.guard.check(sql.as_str()).map_err(|rejection| {
            self.database.counters.guard_refused();
            refusal(&rejection)
        })?;
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

/// Begins the transaction, has the statement parsed and its cost estimated: one round trip.
///
/// The statement is parsed alone, before it stands inside any other text: so it cannot close a
/// bracket that it did not open.
async fn prepare(
    transaction: &mut TenantTransaction,
    query: &CheckedQuery,
    limits: &QueryLimits,
) -> Result<Vec<Column>, Failure> {
    // A failed estimate must not fail the transaction: hence the savepoint.
    let opening = format!("{}; SAVEPOINT estimate", transaction.opening(limits.statement_timeout));
    let explain = query.without_filter_values().map(|sql| estimate(sql, limits));
    let client = transaction.client();
    let (begun, parsed, estimated) = tokio::join!(
        // The clock that the answer carries counts from when it came, not from the slowest of the three.
        async { (client.simple_query(&opening).await, Instant::now()) },
        client.prepare(query.sql()),
        async {
            match &explain {
                Some(explain) => Some(client.simple_query(explain).await),
                None => None,
            }
        }
    );
    let (begun, begun_at) = begun;
    transaction.opened(begun, begun_at).map_err(Failure::Ours)?;
    let columns = describe(&parsed.map_err(Failure::Parsed)?).map_err(Failure::Ours)?;
    match estimated {
        Some(Ok(messages)) => check_cost(&messages, limits).map_err(Failure::Ours)?,
        // The form without values may not suit PostgreSQL. The limits at run time still hold.
        Some(Err(_)) => transaction
            .client()
            .batch_execute("ROLLBACK TO SAVEPOINT estimate")
            .await
            .map_err(|error| Failure::Ours(our_statement_failed(&error)))?,
        None => {}
    }
    // After the savepoint, which would undo it.
    transaction.sign_again_if_late().await.map_err(Failure::Ours)?;
    Ok(columns)
}

/// Refuses a statement that is hopeless before it burns its seconds.
fn check_cost(messages: &[SimpleQueryMessage], limits: &QueryLimits) -> Result<(), Error> {
    let cost = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            serde_json::from_str::<Value>(row.get(0)?).ok()?.pointer("/0/Plan/Total Cost")?.as_f64()
        }
        _ => None,
    });
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let max = limits.max_plan_cost as f64;
    match cost {
        // Not the cost itself: a figure would tell more than that it is too high.
        Some(cost) if cost > max => Err(Error::new(
            ErrorCode::QueryTooCostly,
            format!(
                "the statement was not run: PostgreSQL's planner expects it to cost more than the \
                 limit of {max:.1e}"
            ),
        )
        .with_hint(
            "join tables on their keys, filter on a date range, and aggregate before you join",
        )),
        _ => Ok(()),
    }
}

/// The columns of a parsed statement.
fn describe(statement: &Statement) -> Result<Vec<Column>, Error> {
    if !statement.params().is_empty() {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            "the statement has parameters ($1), and there are no values for them",
        )
        .with_hint("write the values into the statement"));
    }
    if statement.columns().is_empty() {
        let message = "not a read-only query: it gives no columns";
        return Err(Error::new(ErrorCode::QueryNotAllowed, message).with_hint(ONE_QUERY));
    }
    Ok(statement
        .columns()
        .iter()
        .map(|column| Column { name: column.name().to_owned(), pg_type: type_name(column.type_()) })
        .collect())
}

/// `text[]` rather than `_text`.
fn type_name(pg_type: &Type) -> String {
    let name = pg_type.name();
    name.strip_prefix('_').map_or_else(|| name.to_owned(), |element| format!("{element}[]"))
}

async fn fetch(
    transaction: &TenantTransaction,
    sql: &str,
    columns: &[Column],
    limits: &QueryLimits,
) -> Result<(Vec<JsonRow>, Option<Truncation>), tokio_postgres::Error> {
    let no_parameters = std::iter::empty::<(&(dyn ToSql + Sync), Type)>();
    let stream = transaction.client().query_typed_raw(sql, no_parameters).await?;
    pin_mut!(stream);
    let mut rows = Vec::new();
    let mut truncation = None;
    // After the cut the rest is read and thrown away; LIMIT bounds it, and it holds no values.
    while let Some(row) = stream.next().await {
        let row = row?;
        if truncation.is_none() {
            truncation = cut(row.try_get(0)?, rows.len(), limits);
            if truncation.is_none() {
                rows.push(json_row(&row, columns)?);
            }
        }
    }
    Ok((rows, truncation))
}

/// Where a statement failed.
enum Failure {
    /// Before it ran, and worded already.
    Ours(Error),
    /// Parsed alone.
    Parsed(tokio_postgres::Error),
    /// Inside the query that caps it.
    Capped(tokio_postgres::Error),
}

impl Failure {
    fn is_identity_refusal(&self) -> bool {
        match self {
            Self::Ours(_) => false,
            Self::Parsed(error) | Self::Capped(error) => is_identity_refusal(error),
        }
    }

    fn into_error(self) -> Error {
        match self {
            Self::Ours(error) => error,
            // It was parsed alone without complaint, so in brackets it can only fail for not being
            // a query.
            Self::Capped(error) if is_syntax_error(&error) => {
                Error::new(ErrorCode::QueryNotAllowed, "not a read-only query").with_hint(ONE_QUERY)
            }
            Self::Parsed(error) | Self::Capped(error) => statement_failed(&error),
        }
    }
}

/// Of our text, which has a position; functions such as `to_tsquery` use the same code for theirs.
fn is_syntax_error(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::SYNTAX_ERROR && refusal.position().is_some()
    })
}
