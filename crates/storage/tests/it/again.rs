//! Texts that return: they are executed as prepared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use retail_domain::{ErrorCode, Principal, QueryLimits, Truncation};
use retail_sql_guard::CheckedQuery;
use retail_storage::{PgQueryRunner, PoolSettings, QueryDatabase};
use retail_testkit::{IDENTITY_KEY, TestDatabase, principal, store};
use serde_json::{Value, json};

use crate::isolation::first_row;

/// One connection for stores, one for head office.
fn narrow(database: &TestDatabase, max_prepared_statements: usize) -> Arc<QueryDatabase> {
    let settings =
        PoolSettings { max_connections: 2, max_prepared_statements, ..PoolSettings::default() };
    let key = retail_storage::IdentityKey::new(IDENTITY_KEY);
    let pool = QueryDatabase::new(&database.settings(), &database.query_logins(), key, settings);
    // Statements may see what is prepared here, sleep, and change settings.
    database.psql(
        "GRANT SELECT ON pg_catalog.pg_prepared_statements TO PUBLIC;
         GRANT EXECUTE ON FUNCTION pg_prepared_statement(), pg_sleep(double precision),
            set_config(text, text, boolean) TO PUBLIC",
    );
    let pool = pool.unwrap();
    pool.skip_posture_gate();
    Arc::new(pool)
}

async fn run(runner: &PgQueryRunner, who: &Principal, sql: &str) -> Result<Value, ErrorCode> {
    let query = CheckedQuery::unchecked(sql);
    let answer = runner.run_checked(who, &query, None, &QueryLimits::default()).await;
    answer.map(|answer| json!(answer.rows.to_vec().unwrap())).map_err(|error| error.code())
}

/// True from the second time on.
const AGAIN: &str = "EXISTS (SELECT FROM pg_prepared_statements WHERE name LIKE 'retail%')";

#[tokio::test]
async fn one_plan_serves_each_caller_with_their_own_rows() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(narrow(&database, 8));
    let sql = "SELECT min(store_id), max(store_id), count(*) FROM retail.orders";
    for _ in 0..3 {
        for name in ["Zava Retail Seattle", "Zava Retail Online", "Zava Retail Tacoma"] {
            let store = store(name);
            let row = first_row(&runner, &principal(store.clone()).await, sql).await;
            let own = format!("SELECT count(*) FROM retail.orders WHERE store_id = {}", store.id.0);
            let count: i64 = database.psql(&own).trim().parse().unwrap();
            assert_eq!(row, [json!(store.id.0), json!(store.id.0), json!(count)]);
        }
    }
}

#[tokio::test]
async fn a_connection_keeps_no_more_plans_than_it_may() {
    let database = TestDatabase::seeded().await;
    let pool = narrow(&database, 2);
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let seattle = principal(store("Zava Retail Seattle")).await;
    for round in 0..3 {
        for number in 0..5 {
            let sql = format!("SELECT {number}, count(*) FROM retail.products");
            assert_eq!(first_row(&runner, &seattle, &sql).await[0], number);
        }
        let prepared = pool.prepared_statements().await.unwrap();
        assert_eq!(prepared, if round == 0 { 0 } else { 2 });
    }
}

#[tokio::test]
async fn without_room_for_plans_texts_are_new_each_time() {
    let database = TestDatabase::seeded().await;
    let pool = narrow(&database, 0);
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let seattle = principal(store("Zava Retail Seattle")).await;
    for _ in 0..3 {
        assert_eq!(first_row(&runner, &seattle, "SELECT 1").await, [json!(1)]);
    }
    assert_eq!(pool.prepared_statements().await.unwrap(), 0);
}

#[tokio::test]
async fn a_text_that_returns_under_other_limits_is_cut_by_those() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(narrow(&database, 8));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let query = CheckedQuery::unchecked("SELECT product_id FROM retail.products");
    for _ in 0..2 {
        for max_rows in [2, 3, 2] {
            let limits = QueryLimits { max_rows, ..QueryLimits::default() };
            let answer = runner.run_checked(&seattle, &query, None, &limits).await.unwrap();
            assert_eq!(answer.truncation, Some(Truncation::Rows(max_rows)));
            assert_eq!(answer.rows.len(), max_rows as usize);
        }
    }
}

#[tokio::test]
async fn a_table_that_changes_under_a_plan_is_read_as_it_is() {
    let database = TestDatabase::seeded().await;
    let runner = PgQueryRunner::new(narrow(&database, 8));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let sql = "SELECT product_id, extra FROM retail.products WHERE product_id = 1";
    database.psql("ALTER TABLE retail.products ADD extra boolean NOT NULL DEFAULT false");
    for _ in 0..2 {
        assert_eq!(run(&runner, &seattle, sql).await, Ok(json!([[1, false]])));
    }
    database.psql("ALTER TABLE retail.products DROP COLUMN extra");
    assert_eq!(run(&runner, &seattle, sql).await, Err(ErrorCode::QueryFailed));
    database.psql("ALTER TABLE retail.products ADD extra text NOT NULL DEFAULT 'no'");
    for _ in 0..2 {
        assert_eq!(run(&runner, &seattle, sql).await, Ok(json!([[1, "no"]])));
    }
}

#[tokio::test]
async fn a_clock_that_jumped_stops_no_text_that_returns() {
    let database = TestDatabase::seeded().await;
    let pool = narrow(&database, 8);
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let sql = "SELECT count(*) > 0 FROM retail.orders";
    for _ in 0..3 {
        assert_eq!(run(&runner, &seattle, sql).await, Ok(json!([[true]])));
        pool.lose_time(Duration::from_mins(5)).await.unwrap();
    }
    assert_eq!(pool.statistics().identity_refusals, 0);
}

#[tokio::test]
async fn a_text_that_changes_its_identity_at_last_is_not_answered() {
    let database = TestDatabase::seeded().await;
    let pool = narrow(&database, 8);
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let online = store("Zava Retail Online").rls_user_id.0;
    let sql = format!(
        "SELECT CASE WHEN {AGAIN} THEN set_config('app.current_rls_user_id', '{online}', true) END"
    );
    assert_eq!(run(&runner, &seattle, &sql).await, Ok(json!([[null]])), "the honest time");
    assert_eq!(run(&runner, &seattle, &sql).await, Err(ErrorCode::QueryNotAllowed));
    assert_eq!(pool.statistics().identity_changes, 1);
}

#[tokio::test]
async fn a_text_that_is_slow_at_last_is_stopped() {
    let database = TestDatabase::seeded().await;
    let pool = narrow(&database, 8);
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let sql = format!("SELECT pg_sleep(CASE WHEN {AGAIN} THEN 60 ELSE 0 END)");
    let query = CheckedQuery::unchecked(&sql);
    let limits =
        QueryLimits { statement_timeout: Duration::from_millis(300), ..QueryLimits::default() };
    runner.run_checked(&seattle, &query, None, &limits).await.unwrap();
    let started = Instant::now();
    let error = runner.run_checked(&seattle, &query, None, &limits).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryTimeout);
    assert!(started.elapsed() < Duration::from_secs(2), "PostgreSQL ended it, and not we");
    assert_eq!(pool.statistics().discarded_connections, 0);
}

#[tokio::test]
async fn a_caller_who_leaves_takes_a_text_that_returned_along() {
    let database = TestDatabase::seeded().await;
    let pool = narrow(&database, 8);
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let sql = format!("SELECT pg_sleep(CASE WHEN {AGAIN} THEN 60 ELSE 0 END)");
    run(&runner, &seattle, &sql).await.unwrap();
    let left = tokio::time::timeout(Duration::from_millis(200), run(&runner, &seattle, &sql));
    assert!(left.await.is_err());
    let started = Instant::now();
    assert_eq!(run(&runner, &seattle, "SELECT 2").await, Ok(json!([[2]])));
    assert!(started.elapsed() < Duration::from_secs(3), "it was cancelled");
    assert_eq!(pool.statistics().discarded_connections, 1);
}
