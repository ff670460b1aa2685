//! How long things took, in little memory.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::ring::Slot;

/// What one step of the histogram is.
const STEP: Duration = Duration::from_micros(1);

/// 100 seconds, in steps. What takes longer counts as this.
const MAX_STEPS: u64 = 100_000_000;

/// One digit: each value is known to a sixteenth of itself.
const DIGITS: u8 = 1;

/// Times, as counts by size. Takes nothing until the first one, and 1.5 kB from then on.
///
/// In a report it is a list of times, in microseconds, and how many there were of each.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u32)>", into = "Vec<(u64, u32)>")]
pub(crate) struct Latencies(Option<Box<Histogram<u32>>>);

impl Latencies {
    pub(crate) fn record(&mut self, time: Duration) {
        let steps = u64::try_from(time.as_nanos() / STEP.as_nanos()).unwrap_or(u64::MAX);
        self.record_steps(steps, 1);
    }

    fn record_steps(&mut self, steps: u64, count: u32) {
        if self.0.is_none() {
            // The bounds are constants, which the tests prove good.
            self.0 = Histogram::new_with_bounds(1, MAX_STEPS, DIGITS).ok().map(Box::new);
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record_n(steps.max(1), count);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        match (&mut self.0, &other.0) {
            // Of the same bounds, so that nothing is out of range.
            (Some(sum), Some(other)) => sum.add(other.as_ref()).unwrap_or_default(),
            (None, Some(_)) => *self = other.clone(),
            (_, None) => {}
        }
    }

    /// The time below which this share of all is, in seconds. None when there is none.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let histogram = self.0.as_deref().filter(|histogram| !histogram.is_empty())?;
        Some(seconds(histogram.value_at_quantile(share).min(histogram.max())))
    }

    pub(crate) fn max(&self) -> Option<f64> {
        self.quantile(1.0)
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        self.0.as_deref().map_or(0, Histogram::len)
    }
}

impl From<Vec<(u64, u32)>> for Latencies {
    fn from(counts: Vec<(u64, u32)>) -> Self {
        let mut latencies = Self::default();
        // There are no more buckets.
        for (steps, count) in counts.into_iter().take(1024) {
            latencies.record_steps(steps, count);
        }
        latencies
    }
}

impl From<Latencies> for Vec<(u64, u32)> {
    fn from(latencies: Latencies) -> Self {
        let recorded = latencies.0.iter().flat_map(|histogram| histogram.iter_recorded());
        recorded.map(|bucket| (bucket.value_iterated_to(), bucket.count_at_value())).collect()
    }
}

impl Slot for Latencies {
    fn clear(&mut self) {
        if let Some(histogram) = &mut self.0 {
            histogram.reset();
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most MAX_STEPS")]
fn seconds(steps: u64) -> f64 {
    steps as f64 * STEP.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_good_to_a_sixteenth() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), None);
        for unit in
            [Duration::from_micros(19), Duration::from_micros(160), Duration::from_millis(1)]
        {
            latencies.clear();
            for number in 1..=1000 {
                latencies.record(unit * number);
            }
            for share in [0.001, 0.5, 0.95, 0.99, 1.0] {
                let found = latencies.quantile(share).unwrap() / unit.as_secs_f64();
                assert!(
                    (found / (share * 1000.0) - 1.0).abs() <= 1.0 / 16.0,
                    "{unit:?} {share}: {found}"
                );
            }
            assert_eq!(latencies.count(), 1000);
        }
    }

    #[test]
    fn what_is_out_of_range_counts() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::ZERO);
        latencies.record(Duration::from_hours(1));
        assert_eq!(latencies.count(), 2);
        assert!(latencies.max().unwrap() >= 99.0);
    }

    #[test]
    fn sums_are_of_both() {
        let (mut one, mut two) = (Latencies::default(), Latencies::default());
        one.record(Duration::from_millis(1));
        two.record(Duration::from_millis(100));
        let mut sum = Latencies::default();
        sum.add(&Latencies::default());
        sum.add(&one);
        sum.add(&two);
        assert_eq!(sum.count(), 2);
        assert!(sum.max().unwrap() > 0.09);
        sum.clear();
        assert_eq!((sum.count(), sum.quantile(0.5)), (0, None));
    }
}
