//! Statements, answers, limits and cancellation.

use std::pin::Pin;
use std::time::Duration;

use retail_domain::ports::QueryRunner;
use retail_domain::{Error, ErrorCode, QueryAnswer, QueryLimits, SqlText, Truncation};
use retail_testkit::{TestDatabase, head_office, principal, store};
use rstest::rstest;
use serde_json::json;

use crate::isolation::first_row;
use crate::unguarded::Unguarded;

#[tokio::test]
async fn values_keep_their_kind_and_digits() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let sql = "SELECT 1::int2 AS a, 2 AS b, 9007199254740993 AS c, 1.50::numeric(10,2) AS d, 0.1::float8 AS e,
        true AS f, NULL AS g, 'x' AS h, DATE '2026-11-22' AS i, '{\"k\":[1]}'::jsonb AS j, 7 AS a,
        '2026-11-22 10:00+02'::timestamptz AS l, ARRAY[1,2] AS m, 'NaN'::float8 AS n";
    let answer = runner
        .run(&head_office().await, &SqlText::new(sql).unwrap(), &QueryLimits::default())
        .await
        .unwrap();
    assert_eq!(
        json!(answer.rows.to_vec().unwrap()[0]),
        json!([
            1, 2, "9007199254740993", "1.50", 0.1, true, null, "x", "2026-11-22", {"k": [1]}, 7,
            "2026-11-22 08:00:00+00", "{1,2}", "NaN"
        ])
    );
    let names: Vec<_> = answer.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "a", "l", "m", "n"]);
    assert_eq!(answer.columns[3].pg_type, "numeric");
    assert_eq!(answer.columns[12].pg_type, "int4[]");
}

#[tokio::test]
async fn an_empty_answer_has_its_columns() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let sql = SqlText::new("SELECT order_id, order_date FROM retail.orders WHERE false").unwrap();
    let answer = runner.run(&head_office().await, &sql, &QueryLimits::default()).await.unwrap();
    assert!(answer.rows.is_empty());
    assert_eq!(answer.columns.len(), 2);
    assert_eq!(answer.truncation, None);
}

#[rstest]
#[case("SELECT n FROM generate_series(1, 5) n", 5, None)]
#[case("SELECT n FROM generate_series(1, 6) n", 5, Some(Truncation::Rows(5)))]
#[case("SELECT generate_series(1, 1000000000)", 5, Some(Truncation::Rows(5)))]
#[case("SELECT repeat('x', 300) FROM generate_series(1, 5)", 3, Some(Truncation::Bytes(1000)))]
#[case("SELECT repeat('x', 2000)", 0, Some(Truncation::Bytes(1000)))]
#[case("SELECT repeat('x', 10000000)", 0, Some(Truncation::RowBytes(65_536)))]
#[case(
    "SELECT repeat('x', n * 65530) FROM generate_series(0, 9) n",
    1,
    Some(Truncation::Bytes(1000))
)]
#[case(
    "SELECT repeat('x', n * 70000) FROM generate_series(0, 9) n",
    1,
    Some(Truncation::RowBytes(65_536))
)]
#[tokio::test]
async fn answers_are_capped_and_say_so(
    #[case] sql: &str,
    #[case] rows: usize,
    #[case] truncation: Option<Truncation>,
) {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let limits = QueryLimits { max_rows: 5, max_bytes: 1_000, ..QueryLimits::default() };
    let answer =
        runner.run(&head_office().await, &SqlText::new(sql).unwrap(), &limits).await.unwrap();
    assert_eq!((answer.rows.len(), answer.truncation), (rows, truncation));
}

#[tokio::test]
async fn one_large_value_is_an_answer_too() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let who = head_office().await;
    let row = first_row(&runner, &who, "SELECT repeat('x', 60000), 1").await;
    assert_eq!(row[0].as_str().unwrap().len(), 60_000);
}

#[rstest]
#[case::insert("INSERT INTO retail.categories (category_name) VALUES ('X') RETURNING category_id")]
#[case::update("UPDATE retail.stores SET is_online = true")]
#[case::delete("DELETE FROM retail.orders RETURNING order_id")]
#[case::cte_write("WITH gone AS (DELETE FROM retail.orders RETURNING order_id) SELECT * FROM gone")]
#[case::two("SELECT 1; SELECT 2")]
#[case::commit_and_drop("COMMIT; DROP TABLE retail.orders")]
#[case::drop("DROP TABLE retail.orders")]
#[case::truncate("TRUNCATE retail.orders")]
#[case::copy("COPY retail.orders TO STDOUT")]
#[case::copy_program("COPY retail.orders TO PROGRAM 'cat'")]
#[case::set("SET row_security = off")]
#[case::set_role("SET ROLE retail_owner")]
#[case::reset("RESET ALL")]
#[case::show("SHOW server_version")]
#[case::explain("EXPLAIN SELECT * FROM retail.orders")]
#[case::do_block("DO $$ BEGIN RAISE EXCEPTION 'x'; END $$")]
#[case::prepare("PREPARE p AS SELECT 1")]
#[case::listen("LISTEN x")]
#[case::into_table("SELECT * INTO retail.mine FROM retail.orders")]
#[case::for_update("SELECT order_id FROM retail.orders FOR UPDATE")]
#[case::no_columns("SELECT FROM retail.orders")]
#[tokio::test]
async fn only_one_query_can_be_run(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let before = database.psql("SELECT count(*) FROM retail.orders");
    let who = principal(store("Zava Retail Seattle")).await;
    let error =
        runner.run(&who, &SqlText::new(sql).unwrap(), &QueryLimits::default()).await.unwrap_err();
    assert_eq!(
        error.code(),
        ErrorCode::QueryNotAllowed,
        "{error} {:?}",
        std::error::Error::source(&error)
    );
    assert!(error.hint().is_some());
    assert_eq!(database.psql("SELECT count(*) FROM retail.orders"), before);
    assert_eq!(first_row(&runner, &who, "SELECT 1").await, [1]);
}

/// Text that tries to close the bracket which our query puts around it.
#[rstest]
#[case("SELECT 1) z CROSS JOIN LATERAL (SELECT 2")]
#[case("SELECT 1) AS q(c0); SELECT (2")]
#[case("SELECT 1 /* ")]
#[case("SELECT $1")]
#[tokio::test]
async fn the_bracket_holds(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let answer = runner
        .run(&head_office().await, &SqlText::new(sql).unwrap(), &QueryLimits::default())
        .await;
    assert!(answer.is_err(), "it answered: {answer:?}");
}

#[rstest]
#[case("SELECT * FROM retail.orderz", "orderz", "get_multiple_table_schemas")]
#[case("SELECT price FROM retail.products", "price", "get_multiple_table_schemas")]
#[case("SELECT * FROM retail.stores", "permission denied", "store_id, store_name, is_online")]
#[case("SELECT * FROM pg_catalog.pg_authid", "permission denied", "twelve tables")]
#[tokio::test]
async fn a_mistake_is_explained(#[case] sql: &str, #[case] message: &str, #[case] hint: &str) {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let error = runner
        .run(&head_office().await, &SqlText::new(sql).unwrap(), &QueryLimits::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryFailed);
    assert!(error.public_message().contains(message), "{error}");
    assert!(error.hint().unwrap().contains(hint), "{:?}", error.hint());
}

/// A statement that takes minutes. Callers may not sleep. Two series, not three: PostgreSQL would keep the
/// product of two in temporary files, and end the statement at their limit in seconds.
const SLOW: &str = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b";

#[tokio::test]
async fn a_long_statement_is_stopped() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let limits =
        QueryLimits { statement_timeout: Duration::from_millis(200), ..QueryLimits::default() };
    let sql = SqlText::new(SLOW).unwrap();
    let error = runner.run(&head_office().await, &sql, &limits).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryTimeout);
}

/// How many statements of head office are busy in PostgreSQL.
const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND usename = 'retail_query_hq' AND state = 'active' AND query LIKE '%generate_series(1, 99999)%'";

/// Runs a call until PostgreSQL is busy with it.
async fn until_it_runs(
    database: &TestDatabase,
    mut call: Pin<&mut (impl Future<Output = Result<QueryAnswer, Error>> + Send)>,
) {
    let seen = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            tokio::select! {
                answer = &mut call => panic!("it answered: {answer:?}"),
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            if database.psql(RUNNING).trim() == "1" {
                break;
            }
        }
    });
    assert!(seen.await.is_ok(), "the statement does not run in PostgreSQL");
}

/// A caller who goes away takes the statement along, also out of PostgreSQL.
#[tokio::test]
async fn a_dropped_call_is_cancelled_in_postgresql() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let limits =
        QueryLimits { statement_timeout: Duration::from_secs(50), ..QueryLimits::default() };
    let sql = SqlText::new(SLOW).unwrap();
    let who = head_office().await;
    {
        let call = runner.run(&who, &sql, &limits);
        tokio::pin!(call);
        until_it_runs(&database, call.as_mut()).await;
    }
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        if database.psql(RUNNING).trim() == "0" {
            // The one connection of head office was thrown away; a new one works.
            assert_eq!(first_row(&runner, &who, "SELECT 1").await, [1]);
            return;
        }
    }
    panic!("the statement still runs in PostgreSQL");
}

#[tokio::test]
async fn a_full_pool_says_so() {
    let database = TestDatabase::seeded().await;
    let settings = retail_storage::PoolSettings {
        max_connections: 2,
        acquire_timeout: Duration::from_secs(3),
        ..retail_storage::PoolSettings::default()
    };
    let pool = retail_storage::QueryDatabase::new(
        &database.settings(),
        &database.query_logins(),
        retail_storage::IdentityKey::new(retail_testkit::IDENTITY_KEY),
        settings,
    )
    .unwrap();
    let runner = Unguarded::new(pool);
    let who = head_office().await;
    let slow = SqlText::new(SLOW).unwrap();
    let patient =
        QueryLimits { statement_timeout: Duration::from_secs(50), ..QueryLimits::default() };
    let call = runner.run(&who, &slow, &patient);
    tokio::pin!(call);
    until_it_runs(&database, call.as_mut()).await;
    let quick = SqlText::new("SELECT 1").unwrap();
    // The wait for a connection is longer than the statement may run, and is not its fault.
    let hasty =
        QueryLimits { statement_timeout: Duration::from_millis(100), ..QueryLimits::default() };
    let quick = tokio::select! {
        answer = &mut call => panic!("it answered: {answer:?}"),
        quick = runner.run(&who, &quick, &hasty) => quick,
    };
    let error = quick.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Overloaded);
    assert!(error.is_retryable());
}

/// Others are in the way: that is nobody's mistake, and passes.
#[tokio::test]
async fn a_table_that_is_locked_is_not_the_callers_fault() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    let sql = SqlText::new("SELECT count(*) FROM retail.orders").unwrap();
    // The first call looks at the posture, which reads the tables too.
    runner.run(&head_office().await, &sql, &QueryLimits::default()).await.unwrap();
    let other = crate::isolation::connect(&database, &database.superuser()).await;
    other.batch_execute("BEGIN; LOCK TABLE retail.orders IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let error = runner.run(&head_office().await, &sql, &QueryLimits::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
    assert!(error.is_retryable() && error.public_message().contains("locked"), "{error}");
    other.batch_execute("ROLLBACK").await.unwrap();
    runner.run(&head_office().await, &sql, &QueryLimits::default()).await.unwrap();
}
