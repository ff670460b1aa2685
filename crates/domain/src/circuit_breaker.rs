//! Leaves a service alone that fails.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Closed: every try passes. Open, after a number of failures in a row: none does, for a time. Then half open: one
/// try passes, and its end closes or opens it again.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use retail_domain::CircuitBreaker;
///
/// let (now, open_for) = (Instant::now(), Duration::from_secs(5));
/// let breaker = CircuitBreaker::new(1);
/// let leave = breaker.enter(now).unwrap();
/// assert!(leave.failed(now, open_for), "that opened it");
/// assert_eq!(breaker.enter(now).unwrap_err(), open_for);
/// assert!(breaker.enter(now + open_for).unwrap().worked(), "that closed it");
/// ```
#[derive(Debug)]
pub struct CircuitBreaker {
    state: Mutex<State>,
    failures_to_open: u32,
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
pub struct Leave<'a> {
    breaker: &'a CircuitBreaker,
    /// When it was given, if it is the one try of a half open breaker.
    probe_since: Option<Instant>,
}

impl CircuitBreaker {
    /// A closed one, which so many failures in a row open.
    pub fn new(failures_to_open: u32) -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0 }), failures_to_open }
    }

    /// Leave for one try.
    ///
    /// # Errors
    /// How long there will be none: zero where a try is under way of which it depends.
    pub fn enter(&self, now: Instant) -> Result<Leave<'_>, Duration> {
        let mut state = self.lock();
        let probe_since = match *state {
            State::Closed { .. } => None,
            State::Open { until } if now >= until => {
                *state = State::HalfOpen;
                Some(now)
            }
            State::Open { until } => return Err(until.duration_since(now)),
            State::HalfOpen => return Err(Duration::ZERO),
        };
        Ok(Leave { breaker: self, probe_since })
    }

    /// Whether [`enter`](Self::enter) would give no leave now.
    pub fn is_shut(&self, now: Instant) -> bool {
        match *self.lock() {
            State::Closed { .. } => false,
            State::Open { until } => now < until,
            State::HalfOpen => true,
        }
    }

    /// Whether it lets one try through at most.
    pub fn is_open(&self) -> bool {
        !matches!(*self.lock(), State::Closed { .. })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is a plain value, whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The service did what it should. Whether that closed the breaker.
    pub fn worked(mut self) -> bool {
        let mut state = self.breaker.lock();
        let is_probe = self.probe_since.take().is_some();
        // A late end of a try from before the breaker opened proves nothing about now.
        if is_probe || matches!(*state, State::Closed { .. }) {
            *state = State::Closed { failures: 0 };
        }
        is_probe
    }

    /// It did not. Whether that opened the breaker, from closed. If it opens, it is for `open_for`.
    pub fn failed(mut self, now: Instant, open_for: Duration) -> bool {
        let opened = State::Open { until: now + open_for };
        let mut state = self.breaker.lock();
        match (self.probe_since.take(), *state) {
            (Some(_), _) => *state = opened,
            (None, State::Closed { failures }) => {
                let failures = failures.saturating_add(1);
                if failures >= self.breaker.failures_to_open {
                    *state = opened;
                    return true;
                }
                *state = State::Closed { failures };
            }
            (None, State::Open { .. } | State::HalfOpen) => {}
        }
        false
    }
}

impl Drop for Leave<'_> {
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

    fn opened(now: Instant) -> CircuitBreaker {
        let breaker = CircuitBreaker::new(2);
        assert!(!breaker.enter(now).unwrap().failed(now, OPEN_FOR));
        assert!(breaker.enter(now).unwrap().failed(now, OPEN_FOR));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = CircuitBreaker::new(2);
        for _ in 0..3 {
            assert!(!breaker.enter(now).unwrap().failed(now, OPEN_FOR));
            assert!(!breaker.enter(now).unwrap().worked());
        }
        let breaker = opened(now);
        assert_eq!(breaker.enter(now).unwrap_err(), OPEN_FOR);
        assert!(breaker.is_open() && breaker.is_shut(now));
        let still = now + Duration::from_millis(9_999);
        assert_eq!(breaker.enter(still).unwrap_err(), Duration::from_millis(1));
    }

    #[test]
    fn half_open_it_lets_one_try_through() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        assert!(breaker.is_open() && !breaker.is_shut(later));
        let probe = breaker.enter(later).unwrap();
        assert_eq!(breaker.enter(later).unwrap_err(), Duration::ZERO);
        assert!(breaker.is_shut(later));
        assert!(probe.worked());
        assert!(!breaker.is_open());
        let failed = breaker.enter(later).unwrap().failed(later, OPEN_FOR);
        assert!(!failed, "it counts from the beginning again");
    }

    #[test]
    fn a_failed_probe_opens_it_again_and_is_no_new_opening() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        assert!(!breaker.enter(later).unwrap().failed(later, OPEN_FOR));
        assert_eq!(breaker.enter(later).unwrap_err(), OPEN_FOR);
        assert!(breaker.enter(later + OPEN_FOR).is_ok());
    }

    #[test]
    fn a_probe_that_was_given_up_makes_room_for_the_next() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + OPEN_FOR;
        drop(breaker.enter(later).unwrap());
        assert!(breaker.is_open());
        assert!(breaker.enter(later).is_ok());
    }

    #[test]
    fn an_answer_from_before_does_not_close_it() {
        let now = Instant::now();
        let breaker = CircuitBreaker::new(1);
        let early = breaker.enter(now).unwrap();
        assert!(breaker.enter(now).unwrap().failed(now, OPEN_FOR));
        assert!(!early.worked());
        assert!(breaker.enter(now).is_err());
    }
}
