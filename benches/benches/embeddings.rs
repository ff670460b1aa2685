//! Time of the local embedding model, for a question and for texts of products.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use retail_benches::{local_embedder, product_texts};
use retail_domain::ports::Embedder;
use tokio::runtime::Runtime;

const QUESTION: &str = "something to hang a heavy mirror on drywall";

fn main() -> std::io::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    let runtime = Runtime::new()?;
    let embedder = local_embedder();
    let embed = |texts: &[String]| {
        let embeddings = runtime.block_on(embedder.embed(black_box(texts)));
        assert_eq!(embeddings.map(|embeddings| embeddings.len()).ok(), Some(texts.len()));
    };

    let question = [QUESTION.to_owned()];
    let products = product_texts();
    let mut group = criterion.benchmark_group("embeddings");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one/question", |bencher| bencher.iter(|| embed(&question)));
    for size in [32, 128] {
        // Spread over the catalogue, since each category has its own style.
        let spread = products.iter().step_by(products.len() / size).take(size);
        let texts: Vec<String> = spread.cloned().collect();
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("batch", size), |bencher| {
            bencher.iter(|| embed(&texts));
        });
    }
    group.finish();

    let count = u32::try_from(products.len()).map_err(std::io::Error::other)?;
    let begun = Instant::now();
    embed(&products);
    let elapsed = begun.elapsed();
    println!(
        "the whole catalogue: {count} products in {elapsed:?}, {:?} each, {:.0} products/s",
        elapsed / count,
        f64::from(count) / elapsed.as_secs_f64(),
    );
    criterion.final_summary();
    Ok(())
}
