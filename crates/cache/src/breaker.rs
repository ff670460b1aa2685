//! Leaves a tier alone that fails.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Closed: every try passes. Open, after `failures_to_open` failures in a row: none does, for about `open_for`.
/// Then one try passes, and its end closes or opens it again.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: Mutex<State>,
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
pub(crate) struct Leave<'a> {
    breaker: &'a Breaker,
    /// When it was given, if it is the one try of a half open breaker.
    probe_since: Option<Instant>,
}

impl Breaker {
    pub(crate) fn new(failures_to_open: u32, open_for: Duration) -> Self {
        Self { state: Mutex::new(State::Closed { failures: 0 }), failures_to_open, open_for }
    }

    /// Leave for one try, or none.
    pub(crate) fn enter(&self, now: Instant) -> Option<Leave<'_>> {
        let mut state = self.lock();
        let probe_since = match *state {
            State::Closed { .. } => None,
            State::Open { until } if now >= until => {
                *state = State::HalfOpen;
                Some(now)
            }
            State::Open { .. } | State::HalfOpen => return None,
        };
        Some(Leave { breaker: self, probe_since })
    }

    /// Whether [`enter`](Self::enter) would give no leave now.
    pub(crate) fn is_shut(&self, now: Instant) -> bool {
        match *self.lock() {
            State::Closed { .. } => false,
            State::Open { until } => now < until,
            State::HalfOpen => true,
        }
    }

    /// Whether it lets nothing but a probe through.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(*self.lock(), State::Closed { .. })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is a plain value, whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// The tier works.
    pub(crate) fn worked(mut self) {
        let mut state = self.breaker.lock();
        match (self.probe_since.take(), *state) {
            (Some(_), _) | (None, State::Closed { .. }) => *state = State::Closed { failures: 0 },
            // A late end of a try from before the breaker opened proves nothing about now.
            (None, State::Open { .. } | State::HalfOpen) => {}
        }
    }

    /// The tier does not work. Whether that opened the breaker, from closed.
    pub(crate) fn failed(mut self, now: Instant) -> bool {
        let open_for = self.breaker.open_for.mul_f64(rand::random_range(0.5..1.5));
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
    const LONGEST: Duration = Duration::from_secs(15);

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new(2, OPEN_FOR);
        assert!(!breaker.enter(now).unwrap().failed(now));
        assert!(breaker.enter(now).unwrap().failed(now));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = Breaker::new(2, OPEN_FOR);
        for _ in 0..3 {
            assert!(!breaker.enter(now).unwrap().failed(now));
            breaker.enter(now).unwrap().worked();
        }
        let breaker = opened(now);
        assert!(breaker.enter(now).is_none() && breaker.is_open());
        let still = now + Duration::from_millis(4_999);
        assert!(breaker.enter(still).is_none());
    }

    #[test]
    fn then_it_lets_one_try_through() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + LONGEST;
        let probe = breaker.enter(later).unwrap();
        assert!(breaker.enter(later).is_none());
        probe.worked();
        assert!(!breaker.is_open());
        assert!(!breaker.enter(later).unwrap().failed(later), "it counts from the beginning again");
    }

    #[test]
    fn a_failed_probe_opens_it_again_and_is_no_new_opening() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + LONGEST;
        assert!(!breaker.enter(later).unwrap().failed(later));
        assert!(breaker.enter(later).is_none() && breaker.enter(later + LONGEST).is_some());
    }

    #[test]
    fn a_probe_that_was_given_up_makes_room_for_the_next() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + LONGEST;
        drop(breaker.enter(later).unwrap());
        assert!(breaker.enter(later).is_some());
    }

    #[test]
    fn an_answer_from_before_does_not_close_it() {
        let now = Instant::now();
        let breaker = Breaker::new(1, OPEN_FOR);
        let early = breaker.enter(now).unwrap();
        assert!(breaker.enter(now).unwrap().failed(now));
        early.worked();
        assert!(breaker.enter(now).is_none());
    }
}
