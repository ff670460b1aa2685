//! Product search through the whole server, with the real local model.

use std::sync::Arc;

use async_trait::async_trait;
use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel, Error};
use retail_server::config::{Config, Sources};
use retail_server::embedding::{self, Use};
use retail_testkit::{TestDatabase, store};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Call, Reply, TestServer, access_to, embedded, embedder};

async fn server() -> TestServer {
    TestServer::with_embedder(access_to(embedded().await), &[], Some(embedder()))
}

/// A call of a tool as Seattle's manager.
async fn ask(server: &TestServer, tool: &str, arguments: &Value) -> Reply {
    let token = server.manager(&store("Zava Retail Seattle"));
    server.send(Call::tool(tool, arguments).bearer(&token)).await
}

fn of_first(reply: &Reply, products: usize, field: &str) -> Vec<String> {
    let products = reply.answer()["products"].as_array().unwrap().iter().take(products);
    products.map(|product| product[field].as_str().unwrap().to_owned()).collect()
}

/// What acceptance of the search asks for: each query, with what the first products must be.
#[rstest]
#[case("containers for paint", "product_name", &["Paint", "Bucket", "Tray", "Can", "Pail", "Liner"])]
#[case("something to hang a heavy mirror on drywall", "product_name", &["Drywall", "Anchor", "Hanger", "Toggle", "Picture", "Mirror"])]
#[case("waterproof electrical box for outdoor use", "product_name", &["Box", "Outdoor", "Weather", "Waterproof", "Cover"])]
#[case("15 amp circuit breaker", "product_name", &["Breaker"])]
#[tokio::test]
async fn the_first_products_are_what_was_meant(
    #[case] query: &str,
    #[case] field: &str,
    #[case] words: &[&str],
) {
    let server = server().await;
    for (tool, argument) in
        [("semantic_search_products", "query_description"), ("hybrid_product_search", "query")]
    {
        let reply = ask(&server, tool, &json!({ argument: query })).await;
        let found = of_first(&reply, 3, field);
        assert_eq!(found.len(), 3, "{tool}: {reply:?}");
        // There are not three that hang a mirror.
        for name in &found[..2] {
            assert!(words.iter().any(|word| name.contains(word)), "{tool} {query:?}: {found:?}");
        }
        assert_eq!(reply.answer()["model"]["name"], "all-MiniLM-L6-v2");
    }
}

#[tokio::test]
async fn costs_are_shown_to_head_office_and_to_stores_that_are_given_them() {
    let database = embedded().await;
    let calls = [
        ("semantic_search_products", json!({ "query_description": "hammer" })),
        ("hybrid_product_search", json!({ "query": "hammer" })),
        ("get_product_recommendations", json!({ "sku": sku_of(database, "%Hammer%") })),
    ];
    for (variables, stores_see) in
        [(vec![], false), (vec![("AUTH__STORE_MANAGERS_SEE_COSTS", "true")], true)]
    {
        let server = TestServer::with_embedder(access_to(database), &variables, Some(embedder()));
        for (tool, arguments) in &calls {
            let reply = ask(&server, tool, arguments).await;
            let body = reply.answer().to_string();
            assert_eq!(body.contains("\"cost\""), stores_see, "{tool}: {body}");
            assert_eq!(body.contains("\"gross_margin_percent\""), stores_see, "{tool}: {body}");
            let call = Call::tool(tool, arguments).bearer(&server.head_office());
            let reply = server.send(call).await;
            let product = &reply.answer()["products"][0];
            let sku = product["sku"].as_str().unwrap();
            let cost =
                database.psql(&format!("SELECT cost FROM retail.products WHERE sku = '{sku}'"));
            assert_eq!(product["cost"], cost.trim(), "{tool}");
        }
    }
}

fn sku_of(database: &TestDatabase, name: &str) -> String {
    let sql = format!(
        "SELECT sku FROM retail.products WHERE product_name LIKE '{name}' ORDER BY sku LIMIT 1"
    );
    database.psql(&sql).trim().to_owned()
}

#[tokio::test]
async fn the_stock_is_the_acting_stores() {
    let database = embedded().await;
    let server = server().await;
    let arguments = json!({ "query": "hammer", "limit": 5 });
    for name in ["Zava Retail Seattle", "Zava Retail Kirkland"] {
        let token = server.manager(&store(name));
        let call = Call::tool("hybrid_product_search", &arguments).bearer(&token);
        let reply = server.send(call).await;
        assert_eq!(reply.answer()["receipt"]["acting_store"], name);
        for product in reply.answer()["products"].as_array().unwrap() {
            let stock = database.psql(&format!(
                "SELECT coalesce(sum(stock_level), 0) FROM retail.inventory
                 JOIN retail.stores USING (store_id) JOIN retail.products USING (product_id)
                 WHERE store_name = '{name}' AND sku = {}",
                product["sku"].to_string().replace('"', "'")
            ));
            assert_eq!(product["stock_level"].to_string(), stock.trim(), "{name}: {product}");
        }
    }
}

#[tokio::test]
async fn a_misspelling_and_a_price_are_understood_and_said() {
    let server = server().await;
    let arguments = json!({ "query": "extention cord under $40" });
    let reply = ask(&server, "hybrid_product_search", &arguments).await;
    let answer = reply.answer();
    assert_eq!(answer["understood"]["max_price"], "39.99", "{answer}");
    let corrections = answer["understood"]["corrections"].to_string();
    assert!(corrections.contains("extention"), "{answer}");
    let products = answer["products"].as_array().unwrap();
    assert!(products[0]["product_name"].as_str().unwrap().contains("Extension"), "{answer}");
    for product in products {
        assert!(product["base_price"].as_str().unwrap().parse::<f64>().unwrap() <= 40.0);
    }
}

#[tokio::test]
async fn a_service_that_is_down_leaves_the_words() {
    // Port 1 is tcpmux's, which nobody runs.
    let variables = [
        ("RETAIL_MCP__EMBEDDINGS__PROVIDER", "openai"),
        ("RETAIL_MCP__EMBEDDINGS__OPENAI__BASE_URL", "http://127.0.0.1:1/v1"),
        ("RETAIL_MCP__EMBEDDINGS__OPENAI__API_KEY", "sk-hidden"),
        ("RETAIL_MCP__EMBEDDINGS__MODEL", "all-MiniLM-L6-v2"),
        ("RETAIL_MCP__EMBEDDINGS__DIMENSIONS", "384"),
        ("RETAIL_MCP__EMBEDDINGS__TIMEOUT", "1s"),
    ];
    let config = Config::load(&Sources::default().with_environment(variables)).unwrap();
    let down = embedding::start(&config, Use::Searching).await.unwrap();
    let server = TestServer::with_embedder(access_to(embedded().await), &[], down);

    let reply = ask(&server, "hybrid_product_search", &json!({ "query": "circuit breaker" })).await;
    let answer = reply.answer();
    assert_eq!(answer["search_mode"], "keyword_only");
    assert!(answer["search_mode_reason"].as_str().unwrap().contains("does not answer"), "{answer}");
    assert!(reply.text().contains("Searched by words alone"), "{}", reply.text());
    for name in of_first(&reply, 3, "product_name") {
        assert!(name.contains("Breaker"), "{name}");
    }

    let arguments = json!({ "query_description": "circuit breaker" });
    let failure = ask(&server, "semantic_search_products", &arguments).await.failure();
    assert_eq!((&failure["code"], &failure["retryable"]), (&json!("unavailable"), &json!(true)));
    assert!(!failure.to_string().contains("sk-hidden"));
}

/// A model that the catalogue has no vectors of.
struct OtherModel(Arc<EmbeddingModel>);

#[async_trait]
impl Embedder for OtherModel {
    fn model(&self) -> Arc<EmbeddingModel> {
        Arc::clone(&self.0)
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        texts.iter().map(|_| Embedding::new(self.model(), vec![0.6, 0.8])).collect()
    }
}

#[tokio::test]
async fn a_model_without_vectors_is_answered_with_the_command_that_makes_them() {
    let model = EmbeddingModel { name: "other".to_owned(), dimensions: 2 };
    let other: Arc<dyn Embedder> = Arc::new(OtherModel(Arc::new(model)));
    let server = TestServer::with_embedder(access_to(embedded().await), &[], Some(other));
    let arguments = json!({ "query_description": "circuit breaker" });
    let failure = ask(&server, "semantic_search_products", &arguments).await.failure();
    assert_eq!(failure["code"], "embeddings_not_ready", "{failure}");
    assert!(failure["hint"].as_str().unwrap().contains("retail-mcp embed"), "{failure}");
    let told = failure.to_string();
    assert!(told.contains("other") && told.contains("all-MiniLM-L6-v2"), "{failure}");

    let reply = ask(&server, "hybrid_product_search", &json!({ "query": "circuit breaker" })).await;
    assert_eq!(reply.answer()["search_mode"], "keyword_only");
    let reason = &reply.answer()["search_mode_reason"];
    assert_eq!(reason, "the catalogue has no complete vectors of other (2 dimensions)");
    assert!(!reply.answer()["products"].as_array().unwrap().is_empty());
}

#[rstest]
#[case("similar_products")]
#[case("cross_sell")]
#[case("trending")]
#[case("customer_based")]
#[tokio::test]
async fn each_type_of_recommendation_gives_its_evidence(#[case] kind: &str) {
    let database = embedded().await;
    let server = server().await;
    let mut arguments = json!({ "type": kind });
    match kind {
        "similar_products" => arguments["sku"] = json!(sku_of(database, "%Hammer%")),
        "cross_sell" => {
            let sql = "SELECT product_id FROM retail.order_items GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1";
            arguments["product_id"] = json!(database.psql(sql).trim().parse::<i32>().unwrap());
            arguments["days_back"] = json!(365);
        }
        "customer_based" => {
            let sql = "SELECT customer_id FROM retail.orders GROUP BY 1 ORDER BY max(order_date) DESC, 1 LIMIT 1";
            arguments["customer_id"] = json!(database.psql(sql).trim().parse::<i32>().unwrap());
        }
        _ => arguments["days_back"] = json!(365),
    }
    let call = Call::tool("get_product_recommendations", &arguments).bearer(&server.head_office());
    let reply = server.send(call).await;
    let answer = reply.answer();
    assert_eq!(answer["type"], kind);
    assert_eq!(answer["receipt"]["acting_store"], "all stores");
    // At this size there may be too few baskets to say anything about.
    if kind != "cross_sell" {
        assert!(!answer["products"].as_array().unwrap().is_empty(), "{answer}");
    }
    let sentence = match kind {
        "trending" => "in the same 365 days a year before",
        "cross_sell" => "more than chance",
        _ => " % similar",
    };
    for product in answer["products"].as_array().unwrap() {
        let evidence = product["why"]["evidence"].as_str().unwrap();
        assert!(evidence.contains(sentence), "{evidence}");
    }
}
