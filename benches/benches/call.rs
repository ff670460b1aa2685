//! What a tool call costs around its statement: envelope, receipt, JSON-RPC; with and without rmcp.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use retail_benches::{ConstantRunner, Way, call, mcp_service};
use retail_testkit::{principal, store};
use tokio::runtime::Runtime;

fn main() -> std::io::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let runtime = Runtime::new()?;
    let caller = runtime.block_on(principal(store("Zava Retail Seattle")));
    let mut group = criterion.benchmark_group("call");
    for rows in [1, 100, 1_000] {
        let service = mcp_service(Arc::new(ConstantRunner::new(rows)));
        let [direct, by_rmcp] =
            [Way::Direct, Way::Rmcp].map(|way| runtime.block_on(call(&service, &caller, way)));
        assert_eq!(direct, by_rmcp, "both ways give the same bytes");
        group.throughput(Throughput::Bytes(direct.len() as u64));
        for (name, way) in [("direct", Way::Direct), ("rmcp", Way::Rmcp)] {
            group.bench_function(BenchmarkId::new(name, rows), |bencher| {
                bencher.to_async(&runtime).iter(|| async {
                    black_box(call(&service, &caller, way).await);
                });
            });
        }
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
