//! What is kept of a slot of time.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_domain::ErrorCode;

use super::told::{HttpNow, Latency, Rates, TransactionsNow};
use super::{float, is_fault, ratio};
use crate::latency::Latencies;
use crate::ring::Slot;

/// Tools that are told apart. More than there are: those beyond count as one.
pub(super) const MAX_TOOLS: usize = 32;

/// Counts of calls, and how long they took.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) count: u64,
    pub(crate) errors: u64,
    pub(crate) faults: u64,
    pub(crate) latencies: Latencies,
}

impl Calls {
    pub(super) fn record(&mut self, error: Option<ErrorCode>, took: Duration) {
        self.count += 1;
        self.errors += u64::from(error.is_some());
        self.faults += u64::from(error.is_some_and(is_fault));
        self.latencies.record(took);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.errors = self.errors.saturating_add(other.errors);
        self.faults = self.faults.saturating_add(other.faults);
        self.latencies.add(&other.latencies);
    }

    pub(crate) fn rates(&self, calls_per_second: f64) -> Rates {
        Rates {
            calls: self.count,
            calls_per_second,
            error_ratio: ratio(self.errors, self.count),
            fault_ratio: ratio(self.faults, self.count),
            latency_seconds: Latency::of(&self.latencies),
        }
    }
}

impl Slot for Calls {
    fn clear(&mut self) {
        (self.count, self.errors, self.faults) = (0, 0, 0);
        self.latencies.clear();
    }
}

/// Counts of requests.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Http {
    requests: u64,
    refused: u64,
    server_errors: u64,
}

impl Http {
    pub(super) fn record(&mut self, status: u16) {
        self.requests += 1;
        self.refused += u64::from(matches!(status, 401 | 403));
        self.server_errors += u64::from((500..600).contains(&status));
    }

    pub(super) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.refused += other.refused;
        self.server_errors += other.server_errors;
    }

    pub(super) fn now(self) -> HttpNow {
        HttpNow {
            requests: self.requests,
            refused_ratio: ratio(self.refused, self.requests),
            server_error_ratio: ratio(self.server_errors, self.requests),
        }
    }
}

/// Counts of transactions.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Transactions {
    pub(super) count: u64,
    pub(super) took: Duration,
}

impl Transactions {
    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.took += other.took;
    }

    pub(super) fn now(self) -> TransactionsNow {
        let mean = self.took.as_secs_f64() / float(self.count.max(1));
        TransactionsNow { transactions: self.count, mean_seconds: (self.count > 0).then_some(mean) }
    }
}

/// Processor time of what may be used.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Processors {
    worked_seconds: f64,
    passed_seconds: f64,
}

impl Processors {
    pub(super) fn record(&mut self, worked_seconds: f64, passed_seconds: f64) {
        self.add(Self { worked_seconds, passed_seconds });
    }

    pub(super) fn add(&mut self, other: Self) {
        self.worked_seconds += other.worked_seconds;
        self.passed_seconds += other.passed_seconds;
    }

    pub(super) fn ratio(self) -> f64 {
        if self.passed_seconds > 0.0 { self.worked_seconds / self.passed_seconds } else { 0.0 }
    }
}

/// Ten seconds.
#[derive(Debug, Default)]
pub(super) struct Moment {
    pub(super) tools: BTreeMap<Box<str>, Calls>,
    pub(super) http: Http,
    pub(super) transactions: Transactions,
    pub(super) processors: Processors,
}

impl Slot for Moment {
    fn clear(&mut self) {
        self.tools.values_mut().for_each(Slot::clear);
        self.http = Http::default();
        self.transactions = Transactions::default();
        self.processors = Processors::default();
    }
}

impl Moment {
    pub(super) fn of(&mut self, tool: &str) -> &mut Calls {
        let is_known = self.tools.len() < MAX_TOOLS || self.tools.contains_key(tool);
        let name = if is_known { tool } else { "other" };
        if !self.tools.contains_key(name) {
            self.tools.insert(name.into(), Calls::default());
        }
        self.tools.entry(name.into()).or_default()
    }
}

/// Five minutes.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) calls: Calls,
    pub(super) samples: u64,
    pub(super) cpu_samples: u64,
    pub(super) cpu_ratio: SumAndPeak,
    pub(super) memory_bytes: SumAndPeak,
}

impl Slot for Past {
    fn clear(&mut self) {
        self.calls.clear();
        (self.samples, self.cpu_samples) = (0, 0);
        (self.cpu_ratio, self.memory_bytes) = Default::default();
    }
}

#[derive(Debug, Default, Clone, Copy)]
pub(super) struct SumAndPeak {
    pub(super) sum: f64,
    pub(super) peak: f64,
}

impl SumAndPeak {
    pub(super) fn record(&mut self, value: f64) {
        self.sum += value;
        self.peak = self.peak.max(value);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.peak = self.peak.max(other.peak);
    }
}
