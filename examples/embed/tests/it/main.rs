//! The program as a team runs it, on a database of its own.
#![expect(clippy::expect_used, reason = "in a test a set-up that fails is a failed test")]

mod program;

use program::{Program, SEATTLE_KEY, STRANGER_KEY, without};
use retail_testkit::{TestDatabase, store};
use serde_json::{Value, json};

fn call(sql: &str) -> Value {
    json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": { "name": "execute_sales_query", "arguments": { "postgresql_query": sql } },
    })
}

#[tokio::test]
async fn a_key_sees_the_rows_of_its_store_alone() {
    let database = TestDatabase::seeded().await;
    let program = Program::start(&database);

    let sql = "SELECT store_id, count(*) FROM retail.orders GROUP BY store_id";
    let answer = program.post("/mcp", Some(SEATTLE_KEY), &call(sql));

    assert_eq!(answer.status, 200, "{answer:?}");
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let text = body["result"]["content"][0]["text"].as_str().unwrap();
    let envelope: Value = serde_json::from_str(text).unwrap();
    let seattle = store("Zava Retail Seattle").id.0;
    let orders: u64 = database
        .psql(&format!("SELECT count(*) FROM retail.orders WHERE store_id = {seattle}"))
        .trim()
        .parse()
        .unwrap();
    assert!(orders > 0);
    assert_eq!(envelope["r"], json!([[seattle, orders]]));
}

#[tokio::test]
async fn the_teams_route_knows_the_caller() {
    let database = TestDatabase::seeded().await;
    let program = Program::start(&database);

    let answer = program.get("/whoami", Some(SEATTLE_KEY));

    assert_eq!((answer.status, answer.body.as_str()), (200, "Zava Retail Seattle"));
}

#[tokio::test]
async fn without_a_known_key_there_is_nothing() {
    let database = TestDatabase::seeded().await;
    let program = Program::start(&database);

    // The empty key and the last are in the list; no store has the identity of the last.
    for key in [None, Some(""), Some("seattle"), Some(STRANGER_KEY)] {
        for answer in [program.get("/whoami", key), program.post("/mcp", key, &call("SELECT 1"))] {
            assert_eq!(answer.status, 401, "{key:?}: {answer:?}");
            assert!(answer.head.contains("www-authenticate: Bearer"), "{answer:?}");
            assert_eq!(answer.body, "");
        }
    }
}

#[tokio::test]
async fn a_missing_variable_is_named() {
    let database = TestDatabase::empty();
    for name in [
        "DATABASE_HOST",
        "DATABASE_PASSWORD",
        "HEAD_OFFICE_PASSWORD",
        "SERVICE_PASSWORD",
        "API_KEYS",
        "LISTEN",
    ] {
        let error = without(&database, name);
        assert!(error.contains(&format!("{name} must be set")), "{error}");
    }
}
