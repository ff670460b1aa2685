//! Whether each rule is bad now. The thresholds are those of the rules for Prometheus; each is over only a little below
//! the one from which on it counts.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use retail_domain::ports::PartHealth;
use retail_storage::{PoolStatus, ReplicaCounts};
use retail_telemetry::{AlarmRule, Current, Reading, SystemNow};

/// How far back increases go.
const INCREASE_OVER: Duration = Duration::from_mins(10);

/// Fewer calls or requests than this in five minutes say nothing about shares.
const ENOUGH: u64 = 15;
const ENOUGH_TO_BE_REFUSED: u64 = 30;

/// Counts since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) identity_broken: u64,
    pub(crate) poisoned: u64,
    pub(crate) audit_dropped: u64,
    pub(crate) audit_failed_writes: u64,
    pub(crate) overruns: u64,
}

impl Totals {
    fn less(self, earlier: Self) -> Self {
        Self {
            identity_broken: self.identity_broken.saturating_sub(earlier.identity_broken),
            poisoned: self.poisoned.saturating_sub(earlier.poisoned),
            audit_dropped: self.audit_dropped.saturating_sub(earlier.audit_dropped),
            audit_failed_writes: self
                .audit_failed_writes
                .saturating_sub(earlier.audit_failed_writes),
            overruns: self.overruns.saturating_sub(earlier.overruns),
        }
    }
}

/// Counts of the last ten minutes. There is one entry a look, so their number has an end.
#[derive(Debug, Default)]
pub(super) struct Increases(VecDeque<(Instant, Totals)>);

impl Increases {
    /// What came in the ten minutes before `at`, or since the start.
    pub(super) fn since(&mut self, at: Instant, totals: Totals) -> Totals {
        while self.0.front().is_some_and(|(then, _)| *then + INCREASE_OVER < at) {
            // The last one from before stays: the increase is since then.
            match self.0.get(1) {
                Some((next, _)) if *next + INCREASE_OVER < at => {
                    self.0.pop_front();
                }
                _ => break,
            }
        }
        let is_old = |(then, _): &&(Instant, Totals)| *then + INCREASE_OVER < at;
        let before = self.0.front().filter(is_old).map(|(_, totals)| *totals);
        self.0.push_back((at, totals));
        totals.less(before.unwrap_or_default())
    }
}

/// What a look found.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) parts: Vec<PartHealth>,
    /// None where calls are not counted.
    pub(super) current: Option<Current>,
    pub(super) system: SystemNow,
    pub(super) pools: Vec<PoolStatus>,
    pub(super) standbys: ReplicaCounts,
    pub(super) redis_paused: bool,
    /// Of the last ten minutes.
    pub(super) risen: Totals,
}

/// Whether a rule is bad.
pub(super) fn read(rule: &AlarmRule, seen: &Seen) -> Reading {
    let Seen { system, standbys, risen, .. } = seen;
    match rule.name {
        "RetailMcpIdentityBroken" => some(risen.identity_broken, 0, |count| {
            format!("{count} statements in ten minutes; their answers were discarded")
        }),
        "RetailMcpCachePoisoned" => some(risen.poisoned, 0, |count| {
            format!("{count} values were not believed in ten minutes")
        }),
        "RetailMcpAuditLost" => match (risen.audit_dropped, risen.audit_failed_writes) {
            (0, 0..=3) => Reading::Good,
            (dropped, failed) => Reading::Bad(format!(
                "{dropped} entries left out and {failed} tries to write that failed in ten minutes"
            )),
        },
        "RetailMcpStatementsNotStopped" => {
            some(risen.overruns, 0, |count| format!("{count} statements in ten minutes"))
        }
        "RetailMcpNotReady" => {
            let failing: Vec<String> = seen
                .parts
                .iter()
                .filter(|part| !part.ok)
                .map(|part| match &part.problem {
                    Some(problem) => format!("{}: {problem}", part.part),
                    None => part.part.clone(),
                })
                .collect();
            Reading::of((!failing.is_empty()).then(|| failing.join("; ")))
        }
        "RetailMcpStandbyLost" => {
            let lost = standbys.configured.saturating_sub(standbys.in_use);
            some(lost as u64, 0, |lost| format!("{lost} of {} standbys", standbys.configured))
        }
        "RetailMcpRedisPaused" => {
            Reading::of(seen.redis_paused.then(|| {
                "this server shares no answers with others; calls are answered".to_owned()
            }))
        }
        "RetailMcpPoolExhausted" => {
            let waiting = seen.pools.iter().max_by_key(|pool| pool.waiting);
            let waiting = waiting.filter(|pool| pool.waiting > 0);
            Reading::of(waiting.map(|pool| {
                format!("{} calls wait in the pool {} of {}", pool.waiting, pool.name, pool.max)
            }))
        }
        "RetailMcpProcessorsBusy" => Reading::above(system.cpu_ratio_5m, 0.85, 0.75, || {
            format!("{} of {} processors", percent(system.cpu_ratio_5m), system.cpu_limit)
        }),
        "RetailMcpMemoryLow" => Reading::above(system.memory_ratio, 0.90, 0.85, || {
            format!("{} of what it may use", percent(system.memory_ratio))
        }),
        _ => seen.current.as_ref().map_or(Reading::Good, |current| read_calls(rule, current)),
    }
}

/// Rules about calls, which may not be counted.
fn read_calls(rule: &AlarmRule, current: &Current) -> Reading {
    let Current { application, http, transactions, .. } = current;
    match rule.name {
        "RetailMcpAuthenticationFails" if http.requests >= ENOUGH_TO_BE_REFUSED => {
            Reading::above(http.refused_ratio, 0.10, 0.07, || {
                format!("{} of the requests of five minutes", percent(http.refused_ratio))
            })
        }
        "RetailMcpFaults" if application.calls >= ENOUGH => {
            Reading::above(application.fault_ratio, 0.05, 0.03, || {
                format!("{} of the calls of five minutes", percent(application.fault_ratio))
            })
        }
        "RetailMcpServerErrors" if http.requests >= ENOUGH => {
            Reading::above(http.server_error_ratio, 0.05, 0.03, || {
                format!("{} of the requests of five minutes", percent(http.server_error_ratio))
            })
        }
        "RetailMcpSlowTransactions" => {
            let mean = transactions.mean_seconds.unwrap_or_default();
            Reading::above(mean, 2.0, 1.5, || format!("{mean:.1} s over five minutes"))
        }
        _ => Reading::Good,
    }
}

fn some(count: u64, most: u64, detail: impl FnOnce(u64) -> String) -> Reading {
    Reading::of((count > most).then(|| detail(count)))
}

fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}

#[cfg(test)]
mod tests {
    use retail_domain::ErrorCode;
    use retail_telemetry::Monitor;

    use super::super::alarm_rules::RULES;
    use super::*;

    fn current(calls: u32, error: Option<ErrorCode>, status: u16) -> Current {
        let started = Instant::now();
        let monitor = Monitor::starting_at(started);
        for _ in 0..calls {
            monitor.call(started, "execute_sales_query", error, Duration::from_millis(1));
            monitor.request(started, status);
        }
        monitor.current(started)
    }

    fn full_pool(waiting: usize) -> PoolStatus {
        let mut pool = PoolStatus::default();
        (pool.name, pool.max, pool.used, pool.waiting) = ("stores", 8, 8, waiting);
        pool
    }

    /// Two standbys, of which so many answer.
    fn standbys(in_use: usize) -> ReplicaCounts {
        let mut counts = ReplicaCounts::default();
        (counts.configured, counts.in_use) = (2, in_use);
        counts
    }

    fn well() -> Seen {
        Seen {
            parts: vec![PartHealth::new("database", None)],
            current: Some(current(100, None, 200)),
            system: SystemNow::default(),
            pools: vec![full_pool(0)],
            standbys: standbys(2),
            redis_paused: false,
            risen: Totals { audit_failed_writes: 3, ..Totals::default() },
        }
    }

    fn bad(seen: &Seen) -> Vec<&'static str> {
        let is_bad = |rule: &&AlarmRule| matches!(read(rule, seen), Reading::Bad(_));
        RULES.iter().filter(is_bad).map(|rule| rule.name).collect()
    }

    #[test]
    fn each_rule_has_a_bad_and_a_good_case() {
        assert_eq!(bad(&well()), [""; 0]);
        let slow = |seconds| {
            let started = Instant::now();
            let monitor = Monitor::starting_at(started);
            let took = Duration::from_secs(seconds);
            let transaction = retail_domain::ports::ObservedTransaction::new("stores", took);
            monitor.transaction(started, &transaction);
            Some(monitor.current(started))
        };
        let busy = |cpu_ratio, memory_ratio| {
            let mut system = SystemNow::default();
            (system.cpu_ratio_5m, system.memory_ratio) = (cpu_ratio, memory_ratio);
            system
        };
        let risen = |risen| Seen { risen, ..well() };
        let fault = Some(ErrorCode::Unavailable);
        let none = Totals::default();
        let cases = [
            ("RetailMcpIdentityBroken", risen(Totals { identity_broken: 1, ..none })),
            ("RetailMcpCachePoisoned", risen(Totals { poisoned: 1, ..none })),
            ("RetailMcpAuditLost", risen(Totals { audit_dropped: 1, ..none })),
            ("RetailMcpAuditLost", risen(Totals { audit_failed_writes: 4, ..none })),
            ("RetailMcpStatementsNotStopped", risen(Totals { overruns: 1, ..none })),
            (
                "RetailMcpAuthenticationFails",
                Seen { current: Some(current(30, None, 403)), ..well() },
            ),
            ("RetailMcpFaults", Seen { current: Some(current(15, fault, 200)), ..well() }),
            ("RetailMcpServerErrors", Seen { current: Some(current(15, None, 504)), ..well() }),
            ("RetailMcpSlowTransactions", Seen { current: slow(3), ..well() }),
            ("RetailMcpProcessorsBusy", Seen { system: busy(0.86, 0.1), ..well() }),
            ("RetailMcpMemoryLow", Seen { system: busy(0.1, 0.91), ..well() }),
            ("RetailMcpStandbyLost", Seen { standbys: standbys(1), ..well() }),
            ("RetailMcpRedisPaused", Seen { redis_paused: true, ..well() }),
            ("RetailMcpPoolExhausted", Seen { pools: vec![full_pool(1)], ..well() }),
            (
                "RetailMcpNotReady",
                Seen { parts: vec![PartHealth::new("database", Some(String::new()))], ..well() },
            ),
        ];
        for rule in RULES {
            assert!(cases.iter().any(|(name, _)| *name == rule.name), "{} has no case", rule.name);
        }
        for (name, seen) in cases {
            assert_eq!(bad(&seen), [name], "{seen:?}");
        }
    }

    #[test]
    fn a_few_calls_are_no_share_and_a_models_mistake_is_no_fault() {
        let few =
            |calls, error, status| Seen { current: Some(current(calls, error, status)), ..well() };
        assert_eq!(bad(&few(14, Some(ErrorCode::Internal), 500)), [""; 0]);
        assert_eq!(bad(&few(29, None, 401)), [""; 0]);
        assert_eq!(bad(&few(1000, Some(ErrorCode::QueryFailed), 200)), [""; 0]);
        assert_eq!(bad(&Seen { current: None, ..well() }), [""; 0]);
    }

    #[test]
    fn increases_end_after_ten_minutes() {
        let (started, mut increases) = (Instant::now(), Increases::default());
        let at = |minutes| started + Duration::from_mins(minutes);
        let totals = |overruns| Totals { overruns, ..Totals::default() };
        assert_eq!(increases.since(at(0), totals(2)).overruns, 2, "since the start");
        assert_eq!(increases.since(at(1), totals(3)).overruns, 3);
        assert_eq!(increases.since(at(11), totals(3)).overruns, 1);
        assert_eq!(increases.since(at(12), totals(3)).overruns, 0);
        for minute in 13..1000 {
            assert_eq!(increases.since(at(minute), totals(3)).overruns, 0);
        }
        assert!(increases.0.len() < 15, "{increases:?}");
    }
}
