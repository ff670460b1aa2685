//! What one statement, and one caller, may take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use retail_domain::ports::{Clock, QueryRunner};
use retail_domain::{ErrorCode, Principal, QueryLimits, SqlText, Truncation};
use retail_storage::{IdentityKey, PgQueryRunner, PoolSettings, QueryDatabase};
use retail_testkit::{IDENTITY_KEY, TestDatabase, head_office, principal, store};
use serde_json::Value;

use crate::unguarded::Unguarded;

fn sql(text: &str) -> SqlText {
    SqlText::new(text).unwrap()
}

fn pool(database: &TestDatabase, settings: PoolSettings) -> QueryDatabase {
    QueryDatabase::new(
        &database.settings(),
        &database.query_logins(),
        IdentityKey::new(IDENTITY_KEY),
        settings,
    )
    .unwrap()
}

async fn seattle() -> Principal {
    principal(store("Zava Retail Seattle")).await
}

/// A clock that a test sets forward.
struct Ahead(TimeDelta);

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        retail_domain::ports::SystemClock.now() + self.0
    }
}

#[tokio::test]
async fn pages_give_all_rows_once() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    let query = sql("SELECT product_id FROM retail.products ORDER BY product_id");
    let limits = QueryLimits { max_rows: 100, ..QueryLimits::default() };
    let (mut cursor, mut ids, mut pages) = (None::<String>, Vec::new(), 0);
    loop {
        let page = runner.run_page(&seattle().await, &query, cursor, &limits).await.unwrap();
        ids.extend(page.rows.to_vec().unwrap().into_iter().map(|row| row[0].as_i64().unwrap()));
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            assert_eq!(page.truncation, None);
            break;
        }
        assert_eq!(page.truncation, Some(Truncation::Rows(100)));
    }
    let count: usize =
        database.psql("SELECT count(*) FROM retail.products").trim().parse().unwrap();
    assert_eq!((ids.len(), pages), (count, count.div_ceil(100)));
    assert!(ids.is_sorted_by(|a, b| a < b), "a row came twice");
}

#[tokio::test]
async fn a_cursor_is_of_one_caller_one_statement_and_one_quarter_of_an_hour() {
    let database = TestDatabase::seeded().await;
    let pool = Arc::new(database.query_database(4));
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let query = sql("SELECT product_id FROM retail.products ORDER BY product_id");
    let limits = QueryLimits { max_rows: 3, ..QueryLimits::default() };
    let seattle = seattle().await;
    let cursor = runner.run(&seattle, &query, &limits).await.unwrap().next_cursor.unwrap();
    let tries = async |runner: &PgQueryRunner, who: &Principal, query: &SqlText, cursor: &str| {
        let page = runner.run_page(who, query, Some(cursor.to_owned()), &limits).await;
        page.map(|page| page.rows.to_vec().unwrap()[0][0].clone()).map_err(|error| error.code())
    };
    let refused: Result<Value, ErrorCode> = Err(ErrorCode::InvalidArgument);
    assert_eq!(tries(&runner, &seattle, &query, &cursor).await, Ok(4.into()), "the honest case");

    let online = principal(store("Zava Retail Online")).await;
    assert_eq!(tries(&runner, &online, &query, &cursor).await, refused, "another store");
    assert_eq!(tries(&runner, &head_office().await, &query, &cursor).await, refused, "head office");
    let other = sql("SELECT product_id FROM retail.products ORDER BY product_id DESC");
    assert_eq!(tries(&runner, &seattle, &other, &cursor).await, refused, "another statement");
    for forged in
        [cursor.replacen('3', "4", 1), "3".to_owned(), String::new(), format!("{cursor}0")]
    {
        assert_eq!(tries(&runner, &seattle, &query, &forged).await, refused, "{forged}");
    }
    let later = runner.clone().with_clock(Arc::new(Ahead(TimeDelta::minutes(16))));
    assert_eq!(tries(&later, &seattle, &query, &cursor).await, refused, "an old one");

    // A rotation of the key does not end it.
    let mut admin = database.admin().await;
    let key = IdentityKey::new([7; IdentityKey::BYTES]);
    admin.rotate_identity_key(&key, Duration::from_mins(1)).await.unwrap();
    pool.use_key(key);
    assert_eq!(tries(&runner, &seattle, &query, &cursor).await, Ok(4.into()), "after a rotation");
}

#[tokio::test]
async fn without_an_order_there_is_no_next_page() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    let limits = QueryLimits { max_rows: 3, ..QueryLimits::default() };
    let query = sql("SELECT product_id FROM retail.products");
    let page = runner.run(&seattle().await, &query, &limits).await.unwrap();
    assert_eq!((page.truncation, page.next_cursor), (Some(Truncation::Rows(3)), None));
}

#[tokio::test]
async fn a_hopeless_statement_is_refused_before_it_runs() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    let hopeless = sql("SELECT count(*) FROM retail.order_items a CROSS JOIN retail.order_items b
         CROSS JOIN retail.order_items c");
    // The tests' tables are small.
    let limits = QueryLimits { max_plan_cost: 100_000, ..QueryLimits::default() };
    let error = runner.run(&seattle().await, &hopeless, &limits).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryTooCostly, "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("join tables on their keys")));
    let generous = QueryLimits {
        max_plan_cost: u64::MAX,
        statement_timeout: Duration::from_millis(200),
        ..QueryLimits::default()
    };
    let error = runner.run(&seattle().await, &hopeless, &generous).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryTimeout, "the ceiling stopped it, not something else");
}

/// The planner knows how many rows each store has. A ceiling on its opinion must not tell.
#[tokio::test]
async fn the_ceiling_tells_nothing_about_a_value() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    // From a ceiling that refuses all to one that refuses none, by 1.3 a step.
    let mut ceiling = 1_000_u64;
    let mut outcomes = Vec::new();
    while ceiling < 10_000_000 {
        let limits = QueryLimits { max_plan_cost: ceiling, ..QueryLimits::default() };
        let mut by_value = Vec::new();
        for value in ["2", "8", "99"] {
            let query = sql(&format!(
                "SELECT count(*) FROM retail.orders o, retail.products p WHERE o.store_id = {value}"
            ));
            by_value.push(runner.run(&seattle().await, &query, &limits).await.is_ok());
        }
        assert!(by_value.iter().all(|ok| *ok == by_value[0]), "{ceiling}: {by_value:?}");
        outcomes.push(by_value[0]);
        ceiling += ceiling / 3;
    }
    assert!(outcomes.contains(&true) && outcomes.contains(&false), "{outcomes:?}");
}

/// Pairs of statements that differ in a value, spelled without a plain constant. The stores have
/// very different numbers of orders, so an estimate that sees the value tells the two apart.
#[rstest::rstest]
#[case::truth_values("o.store_id = TRUE::int4", "o.store_id = TRUE::int4 + TRUE::int4")]
#[case::functions_of_nothing("o.store_id = sign(pi())::int4", "o.store_id = floor(pi())::int4")]
#[case::nulls("o.store_id = num_nulls(NULL)", "o.store_id = num_nulls(NULL, NULL, NULL, NULL)")]
#[case::empty_documents(
    "o.store_id = jsonb_array_length(jsonb_build_array()) + 1",
    "o.store_id = length(jsonb_build_object()::text)"
)]
#[case::empty_arrays(
    "o.store_id = cardinality(ARRAY[]::int4[]) + 1",
    "o.store_id = length(ARRAY[]::int4[]::text)"
)]
#[case::today(
    "o.order_date < CURRENT_DATE",
    "o.order_date < CURRENT_DATE - extract(year FROM CURRENT_DATE)::int4"
)]
#[case::limit(
    "TRUE LIMIT (SELECT count(*) FROM retail.orders a, retail.products b WHERE a.store_id = 1)",
    "TRUE LIMIT (SELECT count(*) FROM retail.orders a, retail.products b WHERE a.store_id = 3)"
)]
#[case::offset(
    "TRUE OFFSET (SELECT count(*) FROM retail.orders a, retail.products b WHERE a.store_id = 1)",
    "TRUE OFFSET (SELECT count(*) FROM retail.orders a, retail.products b WHERE a.store_id = 3)"
)]
#[case::frame(
    "TRUE WINDOW w AS (ROWS (SELECT count(*) FROM retail.orders a, retail.products b WHERE a.store_id = 1) PRECEDING)",
    "TRUE WINDOW w AS (ROWS (SELECT count(*) FROM retail.orders a, retail.products b WHERE a.store_id = 3) PRECEDING)"
)]
#[tokio::test]
async fn the_ceiling_tells_nothing_about_a_value_however_it_is_spelled(
    #[case] one: &str,
    #[case] other: &str,
) {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    // Ceilings 1.05 apart: the spellings themselves may cost a little, the value a third and more.
    let mut lowest = Vec::new();
    for condition in [one, other] {
        let query = sql(&format!(
            "SELECT count(*) FROM retail.orders o, retail.products p WHERE {condition}"
        ));
        let mut ceiling = 100_u64;
        let mut step = 0_i32;
        loop {
            let limits = QueryLimits { max_plan_cost: ceiling, ..QueryLimits::default() };
            match runner.run(&seattle().await, &query, &limits).await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.code(), ErrorCode::QueryTooCostly, "{error}"),
            }
            ceiling += ceiling / 20;
            step += 1;
        }
        lowest.push(step);
    }
    // One that is not estimated at all tells nothing.
    if !lowest.contains(&0) {
        assert!((lowest[0] - lowest[1]).abs() <= 1, "{lowest:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_caller_cannot_take_the_whole_pool() {
    let database = TestDatabase::seeded().await;
    let settings = PoolSettings {
        max_connections: 8,
        acquire_timeout: Duration::from_secs(2),
        max_statements_per_caller: 2,
        ..PoolSettings::default()
    };
    let runner = Unguarded::new(pool(&database, settings));
    let greedy = seattle().await;
    let slow =
        sql("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b");
    let patient = QueryLimits {
        statement_timeout: Duration::from_secs(40),
        max_plan_cost: u64::MAX,
        ..QueryLimits::default()
    };
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (runner, greedy, slow, patient) =
            (runner.clone(), greedy.clone(), slow.clone(), patient);
        calls.spawn(async move { runner.run(&greedy, &slow, &patient).await.map(|_| ()) });
    }
    let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'
                   AND usename = 'retail_query' AND datname = current_database()";
    let started = Instant::now();
    while database.psql(running).trim() != "2" {
        assert!(started.elapsed() < Duration::from_secs(15), "the statements do not run");
    }
    let quick = sql("SELECT 1");
    let error = runner.run(&greedy, &quick, &QueryLimits::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Overloaded, "{error}");
    assert!(error.public_message().contains("2 of your statements"), "{error}");
    let other = principal(store("Zava Retail Online")).await;
    assert!(runner.run(&other, &quick, &QueryLimits::default()).await.is_ok(), "others go on");
    calls.abort_all();
    while calls.join_next().await.is_some() {}
    // Their turns come back when PostgreSQL has stopped.
    assert!(runner.run(&greedy, &quick, &QueryLimits::default()).await.is_ok());
}

/// `&&` of two arrays looks for a cancel request only when it is done.
#[tokio::test]
async fn what_cannot_be_interrupted_keeps_its_place_until_it_ends() {
    let database = TestDatabase::seeded().await;
    let settings = PoolSettings {
        max_connections: 4,
        acquire_timeout: Duration::from_millis(500),
        max_statements_per_caller: 1,
        ..PoolSettings::default()
    };
    let runner = Unguarded::new(pool(&database, settings));
    let greedy = seattle().await;
    let deaf = sql("SELECT (SELECT array_agg(g) FROM generate_series(1, 60000) g)
             && (SELECT array_agg(-g) FROM generate_series(1, 60000) g)");
    let hasty =
        QueryLimits { statement_timeout: Duration::from_millis(100), ..QueryLimits::default() };
    let started = Instant::now();
    let error = runner.run(&greedy, &deaf, &hasty).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryTimeout, "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "the caller waits for the deadline alone");
    let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'
                   AND usename = 'retail_query' AND datname = current_database()";
    assert_eq!(database.psql(running).trim(), "1", "it was over before the test could look");
    let quick = sql("SELECT 1");
    let error = runner.run(&greedy, &quick, &QueryLimits::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Overloaded, "its caller waits: {error}");
    let other = principal(store("Zava Retail Online")).await;
    assert!(runner.run(&other, &quick, &QueryLimits::default()).await.is_ok(), "others do not");
}
