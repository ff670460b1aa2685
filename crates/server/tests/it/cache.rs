//! Answers that are kept: they say so, end with what they were read from, and are given to nobody else.

mod nine;
mod redis;

use std::sync::Arc;
use std::time::{Duration, Instant};

use retail_auth::StoreGrant;
use retail_domain::ports::Embedder;
use retail_testkit::{TestDatabase, store};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Call, PATIENCE, Reply, TestServer, access_to, embedded, embedder};

const SEATTLE: &str = "Zava Retail Seattle";
const STOCK: &str = "SELECT sum(stock_level) FROM retail.inventory";

/// A server that keeps answers, once it knows how new the data are.
async fn keeping(database: &TestDatabase, variables: &[(&str, &str)]) -> TestServer {
    keeping_with(database, variables, None).await
}

async fn keeping_with(
    database: &TestDatabase,
    variables: &[(&str, &str)],
    embedder: Option<Arc<dyn Embedder>>,
) -> TestServer {
    let mut all = vec![("CACHE__MODE", "memory"), ("CACHE__VERSION_POLL_MS", "20")];
    all.extend_from_slice(variables);
    let server = TestServer::with_embedder(access_to(database), &all, embedder);
    knows_versions(&server).await;
    server
}

async fn knows_versions(server: &TestServer) {
    let started = Instant::now();
    loop {
        let body = server.get("/ready").await.body;
        if body["cache"]["degraded"] == false {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const SEMANTIC: &str = "semantic_search_products";

/// A call of each tool whose answers say whether they were kept. The second needs vectors.
fn calls() -> [(&'static str, Value); 4] {
    [
        ("execute_sales_query", json!({ "postgresql_query": STOCK })),
        (SEMANTIC, json!({ "query_description": "hammer" })),
        ("hybrid_product_search", json!({ "query": "hammer" })),
        ("get_product_recommendations", json!({ "type": "trending", "days_back": 365 })),
    ]
}

fn is_cached(reply: &Reply) -> bool {
    let receipt = &reply.answer()["receipt"];
    assert!(receipt["stale"].is_null(), "{receipt}");
    let cached = receipt["cached"].as_bool().unwrap();
    assert_eq!(cached, receipt["age_seconds"].is_number(), "{receipt}");
    cached
}

/// What an answer says, besides how it came about.
fn content(reply: &Reply) -> (String, Value) {
    let mut answer = reply.answer().clone();
    for field in ["cached", "age_seconds", "elapsed_seconds", "as_of"] {
        answer["receipt"].as_object_mut().unwrap().remove(field);
    }
    (reply.text().to_owned(), answer)
}

async fn ask(server: &TestServer, token: &str, call: &(&str, Value)) -> Reply {
    server.send(Call::tool(call.0, &call.1).bearer(token)).await
}

#[tokio::test]
async fn an_equal_call_is_answered_from_memory_and_says_so() {
    let server = keeping_with(embedded().await, &[], Some(embedder())).await;
    let token = server.manager(&store(SEATTLE));
    for call in calls() {
        let first = ask(&server, &token, &call).await;
        assert!(!is_cached(&first), "{first:?}");
        let second = ask(&server, &token, &call).await;
        assert!(is_cached(&second), "{second:?}");
        assert_eq!(content(&first), content(&second));
        assert_eq!(first.answer()["receipt"]["as_of"], second.answer()["receipt"]["as_of"]);
    }
}

/// Neither another manager of the store, nor one whose manager is shown costs, nor head office.
#[tokio::test]
async fn nobody_else_is_given_it() {
    let server = keeping_with(embedded().await, &[], Some(embedder())).await;
    let seattle = StoreGrant::Store(store(SEATTLE).rls_user_id);
    let others = [
        server.token_of("another", seattle, false),
        server.token_of("one", seattle, true),
        server.token_of("one", StoreGrant::AllStores, false),
        server.manager(&store("Zava Retail Kirkland")),
    ];
    for call in calls() {
        let one = server.token_of("one", seattle, false);
        ask(&server, &one, &call).await;
        assert!(is_cached(&ask(&server, &one, &call).await));
        for other in &others {
            assert!(!is_cached(&ask(&server, other, &call).await), "{call:?}");
        }
    }
}

#[rstest]
#[case("UPDATE retail.inventory SET stock_level = stock_level + 1 WHERE product_id = 1", [true, true, true])]
#[case("UPDATE retail.products SET base_price = base_price + 1 WHERE product_id = 1", [false, true, true])]
#[case("UPDATE retail_mcp.search_synonyms SET term = term", [false, true, true])]
#[case("DELETE FROM retail.order_items WHERE order_item_id = 1", [false, false, true])]
#[case("UPDATE retail.stores SET is_online = NOT is_online WHERE store_id = 2", [true, true, true])]
#[tokio::test]
async fn a_write_ends_what_was_read_from_the_table(#[case] write: &str, #[case] ends: [bool; 3]) {
    let database = TestDatabase::seeded().await;
    let server = keeping(&database, &[]).await;
    let token = server.manager(&store(SEATTLE));
    let calls: Vec<_> = calls().into_iter().filter(|(tool, _)| *tool != SEMANTIC).collect();
    for call in &calls {
        ask(&server, &token, call).await;
        assert!(is_cached(&ask(&server, &token, call).await));
    }
    database.psql(write);
    // Until the server hears of it. What ends with it tells that it has.
    for (call, ends) in calls.iter().zip(ends) {
        let started = Instant::now();
        while ends && is_cached(&ask(&server, &token, call).await) {
            assert!(started.elapsed() < PATIENCE, "{call:?} is still given");
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
    for (call, ends) in calls.iter().zip(ends) {
        // Read anew just now, or never ended.
        let reply = ask(&server, &token, call).await;
        assert!(is_cached(&reply), "{ends}: {call:?}");
    }
}

#[tokio::test]
async fn descriptions_of_tables_are_kept_until_rows_come() {
    let database = TestDatabase::seeded().await;
    let server = keeping(&database, &[]).await;
    let token = server.manager(&store(SEATTLE));
    let call = ("get_multiple_table_schemas", json!({ "table_names": ["retail.orders"] }));
    let first = ask(&server, &token, &call).await.text().to_owned();
    assert_eq!(ask(&server, &token, &call).await.text(), first);
    database.psql(
        "INSERT INTO retail.orders (customer_id, store_id, order_date) VALUES (1, 1, '2026-01-01')",
    );
    let started = Instant::now();
    while ask(&server, &token, &call).await.text() == first {
        assert!(started.elapsed() < PATIENCE, "still {first}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Without the key nobody would be answered by the database, so nobody is by the cache.
#[tokio::test]
async fn what_ends_rights_ends_kept_answers() {
    let database = TestDatabase::seeded().await;
    let server = keeping(&database, &[]).await;
    let token = server.manager(&store(SEATTLE));
    server.query(&token, STOCK).await;
    assert!(is_cached(&server.query(&token, STOCK).await));
    database.psql("DELETE FROM retail_sec.identity_key");
    let started = Instant::now();
    while server.query(&token, STOCK).await.result()["isError"] != true {
        assert!(started.elapsed() < PATIENCE, "it is still given");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_statement_without_a_table_is_run_each_time() {
    let database = TestDatabase::seeded().await;
    let server = keeping(&database, &[]).await;
    for _ in 0..3 {
        assert!(!is_cached(&server.query(&server.head_office(), "SELECT now()").await));
    }
}

#[tokio::test]
async fn with_mode_off_nothing_is_kept() {
    let server = keeping_with(embedded().await, &[("CACHE__MODE", "off")], Some(embedder())).await;
    let token = server.head_office();
    for call in calls() {
        for _ in 0..3 {
            assert!(!is_cached(&ask(&server, &token, &call).await));
        }
    }
    assert_eq!(
        server.get("/ready").await.body["cache"],
        json!({ "mode": "off", "degraded": false })
    );
}

/// A kept answer is an answer: it is recorded as the caller's, and counts.
#[tokio::test]
async fn a_kept_answer_is_recorded_and_counts() {
    let database = TestDatabase::seeded().await;
    let slow = [("LIMITS__PRINCIPAL_PER_SECOND", "1"), ("LIMITS__PRINCIPAL_BURST", "4")];
    let server = keeping(&database, &slow).await;
    let (manager, head_office) = (server.manager(&store(SEATTLE)), server.head_office());
    let mut answered = 0;
    for _ in 0..40 {
        let reply = server.query(&manager, STOCK).await;
        if reply.status == 429 {
            break;
        }
        assert_eq!(is_cached(&reply), answered > 0);
        answered += 1;
    }
    assert!((4..40).contains(&answered), "{answered} were answered");
    server.query(&head_office, STOCK).await;
    assert!(is_cached(&server.query(&head_office, STOCK).await));
    server.audit.flush(PATIENCE).await.unwrap();
    let recorded = database.psql(
        "SELECT count(*), count(DISTINCT fingerprint), min(subject), max(subject), min(store_id),
             min(tables::text), min(outcome), max(outcome), min(row_count), max(row_count)
         FROM retail_mcp.audit_log WHERE tool = 'execute_sales_query'
         GROUP BY subject ORDER BY subject",
    );
    let expected = [
        "2|1|test|test||{retail.inventory}|ok|ok|1|1".to_owned(),
        format!(
            "{answered}|1|test-{id}|test-{id}|1|{{retail.inventory}}|ok|ok|1|1",
            id = store(SEATTLE).rls_user_id
        ),
    ];
    assert_eq!(recorded.lines().collect::<Vec<_>>(), expected);
}

/// When the versions of the data are not known, answers are read anew.
#[tokio::test]
async fn without_versions_nothing_is_given_again() {
    let database = TestDatabase::seeded().await;
    let mut access = access_to(&database);
    access.service = retail_storage::Login::new("retail_service", "wrong");
    // A call that cannot be recorded is made all the same.
    let variables = [("CACHE__MODE", "memory"), ("AUDIT__POLICY", "drop-and-count")];
    let server = TestServer::with(access, &variables);
    let token = server.head_office();
    for _ in 0..3 {
        assert!(!is_cached(&server.query(&token, STOCK).await));
    }
    let cache = server.get("/ready").await.body["cache"].clone();
    assert_eq!((&cache["mode"], &cache["degraded"]), (&json!("memory"), &json!(true)), "{cache}");
}
