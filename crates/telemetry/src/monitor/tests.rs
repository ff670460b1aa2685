use super::slots::MAX_TOOLS;
use super::*;

const MS: Duration = Duration::from_millis(1);
const TOOL: &str = "execute_sales_query";

#[test]
fn now_is_the_last_five_minutes() {
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    let at = |seconds| started + Duration::from_secs(seconds);
    for second in 0..600 {
        monitor.call(at(second), TOOL, None, MS * 10);
    }
    for second in 600..900 {
        monitor.call(at(second), TOOL, None, MS * 20);
        monitor.call(at(second), "hybrid_product_search", Some(ErrorCode::InvalidArgument), MS);
        if second % 3 == 0 {
            monitor.call(at(second), TOOL, Some(ErrorCode::Unavailable), MS * 100);
        }
    }
    let current = monitor.current(at(900));
    assert_eq!(current.uptime_seconds, 900);
    assert_eq!(current.application.calls, 700, "{current:?}");
    assert!((current.application.calls_per_second - 7.0 / 3.0).abs() < 0.1, "{current:?}");
    assert!((current.application.error_ratio - 4.0 / 7.0).abs() < 1e-9, "{current:?}");
    assert!((current.application.fault_ratio - 1.0 / 7.0).abs() < 1e-9, "{current:?}");
    let tools: Vec<_> =
        current.tools.iter().map(|row| (row.tool.as_str(), row.rates.calls)).collect();
    assert_eq!(tools, [(TOOL, 400), ("hybrid_product_search", 300)]);
    let sales = current.tools[0].rates.latency_seconds;
    assert!((sales.p50.unwrap() - 0.02).abs() < 0.002 && sales.max.unwrap() > 0.09, "{sales:?}");
    let quiet = monitor.current(at(2000));
    assert_eq!((quiet.application.calls, quiet.application.latency_seconds.p50), (0, None));
    assert!(quiet.tools.is_empty());
}

#[test]
fn a_summary_covers_the_hours_that_were_asked_for() {
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    let hour = Duration::from_hours(1);
    // One call a second, of 10 ms in the first day and of 200 ms in the second.
    for second in 0..2 * 86_400 {
        let took = if second < 86_400 { MS * 10 } else { MS * 200 };
        monitor.call(started + Duration::from_secs(second), TOOL, None, took);
    }
    let end = started + hour * 48;
    let day = monitor.summary(end, 24);
    assert!((day.application.calls_per_second - 1.0).abs() < 0.01, "{day:?}");
    assert!(day.application.latency_seconds.p50.unwrap() > 0.18, "{day:?}");
    let both = monitor.summary(end, 100);
    assert_eq!((both.application.calls, both.covered_seconds), (2 * 86_400, 2 * 86_400));
    assert!((both.application.calls_per_second - 1.0).abs() < 0.01, "{both:?}");
    // A percentile of all calls, and not the middle of two percentiles.
    assert!(both.application.latency_seconds.p95.unwrap() > 0.18, "{both:?}");
    assert!((0.009..0.22).contains(&both.application.latency_seconds.p50.unwrap()));
    assert_eq!(monitor.summary(end, 0).period_hours, 1);
    assert_eq!(monitor.summary(end, 10_000).period_hours, MAX_HOURS);
}

#[test]
fn processor_time_is_a_share_of_what_may_be_used() {
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    let sample = |cpu_ms: u32, memory_bytes| ProcessSample {
        cpu_time: MS * cpu_ms,
        cpu_limit: 2.0,
        memory_bytes,
        memory_limit_bytes: 1000,
    };
    let at = |seconds| started + Duration::from_secs(seconds);
    monitor.sample(at(10), sample(1000, 100));
    assert!(monitor.current(at(10)).system.cpu_ratio < 1e-9, "nothing to compare with");
    monitor.sample(at(20), sample(11_000, 500));
    let now = monitor.current(at(20)).system;
    assert_eq!((now.cpu_ratio, now.memory_ratio), (0.5, 0.5));
    monitor.sample(at(30), sample(11_000, 200));
    let summary = monitor.summary(at(30), 1);
    assert_eq!((summary.peaks.cpu_ratio, summary.peaks.memory_bytes), (0.5, 500.0));
    assert_eq!(summary.samples, 3);
    assert!((summary.mean_memory_bytes.unwrap() - 800.0 / 3.0).abs() < 1e-6);
}

#[test]
fn a_busy_processor_shows_within_five_minutes() {
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    let mut worked = Duration::ZERO;
    let mut lasts = |seconds: std::ops::Range<u64>, busy: f64| {
        let mut mean = 0.0;
        for second in seconds.step_by(5) {
            let at = started + Duration::from_secs(second);
            worked += Duration::from_secs(5).mul_f64(busy);
            let sample =
                ProcessSample { cpu_time: worked, cpu_limit: 1.0, ..ProcessSample::default() };
            monitor.sample(at, sample);
            mean = monitor.current(at).system.cpu_ratio_5m;
        }
        mean
    };
    assert!(lasts(0..600, 0.0) < 1e-9);
    let half = lasts(600..750, 0.9);
    assert!((0.4..0.5).contains(&half), "{half}");
    let whole = lasts(750..920, 0.9);
    assert!((0.89..0.91).contains(&whole), "{whole}");
    assert!(lasts(920..1240, 0.1) < 0.11);
}

#[test]
fn tools_without_end_count_as_one() {
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    for n in 0..1000 {
        monitor.call(started, &format!("tool{n}"), None, MS);
    }
    let current = monitor.current(started);
    assert_eq!(current.tools.len(), MAX_TOOLS + 1);
    assert_eq!(current.application.calls, 1000);
}

#[test]
fn requests_and_transactions_are_counted_apart_from_calls() {
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    for status in [200, 200, 200, 200, 401, 403, 404, 503] {
        monitor.request(started, status);
    }
    for took in [MS * 10, MS * 30] {
        monitor.transaction(started, &ObservedTransaction::new("stores", took));
    }
    let now = monitor.current(started);
    assert_eq!((now.http.requests, now.http.refused_ratio), (8, 0.25));
    assert!((now.http.server_error_ratio - 0.125).abs() < 1e-9);
    assert_eq!((now.transactions.transactions, now.transactions.mean_seconds), (2, Some(0.02)));
    assert_eq!((now.application.calls, now.slowest_statements.len()), (0, 0));
    let later = monitor.current(started + NOW * 2);
    assert_eq!((later.http.requests, later.transactions.mean_seconds), (0, None));
}

#[test]
fn charts_have_a_point_for_each_slot_that_is_over() {
    let started = Instant::now();
    let monitor = Monitor::starting_at(started);
    let at = |seconds| started + Duration::from_secs(seconds);
    assert!(monitor.last_minutes(at(5)).is_empty(), "the first slot is not over");
    for second in 0..20 {
        monitor.call(at(second), TOOL, None, MS);
    }
    monitor.call(at(35), TOOL, Some(ErrorCode::Unavailable), MS);
    let points = monitor.last_minutes(at(45));
    let told: Vec<_> = points
        .iter()
        .map(|p| (p.ended_seconds_ago, p.calls_per_second, p.faults_per_second))
        .collect();
    // The third slot, in which nothing happened, is there as well.
    assert_eq!(told, [(35.0, 1.0, 0.0), (25.0, 1.0, 0.0), (15.0, 0.0, 0.0), (5.0, 0.1, 0.1)]);
    assert_eq!(monitor.last_minutes(at(1000)).len(), 30);
    assert_eq!(monitor.last_day(at(3 * 86_400)).len(), 288);
    let day = monitor.last_day(at(301));
    assert!((day[0].calls_per_second - 21.0 / 300.0).abs() < 1e-9, "{day:?}");
}
