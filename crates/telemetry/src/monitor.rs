//! How the server does now, and how it did this week.
//!
//! What is kept is a few counts and one small histogram for each slot of time, so that its size does not depend on how
//! many calls there were, nor for how long.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use retail_domain::ErrorCode;
use serde::Serialize;

use crate::latency::Latencies;
use crate::process::ProcessSample;
use crate::ring::{Ring, Slot};
use crate::statements::{SlowStatement, Statements};

/// What "now" means: the last five minutes, in slots of ten seconds.
const NOW: Duration = Duration::from_mins(5);
const NOW_SLOT: Duration = Duration::from_secs(10);
const NOW_SLOTS: usize = 31;

/// Of these, the rate is of the last minute.
const RATE_OVER: Duration = Duration::from_mins(1);

/// The longest that a summary goes back.
pub(crate) const MAX_HOURS: u64 = 168;

/// What is kept for a summary: slots of five minutes.
const WEEK_SLOT: Duration = Duration::from_mins(5);
const WEEK_SLOTS: usize = 168 * 12 + 1;

/// Tools that are told apart. More than there are: those beyond count as one.
const MAX_TOOLS: usize = 32;

/// The slowest statements that are told.
const SLOWEST: usize = 10;

/// Counts of calls, and how long they took.
#[derive(Debug, Default)]
struct Calls {
    count: u64,
    errors: u64,
    faults: u64,
    latencies: Latencies,
}

impl Calls {
    fn record(&mut self, error: Option<ErrorCode>, took: Duration) {
        self.count += 1;
        self.errors += u64::from(error.is_some());
        self.faults += u64::from(error.is_some_and(is_fault));
        self.latencies.record(took);
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.faults += other.faults;
        self.latencies.add(&other.latencies);
    }

    fn rates(&self, rate_per_second: f64) -> Rates {
        Rates {
            calls: self.count,
            calls_per_second: rate_per_second,
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

/// Ten seconds, by tool.
#[derive(Debug, Default)]
struct Tools(BTreeMap<Box<str>, Calls>);

impl Slot for Tools {
    fn clear(&mut self) {
        self.0.values_mut().for_each(Slot::clear);
    }
}

impl Tools {
    fn of(&mut self, tool: &str) -> &mut Calls {
        let name =
            if self.0.len() < MAX_TOOLS || self.0.contains_key(tool) { tool } else { "other" };
        if !self.0.contains_key(name) {
            self.0.insert(name.into(), Calls::default());
        }
        self.0.entry(name.into()).or_default()
    }
}

/// Five minutes.
#[derive(Debug, Default)]
struct Past {
    calls: Calls,
    samples: u64,
    cpu_samples: u64,
    cpu_ratio: SumAndPeak,
    memory_bytes: SumAndPeak,
}

impl Slot for Past {
    fn clear(&mut self) {
        self.calls.clear();
        (self.samples, self.cpu_samples) = (0, 0);
        (self.cpu_ratio, self.memory_bytes) = Default::default();
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct SumAndPeak {
    sum: f64,
    peak: f64,
}

impl SumAndPeak {
    fn record(&mut self, value: f64) {
        self.sum += value;
        self.peak = self.peak.max(value);
    }

    fn add(&mut self, other: Self) {
        self.sum += other.sum;
        self.peak = self.peak.max(other.peak);
    }
}

/// Hears of all calls and samples, and tells how it goes.
pub struct Monitor {
    started: Instant,
    state: Mutex<State>,
}

struct State {
    now: Ring<Tools>,
    week: Ring<Past>,
    statements: Statements,
    last: Option<(Duration, ProcessSample)>,
    cpu_ratio: f64,
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("started", &self.started).finish_non_exhaustive()
    }
}

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
    fn of(latencies: &Latencies) -> Self {
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
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct SystemNow {
    /// Share of the processors that it may use.
    pub cpu_ratio: f64,
    /// How many it may use.
    pub cpu_limit: f64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// How much it may use.
    pub memory_limit_bytes: u64,
    /// Share of it.
    pub memory_ratio: f64,
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
    /// The same by tool; those that were called.
    pub tools: Vec<ToolRow>,
    /// Shapes of statements that took the most time in the last one to two hours.
    pub slowest_statements: Vec<SlowStatement>,
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

/// Whether an error is the server's, and not the caller's or the model's.
pub(crate) fn is_fault(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Internal
            | ErrorCode::Unavailable
            | ErrorCode::Overloaded
            | ErrorCode::QueryTimeout
    )
}

impl Default for Monitor {
    fn default() -> Self {
        Self::starting_at(Instant::now())
    }
}

impl Monitor {
    /// A monitor of a process that started then.
    pub fn starting_at(started: Instant) -> Self {
        let state = State {
            now: Ring::new(NOW_SLOT, NOW_SLOTS),
            week: Ring::new(WEEK_SLOT, WEEK_SLOTS),
            statements: Statements::default(),
            last: None,
            cpu_ratio: 0.0,
        };
        Self { started, state: Mutex::new(state) }
    }

    fn with<R>(&self, at: Instant, look: impl FnOnce(&mut State, Duration) -> R) -> R {
        let at = at.saturating_duration_since(self.started);
        // Counts are good whatever panicked while they were held.
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), at)
    }

    /// A call of a tool ended at `at`.
    pub fn call(&self, at: Instant, tool: &str, error: Option<ErrorCode>, duration: Duration) {
        self.with(at, |state, at| {
            if let Some(slot) = state.now.at(at) {
                slot.of(tool).record(error, duration);
            }
            if let Some(slot) = state.week.at(at) {
                slot.calls.record(error, duration);
            }
        });
    }

    /// A statement of this shape ended at `at`.
    pub fn statement(&self, at: Instant, shape: &str, took: Duration, failed: bool) {
        self.with(at, |state, at| state.statements.record(at, shape, took, failed));
    }

    /// What the process takes at `at`. To be told every few seconds.
    pub fn sample(&self, at: Instant, sample: ProcessSample) {
        self.with(at, |state, at| {
            let earlier = state.last.replace((at, sample));
            if let Some((then, before)) = earlier {
                let passed = at.saturating_sub(then).as_secs_f64();
                let worked = sample.cpu_time.saturating_sub(before.cpu_time).as_secs_f64();
                if passed > 0.0 {
                    state.cpu_ratio = worked / passed / sample.cpu_limit.max(1.0);
                }
            }
            if let Some(slot) = state.week.at(at) {
                slot.samples += 1;
                slot.memory_bytes.record(float(sample.memory_bytes));
                if earlier.is_some() {
                    slot.cpu_samples += 1;
                    slot.cpu_ratio.record(state.cpu_ratio);
                }
            }
        });
    }

    /// How it goes at `at`.
    pub fn current(&self, at: Instant) -> Current {
        self.with(at, |state, at| {
            let mut by_tool = BTreeMap::<&str, Calls>::new();
            for slot in state.now.since(at, NOW) {
                for (tool, calls) in &slot.0 {
                    by_tool.entry(tool).or_default().add(calls);
                }
            }
            let mut lately = BTreeMap::<&str, u64>::new();
            for slot in state.now.since(at, RATE_OVER) {
                for (tool, calls) in &slot.0 {
                    *lately.entry(tool).or_default() += calls.count;
                }
            }
            let per_second = |calls: u64| float(calls) / seconds_of_slots(at, RATE_OVER, NOW_SLOT);
            let mut all = Calls::default();
            for calls in by_tool.values() {
                all.add(calls);
            }
            let tools = by_tool.iter().filter(|(_, calls)| calls.count > 0).map(|(tool, calls)| {
                let calls_lately = lately.get(tool).copied().unwrap_or_default();
                ToolRow { tool: (*tool).to_owned(), rates: calls.rates(per_second(calls_lately)) }
            });
            let tools = tools.collect();
            let application = all.rates(per_second(lately.values().sum()));
            let (_, last) = state.last.unwrap_or_default();
            Current {
                uptime_seconds: at.as_secs(),
                window_seconds: NOW.as_secs(),
                system: SystemNow {
                    cpu_ratio: state.cpu_ratio,
                    cpu_limit: last.cpu_limit,
                    memory_bytes: last.memory_bytes,
                    memory_limit_bytes: last.memory_limit_bytes,
                    memory_ratio: ratio(last.memory_bytes, last.memory_limit_bytes),
                },
                application,
                tools,
                slowest_statements: state.statements.slowest(at, SLOWEST),
            }
        })
    }

    /// How it went in the last hours before `at`: 1 to 168.
    pub fn summary(&self, at: Instant, hours: u64) -> Summary {
        let hours = hours.clamp(1, MAX_HOURS);
        let period = Duration::from_hours(hours);
        let (numbers, at) = self.with(at, |state, at| (state.week.numbers(at, period), at));
        let (mut calls, mut peaks) = (Calls::default(), Peaks::default());
        let (mut samples, mut cpu_samples) = (0, 0);
        let (mut cpu, mut memory) = (SumAndPeak::default(), SumAndPeak::default());
        for number in numbers {
            // One slot at a time: calls that end meanwhile do not wait for the whole week.
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(slot) = state.week.get(number) else { continue };
            calls.add(&slot.calls);
            samples += slot.samples;
            cpu_samples += slot.cpu_samples;
            cpu.add(slot.cpu_ratio);
            memory.add(slot.memory_bytes);
            let rate = float(slot.calls.count) / WEEK_SLOT.min(at).as_secs_f64().max(1.0);
            peaks.calls_per_second = peaks.calls_per_second.max(rate);
        }
        (peaks.cpu_ratio, peaks.memory_bytes) = (cpu.peak, memory.peak);
        let covered = seconds_of_slots(at, period, WEEK_SLOT);
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / float(count));
        Summary {
            period_hours: hours,
            covered_seconds: Duration::from_secs_f64(covered).as_secs(),
            application: calls.rates(float(calls.count) / covered),
            mean_cpu_ratio: mean(cpu.sum, cpu_samples),
            mean_memory_bytes: mean(memory.sum, samples),
            peaks,
            samples,
        }
    }
}

/// How much time the slots cover that [`Ring::since`] gives: the last one is not over, and the first one begins
/// before the period.
fn seconds_of_slots(at: Duration, period: Duration, slot: Duration) -> f64 {
    let into_slot = at.saturating_sub(period).as_secs_f64() % slot.as_secs_f64();
    (at.as_secs_f64().min(period.as_secs_f64() + into_slot)).max(1.0)
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests;
