//! What it costs to count one call: the request, the operation, the wait for a connection and the transaction.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use retail_domain::ports::{
    ObservedOperation, ObservedTransaction, OperationObserver as _, TransactionObserver as _,
};
use retail_telemetry::{MetricsError, Telemetry, TelemetrySettings};

const TOOK: Duration = Duration::from_millis(2);

fn main() -> Result<(), MetricsError> {
    let telemetry = Telemetry::new(&TelemetrySettings::default())?;
    let mut operation = ObservedOperation::new("tools/call", TOOK);
    operation.tool = Some("execute_sales_query");
    let mut transaction = ObservedTransaction::new("stores", TOOK);
    transaction.fingerprint = Some("50fde20626009aba");
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("telemetry");
    group.throughput(Throughput::Elements(1));
    group.bench_function("request", |bencher| {
        bencher.iter(|| {
            let in_flight = telemetry.request_begins();
            telemetry.http_request("POST", "/mcp", 200, black_box(TOOK));
            drop(in_flight);
        });
    });
    group.bench_function("operation", |bencher| {
        bencher.iter(|| telemetry.operation_ended(black_box(&operation)));
    });
    group.bench_function("wait", |bencher| {
        bencher.iter(|| telemetry.connection_given("stores", black_box(TOOK)));
    });
    group.bench_function("transaction", |bencher| {
        bencher.iter(|| telemetry.transaction_ended(black_box(&transaction)));
    });
    group.bench_function("prometheus_text", |bencher| bencher.iter(|| telemetry.prometheus_text()));
    group.finish();
    criterion.final_summary();
    Ok(())
}
