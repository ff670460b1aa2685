//! The list of models.

use retail_domain::{EmbeddingModel, Error, ErrorCode};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::index::{distance_functions, drop_functions, index_name};
use super::{EMBEDDINGS_LOCK, EmbeddingModelRecord, TEXT_RECIPE};
use crate::admin::failed;
use crate::sql_error::our_statement_failed;
use crate::{Admin, StorageError};

const MODELS: &str = "
    SELECT m.model_id, m.model_name, m.dimensions, m.text_recipe, m.is_ready, m.is_active,
           count(e.product_id), count(*) FILTER (WHERE e.text_hash <> t.text_hash),
           (SELECT count(*) FROM retail_mcp.product_texts) - count(t.product_id)
    FROM retail_mcp.embedding_models m
    LEFT JOIN retail_mcp.product_embeddings e ON e.model_id = m.model_id
    LEFT JOIN retail_mcp.product_texts t ON t.product_id = e.product_id
    GROUP BY m.model_id
    ORDER BY m.model_id";

/// Texts that no trigger has seen: rows that came by logical replication, or while triggers were off.
const CATCH_UP: &str = "
    INSERT INTO retail_mcp.product_texts AS t (product_id, text, text_hash, document)
    SELECT s.product_id, s.text, s.text_hash, s.document
    FROM retail_mcp.product_text_source s
    LEFT JOIN retail_mcp.product_texts p ON p.product_id = s.product_id
    WHERE p.text_hash IS DISTINCT FROM s.text_hash
    ON CONFLICT (product_id) DO UPDATE
        SET text = EXCLUDED.text, text_hash = EXCLUDED.text_hash, document = EXCLUDED.document";

impl Admin {
    /// All models, by key.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn embedding_models(&mut self) -> Result<Vec<EmbeddingModelRecord>, StorageError> {
        const ACTION: &str = "read the embedding models";
        self.become_owner().await?;
        let rows =
            sqlx::query(MODELS).fetch_all(&mut self.connection).await.map_err(failed(ACTION))?;
        rows.iter().map(record).collect::<Result<_, _>>().map_err(failed(ACTION))
    }

    /// Makes a model known, and gives its key. One that is known stays as it is. The texts of products
    /// that changed unseen are made anew, so call this before each fill.
    ///
    /// # Errors
    /// [`StorageError::Setting`] for dimensions that no vector can have; [`StorageError::Locked`],
    /// [`StorageError::Statement`].
    pub async fn register_embedding_model(
        &mut self,
        model: &EmbeddingModel,
    ) -> Result<i16, StorageError> {
        if model.name.is_empty() || !(1..=16_000).contains(&model.dimensions) {
            return Err(StorageError::Setting(format!(
                "an embedding model has a name and 1 to 16000 dimensions, not {:?} and {}",
                model.name, model.dimensions
            )));
        }
        self.become_owner().await?;
        self.lock(EMBEDDINGS_LOCK).await?;
        let result = self.catch_up_and_register(model).await;
        self.unlock(EMBEDDINGS_LOCK).await;
        result
    }

    async fn catch_up_and_register(&mut self, model: &EmbeddingModel) -> Result<i16, StorageError> {
        self.execute(CATCH_UP, "renew the texts of the products").await?;
        self.register(model).await.map_err(failed("register an embedding model"))
    }

    async fn register(&mut self, model: &EmbeddingModel) -> Result<i16, sqlx::Error> {
        let mut transaction = self.connection.begin().await?;
        // One at a time, since two would make the same functions. Readers go on.
        sqlx::raw_sql("LOCK TABLE retail_mcp.embedding_models IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *transaction)
            .await?;
        let dimensions = model.dimensions.cast_signed();
        sqlx::query(
            "INSERT INTO retail_mcp.embedding_models (model_name, dimensions, text_recipe)
             SELECT $1, $2, $3 WHERE NOT EXISTS (
                 SELECT FROM retail_mcp.embedding_models WHERE model_name = $1 AND dimensions = $2)",
        )
        .bind(&model.name)
        .bind(dimensions)
        .bind(TEXT_RECIPE)
        .execute(&mut *transaction)
        .await?;
        let model_id: i16 = sqlx::query_scalar(
            "SELECT model_id FROM retail_mcp.embedding_models
             WHERE model_name = $1 AND dimensions = $2",
        )
        .bind(&model.name)
        .bind(dimensions)
        .fetch_one(&mut *transaction)
        .await?;
        let functions = distance_functions(model_id, model.dimensions);
        sqlx::raw_sql(AssertSqlSafe(functions)).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(model_id)
    }

    /// Forgets a model, its vectors and its index. Whoever searches with it is refused from then on.
    ///
    /// # Errors
    /// [`StorageError::UnknownEmbeddingModel`], or the database's own refusal.
    pub async fn drop_embedding_model(&mut self, model_id: i16) -> Result<(), StorageError> {
        self.become_owner().await?;
        self.embedding_model(model_id).await?;
        let sql = format!(
            "BEGIN;
             DELETE FROM retail_mcp.embedding_models WHERE model_id = {model_id};
             DROP INDEX IF EXISTS retail_mcp.{index};
             {functions}
             COMMIT",
            index = index_name(model_id),
            functions = drop_functions(model_id),
        );
        let dropped = self.execute(&sql, "drop an embedding model").await;
        if dropped.is_err() {
            self.execute("ROLLBACK", "drop an embedding model").await?;
        }
        dropped
    }

    /// The model of a key. The role is the owner's.
    pub(super) async fn embedding_model(
        &mut self,
        model_id: i16,
    ) -> Result<EmbeddingModel, StorageError> {
        const ACTION: &str = "read an embedding model";
        let row = sqlx::query(
            "SELECT model_name, dimensions FROM retail_mcp.embedding_models WHERE model_id = $1",
        )
        .bind(model_id)
        .fetch_optional(&mut self.connection)
        .await
        .map_err(failed(ACTION))?
        .ok_or(StorageError::UnknownEmbeddingModel { model_id })?;
        model(&row, 0).map_err(failed(ACTION))
    }
}

fn record(row: &PgRow) -> Result<EmbeddingModelRecord, sqlx::Error> {
    Ok(EmbeddingModelRecord {
        model_id: row.try_get(0)?,
        model: model(row, 1)?,
        text_recipe: row.try_get(3)?,
        is_ready: row.try_get(4)?,
        is_active: row.try_get(5)?,
        products: row.try_get::<i64, _>(6)?.cast_unsigned(),
        stale: row.try_get::<i64, _>(7)?.cast_unsigned(),
        missing: row.try_get::<i64, _>(8)?.cast_unsigned(),
    })
}

/// A name and dimensions from a row, from column `at` on.
fn model(row: &PgRow, at: usize) -> Result<EmbeddingModel, sqlx::Error> {
    Ok(EmbeddingModel {
        name: row.try_get(at)?,
        dimensions: row.try_get::<i32, _>(at + 1)?.cast_unsigned(),
    })
}

/// The model that products are compared with each other by, asked as a query role.
///
/// # Errors
/// [`ErrorCode::EmbeddingsNotReady`] when there is none.
pub(crate) async fn active_model(
    client: &tokio_postgres::Client,
) -> Result<(i16, EmbeddingModel), Error> {
    let sql = "SELECT model_id, model_name, dimensions FROM retail_mcp.embedding_models
               WHERE is_active";
    let rows = client.query_typed(sql, &[]).await.map_err(|error| our_statement_failed(&error))?;
    let row = rows.first().ok_or_else(|| {
        Error::new(ErrorCode::EmbeddingsNotReady, "the catalogue has no complete vectors")
            .with_hint("run `retail-mcp embed`")
    })?;
    let read = |error: tokio_postgres::Error| Error::internal(error.to_string());
    let dimensions: i32 = row.try_get(2).map_err(read)?;
    let model = EmbeddingModel {
        name: row.try_get(1).map_err(read)?,
        dimensions: dimensions.cast_unsigned(),
    };
    Ok((row.try_get(0).map_err(read)?, model))
}
