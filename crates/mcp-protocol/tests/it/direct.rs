//! A plain call is answered without rmcp. Nobody can tell.

use retail_domain::Principal;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{NEWEST, Post, head_office, seattle};

/// Sends a request as it is, and in a form that says the same and that only rmcp reads.
async fn both_ways(post: impl Fn() -> Post, principal: &Principal) {
    let plain = post().by(principal.clone()).send().await;
    let weighted = "application/json;q=1, text/event-stream;q=1";
    let by_rmcp = post().header("accept", weighted).by(principal.clone()).send().await;
    assert_eq!(plain.status, by_rmcp.status);
    assert_eq!(plain.headers, by_rmcp.headers);
    // As text: the order of fields is the same, too.
    assert_eq!(plain.body.to_string(), by_rmcp.body.to_string());
    assert!(plain.body.is_object(), "{plain:?}");
}

fn calls() -> Vec<Value> {
    let query = |sql: &str| json!({ "name": "execute_sales_query", "arguments": { "postgresql_query": sql } });
    vec![
        json!({ "name": "get_current_utc_date" }),
        json!({ "name": "get_current_utc_date", "arguments": {} }),
        query("SELECT 1"),
        query("SELECT 3"),
        query("SELECT wrong"),
        query("SELECT broken"),
        query("SELECT panic"),
        query(""),
        query("SELECT '\u{e9}\u{1f4a1}\\n'"),
        json!({ "name": "execute_sales_query" }),
        json!({ "name": "execute_sales_query", "arguments": { "sql": "SELECT 1" } }),
        json!({ "name": "get_multiple_table_schemas", "arguments": { "table_names": ["retail.orders"] } }),
        json!({ "name": "no_such_tool", "arguments": {} }),
    ]
}

#[tokio::test]
async fn a_call_of_the_newest_protocol_has_the_same_answer_both_ways() {
    for principal in [seattle().await, head_office().await] {
        for call in calls() {
            both_ways(|| Post::newest("tools/call", call.clone()), &principal).await;
        }
    }
}

#[rstest]
#[case("2025-11-25")]
#[case("2025-06-18")]
#[case("2025-03-26")]
#[tokio::test]
async fn a_call_of_an_older_protocol_has_the_same_answer_both_ways(#[case] version: &str) {
    let principal = seattle().await;
    for call in calls() {
        both_ways(|| Post::legacy(version, "tools/call", call.clone()), &principal).await;
        both_ways(|| Post::bare("tools/call", call.clone()), &principal).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_told_the_same_both_ways() {
    let principal = seattle().await;
    let call = json!({ "name": "get_current_utc_date" });
    let newest = || Post::newest("tools/call", call.clone());
    both_ways(|| newest().without_meta(), &principal).await;
    for name in ["mcp-protocol-version", "mcp-method", "mcp-name"] {
        both_ways(|| newest().without_header(name), &principal).await;
        both_ways(|| newest().header(name, "wrong"), &principal).await;
    }
    let text = newest().into_request().into_body();
    for (from, to) in [("7", "\"text\""), ("7", "7.5"), ("2.0", "1.0"), (NEWEST, "2025-06-18")] {
        let text = text.replacen(from, to, 1);
        both_ways(|| newest().with_text(&text), &principal).await;
    }
}
