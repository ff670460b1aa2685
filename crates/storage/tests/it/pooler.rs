//! Callers' statements through PgBouncer in transaction mode, where each transaction gets any connection.

use std::sync::Arc;
use std::time::Duration;

use retail_domain::ports::QueryRunner;
use retail_domain::{Error, ErrorCode, Principal, QueryAnswer, QueryLimits, SqlText, Truncation};
use retail_sql_guard::CheckedQuery;
use retail_storage::{IdentityKey, PgQueryRunner, PoolSettings, QueryDatabase};
use retail_testkit::{
    IDENTITY_KEY, TestDatabase, TestPooler, head_office, principal, store, stores,
};
use serde_json::json;

fn database(pooler: &TestPooler, database: &TestDatabase) -> Arc<QueryDatabase> {
    let pool = PoolSettings {
        max_connections: 16,
        acquire_timeout: Duration::from_secs(30),
        max_statements_per_caller: 8,
        ..PoolSettings::default()
    };
    let key = IdentityKey::new(IDENTITY_KEY);
    let settings = pooler.settings(database);
    Arc::new(QueryDatabase::new(&settings, &database.query_logins(), key, pool).unwrap())
}

async fn run(runner: &PgQueryRunner, who: &Principal, sql: &str) -> Result<QueryAnswer, Error> {
    runner.run(who, &SqlText::new(sql).unwrap(), &QueryLimits::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_sees_their_own_rows_on_shared_connections() {
    let db = TestDatabase::seeded().await;
    let pooler = TestPooler::start(&db, 2);
    let runner = PgQueryRunner::new(database(&pooler, &db));
    let mut callers = vec![(head_office().await, "SELECT count(*) FROM retail.orders".to_owned())];
    for store in stores() {
        let own = format!("SELECT count(*) FROM retail.orders WHERE store_id = {}", store.id.0);
        callers.push((principal(store).await, own));
    }
    let mut calls = Vec::new();
    for _ in 0..20 {
        for (caller, own) in &callers {
            let expected: i64 = db.psql(own).trim().parse().unwrap();
            let (runner, caller) = (runner.clone(), caller.clone());
            calls.push(tokio::spawn(async move {
                let answer = run(&runner, &caller, "SELECT count(*) FROM retail.orders").await;
                assert_eq!(answer.unwrap().rows.to_vec().unwrap(), [[json!(expected)]]);
            }));
        }
    }
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn answers_and_errors_are_those_of_a_plain_connection() {
    let db = TestDatabase::seeded().await;
    let pooler = TestPooler::start(&db, 2);
    let behind = PgQueryRunner::new(database(&pooler, &db));
    let plain = PgQueryRunner::new(Arc::new(db.query_database(2)));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let limits = QueryLimits { max_rows: 3, ..QueryLimits::default() };
    for sql in [
        "SELECT 1 AS a, 'x' AS a, 1.50::numeric, NULL, DATE '2026-11-22', ARRAY[1,2]",
        "SELECT order_id, order_date FROM retail.orders WHERE false",
        "SELECT product_id FROM retail.products ORDER BY product_id",
        "SELECT product_id FROM retail.products WHERE nothing = 1",
        "SELECT 1 / (product_id - product_id) FROM retail.products",
        "SELECT 1; SELECT 2",
        "SELECT 1) AS q, (SELECT 2",
        "SELECT count(*) FROM retail.orders a, retail.orders b, retail.orders c, retail.orders d, retail.orders e",
    ] {
        let query = CheckedQuery::unchecked(sql);
        let told = |answer: Result<QueryAnswer, Error>| {
            answer
                .map(|answer| (answer.columns, answer.rows.to_vec().unwrap(), answer.truncation))
                .map_err(|error| (error.code(), error.to_string(), error.hint().map(str::to_owned)))
        };
        let one = told(behind.run_checked(&seattle, &query, None, &limits).await);
        let other = told(plain.run_checked(&seattle, &query, None, &limits).await);
        assert_eq!(one, other, "{sql}");
    }
    let sql = SqlText::new("SELECT product_id FROM retail.products ORDER BY product_id").unwrap();
    let first = behind.run(&seattle, &sql, &limits).await.unwrap();
    assert_eq!(first.truncation, Some(Truncation::Rows(3)));
    let next = behind.run_page(&seattle, &sql, first.next_cursor, &limits).await.unwrap();
    assert_eq!(next.rows.to_vec().unwrap(), [[json!(4)], [json!(5)], [json!(6)]]);
}

#[tokio::test]
async fn a_connection_that_was_shared_keeps_nothing_of_a_caller() {
    let db = TestDatabase::seeded().await;
    let pooler = TestPooler::start(&db, 1);
    let pool = database(&pooler, &db);
    let runner = PgQueryRunner::new(Arc::clone(&pool));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let names = ["app.current_rls_user_id", "app.rls_signature", "statement_timeout", "TimeZone"];
    let idle = async || {
        let settings = pool.idle_settings(&names).await.unwrap();
        settings.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>()
    };
    let before = idle().await;
    let query = CheckedQuery::unchecked("SELECT count(*) FROM retail.orders");
    let limits =
        QueryLimits { statement_timeout: Duration::from_secs(7), ..QueryLimits::default() };
    runner.run_checked(&seattle, &query, None, &limits).await.unwrap();
    assert_eq!(idle().await, before);
}

#[tokio::test]
async fn a_caller_who_leaves_stops_the_statement_behind_the_pooler() {
    let db = TestDatabase::seeded().await;
    db.psql("GRANT EXECUTE ON FUNCTION pg_sleep(double precision) TO PUBLIC");
    let pooler = TestPooler::start(&db, 1);
    let pool = database(&pooler, &db);
    pool.skip_posture_gate();
    let runner = PgQueryRunner::new(pool);
    let seattle = principal(store("Zava Retail Seattle")).await;
    let sleep = CheckedQuery::unchecked("SELECT pg_sleep(60)");
    let limits =
        QueryLimits { statement_timeout: Duration::from_secs(30), ..QueryLimits::default() };
    let left = tokio::time::timeout(
        Duration::from_millis(500),
        runner.run_checked(&seattle, &sleep, None, &limits),
    );
    assert!(left.await.is_err());
    // The one connection is free again.
    let next = tokio::time::timeout(Duration::from_secs(10), run(&runner, &seattle, "SELECT 1"));
    assert_eq!(next.await.unwrap().unwrap().rows.len(), 1);
}

#[tokio::test]
async fn a_pooler_that_was_restarted_is_used_again() {
    let db = TestDatabase::seeded().await;
    let mut pooler = TestPooler::start(&db, 2);
    let runner = PgQueryRunner::new(database(&pooler, &db));
    let seattle = principal(store("Zava Retail Seattle")).await;
    for _ in 0..3 {
        run(&runner, &seattle, "SELECT 1").await.unwrap();
        pooler.restart();
        let mut failures = 0;
        // At most one connection was open.
        while let Err(error) = run(&runner, &seattle, "SELECT 1").await {
            assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
            failures += 1;
            assert!(failures < 3);
        }
    }
}
