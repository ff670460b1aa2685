//! How old an answer is.

use std::time::Duration;

/// Whether an answer was read for this call, and if not, how old it is.
///
/// The default is an answer that was read just now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Freshness {
    /// Whether it was read for an earlier call.
    pub cached: bool,
    /// Time since the read began. Zero unless `cached`.
    pub age: Duration,
    /// Whether the data are known to have changed since. A newer answer is being read meanwhile.
    pub stale: bool,
}

impl Freshness {
    /// Of an answer that was read for an earlier call, this long ago.
    pub const fn kept(age: Duration, stale: bool) -> Self {
        Self { cached: true, age, stale }
    }
}
