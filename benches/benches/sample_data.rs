//! Rows per second: the sample data made in memory, and loaded into PostgreSQL.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use retail_benches::{LoadTarget, dataset, generate, generate_all};
use retail_sample_data::{Scale, Table};
use tokio::runtime::Runtime;

/// The sizes that are both made and loaded.
const SCALES: [Scale; 2] = [Scale::Tiny, Scale::Factor(0.1)];

fn order_items(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("generate/order_items");
    for scale in SCALES {
        let dataset = dataset(scale);
        let rows = generate(&dataset, Table::OrderItems);
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::from_parameter(scale), |bencher| {
            bencher.iter(|| generate(black_box(&dataset), Table::OrderItems));
        });
    }
    group.finish();
}

fn all_tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("generate/all_tables");
    for scale in SCALES {
        let dataset = dataset(scale);
        group.throughput(Throughput::Elements(generate_all(&dataset)));
        group.bench_function(BenchmarkId::from_parameter(scale), |bencher| {
            bencher.iter(|| generate_all(black_box(&dataset)));
        });
    }
    group.finish();
}

fn load(criterion: &mut Criterion, runtime: &Runtime) {
    let mut target = runtime.block_on(LoadTarget::new());
    let mut group = criterion.benchmark_group("load/all_tables");
    // Each sample is the same number of loads; more and more of them would take minutes.
    group.sampling_mode(SamplingMode::Flat);
    group.measurement_time(Duration::from_secs(20));
    for scale in SCALES {
        let dataset = dataset(scale);
        let rows = runtime.block_on(target.load(&dataset));
        assert_eq!(rows, generate_all(&dataset), "each row made is loaded");
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::from_parameter(scale), |bencher| {
            bencher.iter(|| runtime.block_on(target.load(&dataset)));
        });
    }
    group.finish();
}

fn main() -> std::io::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    order_items(&mut criterion);
    all_tables(&mut criterion);
    load(&mut criterion, &Runtime::new()?);
    criterion.final_summary();
    Ok(())
}
