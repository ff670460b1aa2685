//! Helpers of tests, and tests of the whole.

mod comparisons;
mod phrases;
mod properties;

use chrono::NaiveDate;
use proptest::prelude::*;

use super::days::after;
use super::{FIRST_DAY, LAST_DAY};

/// A date as ISO 8601 writes it.
pub(super) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Each day that a period may have.
pub(super) fn any_day() -> impl Strategy<Value = NaiveDate> {
    let days = u64::try_from((LAST_DAY - FIRST_DAY).num_days()).unwrap();
    // Mostly days that callers live in.
    prop_oneof![3 => 0_u64..30_000, 1 => 0..=days, 1 => Just(0), 1 => Just(days)]
        .prop_map(|days| after(FIRST_DAY, days))
}
