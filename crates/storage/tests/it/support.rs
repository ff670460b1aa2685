//! Running statements as the tests of the corpora do, and comparing what becomes of them.

use std::sync::Arc;

use retail_domain::ports::QueryRunner;
use retail_domain::{
    Column, ErrorCode, JsonRow, Principal, QueryLimits, SqlText, Store, Truncation,
};
use retail_sql_guard::{CheckedQuery, Guard, GuardPolicy};
use retail_storage::{PgQueryRunner, QueryDatabase, RETAIL_GUARD_POLICY};
use retail_testkit::{Attack, IDENTITY_KEY, TestDatabase, principal, signature};

/// Whether the runner checks statements with the guard.
///
/// While it does not, both ways of running are the same, and only what the database refuses counts.
pub(crate) const GUARD_IS_ON: bool = true;

/// Whether a backend of the test cluster ends with an error when it takes much memory, rather than
/// taking all there is. Until then statements of class `dos_mem` run under a guard alone.
pub(crate) const MEMORY_IS_LIMITED: bool = true;

/// Which layers a statement has to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layers {
    /// The guard and the database.
    All,
    /// The database alone.
    DatabaseAlone,
}

impl Layers {
    /// Whether a statement may be run without risk to the machine and to the other tests.
    pub(crate) fn can_run(self, attack: &Attack) -> bool {
        let guarded = GUARD_IS_ON && self == Self::All;
        match attack.class.as_str() {
            // PostgreSQL cannot stop these: no timeout, no cancel request and no termination
            // reaches them. One runs for ten minutes, and nobody can drop a database meanwhile.
            "dos_uninterruptible" => guarded,
            "dos_mem" => guarded || MEMORY_IS_LIMITED,
            _ => true,
        }
    }
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Answer { columns: Vec<Column>, rows: Vec<JsonRow>, truncation: Option<Truncation> },
    Refused { by_guard: bool, code: ErrorCode, sqlstate: Option<String>, text: String },
}

impl Outcome {
    /// Whether a limit of time, memory or disk ended it.
    pub(crate) fn hit_a_limit(&self) -> bool {
        match self {
            Self::Answer { .. } => false,
            Self::Refused { code, sqlstate, .. } => {
                *code == ErrorCode::QueryTimeout
                    || sqlstate
                        .as_deref()
                        .is_some_and(|state| state.starts_with("53") || state.starts_with("54"))
            }
        }
    }

    /// Everything in it that a caller would see.
    pub(crate) fn visible_text(&self) -> String {
        match self {
            Self::Answer { columns, rows, .. } => {
                let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
                format!("{names:?} {}", serde_json::to_string(rows).unwrap())
            }
            Self::Refused { text, .. } => text.clone(),
        }
    }
}

/// One caller: a principal, with connections of its own.
pub(crate) struct Caller {
    pub(crate) database: Arc<QueryDatabase>,
    runner: PgQueryRunner,
    principal: Principal,
    limits: QueryLimits,
    layers: Layers,
    guard: Arc<Guard>,
}

impl Caller {
    pub(crate) async fn new(
        database: &TestDatabase,
        store: Store,
        connections: usize,
        limits: QueryLimits,
        layers: Layers,
    ) -> Self {
        Self::with(database, principal(store).await, connections, limits, layers)
    }

    pub(crate) fn with(
        database: &TestDatabase,
        principal: Principal,
        connections: usize,
        limits: QueryLimits,
        layers: Layers,
    ) -> Self {
        // Head office has one of its own in the same pool.
        let database = Arc::new(database.query_database(connections + 1));
        // Some of these databases are broken on purpose.
        database.skip_posture_gate();
        let guard = Arc::new(guard());
        let runner = PgQueryRunner::with_guard(Arc::clone(&database), Arc::clone(&guard));
        Self { database, runner, principal, limits, layers, guard }
    }

    /// Runs one statement. The one place that knows how.
    pub(crate) async fn run(&self, sql: &str) -> Outcome {
        let by_guard = GUARD_IS_ON && self.layers == Layers::All && self.guard.check(sql).is_err();
        let answer = match SqlText::new(sql) {
            Ok(sql) if self.layers == Layers::All => {
                self.runner.run(&self.principal, &sql, &self.limits).await
            }
            Ok(sql) => {
                let query = CheckedQuery::unchecked(sql.as_str());
                let run = self.runner.run_checked(&self.principal, &query, None, &self.limits);
                Box::pin(run).await
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => Outcome::Answer {
                columns: answer.columns.to_vec(),
                rows: answer.rows,
                truncation: answer.truncation,
            },
            Err(error) => {
                let text = format!("{} {}", error.public_message(), error.hint().unwrap_or(""));
                let sqlstate = text
                    .split_once("(SQLSTATE ")
                    .and_then(|(_, rest)| rest.split_once(')'))
                    .map(|(state, _)| state.to_owned());
                Outcome::Refused { by_guard, code: error.code(), sqlstate, text }
            }
        }
    }
}

/// How far a statement fixes its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fixed {
    /// Rows and their order.
    All,
    /// The rows, in any order.
    Rows,
    /// What the columns are and whether the answer is cut: which rows, or their order within one
    /// value, is left to the plan.
    Shape,
}

/// How two answers to one statement differ, if they do. A limit of time or memory that was hit in
/// either is no difference: that is a matter of load.
pub(crate) fn difference(one: &Outcome, other: &Outcome, fixed: Fixed) -> Option<String> {
    if one.hit_a_limit() || other.hit_a_limit() {
        return None;
    }
    match (one, other) {
        (
            Outcome::Answer { columns, rows, truncation },
            Outcome::Answer { columns: other_columns, rows: other_rows, truncation: other_cut },
        ) => {
            if (columns, truncation) != (other_columns, other_cut) {
                return Some(format!(
                    "columns or truncation: {columns:?} {truncation:?}, {other_columns:?} {other_cut:?}"
                ));
            }
            let (rows, other_rows) = match fixed {
                Fixed::All => (texts(rows), texts(other_rows)),
                Fixed::Rows if truncation.is_none() => (sorted(rows), sorted(other_rows)),
                Fixed::Rows | Fixed::Shape => return None,
            };
            if rows.len() != other_rows.len() {
                return Some(format!("{} rows, {} rows", rows.len(), other_rows.len()));
            }
            let mut pairs = rows.iter().zip(&other_rows);
            pairs.find(|(row, other)| row != other).map(|(row, other)| format!("{row}, {other}"))
        }
        (
            Outcome::Refused { code, sqlstate, text, .. },
            Outcome::Refused { code: other_code, sqlstate: other_state, text: other_text, .. },
        ) => ((code, sqlstate) != (other_code, other_state))
            .then(|| format!("{text:?}, {other_text:?}")),
        (one, other) => Some(format!("{}, {}", short(one), short(other))),
    }
}

fn texts(rows: &[JsonRow]) -> Vec<String> {
    rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect()
}

fn sorted(rows: &[JsonRow]) -> Vec<String> {
    let mut rows = texts(rows);
    rows.sort();
    rows
}

pub(crate) fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answer { rows, .. } => format!("{} rows", rows.len()),
        Outcome::Refused { text, .. } => format!("refused: {text}"),
    }
}

/// The guard of the server, and the column that two statements of the corpus name and our schema
/// does not have.
fn guard() -> Guard {
    let policy =
        RETAIL_GUARD_POLICY.replace("\"product_name\",", "\"product_name\", \"discontinued\",");
    Guard::new(GuardPolicy::from_toml(&policy).unwrap())
}

/// A signature of an identity for the next ten seconds on a connection.
pub(crate) async fn sign(client: &tokio_postgres::Client, who: &str) -> String {
    let sql = "SELECT retail_sec.connection_id(),
                      (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
    let row = client.query_one(sql, &[]).await.unwrap();
    let end_micros = row.get::<_, i64>(1) + 10_000_000;
    signature(&IDENTITY_KEY, who, row.get(0), end_micros)
}

/// Statements of the corpora whose answer is free, with what fixes it: name, text to replace (empty:
/// append), replacement. Where rows tie at a LIMIT, or no order is given at all, PostgreSQL may take
/// any of them.
const TIE_BREAKS: &[(&str, &str, &str)] = &[
    ("b003", "units DESC", "units DESC, p.product_name"), // products that sold as often
    ("b015", "x.order_date DESC LIMIT", "x.order_date DESC, c.customer_id LIMIT"), // same last day
    ("b016", "x.cnt DESC", "x.cnt DESC, c.last_name"),    // customers with as many orders
    ("b034", "ORDER BY name", "ORDER BY name, email"),    // namesakes
    ("b041", "p.base_price DESC", "p.base_price DESC, p.product_id"), // one of equal prices
    ("b047", "ORDER BY base_price", "ORDER BY base_price, product_id"), // equal prices
    ("b061", "base_price DESC)", "base_price DESC, product_id)"), // order within the array
    ("b062", "base_price DESC)", "base_price DESC, product_id)"), // order within the array
    ("b063", "2 DESC", "2 DESC, 1"),                      // words that occur as often
    ("b067", "LIMIT", "ORDER BY product_id LIMIT"),       // no order
    ("b068", "base_price DESC)", "base_price DESC, product_id)"), // one of equal prices
    ("b075", "LIMIT", "ORDER BY product_id LIMIT"),       // no order
    ("b079", "LIMIT", "ORDER BY product_id LIMIT"),       // no order
    ("a266", "LIMIT", "ORDER BY order_id LIMIT"),         // no order
    ("a282", "LIMIT", "ORDER BY c.email LIMIT"),          // no order
    ("a299", "LIMIT", "ORDER BY product_id LIMIT"),       // no order, inside an aggregate
    ("a316", "LIMIT", "ORDER BY customer_id LIMIT"),      // no order of the rows themselves
    ("a412", "LIMIT", "ORDER BY order_id LIMIT"),         // no order
];

/// Statements that no ORDER BY can fix without being another statement: they give more rows than
/// an answer holds, or aggregate without an order into one value.
const FREE: &[&str] = &["a370", "a371", "a372", "a386", "a387", "a390", "a391", "a402", "a403"];

/// A statement of a corpus with its answer fixed, and how far.
pub(crate) fn fixed(id: &str, sql: &str) -> (String, Fixed) {
    let sql = match TIE_BREAKS.iter().find(|(name, ..)| *name == id) {
        Some((_, from, to)) => {
            assert!(sql.contains(from), "{id} has no {from:?}");
            sql.replace(from, to)
        }
        None => sql.to_owned(),
    };
    (sql, if FREE.contains(&id) { Fixed::Shape } else { Fixed::Rows })
}

/// The column that two statements of the corpus name and our schema does not have.
pub(crate) const ADD_DISCONTINUED: &str = "
    ALTER TABLE retail.products ADD COLUMN discontinued boolean NOT NULL DEFAULT false;
    UPDATE retail.products SET discontinued = true WHERE product_id % 7 = 0;
    VACUUM ANALYZE retail.products";
