//! Time of one check by the SQL guard, over what analysts write.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints what it measured, and cannot go on without it"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use retail_benches::{benign_statements, retail_guard};

/// Checks of each statement.
const ROUNDS: usize = 200;

fn check(criterion: &mut Criterion) {
    let (guard, statements) = (retail_guard(), benign_statements());
    let accepted: Vec<&String> = statements.iter().filter(|sql| guard.check(sql).is_ok()).collect();
    assert!(accepted.len() > 50, "the guard accepts what analysts write");
    let mut group = criterion.benchmark_group("sql_guard");
    group.throughput(Throughput::Elements(accepted.len() as u64));
    group.bench_function("check/benign", |bencher| {
        bencher.iter(|| {
            for sql in &accepted {
                let _ = black_box(guard.check(black_box(sql)));
            }
        });
    });
    group.finish();

    let mut all: Vec<Duration> = Vec::with_capacity(accepted.len() * ROUNDS);
    let mut slowest = Duration::ZERO;
    for sql in &accepted {
        let times = (0..ROUNDS).map(|_| {
            let start = Instant::now();
            let _ = black_box(guard.check(black_box(sql)));
            start.elapsed()
        });
        let mut times: Vec<Duration> = times.collect();
        slowest = slowest.max(percentile(&mut times, 50));
        all.append(&mut times);
    }
    println!(
        "one check of {} statements: median {:?}, p99 {:?}; the median of the slowest statement: {slowest:?}",
        accepted.len(),
        percentile(&mut all, 50),
        percentile(&mut all, 99),
    );
}

/// On a busy machine the p99 is the scheduler's, not the guard's.
fn percentile(times: &mut [Duration], hundredths: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * hundredths / 100]
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    check(&mut criterion);
    criterion.final_summary();
}
