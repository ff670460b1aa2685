//! Nobody is served without an identity, and each sees only what they may call.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Post, Reply, call, principal, seattle};

fn assert_unauthenticated(reply: &Reply) {
    assert_eq!(reply.error_code(), -32600, "{reply:?}");
    assert!(reply.body["error"]["message"].as_str().unwrap().starts_with("Unauthenticated"));
    assert_eq!(reply.body["error"]["data"]["code"], "unauthenticated");
    assert!(reply.body["result"].is_null());
}

#[rstest]
#[case("server/discover", json!({}))]
#[case("tools/list", json!({}))]
#[case("tools/call", json!({ "name": "get_current_utc_date" }))]
#[case("tools/call", json!({ "name": "no_such_tool" }))]
#[tokio::test]
async fn the_newest_protocol_has_no_default_identity(#[case] method: &str, #[case] params: Value) {
    assert_unauthenticated(&Post::newest(method, params).send().await);
}

#[rstest]
#[case("ping", json!({}))]
#[case("tools/list", json!({}))]
#[case("tools/call", json!({ "name": "execute_sales_query", "arguments": { "postgresql_query": "SELECT 1" } }))]
#[case("initialize", json!({
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": { "name": "test", "version": "1" },
}))]
#[tokio::test]
async fn older_protocols_have_no_default_identity(#[case] method: &str, #[case] params: Value) {
    assert_unauthenticated(&Post::legacy("2025-06-18", method, params).send().await);
}

#[tokio::test]
async fn a_header_is_no_identity() {
    let reply = Post::newest("tools/list", json!({}))
        .header("x-rls-user-id", "00000000-0000-0000-0000-000000000000")
        .header("authorization", "Bearer abc")
        .send()
        .await;
    assert_unauthenticated(&reply);
}

#[rstest]
#[case("seattle:retail.read retail.sql", &["get_multiple_table_schemas", "analyze_sales", "explain_change", "generate_business_insights", "inventory_status", "forecast_sales", "compare_with_peers", "chart", "execute_sales_query", "get_current_utc_date"])]
#[case("seattle:retail.read", &["get_multiple_table_schemas", "get_current_utc_date"])]
#[case("seattle:retail.sql", &["analyze_sales", "explain_change", "generate_business_insights", "inventory_status", "forecast_sales", "compare_with_peers", "chart", "execute_sales_query"])]
#[case("seattle:", &[])]
#[tokio::test]
async fn the_list_has_what_the_caller_may_call_in_one_order(
    #[case] who: &str,
    #[case] expected: &[&str],
) {
    for _ in 0..3 {
        let reply = Post::newest("tools/list", json!({})).by(principal(who).await).send().await;
        let tools = reply.result()["tools"].as_array().unwrap().clone();
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn a_hidden_tool_cannot_be_called_either() {
    let reader = principal("seattle:retail.read").await;
    let arguments = json!({ "postgresql_query": "SELECT 1" });
    let failure = call(reader, "execute_sales_query", arguments).await.failure();
    assert_eq!(failure["code"], "forbidden");
    assert_eq!(failure["hint"], "it needs the scope retail.sql");
    assert_eq!(failure["retryable"], false);
}

#[tokio::test]
async fn the_runner_gets_the_callers_principal() {
    for (who, label) in
        [("seattle:retail.sql", "Zava Retail Seattle"), ("head-office:retail.sql", "all stores")]
    {
        let arguments = json!({ "postgresql_query": "SELECT 1" });
        let reply = call(principal(who).await, "execute_sales_query", arguments).await;
        assert_eq!(reply.result()["structuredContent"]["rows"][0][0], label);
        assert_eq!(reply.result()["structuredContent"]["receipt"]["acting_store"], label);
    }
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error() {
    let reply = call(seattle().await, "drop_everything", json!({})).await;
    assert_eq!(reply.error_code(), -32602);
    assert!(!reply.body.to_string().contains("drop_everything"));
}
