//! What the index loses under row level security, beside an exact search.
//!
//! A store manager asks for products in stock. The index knows nothing of stores: it gives the nearest
//! products of the chain, and the store's rows decide which count. The fewer are in stock, the further
//! the search must look. What it should have found is computed here, from the same vectors.

mod truth;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use retail_domain::ports::{Embedder, ProductSearch};
use retail_domain::{
    Embedding, FusionWeights, HybridQuery, Principal, ProductFilters, ProductWish,
};
use retail_sample_data::Catalogue;
use retail_storage::{PgProductSearch, SearchSettings};
use retail_testkit::{principal, store};

use crate::labels::{Kind, labelled_queries};
use crate::metrics::{mean, part};
use crate::report::RECALL_AT;
use crate::vectors::{Vectors, local_embedder};
use crate::world::World;
pub use truth::Truth;

/// The store whose stock is thinned out.
pub const STORE: &str = "Zava Retail Kirkland";
const STORE_ID: i32 = 7;

/// The least recall that is good enough.
pub const TARGET: f64 = 0.98;

/// What was measured with so much in stock.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Every so many-th product is in stock.
    pub one_in: u32,
    /// Products in stock.
    pub in_stock: usize,
    /// Mean recall@20 over the queries.
    pub recall: f64,
    /// The worst query's.
    pub worst: f64,
    /// Median time of a search.
    pub median: Duration,
}

/// Leaves every `one_in`-th product in stock in the store, and the rest not. Which ones is by chance, the
/// same in each run.
pub fn thin_out(world: &World, one_in: u32) {
    world.psql(&format!(
        "UPDATE retail.inventory SET stock_level = CASE
             WHEN mod(hashint4(product_id)::bigint + 2147483648, {one_in}) = 0 THEN 5 ELSE 0 END
         WHERE store_id = {STORE_ID}"
    ));
    // By itself: it cannot run in a transaction.
    world.psql("VACUUM (ANALYZE) retail.inventory");
}

/// The products in stock in the store.
///
/// # Errors
/// When the database answers something else.
pub fn in_stock(world: &World) -> Result<Vec<i32>> {
    let answer = world.psql(&format!(
        "SELECT product_id FROM retail.inventory WHERE store_id = {STORE_ID} AND stock_level > 0"
    ));
    answer.lines().map(|line| line.trim().parse().context("a product's key")).collect()
}

/// Asks each text as the store's manager for what is in stock, by meaning alone, and compares.
///
/// # Errors
/// Those of the search.
pub async fn measure(
    world: &World,
    search: &dyn ProductSearch,
    truth: &Truth,
    queries: &[(String, Embedding)],
    one_in: u32,
) -> Result<Measure> {
    let manager = principal(store(STORE)).await;
    let in_stock = in_stock(world)?;
    let nearest = truth.among(&in_stock);
    let mut recalls = Vec::with_capacity(queries.len());
    let mut times = Vec::with_capacity(queries.len());
    for (text, embedding) in queries {
        let (found, time) = ask(search, &manager, text, embedding).await?;
        let best = nearest.nearest(embedding, RECALL_AT);
        let hit = found.iter().filter(|id| best.contains(id)).count();
        recalls.push(part(hit, best.len()));
        times.push(time);
    }
    times.sort_unstable();
    Ok(Measure {
        one_in,
        in_stock: in_stock.len(),
        recall: mean(recalls.iter().copied()),
        worst: recalls.iter().copied().fold(1.0, f64::min),
        median: times.get(times.len() / 2).copied().unwrap_or_default(),
    })
}

async fn ask(
    search: &dyn ProductSearch,
    manager: &Principal,
    text: &str,
    embedding: &Embedding,
) -> Result<(Vec<i32>, Duration)> {
    let query = HybridQuery {
        wish: ProductWish::parse("query", text)?,
        embedding: Some(embedding.clone()),
        weights: FusionWeights::new(1.0, 0.0)?,
        filters: ProductFilters { in_stock: true, ..ProductFilters::default() },
        max_results: u32::try_from(RECALL_AT)?,
    };
    let begun = Instant::now();
    let found = search.hybrid(manager, &query).await.with_context(|| format!("{text:?}"))?;
    let time = begun.elapsed();
    Ok((found.matches.iter().map(|found| found.product.product_id).collect(), time))
}

/// The measures of the index, and of the same search without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Products of the catalogue.
    pub products: usize,
    /// Queries asked.
    pub queries: usize,
    /// By the index.
    pub with_index: Vec<Measure>,
    /// Without it: by comparing with every product.
    pub exact: Vec<Measure>,
}

impl Measured {
    /// The measures in Markdown.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{} products, {} queries.\n\n\
             | in stock | products | recall@20 | worst query | median | exact: recall@20 | exact: median |\n\
             |---|---|---|---|---|---|---|\n",
            self.products, self.queries
        );
        for (index, exact) in self.with_index.iter().zip(&self.exact) {
            // Writing to a string cannot fail.
            let _ = writeln!(
                table,
                "| 1 in {} | {} | {:.4} | {:.2} | {:.1} ms | {:.4} | {:.1} ms |",
                index.one_in,
                index.in_stock,
                index.recall,
                index.worst,
                milliseconds(index.median),
                exact.recall,
                milliseconds(exact.median),
            );
        }
        table
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Makes a catalogue of so many products and measures it: everything in stock, then less and
/// less.
///
/// # Errors
/// Those of the database, the model and the search.
pub async fn run(products: usize, real_vectors: bool) -> Result<Measured> {
    let world = World::with_products(products).await?;
    let embedder = local_embedder().await?;
    let vectors = if real_vectors {
        Vectors::Real(embedder.clone())
    } else {
        Vectors::synthetic(&embedder, &Catalogue::scaled(products)?).await?
    };
    let (model_id, truth) = world.fill_and_keep(&vectors).await?;
    let queries = queries(&*embedder).await?;
    // Every neighbour counts here, also one that is too far to be an answer.
    let settings = SearchSettings {
        min_similarity: -1.0,
        min_similarity_with_words: -1.0,
        ..SearchSettings::default()
    };
    let search = PgProductSearch::with_settings(world.queries.clone(), settings);
    let mut measured =
        Measured { products, queries: queries.len(), with_index: vec![], exact: vec![] };
    for one_in in ONE_IN {
        thin_out(&world, one_in);
        let measure = measure(&world, &search, &truth, &queries, one_in).await?;
        measured.with_index.push(measure);
    }
    world.psql(&format!("DROP INDEX retail_mcp.product_embeddings_{model_id}_hnsw"));
    for one_in in ONE_IN {
        thin_out(&world, one_in);
        measured.exact.push(measure(&world, &search, &truth, &queries, one_in).await?);
    }
    Ok(measured)
}

/// How thin the stock is, one after the other.
const ONE_IN: [u32; 6] = [1, 2, 5, 10, 100, 1_000];

/// The labelled queries with an answer that ask for no price and refuse nothing: only the store's stock
/// narrows what they find.
async fn queries(embedder: &dyn Embedder) -> Result<Vec<(String, Embedding)>> {
    let texts: Vec<String> = labelled_queries()?
        .into_iter()
        .filter(|query| query.kind != Kind::NoAnswer)
        .filter(|query| {
            ProductWish::parse("query", &query.text)
                .is_ok_and(|wish| wish.positive_text() == wish.text())
        })
        .map(|query| query.text)
        .collect();
    let embeddings = embedder.embed(&texts).await?;
    Ok(texts.into_iter().zip(embeddings).collect())
}
