//! What the data were, and since when, so that an answer can be told from a wrong one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Stores' sums have this distance between two values, and each caller a remainder of its own: whose a value is can be
/// seen from the value.
pub(crate) const STEP: i64 = 64;

/// A value, from when it may have been seen, and from when the one before it may not any more.
#[derive(Debug, Clone, Copy)]
struct Change {
    possible: Instant,
    certain: Option<Instant>,
    value: i64,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// It is another caller's.
    Foreign,
    /// It was right once, and is older than it may be.
    Old,
    /// Nobody had that ever.
    NeverSo,
}

/// One caller's value in the course of time.
#[derive(Debug)]
pub(crate) struct History {
    changes: Mutex<Vec<Change>>,
}

impl History {
    /// From the beginning it was `value`.
    pub(crate) fn new(value: i64) -> Self {
        let now = Instant::now();
        let change = Change { possible: now, certain: Some(now), value };
        Self { changes: Mutex::new(vec![change]) }
    }

    /// From now on it may be `value`.
    pub(crate) fn may_become(&self, value: i64) {
        let change = Change { possible: Instant::now(), certain: None, value };
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }

    /// By now it is what it might become, and nothing from before.
    pub(crate) fn has_become(&self) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        for change in changes.iter_mut().rev().take_while(|change| change.certain.is_none()) {
            change.certain = Some(Instant::now());
        }
    }

    /// The last value.
    pub(crate) fn value(&self) -> i64 {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.last().map_or(0, |change| change.value)
    }

    /// Judges `value`, the answer of now to a question of `asked`; it may be as it was `may_be_old` before that.
    pub(crate) fn judge(
        &self,
        value: i64,
        asked: Instant,
        may_be_old: Duration,
    ) -> Result<(), Wrong> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let own = changes.first().map_or(0, |first| first.value.rem_euclid(STEP));
        if value.rem_euclid(STEP) != own {
            return Err(Wrong::Foreign);
        }
        let ends = changes.iter().skip(1).map(|next| next.certain).chain([None]);
        let mut of_value =
            changes.iter().zip(ends).filter(|(change, _)| change.value == value).peekable();
        if of_value.peek().is_none() {
            return Err(Wrong::NeverSo);
        }
        let now = Instant::now();
        let is_right = of_value.any(|(change, end)| {
            change.possible <= now && end.is_none_or(|end| end + may_be_old >= asked)
        });
        if is_right { Ok(()) } else { Err(Wrong::Old) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_TIME: Duration = Duration::ZERO;

    #[test]
    fn while_it_changes_both_values_are_right_and_then_one() {
        let history = History::new(3);
        let asked = Instant::now();
        assert_eq!(history.judge(3, asked, NO_TIME), Ok(()));
        assert_eq!(history.judge(67, asked, NO_TIME), Err(Wrong::NeverSo));
        history.may_become(67);
        let asked = Instant::now();
        assert_eq!(history.judge(3, asked, NO_TIME), Ok(()));
        assert_eq!(history.judge(67, asked, NO_TIME), Ok(()));
        history.has_become();
        assert_eq!(history.judge(3, asked, NO_TIME), Ok(()), "it was asked before");
        std::thread::sleep(Duration::from_millis(2));
        let asked = Instant::now();
        assert_eq!(history.judge(3, asked, NO_TIME), Err(Wrong::Old));
        assert_eq!(history.judge(3, asked, Duration::from_secs(9)), Ok(()), "it may be so old");
        assert_eq!(history.judge(67, asked, NO_TIME), Ok(()));
    }

    #[test]
    fn after_a_write_whose_end_was_not_told_the_value_that_is_found_counts() {
        let history = History::new(3);
        history.may_become(67);
        history.may_become(67);
        history.has_become();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(history.judge(3, Instant::now(), NO_TIME), Err(Wrong::Old));
        history.may_become(131);
        history.may_become(67);
        history.has_become();
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(history.judge(131, Instant::now(), NO_TIME), Err(Wrong::Old));
        assert_eq!(history.judge(67, Instant::now(), NO_TIME), Ok(()));
    }

    #[test]
    fn another_callers_value_is_known_by_its_remainder() {
        let history = History::new(3);
        assert_eq!(history.judge(4, Instant::now(), NO_TIME), Err(Wrong::Foreign));
        assert_eq!(history.judge(68, Instant::now(), NO_TIME), Err(Wrong::Foreign));
    }
}
