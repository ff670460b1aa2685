//! A run of days.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::PeriodError;
use super::days::{FIRST_DAY, LAST_DAY};

/// Days from the first to the last, both included. There is at least one.
///
/// In answers it is `{"from": "2026-07-01", "to": "2026-09-30"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct DateRange {
    #[serde(rename = "from")]
    first: NaiveDate,
    #[serde(rename = "to")]
    last: NaiveDate,
}

impl DateRange {
    /// The days from `first` to `last`.
    ///
    /// # Errors
    ///
    /// [`PeriodError::Invalid`] if the last day is before the first, or a day is before 1970 or after 9999.
    pub fn new(first: NaiveDate, last: NaiveDate) -> Result<Self, PeriodError> {
        if last < first {
            let reason = "its last day is before its first: write the earlier day first";
            return Err(PeriodError::invalid(&format!("{first}..{last}"), reason));
        }
        let range = Self { first, last };
        if range.is_within_limits() {
            Ok(range)
        } else {
            Err(PeriodError::beyond_limits(&range.to_string()))
        }
    }

    /// The days between two that are known to be in order, wherever they are: a whole week or retail year may reach
    /// over the limits.
    pub(super) fn spanning(one: NaiveDate, other: NaiveDate) -> Self {
        Self { first: one.min(other), last: one.max(other) }
    }

    /// One day.
    pub(super) fn one_day(day: NaiveDate) -> Self {
        Self { first: day, last: day }
    }

    /// The first day.
    pub fn first(self) -> NaiveDate {
        self.first
    }

    /// The last day, which belongs to the range.
    pub fn last(self) -> NaiveDate {
        self.last
    }

    /// The number of days, at least 1.
    pub fn days(self) -> u32 {
        let days = (self.last - self.first).num_days().saturating_add(1);
        u32::try_from(days).unwrap_or(u32::MAX)
    }

    /// Whether the day belongs to the range.
    pub fn contains(self, day: NaiveDate) -> bool {
        self.first <= day && day <= self.last
    }

    /// The days that belong to both, if there are any.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let first = self.first.max(other.first);
        let last = self.last.min(other.last);
        (first <= last).then_some(Self { first, last })
    }

    /// Whether all days are from 1970 to 9999.
    pub(super) fn is_within_limits(self) -> bool {
        FIRST_DAY <= self.first && self.last <= LAST_DAY
    }
}

impl fmt::Display for DateRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
}

/// A range as it is written, before its order is known.
#[derive(Deserialize)]
struct Written {
    from: NaiveDate,
    to: NaiveDate,
}

impl TryFrom<Written> for DateRange {
    type Error = PeriodError;

    fn try_from(written: Written) -> Result<Self, PeriodError> {
        Self::new(written.from, written.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::tests::date;

    #[test]
    fn counts_both_ends_and_writes_from_and_to() {
        let range = DateRange::new(date("2026-07-01"), date("2026-09-30")).unwrap();
        assert_eq!(range.days(), 92);
        assert!(range.contains(date("2026-07-01")) && range.contains(date("2026-09-30")));
        assert!(!range.contains(date("2026-06-30")) && !range.contains(date("2026-10-01")));
        assert_eq!(range.to_string(), "2026-07-01..2026-09-30");
        let written = serde_json::to_string(&range).unwrap();
        assert_eq!(written, r#"{"from":"2026-07-01","to":"2026-09-30"}"#);
        assert_eq!(serde_json::from_str::<DateRange>(&written).unwrap(), range);
    }

    #[test]
    fn refuses_days_out_of_order_or_limits() {
        let refused = DateRange::new(date("2026-07-02"), date("2026-07-01")).unwrap_err();
        assert!(refused.to_string().contains("write the earlier day first"), "{refused}");
        assert!(DateRange::new(date("1969-12-31"), date("2026-07-01")).is_err());
        assert!(DateRange::new(date("2026-07-01"), LAST_DAY.succ_opt().unwrap()).is_err());
        assert!(DateRange::new(FIRST_DAY, LAST_DAY).is_ok());
        let written = r#"{"from":"2026-07-02","to":"2026-07-01"}"#;
        assert!(serde_json::from_str::<DateRange>(written).is_err());
    }

    #[test]
    fn intersects() {
        let range = |first, last| DateRange::new(date(first), date(last)).unwrap();
        let july = range("2026-07-01", "2026-07-31");
        assert_eq!(
            july.intersection(range("2026-07-20", "2026-08-03")),
            Some(range("2026-07-20", "2026-07-31"))
        );
        assert_eq!(july.intersection(range("2026-08-01", "2026-08-03")), None);
    }
}
