//! What can be read without a call, by whom, and what is recorded of it.

use std::sync::Arc;

use retail_domain::{ErrorCode, RetailTable};
use rmcp::ServiceExt as _;
use rmcp::model::ReadResourceRequestParams;
use rstest::rstest;
use serde_json::{Value, json};

use crate::reading_support::{NamesRunner, Records, Unavailable, ask, hint, post};
use crate::support::{Post, Reply, call, head_office, principal, seattle};

async fn listed(who: &str) -> Vec<Value> {
    let reply = ask(principal(who).await, "resources/list", json!({})).await;
    assert_eq!(reply.result()["cacheScope"], "private");
    assert!(reply.result()["ttlMs"].as_u64().unwrap() > 0);
    reply.result()["resources"].as_array().unwrap().clone()
}

fn uris(resources: &[Value]) -> Vec<&str> {
    resources.iter().map(|resource| resource["uri"].as_str().unwrap()).collect()
}

async fn read(who: &str, uri: &str) -> Reply {
    ask(principal(who).await, "resources/read", json!({ "uri": uri })).await
}

fn text(reply: &Reply) -> &str {
    reply.result()["contents"][0]["text"].as_str().unwrap()
}

#[tokio::test]
async fn what_the_caller_may_read_is_listed() {
    let resources = listed("seattle:retail.read").await;
    let listed_uris = uris(&resources);
    for table in RetailTable::ALL {
        let uri = format!("retail://schema/{}", table.name());
        assert!(listed_uris.contains(&uri.as_str()), "{uri}");
    }
    for uri in [
        "retail://store",
        "retail://metrics",
        "retail://metrics/net_sales",
        "retail://calendar/2025",
        "retail://calendar/2026",
        "retail://calendar/2027",
    ] {
        assert!(listed_uris.contains(&uri), "{uri}");
    }
    assert!(!listed_uris.iter().any(|uri| uri.contains("margin")), "{listed_uris:?}");
    assert!(resources.iter().all(|resource| {
        ["name", "title", "description", "mimeType"].iter().all(|key| resource[key].is_string())
    }));
}

#[tokio::test]
async fn margins_are_listed_for_those_who_may_see_costs() {
    let resources = listed("seattle:retail.read retail.costs").await;
    assert!(uris(&resources).contains(&"retail://metrics/gross_margin"));
}

#[tokio::test]
async fn without_the_right_to_read_nothing_is_listed_or_read() {
    let who = "seattle:retail.search retail.costs";
    assert!(listed(who).await.is_empty());
    let templates = ask(principal(who).await, "resources/templates/list", json!({})).await;
    assert_eq!(templates.result()["resourceTemplates"], json!([]));
    // What there is not is refused alike: a refusal must not tell what there is.
    for uri in ["retail://schema/orders", "retail://store", "retail://schema/no_such", "x"] {
        let reply = read(who, uri).await;
        assert_eq!(reply.error_code(), -32600, "{reply:?}");
        assert_eq!(reply.body["error"]["data"]["code"], "forbidden");
        assert_eq!(hint(&reply), "it needs the scope retail.read");
    }
}

#[tokio::test]
async fn each_listed_resource_can_be_read() {
    let who = "head-office:retail.read retail.costs";
    for resource in listed(who).await {
        let reply = read(who, resource["uri"].as_str().unwrap()).await;
        let contents = &reply.result()["contents"][0];
        assert_eq!(contents["uri"], resource["uri"]);
        assert_eq!(contents["mimeType"], resource["mimeType"]);
        assert_eq!(reply.result()["cacheScope"], "private");
        let text = contents["text"].as_str().unwrap();
        match contents["mimeType"].as_str().unwrap() {
            "application/json" => assert!(serde_json::from_str::<Value>(text).unwrap().is_object()),
            _ => assert!(text.starts_with("# "), "{text}"),
        }
    }
}

#[tokio::test]
async fn templates_are_as_published() {
    let reply = ask(seattle().await, "resources/templates/list", json!({})).await;
    assert_eq!(reply.result()["cacheScope"], "private");
    insta::assert_json_snapshot!(reply.result()["resourceTemplates"]);
}

#[rstest]
#[case("retail://schema/orders")]
#[case("retail://schema/retail.orders")]
#[tokio::test]
async fn a_schema_is_what_the_tool_says(#[case] uri: &str) {
    let arguments = json!({ "table_names": ["retail.orders"] });
    let by_tool = call(seattle().await, "get_multiple_table_schemas", arguments).await;
    assert_eq!(text(&read("seattle:retail.read", uri).await), by_tool.text());
}

#[tokio::test]
async fn a_metric_behind_costs_is_refused_without_them() {
    let reply = read("seattle:retail.read", "retail://metrics/gross_margin").await;
    assert_eq!(reply.error_code(), -32600, "{reply:?}");
    assert_eq!(hint(&reply), "it needs the scope retail.costs");
    let index = read("seattle:retail.read", "retail://metrics").await;
    assert!(text(&index).contains("net_sales") && !text(&index).contains("gross_margin"));

    let reply = read("seattle:retail.read retail.costs", "retail://metrics/gross_margin").await;
    let metric: Value = serde_json::from_str(text(&reply)).unwrap();
    assert_eq!((&metric["name"], &metric["unit"]), (&json!("gross_margin"), &json!("USD")));
}

#[tokio::test]
async fn the_page_of_charts_is_for_those_who_may_draw_them() {
    let uri = "ui://retail-mcp/chart";
    assert_eq!(uris(&listed("seattle:retail.sql").await), [uri]);
    let reply = read("seattle:retail.sql", uri).await;
    assert_eq!(reply.result()["contents"][0]["mimeType"], "text/html;profile=mcp-app");
    assert!(text(&reply).contains("<html"));

    assert!(!uris(&listed("seattle:retail.read").await).contains(&uri));
    let reply = read("seattle:retail.read", uri).await;
    assert_eq!((reply.error_code(), hint(&reply)), (-32600, "it needs the scope retail.sql"));
}

#[tokio::test]
async fn the_calendar_tells_the_days() {
    let reply = read("seattle:retail.read", "retail://calendar/2023").await;
    let year: Value = serde_json::from_str(text(&reply)).unwrap();
    assert_eq!(year["retail"]["weeks"], 53);
    assert_eq!(year["retail"]["months"][0]["from"], "2023-01-29");
    assert_eq!(year["retail"]["seasons"][1]["to"], "2024-02-03");
    assert_eq!(
        (&year["calendar"]["iso_weeks"], &year["today"]),
        (&json!(52), &json!("2026-11-22"))
    );
}

#[tokio::test]
async fn the_store_says_who_asks_and_what_they_see() {
    let reply = read("seattle:retail.read", "retail://store").await;
    let place: Value = serde_json::from_str(text(&reply)).unwrap();
    assert_eq!(place["store"], "Zava Retail Seattle");
    assert_eq!(place["scopes"], json!(["retail.read"]));
    let tools = place["tools"].as_array().unwrap();
    assert!(tools.contains(&json!("get_current_utc_date")), "{tools:?}");
    assert!(!tools.contains(&json!("execute_sales_query")), "{tools:?}");
    assert_eq!(place["today"], "2026-11-22");
    assert_eq!(place["data"]["newest_order"], "2026-11-21");
    assert_eq!(place["limits"]["max_rows"], 3);

    let reply = read("head-office:retail.read", "retail://store").await;
    assert!(text(&reply).contains("\"all stores\""));
}

#[rstest]
#[case("retail://schema/order", "did you mean orders?")]
#[case("retail://schema/", "there are: customers")]
#[case("retail://schema", "retail://schema/orders")]
#[case("retail://metrics/net_sale", "did you mean net_sales?")]
#[case("retail://metrics/NET_SALES", "did you mean net_sales?")]
#[case("retail://calendar/26", "four digits")]
#[case("retail://calendar/99999", "four digits")]
#[case("retail://calendar/+202", "four digits")]
#[case("retail://calendar/1969", "four digits")]
#[case("retail://calendar", "retail://calendar/2026")]
#[case("retail://store/2", "follows from who asks")]
#[case("retail://metric/net_sales", "did you mean metrics?")]
#[case("retail://", "there are: schema")]
#[case("RETAIL://store", "begin with retail://")]
#[case("file:///etc/passwd", "begin with retail://")]
#[case("retail://schema/../store", "did you mean stores?")]
#[case("ui://retail-mcp/charts", "begin with retail://")]
#[case("retail://schema/orders%00", "did you mean orders?")]
#[case("retail://schema/orders'; DROP TABLE retail.orders; --", "did you mean")]
#[tokio::test]
async fn what_there_is_not_gets_a_hint_and_repeats_nothing(#[case] uri: &str, #[case] part: &str) {
    let reply = read("seattle:retail.read", uri).await;
    // From 2026-07-28 it is a wrong parameter.
    assert_eq!(reply.error_code(), -32602, "{reply:?}");
    assert!(hint(&reply).contains(part), "{}", hint(&reply));
    assert!(!reply.body.to_string().contains("DROP") && !reply.body.to_string().contains("passwd"));
}

#[tokio::test]
async fn older_protocols_have_a_code_for_what_there_is_not() {
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let service = Records::default().service(Arc::new(NamesRunner));
        let params = json!({ "uri": "retail://schema/order" });
        let post = Post::legacy(version, "resources/read", params).by(seattle().await);
        let reply = post.send_to(service.clone()).await;
        assert_eq!((reply.error_code(), hint(&reply).is_empty()), (-32002, false));

        let post = Post::legacy(version, "resources/read", json!({ "uri": "retail://metrics" }));
        let reply = post.by(seattle().await).send_to(service.clone()).await;
        assert!(text(&reply).contains("net_sales") && reply.result()["resultType"].is_null());
        let post = Post::legacy(version, "resources/list", json!({})).by(seattle().await);
        assert!(post.send_to(service).await.result()["resources"].is_array());
    }
}

#[rstest]
#[case("resources/read", json!({ "uri": 1 }))]
#[case("resources/read", json!({}))]
#[case("prompts/get", json!({ "arguments": {} }))]
#[case("completion/complete", json!({ "ref": { "type": "ref/tool", "name": "x" } }))]
#[tokio::test]
async fn parameters_of_another_form_are_told_so(#[case] method: &str, #[case] params: Value) {
    let service = Records::default().service(Arc::new(NamesRunner));
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let post = Post::legacy(version, method, params.clone()).by(seattle().await);
        let reply = post.send_to(service.clone()).await;
        assert_eq!(reply.error_code(), -32602, "{reply:?}");
        assert!(reply.body["error"]["message"].as_str().unwrap().contains(method), "{reply:?}");
    }
    let reply = Post::newest(method, params).by(seattle().await).send_to(service).await;
    assert!([-32602, -32020].contains(&reply.error_code()), "{reply:?}");
}

#[tokio::test]
async fn a_long_address_is_answered_at_once() {
    let uri = format!("retail://metrics/{}", "net_sales".repeat(20_000));
    let params = json!({ "uri": uri });
    let service = Records::default().service(Arc::new(NamesRunner));
    let post = Post::legacy("2025-11-25", "resources/read", params).by(seattle().await);
    let reply = post.send_to(service).await;
    assert_eq!(reply.error_code(), -32002);
    assert!(reply.body.to_string().len() < 2_000);
}

#[rstest]
#[case("retail://schema/orders", None, true)]
#[case("retail://store", None, true)]
#[case("retail://metrics", None, false)]
#[case("retail://metrics/gross_margin", Some(ErrorCode::Forbidden), false)]
#[case("retail://schema/hunter2", Some(ErrorCode::NotFound), false)]
#[tokio::test]
async fn each_read_is_recorded_and_observed_once(
    #[case] uri: &str,
    #[case] error: Option<ErrorCode>,
    #[case] has_statement: bool,
) {
    let records = Records::default();
    let reply = post("resources/read", json!({ "uri": uri }))
        .header("x-request-id", "req-1")
        .by(seattle().await)
        .send_to(records.service(Arc::new(NamesRunner)))
        .await;
    let [entry] = <[_; 1]>::try_from(records.entries()).unwrap();
    assert_eq!((entry.tool.as_str(), entry.error), ("resources/read", error), "{reply:?}");
    assert_eq!((entry.request_id.as_str(), entry.subject.as_str()), ("req-1", "seattle"));
    assert_eq!((entry.store_id, entry.statement.is_some()), (Some(1), has_statement), "{entry:?}");
    assert_eq!(entry.bytes, error.is_none().then(|| text(&reply).len() as u64));
    assert!(!format!("{entry:?}").contains("hunter2"));
    assert_eq!(records.observed(), [("resources/read", error)]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_read() {
    let records = Records::full();
    let service = records.service(Arc::new(NamesRunner));
    let post = post("resources/read", json!({ "uri": "retail://metrics" })).by(seattle().await);
    let reply = post.send_to(service).await;
    assert_eq!(reply.error_code(), -32603, "{reply:?}");
    assert_eq!(reply.body["error"]["data"]["retryable"], true);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_told_without_its_cause() {
    let records = Records::default();
    let service = records.service(Arc::new(Unavailable));
    let post = post("resources/read", json!({ "uri": "retail://store" })).by(seattle().await);
    let reply = post.send_to(service).await;
    assert_eq!(reply.error_code(), -32603, "{reply:?}");
    assert_eq!(reply.body["error"]["data"]["code"], "unavailable");
    assert!(!reply.body.to_string().contains("hunter2"));
    let [entry] = <[_; 1]>::try_from(records.entries()).unwrap();
    assert_eq!(entry.error, Some(ErrorCode::Unavailable));
}

#[rstest]
#[case("resources/list", json!({}))]
#[case("resources/templates/list", json!({}))]
#[case("resources/read", json!({ "uri": "retail://metrics" }))]
#[tokio::test]
async fn nobody_is_nobody(#[case] method: &str, #[case] params: Value) {
    let legacy = Post::legacy("2025-06-18", method, params.clone());
    for post in [post(method, params), legacy] {
        let reply = post.send_to(Records::default().service(Arc::new(NamesRunner))).await;
        assert_eq!(reply.error_code(), -32600, "{reply:?}");
        assert_eq!(reply.body["error"]["data"]["code"], "unauthenticated");
    }
}

#[tokio::test]
async fn a_client_on_streams_lists_and_reads() {
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let server = Records::default().server(Arc::new(NamesRunner));
    let serving = tokio::spawn(server.serve_streams(head_office().await, input, output));
    let mut client = ().serve(client_end).await.unwrap();
    let resources = client.list_all_resources().await.unwrap();
    assert!(resources.iter().any(|resource| resource.uri == "retail://store"));
    assert_eq!(client.list_all_resource_templates().await.unwrap().len(), 3);
    let params = ReadResourceRequestParams::new("retail://store");
    let read = client.read_resource(params).await.unwrap();
    assert_eq!(read.contents.len(), 1);
    client.close().await.unwrap();
    serving.await.unwrap().unwrap();
}
