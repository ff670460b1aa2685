//! What the signed identity costs a statement in the database, beside a plain setting and no policy.
//!
//! A loop inside the database reads one row of a table by its key, again and again: the difference of
//! two times is the difference of their policies. The settings are made once, in a transaction that
//! stays open, so that nothing else is timed.

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use retail_benches::{Policy, PolicyTarget};
use tokio::runtime::Runtime;

fn main() -> std::io::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    let runtime = Runtime::new()?;
    let target = runtime.block_on(PolicyTarget::new());
    let mut group = criterion.benchmark_group("identity/one_row");
    for policy in Policy::ALL {
        group.bench_function(BenchmarkId::from_parameter(policy), |bencher| {
            bencher.iter_custom(|iterations| {
                let started = Instant::now();
                runtime.block_on(target.read(policy, iterations));
                started.elapsed()
            });
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
