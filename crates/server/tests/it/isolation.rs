//! Each identity sees its own rows and no others, through the whole server.

use std::sync::Arc;

use retail_domain::Store;
use retail_testkit::{TestDatabase, store, stores};
use serde_json::Value;

use crate::support::{TestServer, access_to};

/// The tables whose rows belong to one store.
const TABLES: [&str; 3] = ["orders", "order_items", "inventory"];

/// Orders, lines, revenue in cents, pieces sold, pieces in stock.
const SUMS: &str = "SELECT
    (SELECT count(*) FROM retail.orders) AS orders,
    (SELECT count(*) FROM retail.order_items) AS lines,
    (SELECT (sum(total_amount) * 100)::int8 FROM retail.order_items) AS revenue_cents,
    (SELECT sum(quantity) FROM retail.order_items) AS pieces,
    (SELECT sum(stock_level) FROM retail.inventory) AS stock";

/// How many rows a store's manager sees in a table: all, and other stores'.
async fn own_and_foreign(server: &TestServer, store: &Store, table: &str) -> (i64, i64) {
    let sql = format!(
        "SELECT count(*) FILTER (WHERE store_id = {0}), count(*) FILTER (WHERE store_id <> {0})
         FROM retail.{table}",
        store.id
    );
    let rows = server.query(&server.manager(store), &sql).await.rows();
    (rows[0][0].as_i64().unwrap(), rows[0][1].as_i64().unwrap())
}

async fn sums(server: &TestServer, token: &str) -> Vec<i64> {
    let rows = server.query(token, SUMS).await.rows();
    rows[0].iter().map(|sum| sum.as_i64().unwrap()).collect()
}

async fn sums_of_the_stores(server: &TestServer) -> Vec<i64> {
    let mut total = vec![0; 5];
    for store in stores() {
        let own = sums(server, &server.manager(&store)).await;
        assert!(own.iter().all(|&sum| sum > 0), "{}: {own:?}", store.name);
        for (total, own) in total.iter_mut().zip(own) {
            *total += own;
        }
    }
    total
}

#[tokio::test]
async fn seattle_sees_seattles_rows_alone() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let seattle = store("Zava Retail Seattle");
    for table in TABLES {
        let expected = database
            .psql(&format!("SELECT count(*) FROM retail.{table} WHERE store_id = {}", seattle.id));
        let (own, foreign) = own_and_foreign(&server, &seattle, table).await;
        assert_eq!((own.to_string().as_str(), foreign), (expected.trim(), 0), "{table}");
        assert!(own > 0);
    }
}

#[tokio::test]
async fn seattle_sees_the_customers_who_are_its_own_or_bought_there() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let seattle = store("Zava Retail Seattle");
    let emails = "SELECT string_agg(email, ',' ORDER BY customer_id) FROM retail.customers c";
    let expected = database.psql(&format!(
        "{emails} WHERE primary_store_id = {0} OR customer_id IN
         (SELECT customer_id FROM retail.orders WHERE store_id = {0})",
        seattle.id
    ));
    let everybody = database.psql(emails);
    let seen = server.query(&server.manager(&seattle), emails).await.rows();
    assert_eq!(seen[0][0].as_str().unwrap(), expected.trim());
    assert_ne!(expected, everybody, "or the test shows nothing");
}

#[tokio::test]
async fn the_stores_add_up_to_head_office() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let head_office = sums(&server, &server.head_office()).await;
    assert_eq!(sums_of_the_stores(&server).await, head_office);
    let all: Vec<String> = head_office.iter().map(ToString::to_string).collect();
    assert_eq!(all.join("|"), database.psql(SUMS).trim(), "and to every row");
}

/// What the tests above look for is there to be found.
#[tokio::test]
async fn the_checks_see_a_leak_when_a_policy_is_opened() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    // Such a database is not served from, so the server looks at it before.
    assert_eq!(server.get("/ready").await.status, 200);
    for table in TABLES {
        database.psql(&format!("ALTER POLICY store_sees_own ON retail.{table} USING (true)"));
    }
    let seattle = store("Zava Retail Seattle");
    for table in TABLES {
        let (own, foreign) = own_and_foreign(&server, &seattle, table).await;
        assert!(own > 0 && foreign > 0, "{table}: {own}, {foreign}");
    }
    assert_eq!(foreign_rows(&server, &seattle).await.0, 3);
    let head_office = sums(&server, &server.head_office()).await;
    let of_the_stores = sums_of_the_stores(&server).await;
    for (of_the_stores, all) in of_the_stores.iter().zip(head_office) {
        assert_eq!(*of_the_stores, 8 * all);
    }
}

/// In how many tables a store sees foreign rows, the stores that it sees, and as whom it acted.
async fn foreign_rows(server: &TestServer, store: &Store) -> (i64, Value, Value) {
    let tables: Vec<String> = TABLES
        .iter()
        .map(|table| {
            format!("(SELECT count(DISTINCT 1) FROM retail.{table} WHERE store_id <> {})", store.id)
        })
        .collect();
    let sql = format!(
        "SELECT {}, (SELECT string_agg(store_name, ',') FROM retail.stores)",
        tables.join("+")
    );
    let reply = server.query(&server.manager(store), &sql).await;
    let row = reply.rows().remove(0);
    let acting = reply.answer()["receipt"]["acting_store"].clone();
    (row[0].as_i64().unwrap(), row[1].clone(), acting)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_interleaved_requests_over_four_connections_see_no_foreign_row() {
    let database = TestDatabase::seeded().await;
    let server = Arc::new(TestServer::with(
        access_to(&database),
        &[("DATABASE__POOL_MAX_CONNECTIONS", "4"), ("DATABASE__POOL_ACQUIRE_TIMEOUT", "60s")],
    ));
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..200_usize {
        let server = Arc::clone(&server);
        requests.spawn(async move {
            if let Some(store) = stores().get(number % 9) {
                let (foreign, seen, acting) = foreign_rows(&server, store).await;
                assert_eq!(foreign, 0, "{} sees foreign rows", store.name);
                assert_eq!(seen, store.name.as_str());
                assert_eq!(acting, store.name.as_str());
            } else {
                let sql = "SELECT count(DISTINCT store_id) FROM retail.orders";
                let reply = server.query(&server.head_office(), sql).await;
                assert_eq!(reply.rows()[0][0], 8);
                assert_eq!(reply.answer()["receipt"]["acting_store"], "all stores");
            }
        });
    }
    let mut answered = 0;
    while let Some(request) = requests.join_next().await {
        request.unwrap();
        answered += 1;
    }
    assert_eq!(answered, 200);
    let connections = database.psql(&format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = '{}' AND usename LIKE 'retail_query%'",
        database.name
    ));
    assert_eq!(connections.trim(), "4", "the pool is as small as it says");
}
