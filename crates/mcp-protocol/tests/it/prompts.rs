//! Prompts: who is offered which, what they say, and that what they say to call can be called.

use std::sync::Arc;

use retail_domain::ErrorCode;
use retail_mcp_protocol::HttpOptions;
use rmcp::ServiceExt as _;
use rmcp::model::GetPromptRequestParams;
use rstest::rstest;
use serde_json::{Value, json};

use crate::reading_support::{NamesRunner, Records, ask, hint};
use crate::search_support::{embedder, search};
use crate::support::{Post, Reply, builder, head_office, principal, seattle};

const ALL: [&str; 5] = [
    "weekly_store_review",
    "why_are_sales_down",
    "what_should_i_reorder",
    "prepare_a_promotion",
    "onboarding",
];

async fn get(who: &str, name: &str, arguments: Value) -> Reply {
    let params = json!({ "name": name, "arguments": arguments });
    ask(principal(who).await, "prompts/get", params).await
}

fn text(reply: &Reply) -> &str {
    let messages = reply.result()["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &messages[0]["role"]), (1, &json!("user")));
    messages[0]["content"]["text"].as_str().unwrap()
}

/// Arguments that the prompt cannot do without.
fn needed(name: &str) -> Value {
    match name {
        "prepare_a_promotion" => json!({ "category": "HAND TOOLS" }),
        _ => json!({}),
    }
}

#[tokio::test]
async fn prompts_are_as_published() {
    let reply = ask(head_office().await, "prompts/list", json!({})).await;
    assert_eq!(reply.result()["cacheScope"], "private");
    assert!(reply.result()["ttlMs"].as_u64().unwrap() > 0);
    insta::assert_json_snapshot!(reply.result()["prompts"]);
}

#[tokio::test]
async fn a_manager_has_no_store_to_choose() {
    let reply = ask(seattle().await, "prompts/list", json!({})).await;
    let prompts = reply.result()["prompts"].as_array().unwrap();
    assert_eq!(prompts.len(), ALL.len());
    for prompt in prompts {
        let arguments = prompt["arguments"].as_array().unwrap();
        assert!(arguments.iter().all(|argument| argument["name"] != "store"), "{prompt}");
    }
    let reply =
        get("seattle:retail.sql", "weekly_store_review", json!({ "store": "tacoma" })).await;
    assert_eq!(reply.error_code(), -32602, "{reply:?}");
    assert!(hint(&reply).contains("leave 'store' out"), "{}", hint(&reply));
}

#[tokio::test]
async fn who_may_not_call_the_tools_is_offered_nothing() {
    let who = "seattle:retail.read";
    let reply = ask(principal(who).await, "prompts/list", json!({})).await;
    assert_eq!(reply.result()["prompts"], json!([]));
    for name in ALL {
        let reply = get(who, name, needed(name)).await;
        assert_eq!(reply.error_code(), -32600, "{reply:?}");
        assert_eq!(reply.body["error"]["data"]["code"], "forbidden");
        assert_eq!(hint(&reply), "it needs the scope retail.sql");
    }
}

/// The calls that a prompt tells to make.
fn calls(text: &str) -> Vec<(String, Value)> {
    let calls = text.lines().filter_map(|line| {
        let (_, call) = line.split_once(". Call `")?;
        let (tool, rest) = call.split_once("` with `").unwrap();
        let (arguments, _) = rest.rsplit_once("`: ").unwrap();
        Some((tool.to_owned(), serde_json::from_str(arguments).unwrap()))
    });
    calls.collect()
}

#[tokio::test]
async fn what_a_prompt_says_to_call_can_be_called() {
    let everything = "retail.read retail.search retail.sql retail.costs";
    let server = builder(Arc::new(NamesRunner)).product_search(search()).embedder(embedder());
    let service = server.build().unwrap().streamable_http_service(HttpOptions::default());
    let mut called = 0;
    for (who, store) in [("seattle", None), ("head-office", None), ("head-office", Some("seattle"))]
    {
        let who = format!("{who}:{everything}");
        for name in ALL {
            let mut arguments = needed(name);
            if let Some(store) = store {
                arguments["store"] = store.into();
            }
            for goal in ["sell_more", "clear_stock", "win_customers"] {
                if name == "prepare_a_promotion" {
                    arguments["goal"] = goal.into();
                }
                let params = json!({ "name": name, "arguments": arguments });
                let post = Post::newest("prompts/get", params).by(principal(&who).await);
                let reply = post.send_to(service.clone()).await;
                for (tool, arguments) in calls(text(&reply)) {
                    let params = json!({ "name": tool, "arguments": arguments });
                    let post = Post::newest("tools/call", params).by(principal(&who).await);
                    let body = post.send_to(service.clone()).await.body.to_string();
                    // The rows are none of a real database: what counts is that the arguments are taken.
                    assert!(!body.contains("the input schema"), "{tool} {arguments}: {body}");
                    assert!(!body.contains("unknown argument"), "{tool} {arguments}: {body}");
                    assert!(!body.contains("must be"), "{tool} {arguments}: {body}");
                    assert!(!body.contains("must have"), "{tool} {arguments}: {body}");
                    assert!(!body.contains("has no such name"), "{tool} {arguments}: {body}");
                    assert!(!body.contains("Unknown tool"), "{tool}: {body}");
                    called += 1;
                }
            }
        }
    }
    assert!(called > 50, "{called}");
}

#[rstest]
#[case("weekly_review", "did you mean weekly_store_review?")]
#[case("drop_everything", "there are: weekly_store_review")]
#[case("", "there are: weekly_store_review")]
#[tokio::test]
async fn an_unknown_prompt_gets_a_hint_and_is_not_repeated(#[case] name: &str, #[case] part: &str) {
    let reply = get("seattle:retail.sql", name, json!({})).await;
    assert_eq!(reply.error_code(), -32602, "{reply:?}");
    assert!(hint(&reply).contains(part), "{}", hint(&reply));
    assert!(!reply.body.to_string().contains("drop_everything"));
}

#[tokio::test]
async fn prompts_are_observed_and_not_recorded() {
    let records = Records::default();
    let service = records.service(Arc::new(NamesRunner));
    for (method, params) in [
        ("prompts/list", json!({})),
        ("prompts/get", json!({ "name": "onboarding" })),
        ("prompts/get", json!({ "name": "hunter2" })),
    ] {
        let post = Post::newest(method, params).by(seattle().await);
        post.send_to(service.clone()).await;
    }
    assert!(records.entries().is_empty(), "they read nothing");
    let wrong = Some(ErrorCode::InvalidArgument);
    let expected = [("prompts/list", None), ("prompts/get", None), ("prompts/get", wrong)];
    assert_eq!(records.observed(), expected);
}

#[rstest]
#[case("prompts/list", json!({}))]
#[case("prompts/get", json!({ "name": "onboarding" }))]
#[tokio::test]
async fn nobody_is_nobody(#[case] method: &str, #[case] params: Value) {
    let legacy = Post::legacy("2025-06-18", method, params.clone());
    for post in [Post::newest(method, params), legacy] {
        let reply = post.send_to(Records::default().service(Arc::new(NamesRunner))).await;
        assert_eq!(reply.error_code(), -32600, "{reply:?}");
        assert_eq!(reply.body["error"]["data"]["code"], "unauthenticated");
    }
}

#[tokio::test]
async fn all_versions_have_them() {
    for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
        let service = Records::default().service(Arc::new(NamesRunner));
        let post = Post::legacy(version, "prompts/list", json!({})).by(seattle().await);
        let reply = post.send_to(service.clone()).await;
        assert_eq!(reply.result()["prompts"].as_array().unwrap().len(), ALL.len());
        let post = Post::legacy(version, "prompts/get", json!({ "name": "onboarding" }));
        assert!(text(&post.by(seattle().await).send_to(service).await).contains("# Steps"));
    }
    let (client_end, server_end) = tokio::io::duplex(64 * 1024);
    let (input, output) = tokio::io::split(server_end);
    let server = Records::default().server(Arc::new(NamesRunner));
    let serving = tokio::spawn(server.serve_streams(seattle().await, input, output));
    let mut client = ().serve(client_end).await.unwrap();
    assert_eq!(client.list_all_prompts().await.unwrap().len(), ALL.len());
    let prompt = client.get_prompt(GetPromptRequestParams::new("onboarding")).await.unwrap();
    assert_eq!(prompt.messages.len(), 1);
    client.close().await.unwrap();
    serving.await.unwrap().unwrap();
}
