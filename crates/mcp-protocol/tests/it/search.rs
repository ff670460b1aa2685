//! The two searches for products.

use std::sync::Arc;

use retail_domain::ports::{MockProductSearch, ProductSearch};
use retail_domain::{Cents, Error, ErrorCode, SearchMode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::search_support::{
    call_to, embedder, failing_embedder, found, search, service_with, whole_service,
};
use crate::support::{Post, Reply, principal, seattle, service};

const SEARCHES: [(&str, &str); 2] =
    [("semantic_search_products", "query_description"), ("hybrid_product_search", "query")];

async fn ask(tool: &str, arguments: Value) -> Reply {
    call_to(whole_service(), seattle().await, tool, arguments).await
}

fn text(reply: &Reply) -> Value {
    serde_json::from_str(reply.text()).unwrap()
}

#[tokio::test]
async fn without_a_search_its_tools_are_not_there() {
    let reply = Post::newest("tools/list", json!({})).by(seattle().await).send_to(service()).await;
    let tools = reply.result()["tools"].as_array().unwrap().clone();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "get_multiple_table_schemas",
            "analyze_sales",
            "explain_change",
            "generate_business_insights",
            "inventory_status",
            "forecast_sales",
            "compare_with_peers",
            "chart",
            "execute_sales_query",
            "get_current_utc_date"
        ]
    );
}

#[tokio::test]
async fn the_instructions_name_the_search_where_there_is_one() {
    for (service, named) in [(service(), false), (whole_service(), true)] {
        let reply =
            Post::newest("server/discover", json!({})).by(seattle().await).send_to(service).await;
        let instructions = reply.result()["instructions"].as_str().unwrap();
        assert_eq!(instructions.contains("hybrid_product_search"), named, "{instructions}");
    }
}

#[tokio::test]
async fn similar_products_come_with_the_columns_of_the_reference() {
    let arguments = json!({ "query_description": "outdoor box", "max_rows": 1 });
    let reply = ask("semantic_search_products", arguments).await;
    assert_eq!(
        reply.text(),
        r#"{"c":["product_id","sku","product_name","category_name","type_name","base_price","product_description","stock_level","similarity_distance","sp"],"r":[[1,"HWBOX001","Outdoor Box","HARDWARE","BOXES","12.30","Keeps water out.",14,0.1845,81.5]],"n":1,"truncated":true}"#
    );
    let answer = &reply.result()["structuredContent"];
    assert_eq!(answer["model"], json!({ "name": "test-model", "dimensions": 2 }));
    let receipt = &answer["receipt"];
    assert_eq!(receipt["acting_store"], "Zava Retail Seattle");
    assert_eq!(receipt["row_security"], "enforced");
    assert_eq!((&receipt["rows_returned"], &receipt["limit"]), (&json!(1), &json!(1)));
    assert_eq!((&receipt["truncated"], &receipt["cached"]), (&json!(true), &json!(false)));
    assert_eq!(receipt["as_of"], "2026-11-22T21:25:57.123456Z");
}

#[tokio::test]
async fn no_similar_product_is_said_in_the_words_of_the_reference() {
    let mut none = MockProductSearch::new();
    none.expect_semantic()
        .withf(|_, query| query.max_results == 21 && (query.min_similarity - 0.3).abs() < 1e-9)
        .returning(|_, _| Ok(found(0, SearchMode::Semantic)));
    let service = service_with(Arc::new(none), Some(embedder()));
    let arguments = json!({ "query_description": "a cup of tea" });
    let reply = call_to(service, seattle().await, "semantic_search_products", arguments).await;
    assert_eq!(reply.text(), r#"{"c":[],"r":[],"n":0,"msg":"No products >= 30.0%"}"#);
    assert_eq!(reply.result()["structuredContent"]["products"], json!([]));
}

/// The search gives costs to everybody here: the tools themselves hold them back.
#[tokio::test]
async fn costs_are_for_those_with_the_scope() {
    let calls = [
        ("semantic_search_products", json!({ "query_description": "box" })),
        ("hybrid_product_search", json!({ "query": "box" })),
        ("get_product_recommendations", json!({ "type": "trending" })),
    ];
    for (tool, arguments) in calls {
        let without = call_to(whole_service(), seattle().await, tool, arguments.clone()).await;
        let body = without.result().to_string();
        for secret in ["cost", "margin", "8.24", "33.01"] {
            assert!(!body.contains(secret), "{tool} tells {secret}: {body}");
        }
        let head_office = principal("head-office:retail.search retail.costs").await;
        let with = call_to(whole_service(), head_office, tool, arguments).await;
        let columns = text(&with)["c"].to_string();
        assert!(columns.contains(r#""cost","base_price","gross_margin_percent""#), "{columns}");
        let product = &with.result()["structuredContent"]["products"][0];
        assert_eq!(
            (&product["cost"], &product["gross_margin_percent"]),
            (&json!("8.24"), &json!("33.01"))
        );
    }
}

#[tokio::test]
async fn each_row_of_a_hybrid_search_says_why() {
    let reply = ask("hybrid_product_search", json!({ "query": "outdor box", "limit": 2 })).await;
    let told = text(&reply);
    assert_eq!(told["search_mode"], "hybrid");
    assert_eq!(told["c"].as_array().unwrap().last().unwrap(), "why");
    assert_eq!(
        told["r"][1].as_array().unwrap().last().unwrap(),
        "81.5 % similar; matches box, outdor as outdoor; rank 2 by meaning, 2 by words"
    );
    assert_eq!(
        told["understood"],
        json!({
            "wanted": "outdor box",
            "corrections": [{ "asked": "outdor", "searched": "outdoor" }]
        })
    );
    let answer = &reply.result()["structuredContent"];
    assert_eq!(
        answer["products"][1]["why"],
        json!({
            "similarity_percent": 81.5,
            "matched_terms": [
                { "asked": "box", "searched": "box" },
                { "asked": "outdor", "searched": "outdoor" }
            ],
            "semantic_rank": 2,
            "keyword_rank": 2,
            "score": 0.5,
        })
    );
    assert_eq!(answer["products"][1]["stock_level"], 14);
    assert!(answer["search_mode_reason"].is_null());
}

#[tokio::test]
async fn the_filters_reach_the_search() {
    let mut search = MockProductSearch::new();
    search
        .expect_hybrid()
        .withf(|principal, query| {
            let filters = &query.filters;
            principal.visibility().label() == "Zava Retail Seattle"
                && filters.category.as_deref() == Some("Power Tools")
                && (filters.min_price, filters.max_price) == (Some(Cents(999)), Some(Cents(2_000)))
                && filters.in_stock
                && (query.weights.semantic() - 0.5).abs() < 1e-9
                && (query.weights.keyword() - 0.3).abs() < 1e-9
                && query.embedding.is_some()
                && query.max_results == 6
        })
        .returning(|_, _| Ok(found(1, SearchMode::Hybrid)));
    let service = service_with(Arc::new(search), Some(embedder()));
    let arguments = json!({
        "query": "drill", "limit": 5, "semantic_weight": 0.5, "category": " Power Tools ",
        "min_price": 9.99, "max_price": 20, "in_stock_only": true,
    });
    let reply = call_to(service, seattle().await, "hybrid_product_search", arguments).await;
    assert_eq!(text(&reply)["n"], 1);
}

fn down() -> Error {
    Error::unavailable("the embedding service", "connection refused to 10.1.2.3")
}

fn misconfigured() -> Error {
    Error::internal("401 for the key sk-secret")
}

#[rstest]
#[case(down, "the embedding service does not answer now")]
#[case(misconfigured, "the embedding model failed; the cause is in the server's log")]
#[tokio::test]
async fn without_meaning_words_are_searched_and_it_is_said(
    #[case] error: fn() -> Error,
    #[case] reason: &str,
) {
    let service = service_with(search(), Some(failing_embedder(error)));
    let arguments = json!({ "query": "outdoor box" });
    let reply = call_to(service, seattle().await, "hybrid_product_search", arguments).await;
    let told = text(&reply);
    assert_eq!((&told["n"], &told["search_mode"]), (&json!(20), &json!("keyword_only")));
    let message = told["msg"].as_str().unwrap();
    assert_eq!(message, format!("Searched by words alone, not by meaning: {reason}."));
    let answer = &reply.result()["structuredContent"];
    assert_eq!(answer["search_mode"], "keyword_only");
    assert_eq!(answer["search_mode_reason"], reason);
    assert!(answer["model"].is_null());
    assert!(!reply.body.to_string().contains("10.1.2.3"));
    assert!(!reply.body.to_string().contains("sk-secret"));
}

#[tokio::test]
async fn a_search_by_meaning_alone_fails_without_meaning() {
    let arguments = json!({ "query_description": "outdoor box" });
    let ask = async |embedder| {
        let service = service_with(search(), embedder);
        let tool = "semantic_search_products";
        call_to(service, seattle().await, tool, arguments.clone()).await.failure()
    };
    let failure = ask(Some(failing_embedder(down))).await;
    assert_eq!((&failure["code"], &failure["retryable"]), (&json!("unavailable"), &json!(true)));
    let failure = ask(None).await;
    assert_eq!(failure["code"], "embeddings_not_ready");
    assert!(failure["hint"].as_str().unwrap().contains("hybrid_product_search"), "{failure}");
}

fn not_ready() -> Error {
    Error::new(ErrorCode::EmbeddingsNotReady, "no vectors of test-model")
        .with_hint("run `retail-mcp embed`")
}

#[tokio::test]
async fn without_vectors_of_the_catalogue_words_are_searched() {
    let mut search = MockProductSearch::new();
    search.expect_hybrid().returning(|_, query| match query.embedding {
        Some(_) => Err(not_ready()),
        None => Ok(found(1, SearchMode::KeywordOnly)),
    });
    search.expect_semantic().returning(|_, _| Err(not_ready()));
    let search: Arc<dyn ProductSearch> = Arc::new(search);
    let service = || service_with(Arc::clone(&search), Some(embedder()));
    let arguments = json!({ "query": "outdoor box" });
    let reply = call_to(service(), seattle().await, "hybrid_product_search", arguments).await;
    assert_eq!(text(&reply)["search_mode"], "keyword_only");
    let answer = &reply.result()["structuredContent"];
    assert_eq!(answer["search_mode_reason"], "no vectors of test-model");

    let arguments = json!({ "query_description": "outdoor box" });
    let reply = call_to(service(), seattle().await, "semantic_search_products", arguments).await;
    let failure = reply.failure();
    assert_eq!(failure["code"], "embeddings_not_ready");
    assert!(failure["hint"].as_str().unwrap().contains("retail-mcp embed"));
    assert_eq!(failure["retryable"], false);
}

#[rstest]
#[case(json!(""), "parameter is required")]
#[case(json!(" \n\t "), "parameter is required")]
#[case(json!("\u{3000}\u{a0}"), "parameter is required")]
#[case(json!("x".repeat(10_000)), "is longer than 500 characters")]
#[case(json!("box\u{0}"), "has control characters")]
#[case(json!("box\u{1b}[31m"), "has control characters")]
#[case(json!("?!…"), "has no letter and no digit")]
#[case(json!(7), "must be a string, not a number")]
#[case(json!(["box"]), "must be a string, not an array")]
#[case(json!(null), "parameter is required")]
#[tokio::test]
async fn a_text_that_is_none_is_refused_by_name(#[case] given: Value, #[case] message: &str) {
    for (tool, field) in SEARCHES {
        let failure = ask(tool, json!({ field: given })).await.failure();
        assert_eq!(failure["code"], "invalid_argument");
        let told = failure["message"].as_str().unwrap();
        assert!(told.contains(field) && told.contains(message), "{tool}: {told}");
        assert!(told.len() < 200, "{told}");
    }
}

#[rstest]
#[case("шуруповёрт")]
#[case("防水ボックス")]
#[case("صندوق")]
#[case("🔨 box")]
#[case("'; DROP TABLE retail.products; --")]
#[case("a & b | !c:* <-> (")]
#[tokio::test]
async fn other_scripts_and_signs_are_texts(#[case] given: &str) {
    for (tool, field) in SEARCHES {
        let reply = ask(tool, json!({ field: given })).await;
        assert_eq!(text(&reply)["n"], 20, "{tool}: {reply:?}");
    }
}

#[rstest]
#[case("semantic_search_products", "max_rows", json!(0), "'max_rows' must be from 1 to 100, and is 0")]
#[case("semantic_search_products", "max_rows", json!(101), "'max_rows' must be from 1 to 100, and is 101")]
#[case("semantic_search_products", "max_rows", json!(-1), "'max_rows' must be from 1 to 100, and is -1")]
#[case("semantic_search_products", "max_rows", json!(20.5), "'max_rows' must be an integer, not a number with a decimal point")]
#[case("semantic_search_products", "max_rows", json!("20"), "'max_rows' must be an integer, not a string")]
#[case("semantic_search_products", "similarity_threshold", json!(-0.1), "'similarity_threshold' must be from 0 to 100, and is -0.1")]
#[case("semantic_search_products", "similarity_threshold", json!(100.1), "'similarity_threshold' must be from 0 to 100, and is 100.1")]
#[case("semantic_search_products", "similarity_threshold", json!(1e308), "'similarity_threshold' must be from 0 to 100, and is 1e+308")]
#[case("semantic_search_products", "similarity_threshold", json!("NaN"), "'similarity_threshold' must be a number, not a string")]
#[case("hybrid_product_search", "limit", json!(101), "'limit' must be from 1 to 100, and is 101")]
#[case("hybrid_product_search", "semantic_weight", json!(1.1), "'semantic_weight' must be from 0 to 1, and is 1.1")]
#[case("hybrid_product_search", "keyword_weight", json!(-1), "'keyword_weight' must be from 0 to 1, and is -1")]
#[case("hybrid_product_search", "max_price", json!(-1), "'max_price' must be from 0 to 1000000, and is -1")]
#[case("hybrid_product_search", "min_price", json!("$5"), "'min_price' must be a number, not a string")]
#[case("hybrid_product_search", "category", json!(" "), "'category' is empty")]
#[case("hybrid_product_search", "category", json!("a\u{7}"), "'category' has control characters")]
#[case("hybrid_product_search", "in_stock_only", json!("yes"), "'in_stock_only' must be a boolean, not a string")]
#[case("hybrid_product_search", "store_id", json!(1), "unknown argument 'store_id'")]
#[tokio::test]
async fn a_value_out_of_range_is_named_with_its_range(
    #[case] tool: &str,
    #[case] name: &str,
    #[case] value: Value,
    #[case] message: &str,
) {
    let (_, field) = SEARCHES.into_iter().find(|(search, _)| *search == tool).unwrap();
    let failure = ask(tool, json!({ field: "box", name: value })).await.failure();
    assert_eq!(failure["code"], "invalid_argument");
    assert_eq!(failure["message"], message);
    assert!(!failure["hint"].as_str().unwrap().is_empty());
}

#[rstest]
#[case(json!({ "query": "box", "semantic_weight": 0, "keyword_weight": 0 }), "both 0")]
#[case(json!({ "query": "box", "min_price": 5, "max_price": 4.99 }), "'min_price' 5.00 is above 'max_price' 4.99")]
#[tokio::test]
async fn values_that_do_not_fit_each_other_are_refused(
    #[case] arguments: Value,
    #[case] message: &str,
) {
    let failure = ask("hybrid_product_search", arguments).await.failure();
    assert_eq!(failure["code"], "invalid_argument");
    assert!(failure["message"].as_str().unwrap().contains(message), "{failure}");
}

#[tokio::test]
async fn words_alone_need_no_embedder() {
    let service = service_with(search(), Some(failing_embedder(|| panic!("not asked"))));
    let arguments = json!({ "query": "box", "semantic_weight": 0 });
    let reply = call_to(service, seattle().await, "hybrid_product_search", arguments).await;
    assert_eq!(text(&reply)["search_mode"], "keyword_only");
    assert!(text(&reply)["msg"].as_str().unwrap().contains("semantic_weight is 0"));
}
