//! What only a process of its own can show.

use std::time::{Duration, Instant};

use retail_domain::ErrorCode;
use retail_domain::ports::ObservedTransaction;
use retail_telemetry::{Monitor, Telemetry, TelemetrySettings};

const DAY: u32 = 86_400;
const TOOLS: [&str; 4] =
    ["execute_sales_query", "hybrid_product_search", "get_multiple_table_schemas", "unknown"];

/// Resident memory of this process, in bytes.
fn memory_bytes(telemetry: &Telemetry) -> u64 {
    telemetry.sample_process();
    telemetry.monitor().current(Instant::now()).system.memory_bytes
}

/// Calls of one day, one every two seconds, and statements and samples every ten.
fn live_a_day(monitor: &Monitor, started: Instant, day: u32) {
    for (second, tool) in (0..DAY).step_by(2).zip(TOOLS.iter().cycle()) {
        let at = started + Duration::from_secs(u64::from(day * DAY + second));
        let duration = Duration::from_micros(u64::from(second % 977) * 50);
        monitor.call(at, tool, (second % 14 == 0).then_some(ErrorCode::QueryFailed), duration);
        if second % 10 == 0 {
            // New shapes all the time: models do not repeat themselves.
            let shape = format!("{day:08x}{second:08x}");
            let mut transaction = ObservedTransaction::new("stores", duration);
            transaction.fingerprint = Some(&shape);
            transaction.plan = Some(&shape);
            monitor.transaction(at, &transaction);
            monitor.request(at, 200);
            monitor.sample(at, retail_telemetry::ProcessSample::default());
        }
    }
}

#[test]
fn a_month_takes_no_more_memory_than_a_week() {
    let telemetry = Telemetry::new(&TelemetrySettings::default()).unwrap();
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    let empty = memory_bytes(&telemetry);
    let mut after_a_week = 0;
    for day in 0..30 {
        live_a_day(&monitor, started, day);
        if day == 7 {
            after_a_week = memory_bytes(&telemetry);
        }
    }
    let after_a_month = memory_bytes(&telemetry);
    let kib = |bytes: u64| bytes / 1024;
    println!(
        "resident memory: {} KiB at first, {} KiB after 8 days, {} KiB after 30 days",
        kib(empty),
        kib(after_a_week),
        kib(after_a_month)
    );
    let end = started + Duration::from_hours(30 * 24);
    let summary = monitor.summary(end, 168);
    assert!(summary.application.calls >= 7 * u64::from(DAY) / 2, "{summary:?}");
    assert!(kib(after_a_week.saturating_sub(empty)) < 8 * 1024);
    assert!(kib(after_a_month.saturating_sub(after_a_week)) < 512);
}
