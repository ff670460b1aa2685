//! How well each way to search answers the labelled queries.

use std::path::PathBuf;

use anyhow::{Context, Result};
use retail_domain::Principal;
use retail_embeddings::LocalEmbedder;
use retail_storage::PgProductSearch;
use retail_testkit::{principal, store};

use crate::baseline::{Baseline, Verdict};
use crate::labels::labelled_queries;
use crate::report::{Run, Scores, table, table_of_kinds};
use crate::systems::{QueryVectors, System, run};
use crate::vectors::{Vectors, local_embedder};
use crate::world::World;

/// Whose manager asks. The catalogue is the same for all stores.
const STORE: &str = "Zava Retail Seattle";

/// The chain's catalogue with the local model's vectors, and one who searches it.
#[derive(Debug)]
pub struct Chain {
    /// The database.
    pub world: World,
    /// The model.
    pub embedder: std::sync::Arc<LocalEmbedder>,
    /// The search, with its default settings.
    pub search: PgProductSearch,
    /// Who asks.
    pub manager: Principal,
}

impl Chain {
    /// Loads and embeds the catalogue into a new database.
    ///
    /// # Errors
    /// When the model cannot be had or the database refuses.
    pub async fn embedded() -> Result<Self> {
        let embedder = local_embedder().await?;
        let world = World::with_the_chains_catalogue().await;
        world.fill(&Vectors::Real(embedder.clone())).await?;
        let search = PgProductSearch::new(world.queries.clone());
        Ok(Self { world, embedder, search, manager: principal(store(STORE)).await })
    }
}

/// Asks all labelled queries in each way. Hybrid search comes last.
///
/// # Errors
/// When a query file is wrong, the model cannot be had or the database refuses.
pub async fn measure() -> Result<Vec<Run>> {
    let queries = labelled_queries()?;
    let chain = Chain::embedded().await?;
    let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    let vectors = QueryVectors::of_texts(&*chain.embedder, &texts).await?;
    let mut runs = Vec::new();
    for system in System::ALL {
        runs.push(run(system, &chain.search, &chain.manager, &vectors, &queries).await?);
    }
    Ok(runs)
}

/// The tables of docs/search.md.
pub fn tables(runs: &[Run]) -> String {
    format!("{}\n{}", table(runs), table_of_kinds(runs))
}

/// Compares hybrid search with the accepted figures.
///
/// # Errors
/// When these cannot be read.
pub fn judge(runs: &[Run]) -> Result<Verdict> {
    let path = Baseline::path();
    Ok(match Baseline::read(&path)?.judge(&hybrid(runs)?) {
        Verdict::Dropped(words) => Verdict::Dropped(format!(
            "{words}. Find out why with `cargo xtask search-eval --verbose`; if the loss is wanted, accept it \
             with `cargo xtask search-eval --accept` and commit {}",
            path.display()
        )),
        good @ Verdict::Good(_) => good,
    })
}

/// Makes the figures of hybrid search the accepted ones. Gives the file.
///
/// # Errors
/// When it cannot be written.
pub fn accept(runs: &[Run]) -> Result<PathBuf> {
    let path = Baseline::path();
    hybrid(runs)?.write(&path)?;
    Ok(path)
}

fn hybrid(runs: &[Run]) -> Result<Baseline> {
    let run = runs.last().context("nothing was measured")?;
    let scores = Scores::of(&run.outcomes, |_| true);
    Ok(Baseline { hybrid_ndcg_at_10: scores.ndcg, hybrid_silent: scores.silent })
}
