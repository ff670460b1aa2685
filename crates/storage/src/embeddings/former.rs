//! The vectors of a Zava database that was adopted.

use retail_domain::EmbeddingModel;

use crate::admin::failed;
use crate::{Admin, StorageError};

/// The model that the former system used, whose table has room for no other dimensions.
const FORMER_MODEL: &str = "text-embedding-3-small";
const FORMER_DIMENSIONS: u32 = 1536;

/// They count as made of the current texts. The former system embedded the description alone, which is
/// the larger part of ours; `retail-mcp embed --force` makes them anew.
const IMPORT: &str = "
    INSERT INTO retail_mcp.product_embeddings (model_id, product_id, embedding, text_hash)
    SELECT $1, f.product_id, f.description_embedding, t.text_hash
    FROM retail.product_description_embeddings f
    JOIN retail_mcp.product_texts t ON t.product_id = f.product_id
    WHERE public.vector_dims(f.description_embedding) = $2
      AND public.vector_norm(f.description_embedding) > 0
    ON CONFLICT DO NOTHING";

impl Admin {
    /// Takes over the vectors of an adopted database, if it has any and they were not taken before. Gives
    /// notes for the operator. The role is the owner's.
    pub(crate) async fn import_former_embeddings(&mut self) -> Result<Vec<String>, StorageError> {
        let any = "SELECT EXISTS (SELECT FROM retail.product_description_embeddings
                   WHERE description_embedding IS NOT NULL)";
        if !self.is_true(any).await? {
            return Ok(Vec::new());
        }
        let model = EmbeddingModel { name: FORMER_MODEL.to_owned(), dimensions: FORMER_DIMENSIONS };
        let known = self.embedding_models().await?;
        if known.iter().any(|record| record.model == model && record.is_ready) {
            return Ok(Vec::new());
        }
        let model_id = self.register_embedding_model(&model).await?;
        sqlx::query(IMPORT)
            .bind(model_id)
            .bind(FORMER_DIMENSIONS.cast_signed())
            .execute(&mut self.connection)
            .await
            .map_err(failed("take over the former vectors"))?;
        let activate = !known.iter().any(|record| record.is_active);
        match self.finish_embedding_model(model_id, activate).await {
            Ok(()) => Ok(vec![format!(
                "the vectors of the products are taken over as {model}; searches need an embedder of it"
            )]),
            Err(StorageError::EmbeddingsMissing { missing, .. }) => Ok(vec![format!(
                "the vectors of the products are taken over as {model}, but {missing} products have \
                 none; run `retail-mcp embed` with an embedder of it"
            )]),
            Err(error) => Err(error),
        }
    }
}
