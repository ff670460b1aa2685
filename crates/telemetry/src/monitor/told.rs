//! What the monitor tells.

use serde::{Deserialize, Serialize};

use crate::latency::Latencies;
use crate::statements::SlowStatement;

/// Times of calls. None where there was no call.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// Half of the calls took at most as long.
    pub p50: Option<f64>,
    /// 95 of 100 calls.
    pub p95: Option<f64>,
    /// 99 of 100 calls.
    pub p99: Option<f64>,
    /// All of them.
    pub max: Option<f64>,
}

impl Latency {
    pub(super) fn of(latencies: &Latencies) -> Self {
        Self {
            p50: latencies.quantile(0.5),
            p95: latencies.quantile(0.95),
            p99: latencies.quantile(0.99),
            max: latencies.max(),
        }
    }
}

/// What became of calls of tools.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Rates {
    /// How many there were.
    pub calls: u64,
    /// How many a second.
    pub calls_per_second: f64,
    /// Share that gave no answer, whoever's fault it was.
    pub error_ratio: f64,
    /// Share that gave none because the server or what it needs did not do its part.
    pub fault_ratio: f64,
    /// How long they took, in seconds, known to a sixteenth.
    pub latency_seconds: Latency,
}

/// A tool, over the last five minutes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ToolRow {
    /// Its name.
    pub tool: String,
    /// What became of its calls.
    #[serde(flatten)]
    pub rates: Rates,
}

/// What the process takes now.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SystemNow {
    /// Share of the processors that it may use.
    pub cpu_ratio: f64,
    /// The same over the last five minutes.
    pub cpu_ratio_5m: f64,
    /// How many it may use.
    pub cpu_limit: f64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// How much it may use.
    pub memory_limit_bytes: u64,
    /// Share of it.
    pub memory_ratio: f64,
}

/// What became of MCP requests over the last five minutes, before any tool.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HttpNow {
    /// How many there were.
    pub requests: u64,
    /// Share that was answered by 401 or 403.
    pub refused_ratio: f64,
    /// Share that was answered by 5xx.
    pub server_error_ratio: f64,
}

/// Transactions under a signed identity over the last five minutes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct TransactionsNow {
    /// How many there were.
    pub transactions: u64,
    /// How long one took on average. None without any.
    pub mean_seconds: Option<f64>,
}

/// How the server does now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Current {
    /// Time since the start.
    pub uptime_seconds: u64,
    /// What `application` is about. The rate is of the last minute.
    pub window_seconds: u64,
    /// The process.
    pub system: SystemNow,
    /// Calls of tools.
    pub application: Rates,
    /// MCP requests.
    pub http: HttpNow,
    /// Transactions of calls and probes.
    pub transactions: TransactionsNow,
    /// The same by tool; those that were called.
    pub tools: Vec<ToolRow>,
    /// Shapes of statements that took the most time in the last one to two hours.
    pub slowest_statements: Vec<SlowStatement>,
}

/// A slot of time, for a chart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Point {
    /// How long ago it ended.
    pub ended_seconds_ago: f64,
    /// Calls of tools a second.
    pub calls_per_second: f64,
    /// Those of them that gave no answer.
    pub errors_per_second: f64,
    /// Those of these that are the server's fault.
    pub faults_per_second: f64,
    /// How long they took, in seconds.
    pub latency_seconds: Latency,
}

/// The highest that were seen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Peaks {
    /// Of the share of the processors.
    pub cpu_ratio: f64,
    /// Of memory, in bytes.
    pub memory_bytes: f64,
    /// Calls a second, over five minutes.
    pub calls_per_second: f64,
}

/// How the server did.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// What was asked for.
    pub period_hours: u64,
    /// How much of it there is.
    pub covered_seconds: u64,
    /// Calls of tools.
    pub application: Rates,
    /// Middle of the share of the processors.
    pub mean_cpu_ratio: Option<f64>,
    /// Middle of the memory.
    pub mean_memory_bytes: Option<f64>,
    /// The highest.
    pub peaks: Peaks,
    /// Samples of processor and memory behind these.
    pub samples: u64,
}
