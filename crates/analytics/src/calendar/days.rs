//! Steps from day to day that cannot fail.

use chrono::{Datelike, Days, Months, NaiveDate};

/// The first day that a period may have.
pub const FIRST_DAY: NaiveDate = known(1970, 1, 1);
/// The last day that a period may have.
pub const LAST_DAY: NaiveDate = known(9999, 12, 31);

/// A date known to exist.
const fn known(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

/// The day this many days later. It stops at the last day that chrono knows.
pub(super) fn after(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX)
}

/// The day this many days earlier. It stops at the first day that chrono knows.
pub(super) fn before(date: NaiveDate, days: u64) -> NaiveDate {
    date.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN)
}

/// The same day of the month this many months earlier, or the month's last day where there is none.
pub(super) fn months_before(date: NaiveDate, months: u32) -> NaiveDate {
    date.checked_sub_months(Months::new(months)).unwrap_or(NaiveDate::MIN)
}

/// The first day of the date's month.
pub(super) fn month_start(date: NaiveDate) -> NaiveDate {
    date.with_day(1).unwrap_or(date)
}

/// The last day of the date's month.
pub(super) fn month_end(date: NaiveDate) -> NaiveDate {
    month_start(date)
        .checked_add_months(Months::new(1))
        .and_then(|next| next.pred_opt())
        .unwrap_or(NaiveDate::MAX)
}

/// The first day of one month and the last day of another of the same year. `None` if there is no such month.
pub(super) fn month_span(
    year: i32,
    first_month: u32,
    last_month: u32,
) -> Option<(NaiveDate, NaiveDate)> {
    let first = NaiveDate::from_ymd_opt(year, first_month, 1)?;
    let last = NaiveDate::from_ymd_opt(year, last_month, 1)?;
    Some((first, month_end(last)))
}
