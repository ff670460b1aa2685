//! What was measured, as it is written to the JSON file.

use std::time::Duration;

use serde::Serialize;

use super::drive::{Sample, float};
use crate::load::latencies::milliseconds;

/// The name of the limit by pgbench.
pub(super) const PGBENCH: &str = "pgbench";
/// The name of the constant tool on rmcp.
pub(super) const RMCP: &str = "rmcp constant";
/// The name of the route that gives the bytes.
pub(super) const AXUM: &str = "axum bytes";
/// The name of our server without its answer cache.
pub(super) const UNCACHED: &str = "retail-mcp";
/// The name of the same with `telemetry.metrics = false`.
pub(super) const WITHOUT_METRICS: &str = "without metrics";
/// The name of the same with metrics and a tenth of all traces sent by OTLP.
pub(super) const WITH_TRACES: &str = "with traces";

/// A whole run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// When it began, in seconds since 1970.
    pub(super) started: u64,
    /// The commit, with a mark where files differ from it.
    pub(super) revision: String,
    pub(super) machine: Machine,
    pub(super) postgres: String,
    pub(super) scale: String,
    pub(super) connections: u32,
    pub(super) seconds: u64,
    pub(super) footprint: Option<Footprint>,
    pub(super) scenarios: Vec<Measured>,
    pub(super) acceptance: Vec<Check>,
    /// What was left out, and why.
    pub(super) skipped: Vec<String>,
}

/// Where it ran.
#[derive(Debug, Default, Serialize)]
pub(super) struct Machine {
    pub(super) processors: usize,
    pub(super) model: String,
    /// Running and waiting tasks in the last minute before the run.
    pub(super) load_before: f64,
}

/// A server by itself.
#[derive(Debug, Serialize)]
pub(super) struct Footprint {
    pub(super) ready_ms: Vec<f64>,
    pub(super) idle_rss_kib: u64,
    pub(super) load_connections: u32,
    pub(super) load_rss_kib: u64,
    pub(super) load_calls: u64,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) description: String,
    /// Length of the first answer.
    pub(super) answer_bytes: usize,
    /// The first call of fresh servers.
    pub(super) cold_ms: Vec<f64>,
    /// Callers that ask again as soon as they are answered.
    pub(super) closed: Vec<Row>,
    /// Calls at a fixed rate; times count from when a call was due.
    pub(super) open: Vec<Row>,
}

/// One server, or limit, in one scenario.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) target: String,
    /// The fixed rate, where there is one.
    pub(super) rate: Option<f64>,
    pub(super) peak_rss_kib: Option<u64>,
    pub(super) failure: Option<String>,
    pub(super) rounds: Vec<Round>,
}

/// One short measurement.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Round {
    pub(super) calls: u64,
    /// Those whose answer was kept.
    pub(super) from_cache: u64,
    pub(super) failures: u64,
    pub(super) unsent: u64,
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p999_ms: f64,
    /// Processor seconds of the server for 1,000 calls; none where it is not known.
    pub(super) server_cpu: Option<f64>,
    /// Processor seconds of PostgreSQL for 1,000 calls.
    pub(super) postgres_cpu: Option<f64>,
}

/// A figure that has a goal.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) value: f64,
    pub(super) unit: &'static str,
    pub(super) goal: Option<Goal>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    AtLeast(f64),
    Under(f64),
}

impl Goal {
    pub(super) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::Under(most) => value < most,
        }
    }
}

impl Round {
    /// A sample, with what it cost.
    pub(super) fn new(
        sample: &Sample,
        server: Option<Duration>,
        postgres: Option<Duration>,
    ) -> Self {
        let calls = sample.calls + sample.failures;
        let each = |time: Duration| time.as_secs_f64() * 1000.0 / float(calls.max(1));
        let at = |permille| milliseconds(sample.latencies.permille(permille));
        Self {
            calls: sample.calls,
            from_cache: sample.from_cache,
            failures: sample.failures,
            unsent: sample.unsent,
            per_second: sample.per_second(),
            p50_ms: at(500),
            p95_ms: at(950),
            p99_ms: at(990),
            p999_ms: at(999),
            server_cpu: server.map(each),
            postgres_cpu: postgres.map(each),
        }
    }
}

impl Row {
    pub(super) fn new(target: &str, rate: Option<f64>) -> Self {
        Self {
            target: target.to_owned(),
            rate,
            peak_rss_kib: None,
            failure: None,
            rounds: Vec::new(),
        }
    }

    /// The middle of a figure over the rounds.
    pub(super) fn median(&self, figure: impl Fn(&Round) -> f64) -> f64 {
        median(self.rounds.iter().map(figure).collect())
    }

    /// The middle of a figure that may be unknown.
    pub(super) fn known(&self, figure: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        let all: Vec<f64> = self.rounds.iter().filter_map(figure).collect();
        (!all.is_empty()).then(|| median(all))
    }

    /// Throughput in terms of another's, round by round: what disturbs the machine disturbs both.
    pub(super) fn ratios(&self, other: &Self) -> Vec<f64> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        pairs
            .filter(|(_, other)| other.per_second > 0.0)
            .map(|(own, other)| own.per_second / other.per_second)
            .collect()
    }
}

impl Measured {
    /// The row of a target among those that ask at once.
    pub(super) fn row(&self, target: &str) -> Option<&Row> {
        self.closed.iter().find(|row| row.target == target)
    }

    /// Throughput of one in terms of another: the middle of the rounds.
    pub(super) fn ratio(&self, target: &str, other: &str) -> Option<f64> {
        let ratios = self.row(target)?.ratios(self.row(other)?);
        (!ratios.is_empty()).then(|| median(ratios))
    }
}

/// The middle value; 0 of none.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) =
        (values.get(values.len().saturating_sub(1) / 2), values.get(values.len() / 2));
    low.zip(high).map_or(0.0, |(low, high)| f64::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::latencies::Latencies;

    #[test]
    fn medians() {
        for (values, expected) in
            [(vec![], 0.0), (vec![3.0], 3.0), (vec![9.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0], 2.5)]
        {
            assert!((median(values) - expected).abs() < 1e-9, "{expected}");
        }
    }

    #[test]
    fn costs_are_for_a_thousand_calls_and_include_failures() {
        let sample = Sample {
            latencies: Latencies::new(vec![Duration::from_millis(2); 90]),
            calls: 90,
            from_cache: 0,
            failures: 10,
            failure: None,
            unsent: 0,
            elapsed: Duration::from_secs(3),
        };
        let round = Round::new(&sample, Some(Duration::from_millis(20)), None);
        assert_eq!((round.server_cpu, round.postgres_cpu), (Some(0.2), None));
        assert!((round.per_second - 30.0).abs() < 1e-9 && (round.p999_ms - 2.0).abs() < 1e-9);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        let row = |speeds: [f64; 3]| {
            let mut row = Row::new("x", None);
            row.rounds = speeds.map(|per_second| Round { per_second, ..Round::default() }).to_vec();
            row
        };
        // The machine was twice as slow in the second round.
        let ratios = row([50.0, 25.0, 40.0]).ratios(&row([100.0, 50.0, 100.0]));
        assert_eq!(ratios, [0.5, 0.5, 0.4]);
        assert!(row([1.0; 3]).ratios(&row([0.0; 3])).is_empty());
    }

    #[test]
    fn goals() {
        assert!(Goal::AtLeast(0.35).is_met(0.35) && !Goal::AtLeast(0.35).is_met(0.34));
        assert!(Goal::Under(4.0).is_met(3.9) && !Goal::Under(4.0).is_met(4.0));
    }
}
