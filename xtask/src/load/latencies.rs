//! How long calls took.

use std::fmt;
use std::time::Duration;

/// A number of calls, sorted by time.
#[derive(Debug, Clone)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time within which `percent` of the calls were answered.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        self.permille(percent * 10)
    }

    /// The time within which `permille` of a thousand calls were answered.
    pub(super) fn permille(&self, permille: usize) -> Duration {
        let rank = (self.0.len() * permille).div_ceil(1000).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:5} calls  p50 {:7.1} ms  p99 {:7.1} ms  longest {:7.1} ms",
            self.0.len(),
            milliseconds(self.percentile(50)),
            milliseconds(self.percentile(99)),
            milliseconds(self.percentile(100)),
        )
    }
}

/// A time in milliseconds.
pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let latencies = Latencies::new(times);
        for (percent, expected) in [(50, 100), (99, 198), (100, 200)] {
            assert_eq!(latencies.percentile(percent), Duration::from_millis(expected));
        }
        assert_eq!(latencies.permille(999), Duration::from_millis(200));
        assert_eq!(latencies.permille(995), Duration::from_millis(199));
        let one = Latencies::new(vec![Duration::from_millis(3)]);
        assert_eq!(one.percentile(50), Duration::from_millis(3));
        assert_eq!(Latencies::new(Vec::new()).percentile(99), Duration::ZERO);
    }
}
