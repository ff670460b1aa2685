//! What each tool answers, and how it fails.

use rstest::rstest;
use serde_json::{Value, json};

use retail_mcp_protocol::token_estimate;

use crate::search_support::whole_service;
use crate::support::{Post, Reply, call, head_office, principal, seattle};

async fn query(sql: &str) -> Reply {
    call(head_office().await, "execute_sales_query", json!({ "postgresql_query": sql })).await
}

#[tokio::test]
async fn the_list_of_tools_is_as_published() {
    let list = Post::newest("tools/list", json!({})).by(head_office().await);
    let reply = list.send_to(whole_service()).await;
    let tools = &reply.result()["tools"];
    for tool in tools.as_array().unwrap() {
        let tokens = |part: &Value| token_estimate(&part.to_string());
        println!(
            "{}: about {} tokens, {} of them its output schema",
            tool["name"],
            tokens(tool),
            tokens(&tool["outputSchema"])
        );
    }
    let tokens = token_estimate(&tools.to_string());
    assert!(tokens < 6_000, "{tokens} tokens");
    insta::assert_json_snapshot!(tools);
}

#[tokio::test]
async fn rows_come_as_an_envelope_and_as_structured_content() {
    let reply = query("SELECT 1;").await;
    assert_eq!(reply.text(), r#"{"c":["store","total"],"r":[["all stores","12.50"]],"n":1}"#);
    insta::assert_json_snapshot!(reply.result());
}

#[tokio::test]
async fn a_cut_result_says_so() {
    let reply = query("SELECT many").await;
    let envelope: Value = serde_json::from_str(reply.text()).unwrap();
    assert_eq!((&envelope["n"], &envelope["limit"]), (&json!(3), &json!(3)));
    assert_eq!(envelope["truncated"], true);
    assert!(envelope["msg"].as_str().unwrap().contains("Aggregate"));
    let receipt = &reply.result()["structuredContent"]["receipt"];
    assert_eq!((&receipt["truncated"], &receipt["limit"]), (&json!(true), &json!(3)));
}

#[tokio::test]
async fn no_rows_keep_the_columns_and_name_the_store() {
    let envelope: Value = serde_json::from_str(query("SELECT none").await.text()).unwrap();
    assert_eq!(envelope["c"], json!(["store", "total"]));
    assert_eq!(envelope["msg"], "No rows. The rows of all stores are visible.");

    let arguments = json!({ "postgresql_query": "SELECT none" });
    let reply = call(seattle().await, "execute_sales_query", arguments).await;
    let envelope: Value = serde_json::from_str(reply.text()).unwrap();
    assert_eq!(
        envelope["msg"],
        "No rows. Row security was in force: only rows of Zava Retail Seattle are visible, so this says nothing about other stores."
    );
}

#[rstest]
#[case("execute_sales_query", json!({}), "Error: postgresql_query parameter is required")]
#[case("execute_sales_query", json!({ "postgresql_query": " " }), "Error: postgresql_query parameter is required")]
#[case("execute_sales_query", json!({ "postgresql_query": ";" }), "postgresql_query parameter is required")]
#[case("execute_sales_query", json!({ "postgresql_query": 1 }), "'postgresql_query' must be a string, not a number")]
#[case("execute_sales_query", json!({ "query": "SELECT 1" }), "unknown argument 'query'")]
#[case("get_multiple_table_schemas", json!({}), "Error: table_names parameter is required and cannot be empty")]
#[case("get_multiple_table_schemas", json!({ "table_names": [] }), "Error: table_names parameter is required and cannot be empty")]
#[case("get_multiple_table_schemas", json!({ "table_names": "orders" }), "'table_names' must be an array, not a string")]
#[case("get_multiple_table_schemas", json!({ "table_names": [1] }), "each item of 'table_names' must be a string, not a number")]
#[case("get_current_utc_date", json!({ "format": "iso" }), "unknown argument 'format'")]
#[tokio::test]
async fn a_wrong_argument_is_named(
    #[case] tool: &str,
    #[case] arguments: Value,
    #[case] message: &str,
) {
    let failure = call(head_office().await, tool, arguments).await.failure();
    assert_eq!(failure["code"], "invalid_argument");
    assert_eq!(failure["message"], message);
    assert_eq!(failure["retryable"], false);
    assert!(!failure["hint"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_table_lists_the_valid_ones() {
    let arguments = json!({ "table_names": ["orders", "sales"] });
    let failure =
        call(head_office().await, "get_multiple_table_schemas", arguments).await.failure();
    let message = failure["message"].as_str().unwrap();
    assert!(message.starts_with("Error: Invalid table names: ['sales']. Valid tables are: ['"));
}

#[tokio::test]
async fn a_failed_statement_is_told_without_its_cause() {
    let reply = query("SELECT wrong").await;
    let failure = reply.failure();
    assert_eq!(failure["code"], "query_failed");
    assert_eq!(failure["message"], "column \"wrong\" does not exist");
    assert!(failure["hint"].as_str().unwrap().contains("get_multiple_table_schemas"));
    assert!(!reply.body.to_string().contains("42703"));
}

#[rstest]
#[case("SELECT broken")]
#[case("SELECT panic")]
#[tokio::test]
async fn a_defect_is_a_protocol_error_that_tells_nothing(#[case] sql: &str) {
    let params = json!({ "name": "execute_sales_query", "arguments": { "postgresql_query": sql } });
    let reply = Post::newest("tools/call", params)
        .header("x-request-id", "req-42")
        .by(head_office().await)
        .send()
        .await;
    assert_eq!(reply.error_code(), -32603);
    assert_eq!(reply.body["error"]["data"]["request_id"], "req-42");
    assert!(!reply.body.to_string().contains("hunter2"));
}

#[tokio::test]
async fn schemas_come_as_markdown_and_as_structured_content() {
    let arguments = json!({ "table_names": ["retail.orders", "orders"] });
    let reply = call(head_office().await, "get_multiple_table_schemas", arguments).await;
    let text = reply.text();
    assert!(text.starts_with("# Table: retail.orders\n**Purpose:** Orders (baskets)\n"), "{text}");
    assert_eq!(text.matches("# Table").count(), 1);
    insta::assert_json_snapshot!(reply.result()["structuredContent"]);
}

#[tokio::test]
async fn the_date_is_told_twice() {
    let reply =
        call(principal("seattle:retail.read").await, "get_current_utc_date", json!({})).await;
    assert_eq!(reply.text(), "Current UTC Date/Time: 2026-11-22T21:25:57.123456Z");
    assert_eq!(
        reply.result()["structuredContent"],
        json!({ "utc": "2026-11-22T21:25:57.123456Z", "date": "2026-11-22" })
    );
}

/// Clients of the official kits refuse structured content that does not fit its schema.
#[tokio::test]
async fn structured_content_fits_its_published_schema() {
    let list = Post::newest("tools/list", json!({}))
        .by(head_office().await)
        .send_to(whole_service())
        .await;
    let calls = [
        ("get_multiple_table_schemas", json!({ "table_names": ["orders", "stores"] })),
        ("execute_sales_query", json!({ "postgresql_query": "SELECT many" })),
        ("get_current_utc_date", json!({})),
        ("semantic_search_products", json!({ "query_description": "box" })),
        ("hybrid_product_search", json!({ "query": "box" })),
        ("get_product_recommendations", json!({ "type": "trending" })),
    ];
    for (name, arguments) in calls {
        let tools = list.result()["tools"].as_array().unwrap();
        let tool = tools.iter().find(|tool| tool["name"] == name).unwrap();
        assert_eq!(tool["inputSchema"]["additionalProperties"], false);
        let schema = &tool["outputSchema"];
        assert_eq!(schema["type"], "object");
        let call = Post::newest("tools/call", json!({ "name": name, "arguments": arguments }));
        let reply = call.by(head_office().await).send_to(whole_service()).await;
        assert_fits(&reply.result()["structuredContent"], schema, schema, name);
    }
}

/// Checks the keywords that our schemas use: `$ref`, `anyOf` with null, `type`, `required`, `properties`, `items`.
fn assert_fits(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        return assert_fits(value, target, root, at);
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let option = options.iter().find(|option| (option["type"] == "null") == value.is_null());
        return assert_fits(value, option.unwrap(), root, at);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let fits = |json_type: &&str| match *json_type {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    };
    assert!(types.is_empty() || types.iter().any(fits), "{at}: {value} is not {types:?}");
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at}: {name} is missing");
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        // What is only an object there may be of anything.
        if !schema["properties"].is_object() {
            break;
        }
        let property = &schema["properties"][name];
        assert!(property.is_object(), "{at}.{name} is not in the schema");
        assert_fits(member, property, root, &format!("{at}.{name}"));
    }
    for item in value.as_array().into_iter().flatten() {
        if schema["items"].is_object() {
            assert_fits(item, &schema["items"], root, &format!("{at}[]"));
        }
    }
}
