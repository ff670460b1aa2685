//! The few figures that the checks compare.

/// The correlation of two rows of months, from -1 to 1; 0 when one of them is constant.
pub(super) fn correlation(left: &[f64; 12], right: &[f64; 12]) -> f64 {
    let mean = |values: &[f64; 12]| values.iter().sum::<f64>() / 12.0;
    let (mean_left, mean_right) = (mean(left), mean(right));
    let (mut joint, mut of_left, mut of_right) = (0.0, 0.0, 0.0);
    for (a, b) in left.iter().zip(right) {
        let (a, b) = (a - mean_left, b - mean_right);
        joint += a * b;
        of_left += a * a;
        of_right += b * b;
    }
    let scale = (of_left * of_right).sqrt();
    if scale > 0.0 { joint / scale } else { 0.0 }
}

/// The month with the largest value, from 0; the first of equals.
pub(super) fn peak_month(months: &[f64; 12]) -> usize {
    let mut peak = (0, f64::MIN);
    for (month0, &value) in months.iter().enumerate() {
        if value > peak.1 {
            peak = (month0, value);
        }
    }
    peak.0
}

/// The months between two months, the shorter way around the year.
pub(super) fn month_distance(left: usize, right: usize) -> usize {
    let straight = left.abs_diff(right);
    straight.min(12 - straight.min(12))
}

#[cfg(test)]
mod tests {
    use super::{correlation, month_distance, peak_month};

    const RISING: [f64; 12] = [1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12.];

    #[test]
    fn correlation_has_its_known_values() {
        assert!((correlation(&RISING, &RISING.map(|v| 3.0 * v + 5.0)) - 1.0).abs() < 1e-12);
        assert!((correlation(&RISING, &RISING.map(|v| -v)) + 1.0).abs() < 1e-12);
        assert!(correlation(&RISING, &[2.0; 12]).abs() < 1e-12);
    }

    #[test]
    fn months_wrap_around_the_year() {
        assert_eq!(peak_month(&RISING), 11);
        assert_eq!(month_distance(11, 0), 1);
        assert_eq!(month_distance(3, 5), 2);
        assert_eq!(month_distance(0, 6), 6);
    }
}
