//! Each identity sees its own rows and no others.

use std::sync::Arc;

use retail_domain::ports::{HealthProbe, QueryRunner, StoreDirectory};
use retail_domain::{ErrorCode, Principal, QueryLimits, RlsUserId, SqlText};
use retail_storage::{
    IdentityKey, Login, PgHealthProbe, PgQueryRunner, PgStoreDirectory, PoolSettings,
    QueryDatabase, QueryLogins,
};
use retail_testkit::{TestDatabase, head_office, principal, store, stores};
use rstest::rstest;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::unguarded::Unguarded;

pub(crate) async fn first_row(
    runner: &dyn QueryRunner,
    principal: &Principal,
    sql: &str,
) -> Vec<Value> {
    let answer = runner
        .run(principal, &SqlText::new(sql).unwrap(), &QueryLimits::default())
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error} {:?}", error.hint()));
    answer.rows.to_vec().unwrap().remove(0)
}

fn runner(database: &TestDatabase) -> Unguarded {
    Unguarded::on(database, 4)
}

/// A runner on a database where statements may change settings, so that row security stands alone.
/// The gate lets nobody into such a database, so it is opened before.
async fn runner_without_the_lockdown(database: &TestDatabase) -> Unguarded {
    let query_database = database.query_database(4);
    assert!(!query_database.posture().await.unwrap().must_refuse());
    database.psql(
        "GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean),
             pg_catalog.current_setting(text) TO PUBLIC",
    );
    Unguarded::new(query_database)
}

#[rstest]
#[case("SELECT count(*), count(*) FILTER (WHERE store_id <> {id}) FROM retail.orders")]
#[case("SELECT count(*), count(*) FILTER (WHERE store_id <> {id}) FROM retail.order_items")]
#[case("SELECT count(*), count(*) FILTER (WHERE store_id <> {id}) FROM retail.inventory")]
#[case("SELECT count(*), count(*) FILTER (WHERE store_id <> {id}) FROM retail.stores")]
#[tokio::test]
async fn a_store_sees_its_rows_alone(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let runner = runner(&database);
    for store in stores() {
        let sql = sql.replace("{id}", &store.id.to_string());
        let name = store.name.clone();
        let row = first_row(&runner, &principal(store).await, &sql).await;
        assert!(row[0].as_i64().unwrap() > 0, "{name} sees nothing");
        assert_eq!(row[1], 0, "{name} sees foreign rows");
    }
}

#[tokio::test]
async fn a_store_sees_the_customers_who_are_its_own_or_bought_there() {
    let database = TestDatabase::seeded().await;
    let runner = runner(&database);
    for store in stores() {
        let id = store.id;
        let expected = database.psql(&format!(
            "SELECT count(*) FROM retail.customers c WHERE primary_store_id = {id}
             OR customer_id IN (SELECT customer_id FROM retail.orders WHERE store_id = {id})"
        ));
        let seen =
            first_row(&runner, &principal(store).await, "SELECT count(*) FROM retail.customers")
                .await;
        assert_eq!(seen[0].to_string(), expected.trim());
        assert!(seen[0].as_i64().unwrap() < 400, "a store must not see every customer");
    }
}

#[rstest]
#[case("SELECT count(*) FROM retail.orders")]
#[case("SELECT sum(quantity) FROM retail.order_items")]
#[case("SELECT sum((total_amount * 100)::int8)::int8 FROM retail.order_items")]
#[case("SELECT sum(stock_level) FROM retail.inventory")]
#[tokio::test]
async fn the_stores_add_up_to_head_office(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let runner = runner(&database);
    let mut sum = 0;
    for store in stores() {
        sum += first_row(&runner, &principal(store).await, sql).await[0].as_i64().unwrap();
    }
    let all = first_row(&runner, &head_office().await, sql).await;
    assert_eq!(all[0], sum);
    assert_eq!(all[0].to_string(), database.psql(sql).trim(), "head office sees every row");
}

const NO_IDENTITY: &str = "the statement has no valid identity";

/// What SQL text can do to its identity: nothing that gives a foreign row.
#[rstest]
#[case::cte(
    "WITH x AS MATERIALIZED (SELECT set_config('app.current_rls_user_id', '{other}', true)) SELECT count(*) FROM x, retail.orders",
    NO_IDENTITY
)]
#[case::session(
    "WITH x AS MATERIALIZED (SELECT set_config('app.current_rls_user_id', '{other}', false)) SELECT count(*) FROM x, retail.orders",
    NO_IDENTITY
)]
#[case::all_stores(
    "WITH x AS MATERIALIZED (SELECT set_config('app.current_rls_user_id', 'all-stores', true)) SELECT count(*) FROM x, retail.orders",
    NO_IDENTITY
)]
#[case::in_from(
    "SELECT count(*) FROM set_config('app.current_rls_user_id', '{other}', true), LATERAL (SELECT * FROM retail.orders) o",
    NO_IDENTITY
)]
#[case::union(
    "SELECT set_config('app.current_rls_user_id', '{other}', true) UNION ALL SELECT order_id::text FROM retail.orders",
    NO_IDENTITY
)]
#[case::role(
    "WITH x AS MATERIALIZED (SELECT set_config('role', 'retail_owner', true)) SELECT count(*) FROM x, retail.orders",
    "permission denied"
)]
#[case::row_security(
    "WITH x AS MATERIALIZED (SELECT set_config('row_security', 'off', true)) SELECT count(*) FROM x, retail.orders",
    "permission denied"
)]
#[tokio::test]
async fn an_identity_cannot_be_forged(#[case] sql: &str, #[case] expected: &str) {
    let database = TestDatabase::seeded().await;
    let runner = runner_without_the_lockdown(&database).await;
    let seattle = principal(store("Zava Retail Seattle")).await;
    let other = store("Zava Retail Online").rls_user_id;
    let sql = SqlText::new(&sql.replace("{other}", &other.to_string())).unwrap();
    let refusal = runner.run(&seattle, &sql, &QueryLimits::default()).await.unwrap_err();
    assert!(refusal.public_message().contains(expected), "{refusal}");
    // And the connection is fit for the next caller.
    let row = first_row(
        &runner,
        &seattle,
        "SELECT count(*) FILTER (WHERE store_id <> 1), count(*) FROM retail.orders",
    )
    .await;
    assert_eq!(row[0], 0);
    assert!(row[1].as_i64().unwrap() > 0);
}

/// A plain connection, as somebody with the role's password would have it.
pub(crate) async fn connect(database: &TestDatabase, login: &Login) -> tokio_postgres::Client {
    let settings = database.settings();
    let mut config = tokio_postgres::Config::new();
    config.host(&settings.host).port(settings.port).dbname(&settings.database).user(&login.user);
    config.password(login.password.as_ref().unwrap().expose_secret());
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_login_without_an_identity_sees_nothing() {
    let database = TestDatabase::seeded().await;
    for login in [database.query_logins().stores, database.query_logins().head_office] {
        let client = connect(&database, &login).await;
        for table in ["stores", "customers", "inventory", "orders", "order_items"] {
            let error = client
                .simple_query(&format!("SELECT count(*) FROM retail.{table}"))
                .await
                .unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{table} as {}", login.user);
        }
        let error = client.simple_query("SELECT rls_user_id FROM retail.stores").await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501");
        for write in [
            "INSERT INTO retail.categories (category_name) VALUES ('X')",
            "UPDATE retail.stores SET is_online = true",
            "DELETE FROM retail.order_items",
            "TRUNCATE retail.orders",
            "CREATE TABLE retail.mine (i int)",
            "CREATE TABLE public.mine (i int)",
            "CREATE TEMP TABLE mine (i int)",
            "SELECT * FROM retail_sec.identity_key",
            "SELECT * FROM retail_mcp.load_record",
            "SELECT retail_sec.signed_identity()",
        ] {
            client.simple_query("SET default_transaction_read_only = off").await.unwrap();
            let error = client.simple_query(write).await.unwrap_err();
            assert_eq!(error.code().unwrap().code(), "42501", "{write} as {}", login.user);
        }
    }
}

/// The read-back: row security has nothing to say here, since no tenant table is read.
#[rstest]
#[case("SELECT set_config('app.current_rls_user_id', 'all-stores', true)")]
#[case("SELECT set_config('app.rls_signature', 'x', false)")]
#[case(
    "SELECT set_config('app.current_rls_user_id', NULL, true), product_name FROM retail.products"
)]
#[tokio::test]
async fn a_statement_that_changes_its_identity_gets_no_answer(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let runner = runner_without_the_lockdown(&database).await;
    let seattle = principal(store("Zava Retail Seattle")).await;
    let error = runner
        .run(&seattle, &SqlText::new(sql).unwrap(), &QueryLimits::default())
        .await
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryNotAllowed);
    assert_eq!(first_row(&runner, &seattle, "SELECT count(*) FROM retail.stores").await, [1]);
}

#[tokio::test]
async fn a_wrong_key_sees_nothing_and_is_not_ready() {
    let database = TestDatabase::seeded().await;
    let forged = Arc::new(
        QueryDatabase::new(
            &database.settings(),
            &database.query_logins(),
            IdentityKey::new([1; IdentityKey::BYTES]),
            PoolSettings { max_connections: 2, ..PoolSettings::default() },
        )
        .unwrap(),
    );
    let runner = PgQueryRunner::new(Arc::clone(&forged));
    for who in [principal(store("Zava Retail Seattle")).await, head_office().await] {
        let sql = SqlText::new("SELECT count(*) FROM retail.orders").unwrap();
        let error = runner.run(&who, &sql, &QueryLimits::default()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable);
    }
    assert!(!PgHealthProbe::new(forged).check().await.is_ready());
    let honest = Arc::new(database.query_database(2));
    // As a server does when it starts: on a busy machine the look takes longer than a probe waits.
    assert!(!honest.posture().await.unwrap().must_refuse());
    assert!(PgHealthProbe::new(honest).check().await.is_ready());
}

#[tokio::test]
async fn the_directory_knows_the_stores_and_nobody_else() {
    let database = TestDatabase::seeded().await;
    let directory = PgStoreDirectory::new(Arc::new(database.service_database()));
    for store in stores() {
        assert_eq!(directory.store_find(store.rls_user_id).await.unwrap(), Some(store));
    }
    let nobody = RlsUserId(uuid::Uuid::nil());
    assert_eq!(directory.store_find(nobody).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_interleaved_requests_over_four_connections_see_no_foreign_row() {
    let database = TestDatabase::seeded().await;
    let runner = Arc::new(runner(&database));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200_usize {
        let runner = Arc::clone(&runner);
        tasks.spawn(async move {
            let all = stores();
            if let Some(store) = all.get(number % 9) {
                let sql = format!(
                    "SELECT (SELECT count(*) FROM retail.orders WHERE store_id <> {0}),
                                (SELECT count(*) FROM retail.order_items WHERE store_id <> {0}),
                                (SELECT count(*) FROM retail.inventory WHERE store_id <> {0}),
                                (SELECT string_agg(store_name, ',') FROM retail.stores)",
                    store.id
                );
                let row = first_row(&*runner, &principal(store.clone()).await, &sql).await;
                assert_eq!(row[..3], [0, 0, 0]);
                assert_eq!(row[3], store.name.as_str());
            } else {
                let sql = "SELECT count(DISTINCT store_id) FROM retail.orders";
                assert_eq!(first_row(&*runner, &head_office().await, sql).await[0], 8);
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

/// All managers share one login, so PostgreSQL alone would let them look at each other.
#[rstest]
#[case("SELECT count(*) FROM pg_stat_activity")]
#[case("SELECT count(*) FROM pg_stat_get_activity(NULL)")]
#[case("SELECT pg_terminate_backend(pg_backend_pid())")]
#[case("SELECT pg_cancel_backend(pg_backend_pid())")]
#[case("SELECT pg_advisory_lock(1)::text")]
#[case("SELECT pg_try_advisory_lock(g) FROM generate_series(1, 10) g")]
#[tokio::test]
async fn other_sessions_cannot_be_seen_or_stopped(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let runner = runner(&database);
    let seattle = principal(store("Zava Retail Seattle")).await;
    let error = runner
        .run(&seattle, &SqlText::new(sql).unwrap(), &QueryLimits::default())
        .await
        .unwrap_err();
    assert!(error.public_message().contains("permission denied"), "{error}");
}

/// A role that row security does not bind is not used, whoever configured it.
#[tokio::test]
async fn a_query_role_that_is_too_mighty_is_refused() {
    let database = TestDatabase::seeded().await;
    let logins = QueryLogins { stores: database.superuser(), head_office: database.superuser() };
    let mighty = QueryDatabase::new(
        &database.settings(),
        &logins,
        IdentityKey::new(retail_testkit::IDENTITY_KEY),
        PoolSettings::default(),
    )
    .unwrap();
    let runner = PgQueryRunner::new(Arc::new(mighty));
    let seattle = principal(store("Zava Retail Seattle")).await;
    let sql = SqlText::new("SELECT count(*) FROM retail.orders").unwrap();
    let error = runner.run(&seattle, &sql, &QueryLimits::default()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}
