//! Making a model ready, and switching to it.

use sqlx::{Connection, Row};
use tracing::info;

use super::EMBEDDINGS_LOCK;
use crate::admin::failed;
use crate::{Admin, StorageError};

/// Products without a current vector of a model, and those with one.
const COUNT: &str = "
    SELECT count(*) FILTER (WHERE e.text_hash IS DISTINCT FROM t.text_hash),
           count(e.product_id)
    FROM retail_mcp.product_texts t
    LEFT JOIN retail_mcp.product_embeddings e ON e.product_id = t.product_id AND e.model_id = $1";

impl Admin {
    /// Makes a model that is filled ready, and with `activate` the active one.
    ///
    /// Builds its index if there is none, and counts the words of the catalogue anew. The switch itself
    /// is one transaction: a reader sees the former model or this one, and never none.
    ///
    /// # Errors
    /// [`StorageError::EmbeddingsMissing`] when a product has no current vector; nothing is switched
    /// then. [`StorageError::UnknownEmbeddingModel`], [`StorageError::Locked`], or the database's own
    /// refusal.
    pub async fn finish_embedding_model(
        &mut self,
        model_id: i16,
        activate: bool,
    ) -> Result<(), StorageError> {
        self.become_owner().await?;
        // Two at once would make the same index.
        self.lock(EMBEDDINGS_LOCK).await?;
        let result = self.finish_locked(model_id, activate).await;
        self.unlock(EMBEDDINGS_LOCK).await;
        result
    }

    async fn finish_locked(&mut self, model_id: i16, activate: bool) -> Result<(), StorageError> {
        let model = self.embedding_model(model_id).await?;
        let (missing, products) = counts(&mut self.connection, model_id)
            .await
            .map_err(failed("count the missing vectors"))?;
        if missing > 0 {
            return Err(StorageError::EmbeddingsMissing { model, missing });
        }
        self.build_embedding_index(model_id, model.dimensions, products).await?;
        self.execute("ANALYZE retail_mcp.product_embeddings", "analyse a table").await?;
        self.refresh_search_words().await?;
        self.execute("ANALYZE retail_mcp.search_words", "analyse a table").await?;
        let missing = self
            .switch_to(model_id, activate)
            .await
            .map_err(failed("make an embedding model ready"))?;
        if missing > 0 {
            return Err(StorageError::EmbeddingsMissing { model, missing });
        }
        info!(model = %model, products, active = activate, "an embedding model is ready");
        Ok(())
    }

    /// Switches unless something is missing; gives how much.
    async fn switch_to(&mut self, model_id: i16, activate: bool) -> Result<u64, sqlx::Error> {
        let mut transaction = self.connection.begin().await?;
        // Nobody changes a product between the count and the commit.
        sqlx::raw_sql("LOCK TABLE retail_mcp.product_texts IN SHARE MODE")
            .execute(&mut *transaction)
            .await?;
        let (missing, _) = counts(&mut transaction, model_id).await?;
        if missing > 0 {
            return Ok(missing);
        }
        if activate {
            // First, since there is at most one at any moment.
            sqlx::query(
                "UPDATE retail_mcp.embedding_models SET is_active = false
                 WHERE is_active AND model_id <> $1",
            )
            .bind(model_id)
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query(
            "UPDATE retail_mcp.embedding_models
             SET is_ready = true, is_active = is_active OR $2, ready_at = now()
             WHERE model_id = $1",
        )
        .bind(model_id)
        .bind(activate)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(0)
    }
}

async fn counts(
    connection: &mut sqlx::PgConnection,
    model_id: i16,
) -> Result<(u64, u64), sqlx::Error> {
    let row = sqlx::query(COUNT).bind(model_id).fetch_one(connection).await?;
    let count = |at| row.try_get::<i64, usize>(at).map(i64::cast_unsigned);
    Ok((count(0)?, count(1)?))
}
