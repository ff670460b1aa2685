//! Counts as numbers to reckon with.

/// A count of periods, folds or seasons, exactly.
pub(crate) fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
