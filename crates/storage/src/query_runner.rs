//! Ad-hoc statements of callers.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, pin_mut};
use retail_domain::ports::QueryRunner;
use retail_domain::{
    Column, Error, ErrorCode, JsonRow, Principal, QueryAnswer, QueryLimits, SqlText, Truncation,
};
use serde_json::{Number, Value};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Row, Statement};

use crate::QueryDatabase;
use crate::identity::Who;
use crate::pool::PooledConnection;
use crate::sql_error::{ONE_QUERY, our_statement_failed, statement_failed};
use crate::tenant::TenantTransaction;

/// Beyond the statement's own limit, for functions that PostgreSQL cannot interrupt.
const DEADLINE_GRACE: Duration = Duration::from_secs(2);

/// Largest integer that every JSON reader holds exactly, 2^53 - 1 (RFC 8259, section 6).
const MAX_EXACT_INTEGER: u64 = (1 << 53) - 1;

/// Runs callers' statements on the query side of the database.
#[derive(Debug, Clone)]
pub struct PgQueryRunner {
    database: Arc<QueryDatabase>,
}

impl PgQueryRunner {
    /// A runner on `database`.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self { database }
    }

    async fn run_to_end(
        &self,
        connection: PooledConnection,
        who: Who,
        sql: &SqlText,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let started = Instant::now();
        let (transaction, statement) = self
            .database
            .begin_on(connection, who, limits.statement_timeout, Some(sql.as_str()))
            .await?;
        let statement = statement.ok_or_else(|| Error::internal("the statement was not parsed"))?;
        let columns = match describe(&statement) {
            Ok(columns) => columns,
            Err(refusal) => {
                drop(statement);
                transaction.abandon().await;
                return Err(refusal);
            }
        };
        match fetch(&transaction, sql, &columns, limits).await {
            Ok((rows, truncation)) => {
                drop(statement);
                let as_of = transaction.started();
                transaction.finish().await?;
                Ok(QueryAnswer { columns, rows, truncation, as_of, elapsed: started.elapsed() })
            }
            Err(error) => {
                drop(statement);
                let refusal = refuse_wrapped(&error);
                transaction.abandon().await;
                Err(refusal)
            }
        }
    }
}

#[async_trait]
impl QueryRunner for PgQueryRunner {
    async fn run(
        &self,
        principal: &Principal,
        sql: &SqlText,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let who = Who::from(principal.visibility());
        // The wait for a connection has its own limit, and is not the statement's fault.
        let connection = self.database.connection(who).await?;
        let deadline = limits.statement_timeout + DEADLINE_GRACE;
        // Past the deadline the future is dropped, which cancels and closes.
        tokio::time::timeout(deadline, self.run_to_end(connection, who, sql, limits))
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorCode::QueryTimeout,
                    "the statement took too long and was stopped",
                )
                .with_hint("filter on a date range, aggregate, or ask for less at once"))
            })
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

/// The statement inside a query that caps it and gives each value as text.
///
/// Inside brackets PostgreSQL takes nothing but a query: no INSERT, SET, COPY, EXPLAIN, DO, and no
/// WITH that writes. Text keeps every digit, and needs no decoder for each type. The columns are
/// renamed, since a statement may name two alike. Values behind the byte limit become NULL, so
/// that they never leave the database.
fn capped(sql: &SqlText, column_count: usize, limits: &QueryLimits) -> String {
    let names = (0..column_count).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    let mut texts = String::new();
    let mut bytes = String::new();
    let mut values = String::new();
    for i in 0..column_count {
        let comma = if i == 0 { "" } else { "," };
        let plus = if i == 0 { "" } else { "+" };
        // Writing to a String cannot fail.
        let _ = write!(texts, "{comma}q.c{i}::text AS c{i}");
        let _ = write!(bytes, "{plus}coalesce(octet_length(c{i}),0)::int8");
        let _ = write!(values, ",CASE WHEN sent<={} THEN c{i} END", limits.max_bytes);
    }
    let limit = u64::from(limits.max_rows) + 1;
    let sql = sql.as_str();
    format!(
        "SELECT sent{values} FROM (SELECT (sum({bytes}) OVER (ROWS UNBOUNDED PRECEDING))::int8 AS sent,* \
         FROM (SELECT {texts} FROM (\n{sql}\n) AS q({names}) LIMIT {limit}) AS t) AS r"
    )
}

async fn fetch(
    transaction: &TenantTransaction,
    sql: &SqlText,
    columns: &[Column],
    limits: &QueryLimits,
) -> Result<(Vec<JsonRow>, Option<Truncation>), FetchError> {
    let client = transaction.client();
    let identity_sql = transaction.set_identity_sql();
    let capped_sql = capped(sql, columns.len(), limits);
    let no_parameters = std::iter::empty::<(&(dyn ToSql + Sync), Type)>();
    // Sent one behind the other without waiting in between.
    let (identity_set, stream) = tokio::join!(
        client.batch_execute(&identity_sql),
        client.query_typed_raw(&capped_sql, no_parameters)
    );
    identity_set.map_err(FetchError::Identity)?;
    let stream = stream.map_err(FetchError::Wrapped)?;
    pin_mut!(stream);
    let mut rows = Vec::new();
    let mut truncation = None;
    // After the cut the rest is read and thrown away; LIMIT bounds it, and it holds no values.
    while let Some(row) = stream.next().await {
        let row = row.map_err(FetchError::Wrapped)?;
        if truncation.is_some() {
            continue;
        }
        let sent_bytes: i64 = row.try_get(0).map_err(FetchError::Wrapped)?;
        if rows.len() >= limits.max_rows as usize {
            truncation = Some(Truncation::Rows(limits.max_rows));
        } else if sent_bytes > i64::from(limits.max_bytes) {
            truncation = Some(Truncation::Bytes(limits.max_bytes));
        } else {
            rows.push(json_row(&row, columns).map_err(FetchError::Wrapped)?);
        }
    }
    Ok((rows, truncation))
}

enum FetchError {
    Identity(tokio_postgres::Error),
    Wrapped(tokio_postgres::Error),
}

/// What a failure of the capped statement says about the caller's own.
fn refuse_wrapped(error: &FetchError) -> Error {
    match error {
        FetchError::Identity(error) => our_statement_failed(error),
        // It was parsed alone without complaint, so in brackets it can only fail for not being a query.
        FetchError::Wrapped(error) if is_syntax_error(error) => {
            Error::new(ErrorCode::QueryNotAllowed, "not a read-only query").with_hint(ONE_QUERY)
        }
        FetchError::Wrapped(error) => statement_failed(error),
    }
}

/// Of our text, which has a position; functions such as `to_tsquery` use the same code for theirs.
fn is_syntax_error(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::SYNTAX_ERROR && refusal.position().is_some()
    })
}

fn json_row(row: &Row, columns: &[Column]) -> Result<JsonRow, tokio_postgres::Error> {
    columns
        .iter()
        .enumerate()
        .map(|(i, column)| {
            let text: Option<&str> = row.try_get(i + 1)?;
            Ok(text.map_or(Value::Null, |text| json_value(text, &column.pg_type)))
        })
        .collect()
}

/// The JSON value of PostgreSQL's text for a type. What JSON cannot hold exactly stays text.
fn json_value(text: &str, pg_type: &str) -> Value {
    let exact = match pg_type {
        "bool" => Some(Value::Bool(text == "true")),
        "int2" | "int4" | "int8" => text
            .parse::<i64>()
            .ok()
            .filter(|value| value.unsigned_abs() <= MAX_EXACT_INTEGER)
            .map(Value::from),
        "float4" | "float8" => {
            text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
        }
        "json" | "jsonb" if is_exact_json(text) => serde_json::from_str(text).ok(),
        _ => None,
    };
    exact.unwrap_or_else(|| Value::from(text))
}

/// Whether a JSON reader keeps every digit of a document: no fraction, no exponent, no long number.
/// Digits inside strings count too, which costs no more than the text form.
fn is_exact_json(text: &str) -> bool {
    const EXACT_DIGITS: usize = 15;
    let mut digits = 0;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            digits += 1;
        } else if digits > 0 && matches!(byte, b'.' | b'e' | b'E') {
            return false;
        } else {
            digits = 0;
        }
        if digits > EXACT_DIGITS {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("true", "bool", json!(true))]
    #[case("-7", "int4", json!(-7))]
    #[case("9007199254740991", "int8", json!(9_007_199_254_740_991_i64))]
    #[case("9007199254740993", "int8", json!("9007199254740993"))]
    #[case("12.50", "numeric", json!("12.50"))]
    #[case("1.5", "float8", json!(1.5))]
    #[case("NaN", "float8", json!("NaN"))]
    #[case("{\"a\": 1}", "jsonb", json!({"a": 1}))]
    #[case("[12.50]", "jsonb", json!("[12.50]"))]
    #[case("[9007199254740993]", "json", json!("[9007199254740993]"))]
    #[case("2026-11-22", "date", json!("2026-11-22"))]
    fn values_keep_what_json_can_hold(
        #[case] text: &str,
        #[case] pg_type: &str,
        #[case] expected: Value,
    ) {
        assert_eq!(json_value(text, pg_type), expected);
    }

    #[test]
    fn a_closing_comment_does_not_swallow_the_bracket() {
        let sql = SqlText::new("SELECT 1 -- one").unwrap();
        assert!(capped(&sql, 1, &QueryLimits::default()).contains("-- one\n)"));
    }
}
