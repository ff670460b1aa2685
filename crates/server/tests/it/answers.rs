//! What the tools answer, through the whole server.

use retail_mcp_protocol::token_estimate;
use retail_testkit::{TestDatabase, store};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Call, TestServer};

const ALL_TABLES: [&str; 12] = [
    "retail.customers",
    "retail.stores",
    "retail.categories",
    "retail.product_types",
    "retail.products",
    "retail.orders",
    "retail.order_items",
    "retail.inventory",
    "retail.sales_by_day",
    "retail.sales_by_product_day",
    "retail.sales_by_order",
    "retail.store_benchmark",
];

#[tokio::test]
async fn an_answer_is_compact_text_and_structured_content() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let sql =
        "SELECT store_name, is_online, 12.50 AS price, DATE '2026-11-22' AS day, NULL::int AS none
               FROM retail.stores";
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let reply = server.query(&seattle, sql).await;
    assert_eq!(
        reply.text(),
        r#"{"c":["store_name","is_online","price","day","none"],"r":[["Zava Retail Seattle",false,"12.50","2026-11-22",null]],"n":1}"#
    );
    let answer = reply.answer();
    assert_eq!(
        answer["columns"],
        json!([
            { "name": "store_name", "type": "text" },
            { "name": "is_online", "type": "bool" },
            { "name": "price", "type": "numeric" },
            { "name": "day", "type": "date" },
            { "name": "none", "type": "int4" },
        ])
    );
    assert_eq!(
        answer["rows"],
        json!([["Zava Retail Seattle", false, "12.50", "2026-11-22", null]])
    );
    assert_eq!(answer["row_count"], 1);
    let receipt = &answer["receipt"];
    assert_eq!(receipt["acting_store"], "Zava Retail Seattle");
    assert_eq!(receipt["row_security"], "enforced");
    assert_eq!(receipt["truncated"], false);
    assert!(receipt["elapsed_seconds"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn no_rows_names_whose_rows_were_looked_at() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let reply =
        server.query(&seattle, "SELECT order_id FROM retail.orders WHERE store_id = 8").await;
    assert_eq!(
        reply.text(),
        r#"{"c":["order_id"],"r":[],"n":0,"msg":"No rows. Row security was in force: only rows of Zava Retail Seattle are visible, so this says nothing about other stores."}"#
    );
}

#[tokio::test]
async fn an_answer_that_was_cut_says_so() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let token = server.head_office();
    let sql = |limit: usize| {
        format!("SELECT order_item_id FROM retail.order_items ORDER BY 1 LIMIT {limit}")
    };
    let cut = server.query(&token, &sql(1_001)).await;
    let text: Value = serde_json::from_str(cut.text()).unwrap();
    assert_eq!(text["n"], 1_000);
    assert_eq!(text["r"].as_array().unwrap().len(), 1_000);
    assert_eq!(text["truncated"], true);
    assert_eq!(text["limit"], 1_000);
    let message = text["msg"].as_str().unwrap();
    assert!(message.contains("cut at 1000 rows"), "{message}");
    assert_eq!(cut.answer()["receipt"]["truncated"], true);
    assert_eq!(cut.rows().len(), 1_000);

    let whole = server.query(&token, &sql(1_000)).await;
    let text: Value = serde_json::from_str(whole.text()).unwrap();
    assert_eq!(text["n"], 1_000);
    assert!(text["msg"].is_null() && text["truncated"].is_null());
    assert_eq!(whole.answer()["receipt"]["truncated"], false);
}

#[rstest]
#[case("DELETE FROM retail.orders")]
#[case("WITH gone AS (DELETE FROM retail.orders RETURNING *) SELECT * FROM gone")]
#[case("UPDATE retail.stores SET is_online = true RETURNING store_name")]
#[case("EXPLAIN SELECT 1")]
#[case("SHOW ALL")]
#[tokio::test]
async fn what_is_no_query_is_not_allowed(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let before = database.psql("SELECT count(*) FROM retail.orders");
    for token in [server.head_office(), server.manager(&store("Zava Retail Seattle"))] {
        let failure = server.query(&token, sql).await.failure();
        assert_eq!(failure["code"], "query_not_allowed", "{failure}");
        assert_eq!(failure["retryable"], false);
        assert!(failure["hint"].as_str().unwrap().contains("SELECT"), "{failure}");
    }
    assert_eq!(database.psql("SELECT count(*) FROM retail.orders"), before);
}

#[tokio::test]
async fn a_failed_query_says_what_to_change() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let token = server.head_office();
    let reply = server.query(&token, "SELECT total FROM retail.orders").await;
    let failure = reply.failure();
    let keys: Vec<&str> = failure.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "message", "hint", "retryable"]);
    assert_eq!(failure["code"], "query_failed");
    let message = failure["message"].as_str().unwrap();
    assert!(message.contains("total") && message.contains("at character 8"), "{failure}");
    assert!(failure["hint"].as_str().unwrap().contains("order_date"), "{failure}");

    let call = Call::tool("execute_sales_query", &json!({ "sql": "SELECT 1" })).bearer(&token);
    let failure = server.send(call).await.failure();
    assert_eq!(failure["code"], "invalid_argument", "{failure}");
}

#[tokio::test]
async fn the_identities_are_hidden() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    for token in [server.head_office(), server.manager(&store("Zava Retail Seattle"))] {
        for sql in [
            "SELECT rls_user_id FROM retail.stores",
            "SELECT * FROM retail.stores",
            "SELECT stores FROM retail.stores",
        ] {
            let reply = server.query(&token, sql).await;
            assert_eq!(reply.failure()["code"], "query_not_allowed");
            assert!(!reply.text().contains("f47ac10b"), "{}", reply.text());
        }
    }
}

#[tokio::test]
async fn all_schemas_are_few_tokens() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let call = Call::tool("get_multiple_table_schemas", &json!({ "table_names": ALL_TABLES }));
    for token in [server.head_office(), server.manager(&store("Zava Retail Seattle"))] {
        let reply = server.send(call.clone().bearer(&token)).await;
        let tokens = token_estimate(reply.text());
        println!("the schemas of all tables: about {tokens} tokens");
        assert!(tokens < 3_000, "{tokens} tokens:\n{}", reply.text());
        for table in ALL_TABLES {
            assert!(reply.text().contains(table), "{table}");
        }
        assert_eq!(reply.answer()["tables"].as_array().unwrap().len(), ALL_TABLES.len());
        assert!(!reply.body.to_string().contains("rls_user_id"));
        assert!(reply.text().contains("PAINT & FINISHES"));
    }
}

#[tokio::test]
async fn an_unknown_table_is_answered_with_the_known_ones() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let arguments = json!({ "table_names": ["retail.orders", "retail.sales", "pg_authid"] });
    let call = Call::tool("get_multiple_table_schemas", &arguments).bearer(&server.head_office());
    let failure = server.send(call).await.failure();
    assert_eq!(failure["code"], "invalid_argument");
    let known: Vec<String> = ALL_TABLES.iter().map(|table| format!("'{table}'")).collect();
    assert_eq!(
        failure["message"].as_str().unwrap(),
        format!(
            "Error: Invalid table names: ['retail.sales', 'pg_authid']. Valid tables are: [{}]",
            known.join(", ")
        )
    );
}
