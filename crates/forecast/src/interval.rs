//! How far the truth may be from a forecast.

use crate::{
    Level,
    backtest::{Fold, mean_square},
    number::as_f64,
};

/// The least part of the mean that sets the width: forecasts near 0 can be as wrong as others.
const LEAST_PART_OF_MEAN: f64 = 0.05;
/// The most that the last period's error may exceed the mean: a few folds can mislead.
const MOST_SPREAD: f64 = 2.0;

/// The errors of a backtest, as a measure for errors to come.
///
/// Sums of many small sales vary with the root of their size, so errors are divided by the root of
/// the forecast before they are compared.
#[derive(Debug)]
pub(crate) struct Widths {
    /// The root of the mean square of all such errors.
    deviation: f64,
    /// How much larger errors get from the first half of the horizon to the second.
    spread: f64,
    /// How many errors there are that do not depend on each other.
    freedom: f64,
    /// The least size that sets a width.
    least_size: f64,
}

impl Widths {
    /// The measure from the folds of the chosen model, with the mean of the last season.
    pub(crate) fn new(folds: &[Fold], mean: f64) -> Self {
        let least_size = mean * LEAST_PART_OF_MEAN;
        let horizon = folds.first().map_or(1, |fold| fold.actual.len());
        let scaled = |late: Option<bool>| {
            let errors = folds.iter().flat_map(move |fold| {
                let pairs = fold.predicted.iter().zip(&fold.actual).enumerate();
                pairs
                    .filter(move |(step, _)| late.is_none_or(|late| late == (2 * step >= horizon)))
                    .map(move |(_, (p, a))| (a - p) / p.max(least_size).sqrt())
                    // Sizes may be so small that their root is 0.
                    .filter(|error| error.is_finite())
            });
            mean_square(errors).sqrt()
        };
        let (early, late) = (scaled(Some(false)), scaled(Some(true)));
        let spread =
            if horizon > 1 && early > 0.0 { (late / early).clamp(1.0, MOST_SPREAD) } else { 1.0 };
        // Errors within a fold go together, since they share a level: the folds count most.
        let freedom = as_f64(folds.len()) + as_f64(horizon - 1) / 2.0;
        Self { deviation: scaled(None), spread, freedom, least_size }
    }

    /// How far to either side of a forecast of `value`, `step` of `horizon` periods ahead.
    pub(crate) fn around(&self, value: f64, level: Level, step: usize, horizon: usize) -> f64 {
        // The halves' centres lie at a quarter and at three quarters of the horizon.
        let at = (as_f64(step) + 0.5) / as_f64(horizon);
        let middle = f64::midpoint(1.0, self.spread);
        let widening = (middle + (self.spread - 1.0) * 2.0 * (at - 0.5)) / middle;
        student_quantile(level, self.freedom)
            * self.deviation
            * widening
            * value.max(self.least_size).sqrt()
    }
}

/// The two-sided quantile of Student's distribution, by its expansion around the normal one: with
/// few errors to measure by, the truth may be farther away.
fn student_quantile(level: Level, freedom: f64) -> f64 {
    let z = level.normal_quantile();
    let freedom = freedom.max(2.0);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Widths, student_quantile};
    use crate::{Level, backtest::Fold};

    #[rstest]
    #[case(Level::P80, 4.0, 1.533)]
    #[case(Level::P80, 10.0, 1.372)]
    #[case(Level::P95, 4.0, 2.776)]
    #[case(Level::P95, 10.0, 2.228)]
    #[case(Level::P95, 1e9, 1.960)]
    fn quantiles_are_those_of_tables(
        #[case] level: Level,
        #[case] freedom: f64,
        #[case] table: f64,
    ) {
        assert!((student_quantile(level, freedom) / table - 1.0).abs() < 0.01);
    }

    fn fold(errors: [f64; 4]) -> Fold {
        Fold { predicted: vec![100.0; 4], actual: errors.map(|error| 100.0 + error).to_vec() }
    }

    #[test]
    fn widths_follow_the_errors_the_size_and_the_step() {
        let even = Widths::new(&[fold([5.0, -5.0, 5.0, -5.0])], 100.0);
        let width = even.around(100.0, Level::P80, 0, 4);
        assert!((even.around(100.0, Level::P80, 3, 4) / width - 1.0).abs() < 1e-12);
        assert!((even.around(400.0, Level::P80, 0, 4) / width - 2.0).abs() < 1e-12);
        assert!(even.around(100.0, Level::P95, 0, 4) > 1.5 * width);

        let growing = Widths::new(&[fold([4.0, -4.0, 6.0, -6.0])], 100.0);
        let first = growing.around(100.0, Level::P80, 0, 4);
        let last = growing.around(100.0, Level::P80, 3, 4);
        assert!(last > 1.3 * first, "{first} {last}");
        assert!(growing.around(0.0, Level::P80, 0, 4) > 0.0, "a forecast of 0 may be wrong too");
    }

    #[test]
    fn errors_of_a_size_without_a_root_do_not_count() {
        let smallest = f64::from_bits(1);
        let fold = Fold { predicted: vec![0.0, 0.0], actual: vec![smallest, 0.0] };
        let width = Widths::new(&[fold], smallest).around(0.0, Level::P80, 0, 2);
        assert_eq!(width.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn few_folds_make_wide_intervals() {
        let one = Widths::new(&[fold([5.0, -5.0, 5.0, -5.0])], 100.0);
        let eight = Widths::new(&vec![fold([5.0, -5.0, 5.0, -5.0]); 8], 100.0);
        let width = |widths: &Widths| widths.around(100.0, Level::P95, 1, 4);
        assert!(width(&one) > 1.3 * width(&eight));
    }
}
