//! Vectors of texts that were embedded a moment ago.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use moka::future::Cache;
use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel, Error, SharedError};
use sha2::{Digest, Sha256};

/// More texts than this are no queries: they are neither looked up nor kept.
const LARGEST_BATCH: usize = 16;
/// What an entry takes beside its numbers: key, pointers, the cache's own records.
const ENTRY_OVERHEAD: u32 = 300;

/// Keeps the vectors of queries, so that what many people ask is embedded once.
///
/// A text that is asked for while it is being embedded waits for that one call. What several texts miss is one
/// call. Errors are not kept. More than 16 texts at once go past the cache.
pub struct CachedEmbedder {
    inner: Arc<dyn Embedder>,
    vectors: Cache<Key, Embedding>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How much is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Bytes of memory. 16 MiB hold about 9,000 vectors of 384 numbers or 2,600 of 1536.
    pub max_bytes: u64,
    /// How long a vector is kept.
    pub time_to_live: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { max_bytes: 16 * 1024 * 1024, time_to_live: Duration::from_hours(24) }
    }
}

/// How often the cache helped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    /// Texts whose vector was there, or was being made for another caller.
    pub hits: u64,
    /// Texts that the embedder was asked for.
    pub misses: u64,
}

/// A text is known by its hash: the text itself, which a person wrote, is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    model: Arc<EmbeddingModel>,
    text: [u8; 32],
}

impl CachedEmbedder {
    /// An empty cache before `inner`.
    pub fn new(inner: Arc<dyn Embedder>, settings: &CacheSettings) -> Self {
        let vectors = Cache::builder()
            .max_capacity(settings.max_bytes)
            .weigher(|_key, embedding: &Embedding| {
                let numbers = u32::try_from(size_of_val(embedding.values())).unwrap_or(u32::MAX);
                numbers.saturating_add(ENTRY_OVERHEAD)
            })
            .time_to_live(settings.time_to_live)
            .build();
        Self { inner, vectors, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// How often it helped so far.
    pub fn counts(&self) -> CacheCounts {
        CacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    /// One call of the inner embedder for `texts`, which begins when it is first waited for.
    fn call(
        &self,
        texts: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Embedding>, SharedError>> + Clone + Send + use<> {
        let inner = Arc::clone(&self.inner);
        let call: BoxFuture<'static, _> = Box::pin(async move {
            let embedded = inner.embed(&texts).await.map_err(SharedError::from)?;
            if embedded.len() != texts.len() {
                let cause = format!("{} vectors for {} texts", embedded.len(), texts.len());
                return Err(Error::internal(cause).into());
            }
            Ok(embedded)
        });
        call.shared()
    }
}

#[async_trait]
impl Embedder for CachedEmbedder {
    fn model(&self) -> Arc<EmbeddingModel> {
        self.inner.model()
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        if texts.len() > LARGEST_BATCH {
            return self.inner.embed(texts).await;
        }
        let model = self.inner.model();
        let keys: Vec<Key> = texts
            .iter()
            .map(|text| Key { model: Arc::clone(&model), text: Sha256::digest(text).into() })
            .collect();

        let mut known: HashMap<&Key, Embedding> = HashMap::new();
        let mut missing: Vec<(&Key, &String)> = Vec::new();
        for (key, text) in keys.iter().zip(texts) {
            if known.contains_key(key) || missing.iter().any(|(missed, _)| *missed == key) {
                continue;
            }
            match self.vectors.get(key).await {
                Some(embedding) => {
                    known.insert(key, embedding);
                }
                None => missing.push((key, text)),
            }
        }
        self.hits.fetch_add(known.len() as u64, Ordering::Relaxed);

        let call = self.call(missing.iter().map(|(_, text)| (*text).clone()).collect());
        let lookups = missing.iter().enumerate().map(|(place, (key, _))| {
            let call = call.clone();
            async move {
                let entry = self.vectors.entry_by_ref(*key).or_try_insert_with(async move {
                    self.misses.fetch_add(1, Ordering::Relaxed);
                    let embedded = call.await?;
                    embedded
                        .get(place)
                        .cloned()
                        .ok_or_else(|| Error::internal("a vector is missing").into())
                });
                let entry = entry.await.map_err(|error: Arc<SharedError>| (*error).clone())?;
                if !entry.is_fresh() {
                    self.hits.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Error>((*key, entry.into_value()))
            }
        });
        known.extend(try_join_all(lookups).await?);

        keys.iter()
            .map(|key| known.get(key).cloned())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::internal("the cache lost a vector"))
    }
}

impl fmt::Debug for CachedEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedEmbedder")
            .field("model", &self.inner.model())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use retail_domain::ports::MockEmbedder;

    use super::*;

    #[tokio::test]
    async fn the_memory_is_bounded() {
        let model = Arc::new(EmbeddingModel { name: "m".to_owned(), dimensions: 100 });
        let mut inner = MockEmbedder::new();
        inner.expect_model().return_const(Arc::clone(&model));
        inner
            .expect_embed()
            .times(50)
            .returning(move |_| Ok(vec![Embedding::new(Arc::clone(&model), vec![1.0; 100])?]));
        let settings = CacheSettings { max_bytes: 7_500, ..CacheSettings::default() };
        let cache = CachedEmbedder::new(Arc::new(inner), &settings);
        for number in 0..50 {
            cache.embed(&[number.to_string()]).await.unwrap();
        }
        cache.vectors.run_pending_tasks().await;
        // 400 bytes of numbers and 300 more: ten fit.
        assert_eq!((cache.vectors.entry_count(), cache.vectors.weighted_size()), (10, 7_000));
    }
}
