//! The vector of a search text.

use std::sync::Arc;

use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel, Error, ErrorCode};
use schemars::JsonSchema;
use serde::Serialize;

/// Which model's vectors were compared.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Model {
    /// Name of the model.
    name: String,
    /// Numbers in each of its vectors.
    dimensions: u32,
}

impl From<EmbeddingModel> for Model {
    fn from(model: EmbeddingModel) -> Self {
        Self { name: model.name, dimensions: model.dimensions }
    }
}

/// The vector of `text`.
///
/// # Errors
/// [`ErrorCode::EmbeddingsNotReady`] when the server has no embedder, and those of
/// [`Embedder::embed`].
pub(super) async fn of(
    embedder: Option<&Arc<dyn Embedder>>,
    text: &str,
) -> Result<Embedding, Error> {
    let Some(embedder) = embedder else {
        let message = "this server has no embedding model, so it cannot search by meaning";
        return Err(Error::new(ErrorCode::EmbeddingsNotReady, message).with_hint(
            "use hybrid_product_search, which searches by words then; the operator can set \
             embeddings.provider",
        ));
    };
    let embeddings = embedder.embed(&[text.to_owned()]).await?;
    embeddings.into_iter().next().ok_or_else(|| Error::internal("one text and no vector of it"))
}
