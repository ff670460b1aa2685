//! Leaves a service alone that fails.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Closed: every try passes. Open, after `failures_to_open` failures in a row: none does, for `open_for`. Then half
/// open: one try passes, and its end closes or opens it again.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    state: Arc<Mutex<State>>,
    failures_to_open: u32,
    open_for: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

/// Leave to try once. Dropped without a word about the end (the caller went away), it leaves the state as it was,
/// so that the next caller can be the one who tries.
#[derive(Debug)]
pub(super) struct Leave {
    breaker: Breaker,
    /// When it was given, if it is the one try of a half open breaker.
    probe_since: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(failures_to_open: u32, open_for: Duration) -> Self {
        let state = Arc::new(Mutex::new(State::Closed { failures: 0 }));
        Self { state, failures_to_open, open_for }
    }

    /// Leave for one try, or how long there will be none.
    pub(super) fn enter(&self, now: Instant) -> Result<Leave, Duration> {
        let mut state = self.lock();
        let probe_since = match *state {
            State::Closed { .. } => None,
            State::Open { until } if now >= until => {
                *state = State::HalfOpen;
                Some(now)
            }
            State::Open { until } => return Err(until.duration_since(now)),
            // The one try is under way; how long it takes is not known.
            State::HalfOpen => return Err(Duration::ZERO),
        };
        Ok(Leave { breaker: self.clone(), probe_since })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is a plain value, whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave {
    /// The service answered as it should, or at least said itself why not.
    pub(super) fn answered(mut self) {
        let mut state = self.breaker.lock();
        match (self.probe_since.take(), *state) {
            (Some(_), _) => {
                *state = State::Closed { failures: 0 };
                tracing::info!("the embedding service answers again");
            }
            (None, State::Closed { .. }) => *state = State::Closed { failures: 0 },
            // A late answer to a try from before the breaker opened proves nothing about now.
            (None, State::Open { .. } | State::HalfOpen) => {}
        }
    }

    /// The service did not answer, or answered nonsense.
    pub(super) fn failed(mut self, now: Instant, cause: &dyn fmt::Display) {
        let until = now + self.breaker.open_for;
        let mut state = self.breaker.lock();
        *state = match (self.probe_since.take(), *state) {
            (Some(_), _) => State::Open { until },
            (None, State::Closed { failures }) => {
                let failures = failures.saturating_add(1);
                if failures < self.breaker.failures_to_open {
                    State::Closed { failures }
                } else {
                    let seconds = self.breaker.open_for.as_secs_f32();
                    tracing::warn!(failures, seconds, %cause, "the embedding service is left alone");
                    State::Open { until }
                }
            }
            (None, unchanged) => unchanged,
        };
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(since) = self.probe_since.take() {
            *self.breaker.lock() = State::Open { until: since };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN_FOR: Duration = Duration::from_secs(10);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(2, OPEN_FOR);
        breaker.enter(now).unwrap().failed(now, &"cause");
        breaker.enter(now).unwrap().failed(now, &"cause");
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = Breaker::new(2, OPEN_FOR);
        for _ in 0..3 {
            breaker.enter(now).unwrap().failed(now, &"cause");
            breaker.enter(now).unwrap().answered();
        }
        breaker.enter(now).unwrap().failed(now, &"cause");
        breaker.enter(now).unwrap().failed(now, &"cause");
        assert_eq!(breaker.enter(now).unwrap_err(), OPEN_FOR);
        assert!(breaker.enter(now + Duration::from_millis(9_999)).is_err());
    }

    #[test]
    fn half_open_it_lets_one_try_through() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        let probe = breaker.enter(later).unwrap();
        assert!(breaker.enter(later).is_err());
        probe.answered();
        breaker.enter(later).unwrap().failed(later, &"cause");
        assert!(breaker.enter(later).is_ok(), "it counts from the beginning again");
    }

    #[test]
    fn a_failed_probe_opens_it_again() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        breaker.enter(later).unwrap().failed(later, &"cause");
        assert_eq!(breaker.enter(later).unwrap_err(), OPEN_FOR);
    }

    #[test]
    fn a_probe_that_was_given_up_makes_room_for_the_next() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        drop(breaker.enter(later).unwrap());
        assert!(breaker.enter(later).is_ok());
    }

    #[test]
    fn an_answer_from_before_does_not_close_it() {
        let now = Instant::now();
        let breaker = Breaker::new(1, OPEN_FOR);
        let early = breaker.enter(now).unwrap();
        breaker.enter(now).unwrap().failed(now, &"cause");
        early.answered();
        assert!(breaker.enter(now).is_err());
    }
}
