//! A statement that is new: it is parsed and estimated before it runs.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt, pin_mut};
use retail_domain::{Column, Error, ErrorCode, JsonRows, QueryLimits, Truncation};
use retail_sql_guard::CheckedQuery;
use serde_json::Value;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{SimpleQueryMessage, Statement};

use super::failure::{EXPLAIN, Failure};
use crate::capped::{Cap, Sent, estimate};
use crate::plan_hash::plan_hash;
use crate::sql_error::{ONE_QUERY, our_statement_failed};
use crate::tenant::TenantTransaction;
use crate::values::RowsWriter;

/// What is known of a statement before it runs.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) columns: Arc<[Column]>,
    pub(super) cap: Cap,
}

/// Begins the transaction, has the statement parsed and its cost estimated: one round trip.
///
/// The statement is parsed alone, before it stands inside any other text: so it cannot close a
/// bracket that it did not open.
pub(super) async fn prepare(
    transaction: &mut TenantTransaction,
    query: &CheckedQuery,
    limits: &QueryLimits,
) -> Result<Known, Failure> {
    if transaction.is_shared() {
        return prepare_shared(transaction, query, limits).await;
    }
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
    let cap = judge(transaction, estimated, limits).await?;
    // After the savepoint, which would undo it.
    transaction.sign_again_if_late().await.map_err(Failure::Ours)?;
    Ok(Known { columns, cap })
}

/// The same behind a pooler, where a statement with a name would stay on a connection that others get. So the statement
/// is explained alone, which parses it, and then asked for its columns as the missing side of a join.
async fn prepare_shared(
    transaction: &mut TenantTransaction,
    query: &CheckedQuery,
    limits: &QueryLimits,
) -> Result<Known, Failure> {
    transaction.open_shared(limits.statement_timeout).await.map_err(Failure::Ours)?;
    let sql = query.sql();
    let alone = format!("{EXPLAIN}{sql}");
    let described = format!("SELECT q.* FROM (SELECT 1) AS o LEFT JOIN (\n{sql}\n) AS q ON false");
    let explain = query.without_filter_values().map(|sql| estimate(sql, limits));
    let client = transaction.client();
    client.query_typed(&alone, &[]).await.map_err(Failure::Explained)?;
    let row = client.query_typed(&described, &[]).await.map_err(Failure::Capped)?;
    let columns = row.first().map(|row| columns(row.columns())).unwrap_or_default();
    let columns = some_columns(columns).map_err(Failure::Ours)?;
    let estimated = match &explain {
        Some(explain) => {
            let savepoint = format!("SAVEPOINT estimate; {explain}");
            Some(client.simple_query(&savepoint).await)
        }
        None => None,
    };
    let cap = judge(transaction, estimated, limits).await?;
    Ok(Known { columns, cap })
}

/// What the estimate means. The savepoint `estimate` is there.
async fn judge(
    transaction: &mut TenantTransaction,
    estimated: Option<Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>>,
    limits: &QueryLimits,
) -> Result<Cap, Failure> {
    match estimated {
        Some(Ok(messages)) => {
            let plan = Plan::read(&messages);
            transaction.plan = plan.hash.map(Into::into);
            check_cost(plan.cost, limits).map_err(Failure::Ours)?;
            if let (Some(rows), Some(row_bytes)) = (plan.rows, plan.row_bytes) {
                return Ok(Cap::for_size(rows, row_bytes, limits));
            }
        }
        // The form without values may not suit PostgreSQL. The limits at run time still hold.
        Some(Err(_)) => transaction
            .client()
            .batch_execute("ROLLBACK TO SAVEPOINT estimate")
            .await
            .map_err(|error| Failure::Ours(our_statement_failed(&error)))?,
        None => {}
    }
    Ok(Cap::Counted)
}

/// What the planner expects.
#[derive(Debug)]
struct Plan {
    cost: Option<f64>,
    rows: Option<f64>,
    row_bytes: Option<f64>,
    hash: Option<Box<str>>,
}

impl Plan {
    fn read(messages: &[SimpleQueryMessage]) -> Self {
        let explained = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => serde_json::from_str::<Value>(row.get(0)?).ok(),
            _ => None,
        });
        let number = |name: &str| explained.as_ref()?.pointer(&format!("/0/Plan/{name}"))?.as_f64();
        Self {
            cost: number("Total Cost"),
            rows: number("Plan Rows"),
            row_bytes: number("Plan Width"),
            hash: explained.as_ref().and_then(plan_hash),
        }
    }
}

/// Refuses a statement that is hopeless before it burns its seconds.
fn check_cost(cost: Option<f64>, limits: &QueryLimits) -> Result<(), Error> {
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
fn describe(statement: &Statement) -> Result<Arc<[Column]>, Error> {
    if !statement.params().is_empty() {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            "the statement has parameters ($1), and there are no values for them",
        )
        .with_hint("write the values into the statement"));
    }
    some_columns(columns(statement.columns()))
}

fn some_columns(columns: Vec<Column>) -> Result<Arc<[Column]>, Error> {
    if columns.is_empty() {
        let message = "not a read-only query: it gives no columns";
        return Err(Error::new(ErrorCode::QueryNotAllowed, message).with_hint(ONE_QUERY));
    }
    Ok(columns.into())
}

fn columns(columns: &[tokio_postgres::Column]) -> Vec<Column> {
    columns
        .iter()
        .map(|column| Column { name: column.name().to_owned(), pg_type: type_name(column.type_()) })
        .collect()
}

/// `text[]` rather than `_text`.
fn type_name(pg_type: &Type) -> String {
    let name = pg_type.name();
    name.strip_prefix('_').map_or_else(|| name.to_owned(), |element| format!("{element}[]"))
}

/// Runs the statement inside its cap.
pub(super) async fn fetch(
    transaction: &TenantTransaction,
    sql: &str,
    known: &Known,
    limits: &QueryLimits,
) -> Result<(JsonRows, Option<Truncation>), Failure> {
    let no_parameters = std::iter::empty::<(&(dyn ToSql + Sync), Type)>();
    let comment = transaction.comment();
    let commented =
        if comment.is_empty() { Cow::Borrowed(sql) } else { (comment.to_owned() + sql).into() };
    let stream = transaction
        .client()
        .query_typed_raw(&commented, no_parameters)
        .await
        .map_err(Failure::Capped)?;
    pin_mut!(stream);
    let mut rows = RowsWriter::new(&known.columns);
    let mut sent = Sent::new(known.cap, limits);
    let mut truncation = None;
    // After the cut the rest is read and thrown away; LIMIT bounds it.
    while let Some(row) = stream.next().await {
        let row = row.map_err(Failure::Capped)?;
        if truncation.is_none() {
            let text = |i| row.try_get(i);
            truncation = sent.cut(rows.count(), row.len(), text).map_err(Failure::Capped)?;
            if truncation.is_none() {
                let first = known.cap.first_value();
                rows.row(|i| row.try_get(first + i)).map_err(Failure::Capped)?;
            }
        }
    }
    Ok((rows.finish().map_err(Failure::Ours)?, truncation))
}
