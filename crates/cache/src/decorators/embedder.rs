//! Vectors of search texts.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, try_join_all};
use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel, Error, SharedError, TableGroups};

use crate::{AnswerCache, Cacheable, Everyone, Key, Kind};

/// More texts than this are no search texts: they are neither looked up nor kept.
const LARGEST_BATCH: usize = 16;

/// Keeps the vectors of search texts for a week, for everyone: a vector follows from its text and its model. The texts
/// themselves are not kept.
///
/// What several texts miss is one call of the embedder.
#[derive(Clone)]
pub struct CachedEmbedder {
    inner: Arc<dyn Embedder>,
    cache: AnswerCache,
}

impl CachedEmbedder {
    /// Asks `cache`, and then `inner`.
    pub fn new(inner: Arc<dyn Embedder>, cache: AnswerCache) -> Self {
        Self { inner, cache }
    }

    /// One call for all of `texts`, which begins when somebody waits for it.
    fn call(&self, texts: &[String]) -> Shared<BoxFuture<'static, Vectors>> {
        let (inner, texts) = (Arc::clone(&self.inner), texts.to_vec());
        let call: BoxFuture<'static, Vectors> = Box::pin(async move {
            let vectors = inner.embed(&texts).await?;
            if vectors.len() != texts.len() {
                let cause = format!("{} vectors for {} texts", vectors.len(), texts.len());
                return Err(Error::internal(cause).into());
            }
            Ok(vectors.into())
        });
        call.shared()
    }
}

type Vectors = Result<Arc<[Embedding]>, SharedError>;

impl Cacheable for Embedding {
    type Audience = Everyone;
    type Request<'a> = (&'a EmbeddingModel, &'a str);

    const KIND: Kind = Kind {
        name: "embedding",
        format: 1,
        time_to_live: Duration::from_hours(7 * 24),
        stale_for: Duration::ZERO,
        depends_on: TableGroups::NONE,
    };

    fn weight(&self) -> usize {
        size_of::<Self>() + size_of_val(self.values()) + self.model().name.len()
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
        // Begun by the first text that is found nowhere.
        let begun = &OnceLock::new();
        let lookups = texts.iter().enumerate().map(|(place, text)| {
            let key = Key::<Embedding>::for_everyone(self.cache.key_space(), &(&model, text));
            let call = move || {
                let call = begun.get_or_init(|| self.call(texts)).clone();
                async move {
                    let vectors = call.await?;
                    vectors
                        .get(place)
                        .cloned()
                        .ok_or_else(|| Error::internal("a vector is missing"))
                }
            };
            async move {
                let cached = self.cache.get_or_load(&key?, call).await?;
                Ok::<_, Error>(Embedding::clone(&cached.value))
            }
        });
        try_join_all(lookups).await
    }
}

impl fmt::Debug for CachedEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedEmbedder")
            .field("model", &self.inner.model())
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}
