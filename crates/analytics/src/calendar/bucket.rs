//! A range cut at the borders of a grain.

use serde::{Deserialize, Serialize};

use super::days::after;
use super::{DateRange, TimeGrain};

/// The part of one day, week, month… that lies in a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Bucket {
    /// A short name, for example `2026-07`, `2026-W27` or `FY2026-M06`. Labels of one grain sort in time, and
    /// [`CompanyCalendar::resolve`](super::CompanyCalendar::resolve) reads them.
    pub label: String,
    /// Its days in the range that was cut: none outside of it.
    pub range: DateRange,
    /// Whether the week, month… has days outside of that range, so that its figures do not compare with those of a
    /// whole one.
    pub is_partial: bool,
}

/// The buckets of a range in order. Each day of it is in exactly one.
pub(super) fn cut(range: DateRange, grain: TimeGrain) -> Vec<Bucket> {
    let mut buckets = Vec::new();
    let mut day = range.first();
    while day <= range.last() {
        let unit = grain.unit_of(day);
        // At least one day, so that the loop ends whatever the unit.
        let clipped = DateRange::spanning(day, unit.last().clamp(day, range.last()));
        buckets.push(Bucket {
            label: grain.code_of(day),
            range: clipped,
            is_partial: clipped != unit,
        });
        day = after(clipped.last(), 1);
    }
    buckets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calendar::CompanyCalendar;
    use crate::calendar::days::{FIRST_DAY, LAST_DAY};
    use crate::calendar::tests::{any_day, date};

    #[test]
    fn clips_the_first_and_the_last() {
        let range = DateRange::new(date("2026-06-20"), date("2026-08-31")).unwrap();
        let buckets: Vec<_> = cut(range, TimeGrain::Month)
            .into_iter()
            .map(|bucket| (bucket.label, bucket.range.to_string(), bucket.is_partial))
            .collect();
        let expected = [
            ("2026-06", "2026-06-20..2026-06-30", true),
            ("2026-07", "2026-07-01..2026-07-31", false),
            ("2026-08", "2026-08-01..2026-08-31", false),
        ];
        assert_eq!(buckets, expected.map(|(label, days, cut)| (label.into(), days.into(), cut)));
    }

    #[test]
    fn cuts_all_of_time() {
        let range = DateRange::new(FIRST_DAY, LAST_DAY).unwrap();
        // Not by day and week: millions of buckets take their time.
        for grain in
            [TimeGrain::Month, TimeGrain::Quarter, TimeGrain::RetailMonth, TimeGrain::RetailYear]
        {
            let buckets = cut(range, grain);
            assert_eq!(buckets.first().unwrap().range.first(), FIRST_DAY, "{grain}");
            assert_eq!(buckets.last().unwrap().range.last(), LAST_DAY, "{grain}");
        }
    }

    proptest! {
        #[test]
        fn buckets_partition_the_range(first in any_day(), days in 0_u64..800) {
            let range = DateRange::spanning(first, after(first, days).min(LAST_DAY));
            for grain in TimeGrain::ALL {
                let buckets = cut(range, grain);
                let mut next = range.first();
                for bucket in &buckets {
                    prop_assert_eq!(bucket.range.first(), next);
                    let unit = grain.unit_of(bucket.range.first());
                    prop_assert!(unit.contains(bucket.range.last()));
                    prop_assert_eq!(bucket.is_partial, unit.days() != bucket.range.days());
                    next = after(bucket.range.last(), 1);
                }
                prop_assert_eq!(next, after(range.last(), 1));
                // Labels sort in time.
                prop_assert!(buckets.is_sorted_by(|one, other| one.label < other.label));
            }
        }

        #[test]
        fn labels_are_phrases(day in any_day()) {
            let calendar = CompanyCalendar::default();
            for grain in TimeGrain::ALL {
                let unit = grain.unit_of(day);
                for label in [grain.code_of(day), grain.name_of(day)] {
                    let read = calendar.resolve(&label, day).map(|period| period.range);
                    if unit.first() < FIRST_DAY || unit.last() > LAST_DAY {
                        prop_assert!(read.is_err());
                    } else {
                        prop_assert_eq!(read, Ok(unit), "{}", label);
                    }
                }
            }
        }
    }
}
