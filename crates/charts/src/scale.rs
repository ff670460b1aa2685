//! Round numbers along an axis, and where values lie on it.

/// A small number of things, to calculate with.
pub(crate) fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Steps that are easy to read and to add up.
const STEPS: [f64; 5] = [1.0, 2.0, 2.5, 5.0, 10.0];

/// Below this nothing can be divided: it is zero.
const SMALLEST: f64 = 1e-290;

/// An axis of values: from `low` to `high`, which are ticks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) step: f64,
    pub(crate) ticks: Vec<f64>,
}

impl Scale {
    /// An axis for values from `low` to `high`, with `wanted` steps or so. `whole`: no step is a fraction.
    pub(crate) fn over(low: f64, high: f64, wanted: usize, whole: bool) -> Self {
        let (low, high) = if high - low > SMALLEST { (low, high) } else { opened(low) };
        let rough = (high - low) / float(wanted.max(1));
        let power = 10f64.powf(rough.log10().floor());
        let steps = STEPS.iter().map(|step| step * power);
        let mut step = steps.into_iter().find(|step| *step >= rough * 0.999_999).unwrap_or(rough);
        if whole {
            step = step.max(1.0);
            if step < 10.0 {
                step = step.ceil();
            }
        }
        let slack = step * 1e-9;
        let first = ((low + slack) / step).floor();
        let last = ((high - slack) / step).ceil().max(first + 1.0);
        let mut ticks = Vec::with_capacity(wanted + 3);
        let mut at = first;
        // The bound is for numbers so large that adding one to them changes nothing.
        while at <= last && ticks.len() < 40 {
            ticks.push(at * step);
            at += 1.0;
        }
        Self { low: first * step, high: last * step, step, ticks }
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(crate) fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The value farthest from zero.
    pub(crate) fn largest(&self) -> f64 {
        self.low.abs().max(self.high.abs())
    }
}

/// A range around a single value.
fn opened(value: f64) -> (f64, f64) {
    match value {
        value if value > SMALLEST => (0.0, value),
        value if value < -SMALLEST => (value, 0.0),
        _ => (0.0, 1.0),
    }
}

/// The lowest and the highest of some values.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().fold(None, |found, value| match found {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, 97.0, false, 0.0, 100.0, 20.0)]
    #[case(0.0, 0.9, false, 0.0, 1.0, 0.2)]
    #[case(-30.0, 100.0, false, -50.0, 100.0, 50.0)]
    #[case(0.0, 3.0, true, 0.0, 3.0, 1.0)]
    #[case(0.0, 11.0, true, 0.0, 12.0, 3.0)]
    #[case(7.0, 7.0, false, 0.0, 8.0, 2.0)]
    #[case(0.0, 0.0, false, 0.0, 1.0, 0.2)]
    #[case(-1e18, 1e18, false, -1e18, 1e18, 5e17)]
    fn ends_on_round_numbers(
        #[case] low: f64,
        #[case] high: f64,
        #[case] whole: bool,
        #[case] first: f64,
        #[case] last: f64,
        #[case] step: f64,
    ) {
        let scale = Scale::over(low, high, 5, whole);
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
        assert!(near(scale.low, first) && near(scale.high, last), "{scale:?}");
        assert!(near(scale.step, step), "{scale:?}");
    }

    #[rstest]
    #[case(1e-300, 3e-300)]
    #[case(5e-324, 1e-323)]
    #[case(1e18 - 256.0, 1e18)]
    #[case(-1e18, 1e-300)]
    fn ends(#[case] low: f64, #[case] high: f64) {
        let scale = Scale::over(low, high, 5, false);
        assert!(scale.ticks.len() <= 40, "{scale:?}");
        assert!((0.0..=1.0).contains(&scale.share(high)), "{scale:?}");
    }
}
