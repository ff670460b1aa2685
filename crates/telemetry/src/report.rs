//! What one server tells the others of itself, and what all of them together do.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::alarms::Severity;
use crate::latency::Latencies;
use crate::monitor::{Calls, HttpNow, Monitor, Rates, SystemNow, ToolRow};

/// The most of each that a report may have; more is left out. Each server tells its own word of itself, and a broken one must
/// not break the others' page.
const MAX_TOOLS: usize = 40;
const MAX_POOLS: usize = 16;
const MAX_NAMES: usize = 32;
const MAX_NAME_CHARS: usize = 200;
const MAX_COUNT: u64 = 1_000_000_000_000;

/// The form of a report. A server leaves out those of others that are of another form.
const FORMAT: u32 = 1;

/// How a server does, by its own word.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerReport {
    format: u32,
    /// Which server it is: the name of its machine or pod.
    pub instance: String,
    /// Version of the program.
    pub version: String,
    /// Time since its start.
    pub uptime_seconds: u64,
    /// Parts that a call needs and that do not work. Empty: it is ready.
    pub not_ready: Vec<String>,
    /// Requests that are being answered.
    pub active_requests: u64,
    /// What the process takes.
    pub system: SystemNow,
    /// MCP requests of the last five minutes.
    pub http: HttpNow,
    /// Connections to the database.
    pub pools: Vec<PoolNow>,
    /// The alarms that count.
    pub alarms: Vec<AlarmNow>,
    calls: Vec<ToolCalls>,
}

/// An alarm that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmNow {
    /// Its name.
    pub alarm: String,
    /// How bad it is.
    pub severity: Severity,
}

/// Connections that callers' statements run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolNow {
    /// Name of the pool.
    pub pool: String,
    /// Most connections that there may be.
    pub max: usize,
    /// Connections on which something runs.
    pub used: usize,
    /// Connections that wait for work.
    pub idle: usize,
    /// Calls that wait for a connection.
    pub waiting: usize,
}

/// Calls of a tool in the last five minutes, with counts by how long they took: percentiles of several servers cannot be made
/// of their percentiles.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ToolCalls {
    tool: String,
    calls_per_second: f64,
    calls: u64,
    errors: u64,
    faults: u64,
    latencies: Latencies,
}

/// What a report has besides what the monitor knows.
#[derive(Debug, Clone, Default)]
pub struct ReportParts {
    /// Which server it is.
    pub instance: String,
    /// Version of the program.
    pub version: String,
    /// Parts that do not work.
    pub not_ready: Vec<String>,
    /// Requests that are being answered.
    pub active_requests: u64,
    /// Connections to the database.
    pub pools: Vec<PoolNow>,
    /// The alarms that count.
    pub alarms: Vec<AlarmNow>,
}

impl ServerReport {
    /// The report of a server at `at`.
    pub fn new(monitor: &Monitor, at: Instant, parts: ReportParts) -> Self {
        let current = monitor.current(at);
        let calls = monitor.lately(at).into_iter().map(|(tool, (calls, calls_per_second))| {
            let Calls { count, errors, faults, latencies } = calls;
            ToolCalls {
                tool: tool.into(),
                calls_per_second,
                calls: count,
                errors,
                faults,
                latencies,
            }
        });
        let ReportParts { instance, version, not_ready, active_requests, pools, alarms } = parts;
        Self {
            format: FORMAT,
            instance,
            version,
            uptime_seconds: current.uptime_seconds,
            not_ready,
            active_requests,
            system: current.system,
            http: current.http,
            pools,
            alarms,
            calls: calls.collect(),
        }
    }

    /// The report in a text, if it is one of this version's form.
    ///
    /// ```
    /// assert!(retail_telemetry::ServerReport::parse("{\"format\": 0}").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let report = serde_json::from_str::<Self>(text).ok();
        report.filter(|report| report.format == FORMAT).map(Self::bounded)
    }

    /// The same with nothing that no server has.
    fn bounded(mut self) -> Self {
        let short = |name: &mut String| *name = name.chars().take(MAX_NAME_CHARS).collect();
        let ratio = |ratio: &mut f64| *ratio = ratio.clamp(0.0, 1.0);
        self.calls.truncate(MAX_TOOLS);
        self.pools.truncate(MAX_POOLS);
        self.alarms.truncate(MAX_NAMES);
        self.not_ready.truncate(MAX_NAMES);
        for name in [&mut self.instance, &mut self.version].into_iter().chain(&mut self.not_ready) {
            short(name);
        }
        self.alarms.iter_mut().for_each(|alarm| short(&mut alarm.alarm));
        self.pools.iter_mut().for_each(|pool| short(&mut pool.pool));
        for calls in &mut self.calls {
            short(&mut calls.tool);
            calls.calls = calls.calls.min(MAX_COUNT);
            calls.errors = calls.errors.min(calls.calls);
            calls.faults = calls.faults.min(calls.errors);
            calls.calls_per_second = calls.calls_per_second.clamp(0.0, 1e9);
        }
        self.active_requests = self.active_requests.min(MAX_COUNT);
        self.http.requests = self.http.requests.min(MAX_COUNT);
        for share in [
            &mut self.http.refused_ratio,
            &mut self.http.server_error_ratio,
            &mut self.system.cpu_ratio,
            &mut self.system.cpu_ratio_5m,
            &mut self.system.memory_ratio,
        ] {
            ratio(share);
        }
        self
    }

    /// Calls of this server alone.
    pub fn application(&self) -> Rates {
        self.sum().0
    }

    fn sum(&self) -> (Rates, BTreeMap<&str, (Calls, f64)>) {
        together([self])
    }
}

/// What several servers do together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fleet {
    /// Calls of tools.
    pub application: Rates,
    /// The same by tool.
    pub tools: Vec<ToolRow>,
    /// MCP requests.
    pub http: HttpNow,
    /// Requests that are being answered.
    pub active_requests: u64,
    /// Connections by the name of the pool.
    pub pools: Vec<PoolNow>,
}

impl Fleet {
    /// The sum of these servers. Percentiles are those of all calls.
    pub fn of<'a>(reports: impl IntoIterator<Item = &'a ServerReport> + Clone) -> Self {
        let (application, tools) = together(reports.clone());
        let tools = tools.iter().map(|(tool, (calls, per_second))| ToolRow {
            tool: (*tool).to_owned(),
            rates: calls.rates(*per_second),
        });
        let mut pools = BTreeMap::<&str, PoolNow>::new();
        let (mut http, mut active_requests) = (HttpNow::default(), 0);
        let (mut refused, mut failed) = (0.0, 0.0);
        for report in reports {
            active_requests = report.active_requests.saturating_add(active_requests);
            http.requests = http.requests.saturating_add(report.http.requests);
            let requests = float(report.http.requests);
            refused += report.http.refused_ratio * requests;
            failed += report.http.server_error_ratio * requests;
            for pool in &report.pools {
                let sum = pools.entry(&pool.pool).or_insert_with(|| PoolNow {
                    pool: pool.pool.clone(),
                    max: 0,
                    used: 0,
                    idle: 0,
                    waiting: 0,
                });
                sum.max = sum.max.saturating_add(pool.max);
                sum.used = sum.used.saturating_add(pool.used);
                sum.idle = sum.idle.saturating_add(pool.idle);
                sum.waiting = sum.waiting.saturating_add(pool.waiting);
            }
        }
        if http.requests > 0 {
            http.refused_ratio = refused / float(http.requests);
            http.server_error_ratio = failed / float(http.requests);
        }
        Self {
            application,
            tools: tools.collect(),
            http,
            active_requests,
            pools: pools.into_values().collect(),
        }
    }
}

fn together<'a>(
    reports: impl IntoIterator<Item = &'a ServerReport>,
) -> (Rates, BTreeMap<&'a str, (Calls, f64)>) {
    let mut tools = BTreeMap::<&str, (Calls, f64)>::new();
    let (mut all, mut rate) = (Calls::default(), 0.0);
    for told in reports.into_iter().flat_map(|report| &report.calls) {
        let calls = Calls {
            count: told.calls,
            errors: told.errors,
            faults: told.faults,
            latencies: told.latencies.clone(),
        };
        all.add(&calls);
        rate += told.calls_per_second;
        let (sum, per_second) = tools.entry(&told.tool).or_default();
        sum.add(&calls);
        *per_second += told.calls_per_second;
    }
    (all.rates(rate), tools)
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use retail_domain::ErrorCode;

    use super::*;

    const TOOL: &str = "execute_sales_query";

    fn report(name: &str, calls: u32, took: Duration, error: Option<ErrorCode>) -> ServerReport {
        let started = Instant::now();
        let monitor = Monitor::starting_at(started);
        for second in 0..calls {
            monitor.call(started + Duration::from_secs(second.into()), TOOL, error, took);
            monitor.request(started, if error.is_some() { 503 } else { 200 });
        }
        let pool = PoolNow { pool: "stores".to_owned(), max: 8, used: 2, idle: 1, waiting: 1 };
        let parts = ReportParts {
            instance: name.to_owned(),
            active_requests: 3,
            pools: vec![pool],
            ..ReportParts::default()
        };
        let report = ServerReport::new(&monitor, started + Duration::from_mins(1), parts);
        let text = serde_json::to_string(&report).unwrap();
        assert!(text.len() < 4096, "{text}");
        let read = ServerReport::parse(&text).unwrap();
        assert_eq!((&read.instance, &read.pools), (&report.instance, &report.pools));
        assert_eq!(read.application().calls, report.application().calls);
        read
    }

    #[test]
    fn percentiles_of_all_are_not_middles_of_percentiles() {
        let quick = report("one", 60, Duration::from_millis(10), None);
        let slow = report("two", 6, Duration::from_secs(1), Some(ErrorCode::QueryTimeout));
        let fleet = Fleet::of([&quick, &slow]);
        let Rates { calls, fault_ratio, latency_seconds, .. } = fleet.application;
        assert_eq!(calls, 66);
        assert!((fault_ratio - 6.0 / 66.0).abs() < 1e-9);
        assert!(latency_seconds.p50.unwrap() < 0.02, "{latency_seconds:?}");
        assert!(latency_seconds.p95.unwrap() > 0.9, "{latency_seconds:?}");
        assert!((fleet.http.server_error_ratio - 6.0 / 66.0).abs() < 1e-9);
        assert_eq!((fleet.active_requests, fleet.pools[0].max, fleet.pools[0].used), (6, 16, 4));
        assert_eq!(quick.application().calls, 60);
    }

    #[test]
    fn a_tool_is_one_row_of_all_servers() {
        let one = report("one", 60, Duration::from_millis(10), None);
        let two = report("two", 6, Duration::from_secs(1), Some(ErrorCode::QueryTimeout));
        let mut other = report("three", 4, Duration::from_millis(10), None);
        other.calls[0].tool = "other".to_owned();
        let fleet = Fleet::of([&one, &other, &two]);
        let rows: Vec<_> = fleet.tools.iter().map(|row| (&*row.tool, row.rates.calls)).collect();
        assert_eq!(rows, [(TOOL, 66), ("other", 4)]);
        let rates = &fleet.tools[0].rates;
        assert!((rates.fault_ratio - 6.0 / 66.0).abs() < 1e-9);
        assert!(rates.latency_seconds.p95.unwrap() > 0.9, "{rates:?}");
        let per_second = one.calls[0].calls_per_second + two.calls[0].calls_per_second;
        assert!((rates.calls_per_second - per_second).abs() < 1e-9, "{rates:?}");
        assert!(per_second > 0.0);
    }

    #[test]
    fn a_broken_report_breaks_no_sum() {
        let good = report("one", 10, Duration::from_millis(1), None);
        let mut value = serde_json::to_value(&good).unwrap();
        value["active_requests"] = u64::MAX.into();
        value["http"] = serde_json::json!({"requests": u64::MAX, "refused_ratio": 7.0, "server_error_ratio": -1.0});
        value["pools"][0]["max"] = usize::MAX.into();
        value["instance"] = "x".repeat(10_000).into();
        value["calls"][0] = serde_json::json!({
            "tool": "t", "calls_per_second": 1e300, "calls": u64::MAX, "errors": u64::MAX, "faults": u64::MAX,
            "latencies": [[u64::MAX, u32::MAX], [0, u32::MAX], [1, 1]],
        });
        let many = value["calls"][0].clone();
        value["calls"] = serde_json::Value::Array(vec![many; 1000]);
        let broken = ServerReport::parse(&value.to_string()).unwrap();
        assert_eq!((broken.calls.len(), broken.instance.len()), (MAX_TOOLS, MAX_NAME_CHARS));
        let fleet = Fleet::of([&broken, &broken, &good]);
        assert!(fleet.application.error_ratio <= 1.0 && fleet.application.fault_ratio <= 1.0);
        assert!(
            fleet.http.refused_ratio <= 1.0 && fleet.http.server_error_ratio >= 0.0,
            "{fleet:?}"
        );
        assert_eq!(fleet.pools[0].max, usize::MAX);
    }

    #[test]
    fn what_is_no_report_is_none() {
        for text in ["", "null", "[]", "{}", "{\"format\":1}"] {
            assert!(ServerReport::parse(text).is_none(), "{text}");
        }
        let mut other = report("one", 1, Duration::from_millis(1), None);
        other.format = 2;
        assert!(ServerReport::parse(&serde_json::to_string(&other).unwrap()).is_none());
        let none: [&ServerReport; 0] = [];
        assert_eq!(Fleet::of(none).application, Rates::default());
    }
}
