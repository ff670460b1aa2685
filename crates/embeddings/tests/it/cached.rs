//! [`CachedEmbedder`]: what is asked of the embedder behind it.

use std::collections::VecDeque;
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel, Error, ErrorCode};
use retail_embeddings::{CacheCounts, CacheSettings, CachedEmbedder};
use tokio::sync::Semaphore;

/// Records what it is asked, and waits for a permit before it answers.
struct Recorder {
    model: Arc<EmbeddingModel>,
    calls: Mutex<Vec<Vec<String>>>,
    failures: Mutex<VecDeque<Error>>,
    gate: Semaphore,
}

impl Recorder {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            model: Arc::new(EmbeddingModel { name: "m".to_owned(), dimensions: 2 }),
            calls: Mutex::default(),
            failures: Mutex::default(),
            gate: Semaphore::new(1),
        })
    }

    fn calls(&self) -> Vec<Vec<String>> {
        self.calls.lock().unwrap().clone()
    }

    fn vector(&self, text: &str) -> Embedding {
        #[expect(clippy::cast_precision_loss, reason = "short texts")]
        Embedding::new(Arc::clone(&self.model), vec![1.0, text.len() as f32]).unwrap()
    }
}

#[async_trait]
impl Embedder for Recorder {
    fn model(&self) -> Arc<EmbeddingModel> {
        Arc::clone(&self.model)
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        self.calls.lock().unwrap().push(texts.to_vec());
        let _permit = self.gate.acquire().await.unwrap();
        match self.failures.lock().unwrap().pop_front() {
            Some(error) => Err(error),
            None => Ok(texts.iter().map(|text| self.vector(text)).collect()),
        }
    }
}

fn cached(inner: &Arc<Recorder>) -> CachedEmbedder {
    CachedEmbedder::new(Arc::clone(inner) as Arc<dyn Embedder>, &CacheSettings::default())
}

async fn embed(cache: &CachedEmbedder, inner: &Recorder, texts: &[&str]) -> Result<(), Error> {
    let owned: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let expected: Vec<Embedding> = texts.iter().map(|text| inner.vector(text)).collect();
    assert_eq!(cache.embed(&owned).await?, expected);
    Ok(())
}

#[tokio::test]
async fn a_text_is_embedded_once() {
    let inner = Recorder::new();
    let cache = cached(&inner);
    embed(&cache, &inner, &["paint"]).await.unwrap();
    embed(&cache, &inner, &["paint"]).await.unwrap();
    embed(&cache, &inner, &["Paint "]).await.unwrap();
    assert_eq!(inner.calls(), [["paint"], ["Paint "]]);
    assert_eq!(cache.counts(), CacheCounts { hits: 1, misses: 2 });
    assert_eq!(cache.model(), inner.model());
}

#[tokio::test]
async fn what_several_texts_miss_is_one_call() {
    let inner = Recorder::new();
    let cache = cached(&inner);
    embed(&cache, &inner, &["glue"]).await.unwrap();
    embed(&cache, &inner, &["a tin", "glue", "nails", "a tin"]).await.unwrap();
    assert_eq!(inner.calls(), [vec!["glue"], vec!["a tin", "nails"]]);
    embed(&cache, &inner, &[]).await.unwrap();
    assert_eq!(inner.calls().len(), 2);
}

#[tokio::test]
async fn equal_texts_at_the_same_time_are_one_call() {
    let inner = Recorder::new();
    let cache = cached(&inner);
    let held = inner.gate.acquire().await.unwrap();
    let release = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        drop(held);
    };
    let calls = join_all((0..10).map(|_| embed(&cache, &inner, &["paint"])));
    let (results, ()) = tokio::join!(calls, release);
    results.into_iter().collect::<Result<(), Error>>().unwrap();
    assert_eq!(inner.calls(), [["paint"]]);
    assert_eq!(cache.counts(), CacheCounts { hits: 9, misses: 1 });
}

#[tokio::test]
async fn callers_that_miss_the_same_texts_in_other_orders_do_not_block_each_other() {
    let inner = Recorder::new();
    let cache = cached(&inner);
    let (one, two) = tokio::join!(
        embed(&cache, &inner, &["a", "bb", "ccc"]),
        embed(&cache, &inner, &["ccc", "bb", "a"]),
    );
    one.and(two).unwrap();
}

#[tokio::test]
async fn an_error_reaches_all_who_wait_and_is_not_kept() {
    let inner = Recorder::new();
    let cache = cached(&inner);
    let error = Error::new(ErrorCode::Overloaded, "too much").with_hint("later").with_cause("429");
    inner.failures.lock().unwrap().push_back(error);
    let held = inner.gate.acquire().await.unwrap();
    let release = async { drop(held) };
    let (one, two, ()) =
        tokio::join!(embed(&cache, &inner, &["paint"]), embed(&cache, &inner, &["paint"]), release);
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert_eq!(error.code(), ErrorCode::Overloaded);
        assert_eq!((error.public_message(), error.hint()), ("too much", Some("later")));
        assert_eq!(error.source().unwrap().to_string(), "429");
    }
    embed(&cache, &inner, &["paint"]).await.unwrap();
    embed(&cache, &inner, &["paint"]).await.unwrap();
    assert_eq!(inner.calls(), [["paint"], ["paint"]], "the error, and then the vector");
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_nobody_waiting() {
    let inner = Recorder::new();
    let cache = cached(&inner);
    let held = inner.gate.acquire().await.unwrap();
    let texts = ["paint".to_owned()];
    let mut first = cache.embed(&texts);
    while inner.calls().is_empty() {
        assert!(futures_util::poll!(&mut first).is_pending());
    }
    let mut second = cache.embed(&texts);
    for _ in 0..10 {
        assert!(futures_util::poll!(&mut second).is_pending());
    }
    drop(first);
    drop(held);
    assert_eq!(second.await.unwrap(), [inner.vector("paint")]);
}

#[tokio::test]
async fn a_vector_is_kept_for_a_time() {
    let inner = Recorder::new();
    let settings =
        CacheSettings { time_to_live: Duration::from_nanos(1), ..CacheSettings::default() };
    let cache = CachedEmbedder::new(Arc::clone(&inner) as Arc<dyn Embedder>, &settings);
    for _ in 0..100_000 {
        embed(&cache, &inner, &["paint"]).await.unwrap();
        if inner.calls().len() > 1 {
            return;
        }
    }
    panic!("it is kept for ever");
}

#[tokio::test]
async fn a_filling_goes_past_the_cache() {
    let inner = Recorder::new();
    let cache = cached(&inner);
    let texts = ["paint"; 17];
    embed(&cache, &inner, &texts).await.unwrap();
    embed(&cache, &inner, &texts).await.unwrap();
    assert_eq!(inner.calls().iter().map(Vec::len).collect::<Vec<_>>(), [17, 17]);
    assert_eq!(cache.counts(), CacheCounts::default());
}
