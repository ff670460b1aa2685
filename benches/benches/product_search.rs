//! Time of a search by meaning and of a hybrid search, by size of the catalogue.
//!
//! `RETAIL_BENCH_PRODUCTS=450,50000,500000` names the sizes; without it, the chain's own catalogue and
//! 50,000 products. The vectors of larger catalogues are synthetic: the real one of each product, with noise
//! for each of its variants.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints what it measured, and cannot go on without its set-up"
)]

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use retail_domain::Principal;
use retail_sample_data::Catalogue;
use retail_search_eval::labels::{Kind, labelled_queries};
use retail_search_eval::systems::{QueryVectors, System, ask};
use retail_search_eval::vectors::{Vectors, local_embedder};
use retail_search_eval::world::World;
use retail_storage::PgProductSearch;
use retail_testkit::{principal, store};
use tokio::runtime::Runtime;

const SYSTEMS: [(&str, System); 2] =
    [("semantic", System::VectorOfWish), ("hybrid", System::Hybrid)];
/// Besides the chain's own catalogue, when nobody names sizes.
const LARGE: usize = 50_000;

/// A catalogue of one size, and what is asked of it.
struct Target {
    search: PgProductSearch,
    manager: Principal,
    texts: Vec<String>,
    vectors: QueryVectors,
    _world: World,
}

impl Target {
    async fn new(products: usize) -> Self {
        let begun = Instant::now();
        let world = World::with_products(products).await.expect("a catalogue");
        let embedder = local_embedder().await.expect("the local model");
        let catalogue = Catalogue::scaled(products).expect("a catalogue");
        let vectors = Vectors::synthetic(&embedder, &catalogue).await.expect("vectors");
        world.fill(&vectors).await.expect("vectors in the database");
        let queries = labelled_queries().expect("labelled queries");
        let texts: Vec<String> = queries
            .into_iter()
            .filter(|query| query.kind != Kind::NoAnswer)
            .map(|query| query.text)
            .collect();
        let asked: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = QueryVectors::of_texts(&*embedder, &asked).await.expect("vectors");
        println!("{products} products are ready after {:.0?}", begun.elapsed());
        Self {
            search: PgProductSearch::new(world.queries.clone()),
            manager: principal(store("Zava Retail Seattle")).await,
            texts,
            vectors,
            _world: world,
        }
    }

    async fn ask(&self, system: System, text: &str) {
        ask(system, &self.search, &self.manager, &self.vectors, text).await.expect("an answer");
    }

    /// The median time of all texts, each asked once.
    async fn median(&self, system: System) -> Duration {
        let mut times = Vec::with_capacity(self.texts.len());
        for text in &self.texts {
            let begun = Instant::now();
            self.ask(system, text).await;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }
}

fn sizes() -> Vec<usize> {
    let own = Catalogue::embedded().expect("a catalogue").products().len();
    match std::env::var("RETAIL_BENCH_PRODUCTS") {
        Ok(sizes) => {
            let size = |size: &str| size.trim().parse().expect("a number of products");
            sizes.split(',').map(size).collect()
        }
        Err(_) => vec![own, LARGE],
    }
}

fn main() -> std::io::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let runtime = Runtime::new()?;
    let mut medians = Vec::new();
    for products in sizes() {
        let target = runtime.block_on(Target::new(products));
        for (name, system) in SYSTEMS {
            let mut group = criterion.benchmark_group(format!("product_search/{name}"));
            let mut texts = target.texts.iter().cycle();
            group.bench_function(BenchmarkId::from_parameter(products), |bencher| {
                bencher.iter(|| {
                    let text = texts.next().expect("there are texts");
                    runtime.block_on(target.ask(system, text));
                });
            });
            group.finish();
            medians.push((name, products, runtime.block_on(target.median(system))));
        }
    }
    for (name, products, median) in &medians {
        let first = medians.iter().find(|(other, _, _)| other == name);
        let ratio = first.map_or(1.0, |(_, _, first)| median.as_secs_f64() / first.as_secs_f64());
        println!(
            "{name:<10}{products:>9} products: median {median:>10.2?}, {ratio:.1} times the first"
        );
    }
    criterion.final_summary();
    Ok(())
}
