//! `get_product_recommendations`.

use std::sync::Arc;

use retail_domain::ports::MockProductSearch;
use retail_domain::{Error, ErrorCode, Evidence, ProductRef, RecommendationKind, Recommendations};
use rstest::rstest;
use serde_json::{Value, json};

use crate::search_support::{call_to, recommended, service_with, whole_service};
use crate::support::{Reply, seattle};

const TOOL: &str = "get_product_recommendations";

/// Asks a search that expects `kind`.
async fn ask(arguments: Value, kind: RecommendationKind, answer: Recommendations) -> Reply {
    // One call: a product is looked up where the recommendation is made.
    let mut search = MockProductSearch::new();
    search
        .expect_recommend()
        .withf(move |_, request| request.kind == kind && request.max_results == 11)
        .times(1)
        .returning(move |_, _| Ok(answer.clone()));
    call_to(service_with(Arc::new(search), None), seattle().await, TOOL, arguments).await
}

#[rstest]
#[case(
    json!({ "product_id": 7 }),
    RecommendationKind::SimilarProducts { product: ProductRef::Id(7), min_similarity: 0.5 },
    Evidence::Similar { similarity: 0.7321 },
    "73.2 % similar"
)]
#[case(
    json!({ "type": "similar_products", "product_id": 7, "similarity_threshold": 0.7 }),
    RecommendationKind::SimilarProducts { product: ProductRef::Id(7), min_similarity: 0.7 },
    Evidence::Similar { similarity: 0.7321 },
    "73.2 % similar"
)]
#[case(
    json!({ "type": "cross_sell", "sku": " HW/BOX-1.5 (a) " }),
    RecommendationKind::CrossSell { product: ProductRef::Sku("HW/BOX-1.5 (a)".to_owned()), days_back: 90 },
    Evidence::BoughtTogether { baskets: 37, baskets_of_product: 412, lift: 4.08 },
    "bought together 37 times, 4.1x more than chance (in 37 of its 412 baskets)"
)]
#[case(
    json!({ "type": "customer_based", "customer_id": 9, "days_back": 365 }),
    RecommendationKind::CustomerBased { customer_id: 9, days_back: 365 },
    Evidence::NearPurchases { similarity: 0.7, nearest_purchase: "Box".to_owned() },
    "70.0 % similar to \"Box\", which the customer bought"
)]
#[case(
    json!({ "type": "trending" }),
    RecommendationKind::Trending { days_back: 90 },
    Evidence::Growth {
        units: 120, units_year_before: 80, net_sales_change: retail_domain::Cents(1), growth: 1.5
    },
    "units 120 against 80 in the same 90 days a year before (+50 %); net sales +0.01"
)]
#[tokio::test]
async fn each_type_asks_for_its_kind_and_tells_the_evidence(
    #[case] arguments: Value,
    #[case] kind: RecommendationKind,
    #[case] evidence: Evidence,
    #[case] sentence: &str,
) {
    let reply = ask(arguments, kind, recommended(evidence)).await;
    let text: Value = serde_json::from_str(reply.text()).unwrap();
    assert_eq!(
        text["c"],
        json!([
            "product_id",
            "sku",
            "product_name",
            "category_name",
            "type_name",
            "base_price",
            "stock_level",
            "why"
        ])
    );
    assert_eq!(text["r"][0].as_array().unwrap().last().unwrap(), sentence);
    assert_eq!(text["period"], json!(["2026-08-25", "2026-11-22"]));
    let answer = &reply.result()["structuredContent"];
    assert_eq!(answer["products"][0]["why"]["evidence"], sentence);
    assert_eq!(answer["about_product"], "Outdoor Box");
    assert_eq!(answer["receipt"]["acting_store"], "Zava Retail Seattle");
}

#[tokio::test]
async fn no_evidence_is_an_answer_that_names_whose_sales_count() {
    let nothing =
        Recommendations { items: [].into(), ..recommended(Evidence::Similar { similarity: 0.0 }) };
    let kind = RecommendationKind::CrossSell { product: ProductRef::Id(7), days_back: 30 };
    let arguments = json!({ "type": "cross_sell", "product_id": 7, "days_back": 30 });
    let reply = ask(arguments, kind, nothing).await;
    let text: Value = serde_json::from_str(reply.text()).unwrap();
    assert_eq!((&text["c"], &text["n"]), (&json!([]), &json!(0)));
    assert_eq!(
        text["msg"],
        "No product lies in enough of the same baskets of 30 days to say anything. Only sales of Zava Retail Seattle count."
    );
}

#[rstest]
#[case(json!({}), "type similar_products needs 'product_id' or 'sku'")]
#[case(json!({ "type": "cross_sell" }), "type cross_sell needs 'product_id' or 'sku'")]
#[case(json!({ "type": "customer_based" }), "type customer_based needs 'customer_id'")]
#[case(json!({ "type": "trending", "product_id": 1 }), "type trending takes no product_id and sku")]
#[case(json!({ "type": "cross_sell", "product_id": 1, "customer_id": 1 }), "type cross_sell takes no customer_id")]
#[case(json!({ "product_id": 1, "sku": "A" }), "'product_id' and 'sku' are both given")]
#[case(json!({ "sku": " " }), "'sku' is empty")]
#[case(json!({ "sku": "A".repeat(101) }), "'sku' is longer than 100 characters")]
#[case(json!({ "sku": "A\u{0}B" }), "'sku' has control characters")]
#[case(json!({ "type": "cross_sell", "sku": "A\nB" }), "'sku' has control characters")]
#[case(json!({ "type": "best" }), "'type' must be one of similar_products, customer_based, trending, cross_sell, and is 'best'")]
#[case(json!({ "type": 1 }), "'type' must be a string, not a number")]
#[case(json!({ "product_id": 0 }), "'product_id' must be from 1 to 2147483647, and is 0")]
#[case(json!({ "product_id": 2_147_483_648_u32 }), "'product_id' must be from 1 to 2147483647, and is 2147483648")]
#[case(json!({ "product_id": "1" }), "'product_id' must be an integer, not a string")]
#[case(json!({ "product_id": 1, "limit": 51 }), "'limit' must be from 1 to 50, and is 51")]
#[case(json!({ "product_id": 1, "similarity_threshold": 1.5 }), "'similarity_threshold' must be from 0 to 1, and is 1.5")]
#[case(json!({ "type": "trending", "days_back": 0 }), "'days_back' must be from 1 to 365, and is 0")]
#[case(json!({ "type": "trending", "days_back": 366 }), "'days_back' must be from 1 to 365, and is 366")]
#[tokio::test]
async fn a_wrong_argument_is_named(#[case] arguments: Value, #[case] message: &str) {
    let failure = call_to(whole_service(), seattle().await, TOOL, arguments).await.failure();
    assert_eq!(failure["code"], "invalid_argument");
    assert_eq!(failure["message"], message);
    assert!(!failure["hint"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_article_number_is_not_found() {
    let mut search = MockProductSearch::new();
    search.expect_recommend().returning(|_, request| {
        let RecommendationKind::SimilarProducts { product, .. } = &request.kind else {
            panic!("{request:?}");
        };
        Err(Error::new(ErrorCode::NotFound, format!("there is no {product}")))
    });
    let service = service_with(Arc::new(search), None);
    let arguments = json!({ "sku": "NOSUCH" });
    let failure = call_to(service, seattle().await, TOOL, arguments).await.failure();
    assert_eq!(failure["code"], "not_found");
    assert_eq!(failure["message"], "there is no product with the SKU 'NOSUCH'");
}
