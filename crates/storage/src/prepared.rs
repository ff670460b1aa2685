//! What a connection has prepared.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a statement that connections may have prepared. Never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StatementId(u64);

impl StatementId {
    /// Another one. One count for all: connections are shared by whoever runs statements on a database.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The name in SQL.
impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "retail_{}", self.0)
    }
}

/// The statements that are prepared on one connection.
#[derive(Debug)]
pub(crate) struct Prepared {
    max: usize,
    uses: u64,
    /// The number of the last use of each.
    last_use: HashMap<StatementId, u64>,
}

/// What has to be done before a statement can be executed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Preparation {
    /// Nothing.
    Ready,
    /// It has to be prepared, and another one, that was not used for longest, to be forgotten.
    Needed {
        /// The other one.
        forget: Option<StatementId>,
    },
}

impl Prepared {
    pub(crate) fn new(max: usize) -> Self {
        Self { max, uses: 0, last_use: HashMap::new() }
    }

    /// Whether anything can be prepared.
    pub(crate) fn is_allowed(&self) -> bool {
        self.max > 0
    }

    /// Counts a use of `id`, and takes it for prepared from now on.
    pub(crate) fn uses(&mut self, id: StatementId) -> Preparation {
        self.uses += 1;
        let uses = self.uses;
        if self.last_use.insert(id, uses).is_some() {
            return Preparation::Ready;
        }
        let oldest = || self.last_use.iter().min_by_key(|(_, last)| **last).map(|(id, _)| *id);
        let forget = if self.last_use.len() > self.max { oldest() } else { None };
        if let Some(oldest) = forget {
            self.last_use.remove(&oldest);
        }
        Preparation::Needed { forget }
    }

    /// It could not be prepared.
    pub(crate) fn remove(&mut self, id: StatementId) {
        self.last_use.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut prepared = Prepared::new(2);
        let [a, b, c] = [1, 2, 3].map(StatementId);
        assert_eq!(prepared.uses(a), Preparation::Needed { forget: None });
        assert_eq!(prepared.uses(b), Preparation::Needed { forget: None });
        assert_eq!(prepared.uses(a), Preparation::Ready);
        assert_eq!(prepared.uses(c), Preparation::Needed { forget: Some(b) });
        assert_eq!(prepared.uses(a), Preparation::Ready);
        prepared.remove(c);
        assert_eq!(prepared.uses(c), Preparation::Needed { forget: None });
    }
}
