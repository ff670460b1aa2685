//! The local model itself, from the files that `cargo xtask setup` fetched, or fetched now.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops it at the first surprise")]

mod files;

use std::sync::LazyLock;

use retail_domain::ports::Embedder;
use retail_domain::{Embedding, ErrorCode};
use retail_embeddings::local::{DIMENSIONS, MODEL_NAME};
use retail_embeddings::{LocalEmbedder, LocalModelOptions};

static EMBEDDER: LazyLock<LocalEmbedder> =
    LazyLock::new(|| LocalEmbedder::start(&options()).unwrap());

/// The options of every test that uses the real files.
fn options() -> LocalModelOptions {
    LocalModelOptions::new(retail_wheels::default_data_root())
}

async fn embed(texts: &[String]) -> Vec<Embedding> {
    EMBEDDER.embed(texts).await.unwrap()
}

fn farthest(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[derive(serde::Deserialize)]
struct Fixture {
    text: String,
    vector: Vec<f32>,
}

#[tokio::test]
async fn vectors_are_those_of_pytorch() {
    let fixtures: Vec<Fixture> =
        serde_json::from_str(include_str!("../../fixtures/vectors.json")).unwrap();
    assert_eq!(fixtures.len(), 20);
    let texts: Vec<String> = fixtures.iter().map(|fixture| fixture.text.clone()).collect();
    // Together, so with padding, which the fixtures were made without.
    let embeddings = embed(&texts).await;
    for (fixture, embedding) in fixtures.iter().zip(&embeddings) {
        let difference = farthest(embedding.values(), &fixture.vector);
        assert!(difference < 1e-4, "{difference} for {:?}", fixture.text);
        assert_eq!(embedding.model().name, MODEL_NAME);
        assert_eq!(embedding.model().dimensions, DIMENSIONS);
    }
    for fixture in &fixtures {
        let alone = embed(std::slice::from_ref(&fixture.text)).await;
        let difference = farthest(alone[0].values(), &fixture.vector);
        assert!(difference < 1e-4, "{difference} for {:?} alone", fixture.text);
    }
}

#[tokio::test]
async fn a_long_list_keeps_its_order() {
    let texts: Vec<String> =
        (0..70).map(|number| format!("{} screws", "long ".repeat(number * 7 % 11))).collect();
    let together = embed(&texts).await;
    assert_eq!(together.len(), texts.len());
    for index in [0, 1, 31, 32, 33, 69] {
        let alone = embed(&texts[index..=index]).await;
        let difference = farthest(together[index].values(), alone[0].values());
        assert!(difference < 1e-5, "{difference} for text {index}");
    }
    assert!(embed(&[]).await.is_empty());
}

#[tokio::test]
async fn callers_at_once_each_get_their_own() {
    let text = |number: usize| format!("product number {number}");
    let callers: Vec<_> = (0..20)
        .map(|number| tokio::spawn(async move { embed(&[text(number)]).await.remove(0) }))
        .collect();
    for (number, caller) in callers.into_iter().enumerate() {
        let alone = embed(&[text(number)]).await;
        let difference = farthest(caller.await.unwrap().values(), alone[0].values());
        assert!(difference < 1e-5, "{difference} for caller {number}");
    }
}

#[tokio::test]
async fn any_text_has_a_vector() {
    let texts: Vec<String> = [
        String::new(),
        " ".repeat(300),
        "x".repeat(10_000),
        "drill ".repeat(10_000),
        "🔨".repeat(10_000),
        "語".repeat(10_000),
        "e\u{301}\u{302}\u{303}".repeat(3_000),
        (0..=0x9f_u8).map(char::from).collect(),
        "\u{0}".to_owned(),
        "\u{202e}right to left\u{feff}\u{fffd}\u{10ffff}".to_owned(),
        "[CLS] [SEP] [PAD] [MASK] [UNK]".to_owned(),
        "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".to_owned(),
    ]
    .into();
    for (text, embedding) in texts.iter().zip(embed(&texts).await) {
        let start: String = text.chars().take(20).collect();
        assert_eq!(embedding.values().len(), 384, "{start:?}");
        let length: f32 = embedding.values().iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-4, "{length} for {start:?}");
    }
}

#[tokio::test]
async fn what_is_beyond_the_models_window_does_not_count() {
    let start = "drill ".repeat(300);
    let texts = [start.clone(), format!("{start} roses"), format!("roses {start}")];
    let embeddings = embed(&texts).await;
    assert!(farthest(embeddings[0].values(), embeddings[1].values()) < 1e-5);
    assert!(farthest(embeddings[0].values(), embeddings[2].values()) > 1e-3);
}

#[tokio::test]
async fn more_callers_than_the_queue_holds_are_refused() {
    let options = LocalModelOptions { queue_length: 1, ..options() };
    let embedder = LocalEmbedder::start(&options).unwrap();
    let many = vec!["a cordless drill with two batteries".to_owned(); 256];
    let one = ["hammer".to_owned()];
    // Polled in this order, so the first is in the queue when the second asks.
    let (first, second) = tokio::join!(biased; embedder.embed(&many), embedder.embed(&one));
    assert_eq!(first.unwrap().len(), 256);
    assert_eq!(second.unwrap_err().code(), ErrorCode::Overloaded);
    assert_eq!(embedder.embed(&one).await.unwrap().len(), 1);
}
