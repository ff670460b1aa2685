//! Alarms of a server that has no Alertmanager beside it: what is wrong, since when, and when it was over.
//!
//! A rule is looked at every few seconds. It must be bad for a while before it counts, and good for a while before it is
//! over, so that what comes and goes is told once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How many notices are remembered.
const REMEMBERED: usize = 100;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
    /// Wake somebody up.
    Critical,
}

impl Severity {
    /// The word for it, as in the rules for Prometheus.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmRule {
    /// Its name, that of the alert for Prometheus.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How long it must be bad before it counts. Zero: at once.
    pub hold: Duration,
    /// What it says, in one line.
    pub summary: &'static str,
}

/// What a look at a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It is bad, and this is how. No identity, SQL or secret may be in it: it is sent to chat rooms.
    Bad(String),
    /// Not bad, and not good enough for an alarm to be over.
    Between,
    /// It is good.
    Good,
}

impl Reading {
    /// Bad above `raise`, good below `clear`.
    ///
    /// ```
    /// use retail_telemetry::Reading;
    ///
    /// assert_eq!(Reading::above(0.04, 0.05, 0.03, String::new), Reading::Between);
    /// ```
    pub fn above(value: f64, raise: f64, clear: f64, detail: impl FnOnce() -> String) -> Self {
        if value > raise {
            Self::Bad(detail())
        } else if value < clear {
            Self::Good
        } else {
            Self::Between
        }
    }

    /// Bad where there is something to tell.
    pub fn of(detail: Option<String>) -> Self {
        detail.map_or(Self::Good, Self::Bad)
    }
}

/// What became of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmState {
    /// It has begun.
    Firing,
    /// It goes on; told again after a long while.
    Still,
    /// It is over.
    Resolved,
}

/// Something to tell of an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Notice {
    /// Name of the rule.
    pub alarm: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What became of it.
    pub state: AlarmState,
    /// What it says, in one line.
    pub summary: &'static str,
    /// How it was when it was last bad.
    pub detail: String,
    /// Since when it counts.
    pub since: DateTime<Utc>,
    /// When this was found out.
    pub at: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Watched {
    bad_since: Option<Instant>,
    good_since: Option<Instant>,
    firing: Option<Firing>,
}

#[derive(Debug)]
struct Firing {
    since: DateTime<Utc>,
    told: Instant,
    detail: String,
}

/// How long things must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmTimes {
    /// How long a rule must be good before it is over.
    pub calm: Duration,
    /// After this time an alarm that goes on is told again. None: never.
    pub repeat: Option<Duration>,
}

impl Default for AlarmTimes {
    /// Over after three minutes of calm, and told again every four hours.
    fn default() -> Self {
        Self { calm: Duration::from_mins(3), repeat: Some(Duration::from_hours(4)) }
    }
}

/// The state of some rules. Its size depends on how many there are alone.
#[derive(Debug)]
pub struct Alarms {
    rules: &'static [AlarmRule],
    times: AlarmTimes,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    watched: Vec<Watched>,
    history: VecDeque<Notice>,
}

impl Alarms {
    /// Rules of which none has been looked at.
    pub fn new(rules: &'static [AlarmRule], times: AlarmTimes) -> Self {
        let watched = rules.iter().map(|_| Watched::default()).collect();
        Self { rules, times, state: Mutex::new(State { watched, history: VecDeque::new() }) }
    }

    /// Looks at all rules. `at` and `now` are the same moment. Gives what is to be told.
    pub fn look(
        &self,
        at: Instant,
        now: DateTime<Utc>,
        mut read: impl FnMut(&AlarmRule) -> Reading,
    ) -> Vec<Notice> {
        let readings: Vec<Reading> = self.rules.iter().map(&mut read).collect();
        // Whole after each step.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut notices = Vec::new();
        for ((rule, watched), reading) in self.rules.iter().zip(&mut state.watched).zip(readings) {
            notices.extend(watched.step(rule, self.times, reading, at, now));
        }
        for notice in notices.iter().filter(|notice| notice.state != AlarmState::Still) {
            if state.history.len() == REMEMBERED {
                state.history.pop_front();
            }
            state.history.push_back(notice.clone());
        }
        notices
    }

    /// What counts now, the worst first.
    pub fn firing(&self, now: DateTime<Utc>) -> Vec<Notice> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let firing = self.rules.iter().zip(&state.watched).filter_map(|(rule, watched)| {
            let firing = watched.firing.as_ref()?;
            Some(firing.notice(rule, AlarmState::Firing, now))
        });
        let mut firing: Vec<Notice> = firing.collect();
        firing.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.since.cmp(&b.since)));
        firing
    }

    /// What began and what was over lately, the last first; at most a hundred.
    pub fn history(&self) -> Vec<Notice> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.history.iter().rev().cloned().collect()
    }
}

impl Firing {
    fn notice(&self, rule: &AlarmRule, state: AlarmState, now: DateTime<Utc>) -> Notice {
        Notice {
            alarm: rule.name,
            severity: rule.severity,
            state,
            summary: rule.summary,
            detail: self.detail.clone(),
            since: self.since,
            at: now,
        }
    }
}

impl Watched {
    fn step(
        &mut self,
        rule: &AlarmRule,
        times: AlarmTimes,
        reading: Reading,
        at: Instant,
        now: DateTime<Utc>,
    ) -> Option<Notice> {
        match reading {
            Reading::Bad(detail) => {
                self.good_since = None;
                let bad_since = *self.bad_since.get_or_insert(at);
                if let Some(firing) = &mut self.firing {
                    firing.detail = detail;
                    let is_due = times.repeat.is_some_and(|repeat| at >= firing.told + repeat);
                    return is_due.then(|| {
                        firing.told = at;
                        firing.notice(rule, AlarmState::Still, now)
                    });
                }
                if at.saturating_duration_since(bad_since) < rule.hold {
                    return None;
                }
                let firing = self.firing.insert(Firing { since: now, told: at, detail });
                Some(firing.notice(rule, AlarmState::Firing, now))
            }
            Reading::Between => {
                self.good_since = None;
                // Not bad for all of the time: as in Prometheus, it begins anew.
                if self.firing.is_none() {
                    self.bad_since = None;
                }
                None
            }
            Reading::Good => {
                self.bad_since = None;
                let good_since = *self.good_since.get_or_insert(at);
                if at.saturating_duration_since(good_since) < times.calm {
                    return None;
                }
                self.firing.take().map(|firing| firing.notice(rule, AlarmState::Resolved, now))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &[AlarmRule] = &[
        AlarmRule {
            name: "Slow",
            severity: Severity::Medium,
            hold: Duration::from_mins(2),
            summary: "it is slow",
        },
        AlarmRule {
            name: "Broken",
            severity: Severity::Critical,
            hold: Duration::ZERO,
            summary: "it is broken",
        },
    ];
    const TIMES: AlarmTimes =
        AlarmTimes { calm: Duration::from_mins(1), repeat: Some(Duration::from_mins(30)) };

    /// Looks every ten seconds for as long as there are letters: b(ad), g(ood), - between. Gives when what was told of `Slow`.
    fn told(readings: &str) -> Vec<(u64, AlarmState)> {
        let alarms = Alarms::new(RULES, TIMES);
        let started = Instant::now();
        let mut told = Vec::new();
        for (n, letter) in (0_u32..).zip(readings.chars()) {
            let passed = Duration::from_secs(10) * n;
            let now = DateTime::UNIX_EPOCH + passed;
            let notices = alarms.look(started + passed, now, |rule| match letter {
                _ if rule.name != "Slow" => Reading::Good,
                'b' => Reading::Bad(format!("look {n}")),
                '-' => Reading::Between,
                _ => Reading::Good,
            });
            told.extend(notices.iter().map(|notice| (passed.as_secs(), notice.state)));
        }
        told
    }

    #[test]
    fn it_has_to_last_and_is_told_once() {
        assert_eq!(told(&"b".repeat(12)), []);
        assert_eq!(told(&"b".repeat(40)), [(120, AlarmState::Firing)]);
        // A look that is not bad begins it anew.
        for letter in ["g", "-"] {
            assert_eq!(told(&format!("{}{letter}{}", "b".repeat(11), "b".repeat(12))), []);
        }
    }

    #[test]
    fn it_is_over_when_it_has_been_good_for_a_while() {
        let fired = "b".repeat(13);
        assert_eq!(told(&format!("{fired}{}", "g".repeat(6))), [(120, AlarmState::Firing)]);
        let over = [(120, AlarmState::Firing), (190, AlarmState::Resolved)];
        assert_eq!(told(&format!("{fired}{}", "g".repeat(30))), over);
        // What comes and goes stays one alarm.
        let flapping = format!("{fired}{}", "gggbgg-ggbggg-".repeat(10));
        assert_eq!(told(&flapping), [(120, AlarmState::Firing)]);
    }

    #[test]
    fn what_goes_on_is_told_again() {
        let still = told(&"b".repeat(13 + 361));
        let expected =
            [(120, AlarmState::Firing), (1920, AlarmState::Still), (3720, AlarmState::Still)];
        assert_eq!(still, expected);
    }

    #[test]
    fn the_worst_comes_first_and_history_has_an_end() {
        let alarms = Alarms::new(RULES, AlarmTimes { calm: Duration::ZERO, repeat: None });
        let (started, epoch) = (Instant::now(), DateTime::UNIX_EPOCH);
        let minute = Duration::from_mins(1);
        for n in 0..3 {
            alarms
                .look(started + minute * n, epoch + minute * n, |_| Reading::Bad("bad".to_owned()));
        }
        let now = epoch + minute * 3;
        let names: Vec<_> = alarms.firing(now).iter().map(|notice| notice.alarm).collect();
        assert_eq!(names, ["Broken", "Slow"]);
        assert_eq!(alarms.firing(now)[0].since, epoch);
        for n in 3..500 {
            let reading = if n % 2 == 0 { Reading::Bad(String::new()) } else { Reading::Good };
            alarms.look(started + minute * n, epoch + minute * n, |_| reading.clone());
        }
        let history = alarms.history();
        assert_eq!(history.len(), REMEMBERED);
        assert_eq!(history[0].state, AlarmState::Resolved);
        assert!(history[0].at >= history[1].at);
    }

    #[test]
    fn thresholds_have_a_gap() {
        let read = |value| Reading::above(value, 0.05, 0.03, || "much".to_owned());
        assert_eq!(read(0.06), Reading::Bad("much".to_owned()));
        assert_eq!(
            (read(0.05), read(0.03), read(0.02)),
            (Reading::Between, Reading::Between, Reading::Good)
        );
    }
}
