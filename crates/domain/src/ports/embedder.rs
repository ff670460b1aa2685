//! Texts as vectors.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Embedding, EmbeddingModel, Error};

/// Turns texts into vectors, all of one model.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The model of every vector that this gives.
    fn model(&self) -> Arc<EmbeddingModel>;

    /// The vectors of `texts`, in their order. Any number of texts; an implementation batches as it
    /// needs to, and cuts a text that is longer than its model reads.
    ///
    /// Dropping the returned future gives up what has not begun.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorCode::Unavailable) or
    /// [`Overloaded`](crate::ErrorCode::Overloaded), which a later try may cure;
    /// [`Internal`](crate::ErrorCode::Internal) when no try will.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error>;
}
