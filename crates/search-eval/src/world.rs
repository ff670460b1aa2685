//! A database with a catalogue and its vectors, and the search over it.

use std::sync::Arc;

use anyhow::Result;
use retail_domain::Embedding;
use retail_sample_data::{Catalogue, Dataset, Scale, Spec, Table};
use retail_storage::{Admin, CopyTable, LoadRecord, ProductText, QueryDatabase};
use retail_testkit::{TestDatabase, until};

use crate::recall::Truth;
use crate::vectors::Vectors;

/// Texts that are read, embedded and written at once.
const BATCH: u32 = 256;
/// Connections of the search: one asks after the other, and head office needs one of its own.
const CONNECTIONS: usize = 4;

/// A migrated database of the test cluster with a catalogue in it.
#[derive(Debug)]
pub struct World {
    /// Its query side.
    pub queries: Arc<QueryDatabase>,
    // After the connections, since it is dropped with this value.
    database: TestDatabase,
}

impl World {
    /// The chain's own catalogue, with few customers and orders.
    pub async fn with_the_chains_catalogue() -> Self {
        Self::of(TestDatabase::seeded().await)
    }

    /// So many products, in stock in every store, with few customers and orders.
    ///
    /// # Errors
    /// When the catalogue cannot have so many, or the database refuses them.
    pub async fn with_products(products: usize) -> Result<Self> {
        let database = TestDatabase::empty();
        let mut admin = database.admin().await;
        admin.migrate(&TestDatabase::migrate_options()).await?;
        let spec = Spec { seed: 42, scale: Scale::Tiny, until: until() };
        let dataset = Dataset::with_catalogue(spec, Catalogue::scaled(products)?)?;
        let tables = Table::ALL.into_iter().map(|table| CopyTable {
            table: table.name(),
            columns: table.columns(),
            chunks: Box::new(dataset.copy_chunks(table)),
        });
        let record = LoadRecord { seed: spec.seed, scale: "tiny".to_owned(), until: spec.until };
        admin.load(tables, &record, false, &mut |_, _| {}).await?;
        admin.close().await;
        Ok(Self::of(database))
    }

    fn of(database: TestDatabase) -> Self {
        Self { queries: Arc::new(database.query_database(CONNECTIONS)), database }
    }

    /// A connection that may change everything.
    pub async fn admin(&self) -> Admin {
        self.database.admin().await
    }

    /// Runs SQL as the superuser and gives what it prints.
    pub fn psql(&self, sql: &str) -> String {
        self.database.psql(sql)
    }

    /// Gives every product the vector that `vectors` has for it, builds the index, and makes the model
    /// ready and active.
    ///
    /// # Errors
    /// Those of the database and of `vectors`.
    pub async fn fill(&self, vectors: &Vectors) -> Result<()> {
        self.fill_and(vectors, |_, _| {}).await.map(|_| ())
    }

    /// Does as [`fill`](Self::fill), and gives the model's key and the vectors.
    ///
    /// # Errors
    /// As [`fill`](Self::fill).
    pub async fn fill_and_keep(&self, vectors: &Vectors) -> Result<(i16, Truth)> {
        let mut truth = Truth::default();
        let keep = |product_id, embedding: &Embedding| truth.add(product_id, embedding.clone());
        let model_id = self.fill_and(vectors, keep).await?;
        Ok((model_id, truth))
    }

    async fn fill_and(
        &self,
        vectors: &Vectors,
        mut each: impl FnMut(i32, &Embedding),
    ) -> Result<i16> {
        let mut admin = self.admin().await;
        let model_id = admin.register_embedding_model(&vectors.model()).await?;
        let mut after = 0;
        loop {
            let texts = admin.next_missing_texts(model_id, after, BATCH, false).await?;
            let Some(last) = texts.last() else { break };
            after = last.product_id;
            let embeddings = vectors.of(&texts).await?;
            let rows: Vec<(ProductText, Embedding)> = texts.into_iter().zip(embeddings).collect();
            for (text, embedding) in &rows {
                each(text.product_id, embedding);
            }
            admin.put_embeddings(model_id, &rows).await?;
        }
        admin.finish_embedding_model(model_id, true).await?;
        admin.close().await;
        Ok(model_id)
    }
}
