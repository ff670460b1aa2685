//! What completes what a user types, and who is shown which names.

use std::sync::Arc;

use retail_domain::ErrorCode;
use rmcp::ServiceExt as _;
use rmcp::model::{ArgumentInfo, CompleteRequestParams, Reference};
use rstest::rstest;
use serde_json::{Value, json};

use crate::reading_support::{NamesRunner, Records, Unavailable, ask, hint, post};
use crate::support::{Post, Reply, head_office, principal, seattle};

fn of_template(uri: &str, name: &str, value: &str) -> Value {
    json!({ "ref": { "type": "ref/resource", "uri": uri }, "argument": { "name": name, "value": value } })
}

fn of_prompt(prompt: &str, name: &str, value: &str) -> Value {
    json!({ "ref": { "type": "ref/prompt", "name": prompt }, "argument": { "name": name, "value": value } })
}

fn values(reply: &Reply) -> Vec<&str> {
    let values = reply.result()["completion"]["values"].as_array().unwrap();
    values.iter().map(|value| value.as_str().unwrap()).collect()
}

#[rstest]
#[case("retail://schema/{table}", "table", "ITEMS", &["order_items"])]
#[case("retail://schema/{table}", "table", "order", &["orders", "order_items", "sales_by_order"])]
#[case("retail://metrics/{name}", "name", "margin", &[])]
#[case("retail://metrics/{name}", "name", "net", &["net_sales"])]
#[case("retail://calendar/{year}", "year", "", &["2026", "2027", "2025", "2024", "2023", "2022", "2021", "2020", "2019", "2018", "2017", "2016"])]
#[case("retail://calendar/{year}", "year", "2027", &["2027"])]
#[tokio::test]
async fn variables_of_templates_are_completed(
    #[case] uri: &str,
    #[case] name: &str,
    #[case] value: &str,
    #[case] expected: &[&str],
) {
    let reply = ask(seattle().await, "completion/complete", of_template(uri, name, value)).await;
    assert_eq!(values(&reply), expected);
    assert_eq!(reply.result()["completion"]["total"], expected.len());
    assert_eq!(reply.result()["completion"]["hasMore"], false);
}

#[tokio::test]
async fn margins_complete_for_those_who_may_see_costs() {
    let who = principal("seattle:retail.read retail.costs").await;
    let request = of_template("retail://metrics/{name}", "name", "margin");
    let reply = ask(who, "completion/complete", request).await;
    assert_eq!(values(&reply), ["gross_margin", "gross_margin_rate"]);
}

#[tokio::test]
async fn a_manager_is_shown_their_own_store_alone() {
    for typed in ["", "zava", "seattle"] {
        let request = of_prompt("weekly_store_review", "store", typed);
        let reply = ask(seattle().await, "completion/complete", request).await;
        assert_eq!(values(&reply), ["Zava Retail Seattle"]);
    }
    let request = of_prompt("weekly_store_review", "store", "tacoma");
    let reply = ask(seattle().await, "completion/complete", request).await;
    assert!(values(&reply).is_empty());
}

#[tokio::test]
async fn head_office_is_shown_all_stores() {
    let request = of_prompt("weekly_store_review", "store", "tac");
    let reply = ask(head_office().await, "completion/complete", request).await;
    assert_eq!(values(&reply), ["Zava Retail Tacoma"]);
    let request = of_prompt("weekly_store_review", "store", "zava");
    assert_eq!(values(&ask(head_office().await, "completion/complete", request).await).len(), 3);
}

#[rstest]
#[case("weekly_store_review", "category", "tools", &["HAND TOOLS", "POWER TOOLS"])]
#[case("why_are_sales_down", "product_type", "ham", &["HAMMERS"])]
#[case("why_are_sales_down", "compare_to", "prev", &["previous period"])]
#[case("prepare_a_promotion", "goal", "clear", &["clear_stock"])]
#[case("prepare_a_promotion", "when", "m", &[])]
#[case("what_should_i_reorder", "lead_days", "1", &[])]
#[tokio::test]
async fn arguments_of_prompts_are_completed(
    #[case] prompt: &str,
    #[case] name: &str,
    #[case] value: &str,
    #[case] expected: &[&str],
) {
    let reply = ask(seattle().await, "completion/complete", of_prompt(prompt, name, value)).await;
    assert_eq!(values(&reply), expected);
}

#[tokio::test]
async fn periods_are_completed() {
    let request = of_prompt("why_are_sales_down", "period", "last");
    let reply = ask(seattle().await, "completion/complete", request).await;
    assert!(values(&reply).len() > 1 && values(&reply)[0].starts_with("last"), "{reply:?}");
}

#[tokio::test]
async fn a_list_is_cut_at_a_hundred_and_follows_the_category() {
    let request = of_prompt("why_are_sales_down", "product_type", "");
    let reply = ask(seattle().await, "completion/complete", request.clone()).await;
    let completion = &reply.result()["completion"];
    assert_eq!(values(&reply).len(), 100);
    assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(151), &json!(true)));

    let mut request = request;
    request["context"] = json!({ "arguments": { "category": "hand tools" } });
    let reply = ask(seattle().await, "completion/complete", request).await;
    assert_eq!(values(&reply), ["HAMMERS"]);
}

#[rstest]
#[case(of_template("retail://metrics", "name", ""), "retail://metrics/{name}")]
#[case(of_template("file:///etc/{x}", "x", ""), "there are: retail://schema/{table}")]
#[case(of_template("retail://metrics/{name}", "table", ""), "there are: name")]
#[case(of_prompt("weekly_review", "period", ""), "did you mean weekly_store_review?")]
#[case(of_prompt("weekly_store_review", "perod", ""), "did you mean period?")]
#[tokio::test]
async fn what_has_no_completions_is_told_so(#[case] request: Value, #[case] part: &str) {
    let reply = ask(seattle().await, "completion/complete", request).await;
    assert_eq!(reply.error_code(), -32602, "{reply:?}");
    assert!(hint(&reply).contains(part), "{}", hint(&reply));
}

#[tokio::test]
async fn hostile_text_finds_nothing() {
    for typed in ["' OR 1=1 --", "\u{0}", "%", "../..", &"a".repeat(50_000)] {
        let request = of_template("retail://schema/{table}", "table", typed);
        let reply = ask(seattle().await, "completion/complete", request).await;
        let is_empty = !typed.chars().any(char::is_alphanumeric);
        assert_eq!(values(&reply).is_empty(), !is_empty, "{typed}");
    }
}

#[rstest]
#[case(of_template("retail://schema/{table}", "table", ""))]
#[case(of_prompt("weekly_store_review", "store", ""))]
#[tokio::test]
async fn without_the_right_nothing_is_completed(#[case] request: Value) {
    let who = principal("seattle:retail.search").await;
    let reply = ask(who, "completion/complete", request.clone()).await;
    assert_eq!(reply.error_code(), -32600, "{reply:?}");
    assert_eq!(reply.body["error"]["data"]["code"], "forbidden");

    let service = Records::default().service(Arc::new(NamesRunner));
    let reply = post("completion/complete", request).send_to(service).await;
    assert_eq!(reply.body["error"]["data"]["code"], "unauthenticated");
}

#[tokio::test]
async fn names_that_were_read_are_recorded() {
    let records = Records::default();
    let service = records.service(Arc::new(NamesRunner));
    let store = of_prompt("weekly_store_review", "store", "hunter2");
    let table = of_template("retail://schema/{table}", "table", "hunter2");
    for request in [store, table] {
        let post = post("completion/complete", request).by(seattle().await);
        post.send_to(service.clone()).await.result();
    }
    let [entry] = <[_; 1]>::try_from(records.entries()).unwrap();
    assert_eq!((entry.tool.as_str(), entry.error), ("completion/complete", None));
    assert_eq!(
        (entry.rows, entry.statement.clone().unwrap().fingerprint.as_str()),
        (Some(1), "names")
    );
    assert!(!format!("{entry:?}").contains("hunter2"));
    assert_eq!(records.observed(), [("completion/complete", None); 2]);
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_told() {
    let records = Records::default();
    let request = of_prompt("weekly_store_review", "category", "");
    let post = post("completion/complete", request).by(seattle().await);
    let reply = post.send_to(records.service(Arc::new(Unavailable))).await;
    assert_eq!(reply.body["error"]["data"]["code"], "unavailable");
    assert_eq!(records.observed(), [("completion/complete", Some(ErrorCode::Unavailable))]);
}

#[tokio::test]
async fn all_versions_complete() {
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let request = of_template("retail://schema/{table}", "table", "stores");
        let post = Post::legacy(version, "completion/complete", request).by(seattle().await);
        let reply = post.send_to(Records::default().service(Arc::new(NamesRunner))).await;
        assert_eq!(values(&reply), ["stores"]);
    }
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let server = Records::default().server(Arc::new(NamesRunner));
    let serving = tokio::spawn(server.serve_streams(seattle().await, input, output));
    let mut client = ().serve(client_end).await.unwrap();
    let reference = Reference::for_resource("retail://schema/{table}");
    let params = CompleteRequestParams::new(reference, ArgumentInfo::new("table", "stores"));
    assert_eq!(client.complete(params).await.unwrap().completion.values, ["stores"]);
    client.close().await.unwrap();
    serving.await.unwrap().unwrap();
}
