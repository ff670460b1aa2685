//! The transcript of the documentation, and the demo from its first start.

use std::fmt::Write as _;
use std::path::Path;

use retail_testkit::store;
use serde_json::{Value, json};

use crate::support::{
    Call, Demo, Reply, TestServer, access_to, embedded, embedder, local_model, scratch,
};

const QUERIES: [&str; 4] = [
    "containers for paint",
    "something to hang a heavy mirror on drywall",
    "waterproof electrical box for outdoor use",
    "15 amp circuit breaker",
];

const INTRODUCTION: &str = "\
<!-- Written by a test. To write it anew:
     UPDATE_DOCS=1 cargo test -p retail-server --test it transcript -->
# Product search: a session

Seattle's manager asks the demo's catalogue, with the local model. Stock is Seattle's own. The answers are whole
but for descriptions, which are left out here, and for what follows the third product.
";

/// What a model is told, without the long column.
fn shortened(reply: &Reply) -> String {
    let told: Value = serde_json::from_str(reply.text()).unwrap();
    let columns = told["c"].as_array().unwrap();
    let shown: Vec<usize> = (0..columns.len())
        .filter(|place| columns[*place] != "product_description" && columns[*place] != "product_id")
        .collect();
    let pick = |row: &Value| shown.iter().map(|place| row[*place].clone()).collect::<Vec<_>>();
    let mut text = format!("{}\n", json!(pick(&told["c"])));
    for row in told["r"].as_array().unwrap() {
        writeln!(text, "{}", json!(pick(row))).unwrap();
    }
    for (name, value) in told.as_object().unwrap() {
        if !matches!(name.as_str(), "c" | "r" | "n" | "truncated") {
            writeln!(text, "{name}: {value}").unwrap();
        }
    }
    text
}

/// Similarities in their last digits depend on the processor.
fn without_decimals(text: &str) -> String {
    let mut shown = String::new();
    let mut after_point = false;
    for c in text.chars() {
        after_point = c == '.' || (after_point && c.is_ascii_digit());
        if !(after_point && c.is_ascii_digit()) {
            shown.push(c);
        }
    }
    shown
}

#[tokio::test]
async fn the_transcript_is_true() {
    let server = TestServer::with_embedder(access_to(embedded().await), &[], Some(embedder()));
    let token = server.manager(&store("Zava Retail Seattle"));
    let mut text = INTRODUCTION.to_owned();
    for query in QUERIES {
        writeln!(text, "\n## {query}").unwrap();
        for (tool, arguments) in [
            ("hybrid_product_search", json!({ "query": query, "limit": 3 })),
            ("semantic_search_products", json!({ "query_description": query, "max_rows": 3 })),
        ] {
            let reply = server.send(Call::tool(tool, &arguments).bearer(&token)).await;
            let told = shortened(&reply);
            writeln!(text, "\n```text\n> {tool} {arguments}\n{told}```").unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/demo-search.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        without_decimals(&committed),
        without_decimals(&text),
        "docs/demo-search.md is out of date: run UPDATE_DOCS=1 cargo test -p retail-server --test it transcript"
    );
}

#[test]
fn the_demo_embeds_the_catalogue_once_and_answers_by_meaning() {
    let scratch = scratch();
    let variables: Vec<(String, String)> = local_model()
        .into_iter()
        .map(|(name, value)| (format!("RETAIL_MCP__{name}"), value))
        .collect();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for is_first in [true, false] {
        let demo = Demo::start_with(scratch.path(), &variables);
        let embedded = demo.process.stderr().contains("embedded the catalogue");
        assert_eq!(embedded, is_first, "{}", demo.process.stderr());
        assert!(demo.process.stdout().contains("heavy mirror"), "{}", demo.process.stdout());
        for name in ["zava-head-office", "zava-seattle"] {
            let arguments = json!({ "query": "15 amp circuit breaker", "limit": 3 });
            let call = Call::tool("hybrid_product_search", &arguments).bearer(&demo.token(name));
            let reply = Reply::read(call.send_to(demo.address));
            assert_eq!(reply.answer()["search_mode"], "hybrid");
            let first = &reply.answer()["products"][0];
            assert!(first["product_name"].as_str().unwrap().contains("Breaker"), "{first}");
            assert_eq!(first["cost"].is_string(), name == "zava-head-office", "{first}");
        }
    }
}
