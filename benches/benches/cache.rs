//! What an answer from the cache costs, beside none.

#![expect(clippy::expect_used, reason = "a benchmark whose set-up fails has nothing to measure")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use retail_benches::ConstantRunner;
use retail_cache::{AnswerCache, CachedQueryRunner, KeySpace, Surroundings};
use retail_domain::ports::{InMemoryVersions, QueryRunner};
use retail_domain::{QueryLimits, SqlText};
use retail_testkit::{principal, store};
use secrecy::SecretBox;
use tokio::runtime::Runtime;

/// Statements that are asked in turn.
const STATEMENTS: usize = 1_000;

fn main() -> std::io::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let runtime = Runtime::new()?;
    let caller = runtime.block_on(principal(store("Zava Retail Seattle")));
    let space = KeySpace::new(
        &SecretBox::new(Box::new([7; 32])),
        &Surroundings {
            schema_version: "1".to_owned(),
            policy_version: "1".to_owned(),
            locale: String::new(),
        },
    );
    let limits = QueryLimits::default();
    let mut group = criterion.benchmark_group("cache");
    for rows in [1, 100] {
        let cache = AnswerCache::builder(space.clone(), Arc::new(InMemoryVersions::new())).build();
        let inner = Arc::new(ConstantRunner::new(rows));
        let cached = CachedQueryRunner::new(Arc::clone(&inner) as _, cache.clone());
        let statement = |number: usize| {
            let text = format!("SELECT sku FROM retail.products WHERE product_id = {number}");
            SqlText::new(&text).expect("a statement")
        };
        let statements: Vec<SqlText> = (0..STATEMENTS).map(statement).collect();
        runtime.block_on(async {
            for sql in &statements {
                cached.run(&caller, sql, &limits).await.expect("an answer");
            }
        });
        let runners: [(&str, &dyn QueryRunner); 2] = [("hit", &cached), ("no_cache", &*inner)];
        for (name, runner) in runners {
            group.bench_function(BenchmarkId::new(name, rows), |bencher| {
                let mut next = statements.iter().cycle();
                bencher.iter(|| {
                    let Some(sql) = next.next() else { return };
                    let answer = runtime.block_on(runner.run(&caller, sql, &limits));
                    black_box(answer.is_ok());
                });
            });
        }
        let hits: u64 = cache.statistics().kinds.values().map(|kind| kind.local_hits).sum();
        assert!(hits > STATEMENTS as u64, "the answers came from the cache");
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
