//! A server that reads from a standby.

use std::time::Duration;

use retail_testkit::{TestDatabase, TestReplica, store};
use serde_json::{Value, json};

use crate::support::{Call, PATIENCE, TestServer, access_to, start_on};

const STOCK: &str = "SELECT sum(stock_level) FROM retail.inventory";
const WRITE: &str =
    "UPDATE retail.inventory SET stock_level = stock_level + 1000 WHERE product_id = 1";

async fn stock(server: &TestServer, token: &str) -> Value {
    let reply = server.send(Call::query(STOCK).bearer(token)).await;
    reply.rows().remove(0).remove(0)
}

async fn until_it_is(expected: &Value, server: &TestServer, token: &str) {
    let asked = async {
        while stock(server, token).await != *expected {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
}

/// What a standby that is behind gives may be kept, but not as the answer from after a write that it has not seen.
#[tokio::test]
async fn an_answer_of_a_standby_does_not_outlive_its_lag() {
    let database = TestDatabase::seeded().await;
    let replica = TestReplica::start();
    replica.catch_up(&database);
    let address = replica.address();
    let address = format!("{}:{}", address.host, address.port);
    let server = TestServer::with(
        access_to(&database),
        &[
            ("CACHE__MODE", "memory"),
            ("CACHE__VERSION_POLL_MS", "20"),
            ("DATABASE__REPLICAS", &address),
            ("DATABASE__REPLICA_MAX_LAG", "6s"),
        ],
    );
    let token = server.manager(&store("Zava Retail Seattle"));
    let before = stock(&server, &token).await;
    // The standby has been looked at, and the versions that count are known.
    tokio::time::sleep(Duration::from_secs(7)).await;
    let ready = server.get("/ready").await.body;
    assert_eq!(ready["standbys"], json!({"configured": 1, "in_use": 1}), "{ready}");
    replica.fall_behind(&database);
    database.psql(WRITE);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let behind = stock(&server, &token).await;
    assert_eq!(behind, before, "the standby answers");
    replica.follow(&database);
    let after: i64 = before.as_i64().unwrap() + 1000;
    until_it_is(&Value::from(after), &server, &token).await;
}

#[tokio::test]
async fn more_servers_than_the_database_has_connections_for_do_not_start() {
    let database = TestDatabase::seeded().await;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["serve", "--listen=127.0.0.1:0"];
    let variables = [("DATABASE__SERVERS", "7")];
    let mut process = start_on(&database, folder.path(), &arguments, &variables);
    let ended = process.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("7 servers (database.servers)"), "{ended:?}");
    assert!(ended.stderr.contains("CONNECTION LIMIT"), "{ended:?}");
}
