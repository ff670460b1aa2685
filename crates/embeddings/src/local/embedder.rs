//! The port's implementation.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel, Error};

use super::network::Network;
use super::worker::{BATCH, Worker};
use super::{DIMENSIONS, LocalModel, LocalModelError, LocalModelOptions, MODEL_NAME};

/// all-MiniLM-L6-v2, loaded once and run on a thread of its own.
///
/// Callers wait in a bounded queue. Those that wait together are computed together, in batches of at
/// most 32 texts; a long list of texts is done in parts, between which others take their turn.
#[derive(Debug)]
pub struct LocalEmbedder {
    model: Arc<EmbeddingModel>,
    worker: Worker,
}

impl LocalEmbedder {
    /// Finds or fetches the model, checks its files, loads it (about 90 MB of memory), and starts its
    /// thread. The thread ends when the embedder is dropped.
    ///
    /// Blocks for as long as a download takes, and for a second without one: call it on a blocking
    /// thread.
    ///
    /// # Errors
    /// Those of [`LocalModel::locate`] and [`LocalModel::verify`], and [`LocalModelError::Load`].
    pub fn start(options: &LocalModelOptions) -> Result<Self, LocalModelError> {
        let begun = Instant::now();
        let files = LocalModel::locate(options)?;
        let network = Network::load(files.read()?)?;
        let worker = Worker::start(network, options.queue_length)
            .map_err(|error| LocalModelError::Load { source: error.into() })?;
        let model = EmbeddingModel { name: MODEL_NAME.to_owned(), dimensions: DIMENSIONS };
        tracing::info!(
            model = MODEL_NAME,
            folder = %files.folder().display(),
            duration_ms = begun.elapsed().as_millis(),
            "loaded the embedding model"
        );
        Ok(Self { model: Arc::new(model), worker })
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn model(&self) -> Arc<EmbeddingModel> {
        Arc::clone(&self.model)
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        let place = self.worker.enter()?;
        // Texts of like length in one part, so that little padding is computed.
        let mut sorted: Vec<(usize, &String)> = texts.iter().enumerate().collect();
        sorted.sort_by_key(|(_, text)| text.len());
        let mut embeddings = Vec::with_capacity(texts.len());
        for part in sorted.chunks(BATCH) {
            let texts = part.iter().map(|(_, text)| (*text).clone()).collect();
            let vectors = self.worker.compute(texts, &place).await?;
            for ((index, _), vector) in part.iter().zip(vectors) {
                embeddings.push((*index, Embedding::new(self.model(), vector)?));
            }
        }
        embeddings.sort_by_key(|(index, _)| *index);
        Ok(embeddings.into_iter().map(|(_, embedding)| embedding).collect())
    }
}
