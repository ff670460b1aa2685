//! What a service is asked.

use std::sync::Arc;

use retail_domain::ports::{CallerTrace, Embedder, SpanName, Tracer};
use retail_embeddings::{OpenAiEmbedder, RemoteLimits, embedding_model};
use rstest::rstest;
use serde_json::json;
use tokio::sync::Semaphore;
use tracing::Span;

use super::support::{FakeService, Reply, embed};

#[rstest]
#[case("v1", "/openai/v1/embeddings", Some("search"))]
#[case("preview", "/openai/v1/embeddings?api-version=preview", Some("search"))]
#[case("2024-10-21", "/openai/deployments/search/embeddings?api-version=2024-10-21", None)]
#[tokio::test]
async fn azure_is_asked_by_the_name_of_the_deployment(
    #[case] api_version: &str,
    #[case] address: &str,
    #[case] model: Option<&str>,
) {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|settings| settings.service = service.azure(api_version));
    embed(&embedder, &["paint"]).await.unwrap();
    let seen = &service.seen()[0];
    assert_eq!(seen.address, address);
    assert_eq!(seen.json()["model"].as_str(), model);
    assert_eq!(embedder.model().name, "test-model");
}

#[tokio::test]
async fn a_compatible_service_is_asked_by_the_name_of_the_model() {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|_| ());
    embed(&embedder, &["paint", "glue"]).await.unwrap();
    let seen = &service.seen()[0];
    assert_eq!(seen.address, "/v1/embeddings");
    let body =
        json!({"model": "test-model", "input": ["paint", "glue"], "encoding_format": "float"});
    assert_eq!(seen.json(), body);
}

#[rstest]
#[case("text-embedding-3-small", 1536, false, None)]
#[case("text-embedding-3-small", 512, false, Some(512))]
#[case("text-embedding-ada-002", 1536, false, None)]
#[case("nomic", 256, false, None)]
#[case("nomic", 256, true, Some(256))]
#[tokio::test]
async fn dimensions_are_sent_where_they_are_understood(
    #[case] model: &str,
    #[case] dimensions: u32,
    #[case] asked: bool,
    #[case] sent: Option<u64>,
) {
    let service = FakeService::start([Reply::status(400)]).await;
    let (embedder, _) = service.embedder(|settings| {
        settings.model = embedding_model(model, Some(dimensions)).unwrap();
        if let retail_embeddings::Service::OpenAiCompatible { send_dimensions, .. } =
            &mut settings.service
        {
            *send_dimensions = asked;
        }
    });
    embedder.embed(&["paint".to_owned()]).await.unwrap_err();
    assert_eq!(service.seen()[0].json()["dimensions"].as_u64(), sent);
}

#[tokio::test]
async fn many_texts_go_out_in_batches_and_come_back_in_order() {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|settings| settings.limits.batch_texts = 4);
    let texts: Vec<String> = (0..11).map(|number| format!("product {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    embed(&embedder, &texts).await.unwrap();
    let mut sizes: Vec<usize> = service.seen().iter().map(|seen| seen.texts().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 4, 4]);
}

#[tokio::test]
async fn a_batch_has_a_limit_of_bytes() {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|settings| {
        (settings.limits.text_bytes, settings.limits.batch_bytes) = (100, 100);
    });
    embed(&embedder, &["a".repeat(60).as_str(), "b".repeat(60).as_str()]).await.unwrap();
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn no_texts_ask_nothing() {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|_| ());
    embed(&embedder, &[]).await.unwrap();
    assert_eq!(service.requests(), 0);
}

#[rstest]
#[case("", " ".to_owned())]
#[case("  \t", "  \t".to_owned())]
#[case(&"é".repeat(10_000), "é".repeat(4_000))]
#[case(&"x".repeat(10_000), "x".repeat(8_000))]
#[case("\u{0}\u{1b}[31m\u{202e}", "\u{0}\u{1b}[31m\u{202e}".to_owned())]
#[case("油漆桶 دهان 🪣", "油漆桶 دهان 🪣".to_owned())]
#[case("\"]}, \"model\": \"other\"", "\"]}, \"model\": \"other\"".to_owned())]
#[tokio::test]
async fn any_text_is_sent_as_it_is_or_cut(#[case] text: &str, #[case] sent: String) {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|_| ());
    embedder.embed(&[text.to_owned()]).await.unwrap();
    assert_eq!(service.seen()[0].texts(), [sent]);
}

#[tokio::test]
async fn all_callers_together_have_a_limited_number_of_requests() {
    let gate = Arc::new(Semaphore::new(0));
    let gated = (0..6).map(|_| Reply::Gated(Arc::clone(&gate)));
    let service = FakeService::start(gated).await;
    let (embedder, _) = service.embedder(|settings| {
        settings.limits.concurrent_requests = 2;
        settings.limits.batch_texts = 1;
    });
    // Each request is let go only when as many are under way as may be.
    let open = async {
        for _ in 0..3 {
            service.until_under_way(2).await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            gate.add_permits(2);
            while gate.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
        }
    };
    let (one, two, three, ()) = tokio::join!(
        embed(&embedder, &["a", "b"]),
        embed(&embedder, &["c", "d"]),
        embed(&embedder, &["e", "f"]),
        open,
    );
    one.and(two).and(three).unwrap();
    assert_eq!((service.requests(), service.most_at_once()), (6, 2));
}

#[tokio::test]
async fn dropped_work_does_not_begin() {
    let service = FakeService::start([Reply::Hang]).await;
    let mut settings = service.settings();
    settings.limits =
        RemoteLimits { batch_texts: 1, concurrent_requests: 1, ..RemoteLimits::default() };
    let embedder = OpenAiEmbedder::new(settings).unwrap();
    let stalled = service.stalled();
    tokio::select! {
        _ = embed(&embedder, &["a", "b", "c"]) => panic!("the service hangs"),
        () = stalled.notified() => {}
    }
    embed(&embedder, &["d"]).await.unwrap();
    assert_eq!(service.texts(), [["a"], ["d"]]);
}

/// Names each span the same.
struct OneTrace;

impl Tracer for OneTrace {
    fn call(&self, _: &'static str, _: Option<CallerTrace<'_>>) -> Span {
        Span::none()
    }

    fn name_of(&self, _: &Span) -> Option<SpanName> {
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
        Some(SpanName { traceparent, tool: None })
    }
}

#[tokio::test]
async fn the_service_is_told_of_the_trace_if_there_is_one() {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|_| ());
    embed(&embedder, &["paint"]).await.unwrap();
    embed(&embedder.with_tracer(Arc::new(OneTrace)), &["glue"]).await.unwrap();
    let told = service.seen();
    let told: Vec<_> = told.iter().map(|seen| seen.headers.get("traceparent")).collect();
    assert_eq!(told[0], None);
    assert_eq!(told[1].unwrap(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}
