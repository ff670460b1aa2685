//! Fakes of the search and of the embedder, and a server with them.

use std::sync::Arc;
use std::time::Duration;

use retail_domain::ports::{Clock as _, Embedder, MockEmbedder, MockProductSearch, ProductSearch};
use retail_domain::{
    Cents, Embedding, EmbeddingModel, Error, Evidence, Freshness, KeywordTerm, Principal,
    ProductCard, ProductMatch, ProductMatches, Recommendation, Recommendations, SearchMode,
    StockOnHand,
};
use retail_mcp_protocol::{HttpOptions, McpHttpService};
use serde_json::{Value, json};

use crate::support::{FixedClock, Post, Reply, ScriptedRunner, builder};

pub(crate) fn model() -> Arc<EmbeddingModel> {
    Arc::new(EmbeddingModel { name: "test-model".to_owned(), dimensions: 2 })
}

/// An embedder whose vector says how long the text is.
pub(crate) fn embedder() -> Arc<dyn Embedder> {
    let mut embedder = MockEmbedder::new();
    embedder.expect_model().returning(model);
    embedder.expect_embed().returning(|texts| {
        let length = |text: &String| f32::from(u16::try_from(text.len()).unwrap());
        texts.iter().map(|text| Embedding::new(model(), vec![length(text), 1.0])).collect()
    });
    Arc::new(embedder)
}

/// An embedder that fails.
pub(crate) fn failing_embedder(error: fn() -> Error) -> Arc<dyn Embedder> {
    let mut embedder = MockEmbedder::new();
    embedder.expect_model().returning(model);
    embedder.expect_embed().returning(move |_| Err(error()));
    Arc::new(embedder)
}

/// A product with all that there is to know, as if nobody had left out the costs.
pub(crate) fn card(product_id: i32, name: &str) -> ProductCard {
    ProductCard {
        product_id,
        sku: format!("HWBOX{product_id:03}"),
        name: name.to_owned(),
        category: "HARDWARE".to_owned(),
        product_type: "BOXES".to_owned(),
        description: "Keeps water out.".to_owned(),
        price: Cents(1_230),
        cost: Some(Cents(824)),
        gross_margin_basis_points: Some(3_301),
        stock: StockOnHand { units: 14, stores: 1 },
    }
}

pub(crate) fn found(rows: u32, mode: SearchMode) -> ProductMatches {
    let by_words = mode != SearchMode::Semantic;
    let by_meaning = mode != SearchMode::KeywordOnly;
    let matches = (1..=rows).map(|rank| ProductMatch {
        product: card(i32::try_from(rank).unwrap(), "Outdoor Box"),
        similarity: by_meaning.then_some(0.815_49),
        matched_terms: if by_words {
            let term = |asked: &str, searched: &str| KeywordTerm {
                asked: asked.to_owned(),
                searched: searched.to_owned(),
            };
            vec![term("box", "box"), term("outdor", "outdoor")]
        } else {
            Vec::new()
        },
        semantic_rank: by_meaning.then_some(rank),
        keyword_rank: by_words.then_some(rank),
        score: 1.0 / f64::from(rank),
    });
    ProductMatches {
        matches: matches.collect(),
        mode,
        model: by_meaning.then(|| model().as_ref().clone()),
        corrections: if by_words {
            vec![KeywordTerm { asked: "outdor".to_owned(), searched: "outdoor".to_owned() }]
        } else {
            Vec::new()
        },
        as_of: FixedClock.now(),
        elapsed: Duration::from_millis(7),
        freshness: Freshness::default(),
    }
}

pub(crate) fn recommended(evidence: Evidence) -> Recommendations {
    Recommendations {
        items: [Recommendation { product: card(2, "Cable Gland"), evidence }].into(),
        about_product: Some("Outdoor Box".to_owned()),
        period: Some(("2026-08-25".parse().unwrap(), "2026-11-22".parse().unwrap())),
        as_of: FixedClock.now(),
        elapsed: Duration::from_millis(7),
        freshness: Freshness::default(),
    }
}

/// A search that always finds as many products as are asked for, and a product of each kind.
pub(crate) fn search() -> Arc<dyn ProductSearch> {
    let mut search = MockProductSearch::new();
    search
        .expect_semantic()
        .returning(|_, query| Ok(found(query.max_results, SearchMode::Semantic)));
    search.expect_hybrid().returning(|_, query| {
        let mode = match query.embedding {
            Some(_) => SearchMode::Hybrid,
            None => SearchMode::KeywordOnly,
        };
        Ok(found(query.max_results, mode))
    });
    search.expect_recommend().returning(|_, _| {
        Ok(recommended(Evidence::BoughtTogether {
            baskets: 37,
            baskets_of_product: 412,
            lift: 4.08,
        }))
    });
    Arc::new(search)
}

pub(crate) fn service_with(
    search: Arc<dyn ProductSearch>,
    embedder: Option<Arc<dyn Embedder>>,
) -> McpHttpService {
    let builder = builder(Arc::new(ScriptedRunner)).product_search(search);
    let builder = match embedder {
        Some(embedder) => builder.embedder(embedder),
        None => builder,
    };
    builder.build().unwrap().streamable_http_service(HttpOptions::default())
}

/// A server with all tools.
pub(crate) fn whole_service() -> McpHttpService {
    service_with(search(), Some(embedder()))
}

/// A call of a tool of `service`.
pub(crate) async fn call_to(
    service: McpHttpService,
    principal: Principal,
    tool: &str,
    arguments: Value,
) -> Reply {
    let call = Post::newest("tools/call", json!({ "name": tool, "arguments": arguments }));
    call.by(principal).send_to(service).await
}
