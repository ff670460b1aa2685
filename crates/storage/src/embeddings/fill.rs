//! Filling a model: what is missing, and putting vectors in.

use retail_domain::Embedding;
use sqlx::Row;

use super::ProductText;
use crate::admin::failed;
use crate::{Admin, StorageError};

/// Most numbers that one statement carries: 16 MB.
const NUMBERS_A_STATEMENT: usize = 4 << 20;

/// The numbers of all vectors come as one array, which PostgreSQL cuts up: it is sent as it is in memory,
/// with no text to write or to read. A product that is gone by now is left out.
const PUT: &str = "
    INSERT INTO retail_mcp.product_embeddings AS e
        (model_id, product_id, embedding, text_hash, embedded_at)
    SELECT $1, i.product_id,
           ($4::real[])[((i.n - 1) * $5 + 1):(i.n * $5)]::public.vector, i.text_hash,
           clock_timestamp()
    FROM unnest($2::integer[], $3::bytea[]) WITH ORDINALITY AS i (product_id, text_hash, n)
    WHERE EXISTS (SELECT FROM retail.products p WHERE p.product_id = i.product_id)
    ON CONFLICT (model_id, product_id) DO UPDATE
        SET embedding = EXCLUDED.embedding, text_hash = EXCLUDED.text_hash,
            embedded_at = EXCLUDED.embedded_at";

impl Admin {
    /// How many products have no vector of a model, or one of a former text; with `all`, how many there
    /// are. As [`next_missing_texts`](Self::next_missing_texts) gives them.
    ///
    /// # Errors
    /// [`StorageError::UnknownEmbeddingModel`], [`StorageError::Statement`].
    pub async fn count_missing_embeddings(
        &mut self,
        model_id: i16,
        all: bool,
    ) -> Result<u64, StorageError> {
        self.become_owner().await?;
        self.embedding_model(model_id).await?;
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM retail_mcp.product_texts t
             LEFT JOIN retail_mcp.product_embeddings e
                 ON e.product_id = t.product_id AND e.model_id = $1
             WHERE $2 OR e.text_hash IS DISTINCT FROM t.text_hash",
        )
        .bind(model_id)
        .bind(all)
        .fetch_one(&mut self.connection)
        .await
        .map_err(failed("count the missing vectors"))?;
        Ok(count.cast_unsigned())
    }

    /// The next texts, by product, whose vector of a model is missing or stale; with `all`, of every
    /// product. At most `limit`, of products after `after_product_id`. Empty at the end.
    ///
    /// # Errors
    /// [`StorageError::UnknownEmbeddingModel`], [`StorageError::Statement`].
    pub async fn next_missing_texts(
        &mut self,
        model_id: i16,
        after_product_id: i32,
        limit: u32,
        all: bool,
    ) -> Result<Vec<ProductText>, StorageError> {
        const ACTION: &str = "read the texts of products";
        self.become_owner().await?;
        self.embedding_model(model_id).await?;
        let rows = sqlx::query(
            "SELECT t.product_id, t.text, t.text_hash FROM retail_mcp.product_texts t
             LEFT JOIN retail_mcp.product_embeddings e
                 ON e.product_id = t.product_id AND e.model_id = $1
             WHERE t.product_id > $2 AND ($3 OR e.text_hash IS DISTINCT FROM t.text_hash)
             ORDER BY t.product_id LIMIT $4",
        )
        .bind(model_id)
        .bind(after_product_id)
        .bind(all)
        .bind(i64::from(limit))
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed(ACTION))?;
        rows.iter()
            .map(|row| {
                Ok(ProductText {
                    product_id: row.try_get(0)?,
                    text: row.try_get(1)?,
                    text_hash: row.try_get(2)?,
                })
            })
            .collect::<Result<_, _>>()
            .map_err(failed(ACTION))
    }

    /// Keeps vectors of a model, each with the text that it was made of, all or none. Vectors that are
    /// there are replaced. Each product may be named once.
    ///
    /// # Errors
    /// [`StorageError::OtherEmbeddingModel`] for a vector of another model,
    /// [`StorageError::UnknownEmbeddingModel`], [`StorageError::Statement`].
    pub async fn put_embeddings(
        &mut self,
        model_id: i16,
        embeddings: &[(ProductText, Embedding)],
    ) -> Result<(), StorageError> {
        self.become_owner().await?;
        let expected = self.embedding_model(model_id).await?;
        if let Some((_, other)) = embeddings.iter().find(|(_, e)| *e.model() != expected) {
            return Err(StorageError::OtherEmbeddingModel {
                expected,
                found: other.model().clone(),
            });
        }
        let dimensions = expected.dimensions;
        let at_once = (NUMBERS_A_STATEMENT / (dimensions as usize).max(1)).max(1);
        self.put(model_id, dimensions, embeddings, at_once)
            .await
            .map_err(failed("keep the vectors of products"))
    }

    async fn put(
        &mut self,
        model_id: i16,
        dimensions: u32,
        embeddings: &[(ProductText, Embedding)],
        at_once: usize,
    ) -> Result<(), sqlx::Error> {
        use sqlx::Connection;
        let mut transaction = self.connection.begin().await?;
        for chunk in embeddings.chunks(at_once) {
            let products: Vec<i32> = chunk.iter().map(|(text, _)| text.product_id).collect();
            let hashes: Vec<&[u8]> = chunk.iter().map(|(text, _)| &*text.text_hash).collect();
            let numbers: Vec<f32> =
                chunk.iter().flat_map(|(_, embedding)| embedding.values()).copied().collect();
            sqlx::query(PUT)
                .bind(model_id)
                .bind(products)
                .bind(hashes)
                .bind(numbers)
                .bind(dimensions.cast_signed())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}
