//! How the server does now, and how it did this week.
//!
//! What is kept is a few counts and one small histogram for each slot of time, so that its size does not depend on how
//! many calls there were, nor for how long.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use retail_domain::ErrorCode;
use retail_domain::ports::ObservedTransaction;

use crate::process::ProcessSample;
use crate::ring::Ring;
use crate::statements::Statements;

mod slots;
mod told;

pub(crate) use slots::Calls;
use slots::{Http, Moment, Past, Processors, SumAndPeak, Transactions};
pub use told::{
    Current, HttpNow, Latency, Peaks, Point, Rates, Summary, SystemNow, ToolRow, TransactionsNow,
};

/// What "now" means: the last five minutes, in slots of ten seconds.
const NOW: Duration = Duration::from_mins(5);
const NOW_SLOT: Duration = Duration::from_secs(10);
const NOW_SLOTS: usize = 31;

/// The slowest statements that are told.
const SLOWEST: usize = 10;

/// What a chart of a day goes back.
const DAY: Duration = Duration::from_hours(24);

/// Of these, the rate is of the last minute.
const RATE_OVER: Duration = Duration::from_mins(1);

/// The longest that a summary goes back.
pub(crate) const MAX_HOURS: u64 = 168;

/// What is kept for a summary: slots of five minutes.
const WEEK_SLOT: Duration = Duration::from_mins(5);
const WEEK_SLOTS: usize = 168 * 12 + 1;

/// Hears of all calls and samples, and tells how it goes.
pub struct Monitor {
    started: Instant,
    state: Mutex<State>,
}

struct State {
    now: Ring<Moment>,
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

    /// An MCP request was answered at `at` with this status.
    pub fn request(&self, at: Instant, status: u16) {
        self.with(at, |state, at| {
            if let Some(slot) = state.now.at(at) {
                slot.http.record(status);
            }
        });
    }

    /// A transaction ended at `at`.
    pub fn transaction(&self, at: Instant, transaction: &ObservedTransaction<'_>) {
        self.with(at, |state, at| {
            if let Some(slot) = state.now.at(at) {
                slot.transactions.add(Transactions { count: 1, took: transaction.duration });
            }
            state.statements.record(at, transaction);
        });
    }

    /// What the process takes at `at`. To be told every few seconds.
    pub fn sample(&self, at: Instant, sample: ProcessSample) {
        self.with(at, |state, at| {
            let earlier = state.last.replace((at, sample));
            if let Some((then, before)) = earlier {
                let passed = at.saturating_sub(then).as_secs_f64();
                let worked = sample.cpu_time.saturating_sub(before.cpu_time).as_secs_f64();
                if passed > 0.0 {
                    let limit = if sample.cpu_limit > 0.0 { sample.cpu_limit } else { 1.0 };
                    state.cpu_ratio = worked / passed / limit;
                    if let Some(slot) = state.now.at(at) {
                        slot.processors.record(worked / limit, passed);
                    }
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

    /// Calls of the last five minutes by tool, and how many a second of each there were in the last one.
    pub(crate) fn lately(&self, at: Instant) -> BTreeMap<Box<str>, (Calls, f64)> {
        self.with(at, |state, at| state.lately(at))
    }

    /// How it goes at `at`.
    pub fn current(&self, at: Instant) -> Current {
        self.with(at, |state, at| {
            let tools = state.lately(at);
            let (mut all, mut rate) = (Calls::default(), 0.0);
            for (calls, per_second) in tools.values() {
                all.add(calls);
                rate += per_second;
            }
            let (mut http, mut transactions) = (Http::default(), Transactions::default());
            let mut processors = Processors::default();
            for slot in state.now.since(at, NOW) {
                processors.add(slot.processors);
                http.add(slot.http);
                transactions.add(slot.transactions);
            }
            let rows = tools.iter().map(|(tool, (calls, per_second))| ToolRow {
                tool: tool.to_string(),
                rates: calls.rates(*per_second),
            });
            Current {
                uptime_seconds: at.as_secs(),
                window_seconds: NOW.as_secs(),
                system: state.system(processors.ratio()),
                application: all.rates(rate),
                http: http.now(),
                transactions: transactions.now(),
                tools: rows.collect(),
                slowest_statements: state.statements.slowest(at, SLOWEST),
            }
        })
    }

    /// The last five minutes before `at` by ten seconds, oldest first. Only what is over, and not what was before the start.
    pub fn last_minutes(&self, at: Instant) -> Vec<Point> {
        self.with(at, |state, at| {
            points(at, NOW_SLOT, state.now.numbers(at, NOW), |number| {
                let mut all = Calls::default();
                for calls in state.now.get(number).into_iter().flat_map(|slot| slot.tools.values())
                {
                    all.add(calls);
                }
                all
            })
        })
    }

    /// The last day before `at` by five minutes, in the same way.
    pub fn last_day(&self, at: Instant) -> Vec<Point> {
        self.with(at, |state, at| {
            points(at, WEEK_SLOT, state.week.numbers(at, DAY), |number| {
                let mut all = Calls::default();
                if let Some(slot) = state.week.get(number) {
                    all.add(&slot.calls);
                }
                all
            })
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

impl State {
    fn lately(&self, at: Duration) -> BTreeMap<Box<str>, (Calls, f64)> {
        let mut by_tool = BTreeMap::<Box<str>, (Calls, f64)>::new();
        for slot in self.now.since(at, NOW) {
            for (tool, calls) in slot.tools.iter().filter(|(_, calls)| calls.count > 0) {
                by_tool.entry(tool.clone()).or_default().0.add(calls);
            }
        }
        let seconds = seconds_of_slots(at, RATE_OVER, NOW_SLOT);
        for slot in self.now.since(at, RATE_OVER) {
            for (tool, calls) in slot.tools.iter().filter(|(_, calls)| calls.count > 0) {
                by_tool.entry(tool.clone()).or_default().1 += float(calls.count) / seconds;
            }
        }
        by_tool
    }

    fn system(&self, cpu_ratio_5m: f64) -> SystemNow {
        let (_, last) = self.last.unwrap_or_default();
        SystemNow {
            cpu_ratio: self.cpu_ratio,
            cpu_ratio_5m,
            cpu_limit: last.cpu_limit,
            memory_bytes: last.memory_bytes,
            memory_limit_bytes: last.memory_limit_bytes,
            memory_ratio: ratio(last.memory_bytes, last.memory_limit_bytes),
        }
    }
}

/// Slots that are over, as points.
fn points(
    at: Duration,
    width: Duration,
    numbers: std::ops::RangeInclusive<u64>,
    calls: impl Fn(u64) -> Calls,
) -> Vec<Point> {
    let last = *numbers.end();
    let seconds = width.as_secs_f64();
    let over = numbers.filter(|number| *number < last);
    over.map(|number| {
        let calls = calls(number);
        Point {
            ended_seconds_ago: at.as_secs_f64() - float(number + 1) * seconds,
            calls_per_second: float(calls.count) / seconds,
            errors_per_second: float(calls.errors) / seconds,
            faults_per_second: float(calls.faults) / seconds,
            latency_seconds: Latency::of(&calls.latencies),
        }
    })
    .collect()
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
