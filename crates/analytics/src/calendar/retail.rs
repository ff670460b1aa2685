//! The 4-5-4 calendar of American retailers.

use std::fmt;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::DateRange;
use super::days::{after, before};

/// Weeks of each month: 4, 5 and 4 in each quarter. A 53rd week goes to the last.
const WEEKS_OF_MONTHS: [u64; 12] = [4, 5, 4, 4, 5, 4, 4, 5, 4, 4, 5, 4];
/// The months by number, as a retail year has them.
const MONTH_NAMES: [&str; 12] = [
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
    "January",
];

/// Half of a retail year: what buyers plan by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetailSeason {
    /// February to July: the first and second quarter.
    Spring,
    /// August to January: the third and fourth quarter.
    Fall,
}

impl fmt::Display for RetailSeason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spring => "Spring",
            Self::Fall => "Fall",
        })
    }
}

/// A year of the 4-5-4 calendar as the National Retail Federation publishes it.
///
/// Fiscal year N ends on the Saturday closest to 31 January of N + 1, and begins on the day after the end of the
/// year before: a Sunday from 29 January to 4 February. It has 52 weeks of Sunday to Saturday, or 53 every five or six
/// years (2006, 2012, 2017, 2023). Months are named February to January; each quarter has months of 4, 5 and 4
/// weeks; the 53rd week makes January one of 5.
///
/// ```
/// use retail_analytics::calendar::RetailYear;
///
/// let year = RetailYear::new(2023);
/// assert_eq!(year.range().to_string(), "2023-01-29..2024-02-03");
/// assert_eq!(year.week_count(), 53);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RetailYear(i32);

impl RetailYear {
    /// The first that shares a day with the days of periods, from 1970 on.
    const FIRST: i32 = 1969;
    /// The last that does.
    const LAST: i32 = 9999;

    /// The year that begins at the end of January or the beginning of February of `year`.
    ///
    /// A number outside of 1969 to 9999 is taken as the nearest in it: no other year shares a day with a period.
    pub fn new(year: i32) -> Self {
        Self(year.clamp(Self::FIRST, Self::LAST))
    }

    /// The year that a day belongs to, or the nearest one that [`RetailYear::new`] knows.
    pub fn of(date: NaiveDate) -> Self {
        let year = Self::new(date.year());
        if date < year.first_day() { Self::new(date.year().saturating_sub(1)) } else { year }
    }

    /// Its number, for example 2026.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Its first day, a Sunday.
    fn first_day(self) -> NaiveDate {
        first_day_of(self.0)
    }

    /// All its days: 364 or 371. Those of 1969 and 9999 reach beyond the days that a period may have.
    pub fn range(self) -> DateRange {
        DateRange::spanning(self.first_day(), before(first_day_of(self.0 + 1), 1))
    }

    /// The number of weeks: 52 or 53.
    pub fn week_count(self) -> u32 {
        self.range().days() / 7
    }

    /// The week of this number, from 1. `None` if the year has none.
    pub fn week(self, number: u32) -> Option<DateRange> {
        if number == 0 || number > self.week_count() {
            return None;
        }
        Some(self.run_of_weeks(u64::from(number - 1), 1))
    }

    /// The month of this number: 1 is February, 12 is January. `None` for other numbers.
    pub fn month(self, number: u32) -> Option<DateRange> {
        self.run_of_months(number, number)
    }

    /// The quarter of this number, 1 to 4. `None` for other numbers.
    pub fn quarter(self, number: u32) -> Option<DateRange> {
        let last_month = number.checked_mul(3)?;
        self.run_of_months(last_month.checked_sub(2)?, last_month)
    }

    /// One of its seasons.
    pub fn season(self, season: RetailSeason) -> DateRange {
        match season {
            RetailSeason::Spring => self.run_of_weeks(0, 26),
            RetailSeason::Fall => self.run_of_weeks(26, u64::from(self.week_count()) - 26),
        }
    }

    /// Its weeks in order.
    pub fn weeks(self) -> Vec<DateRange> {
        (1..=self.week_count()).filter_map(|number| self.week(number)).collect()
    }

    /// Its 12 months in order, February first.
    pub fn months(self) -> Vec<DateRange> {
        (1..=12).filter_map(|number| self.month(number)).collect()
    }

    /// Its 4 quarters in order.
    pub fn quarters(self) -> Vec<DateRange> {
        (1..=4).filter_map(|number| self.quarter(number)).collect()
    }

    /// The name of the month of this number: `February` for 1. `None` for other numbers than 1 to 12.
    pub fn month_name(number: u32) -> Option<&'static str> {
        MONTH_NAMES.get(index(number)?).copied()
    }

    /// The number of its week that a day belongs to, from 1. Days outside of the year count as its nearest.
    pub(super) fn week_number(self, date: NaiveDate) -> u32 {
        let days = (date - self.first_day()).num_days();
        u32::try_from(days / 7).unwrap_or(0).saturating_add(1).min(self.week_count())
    }

    /// The number of its month that a day belongs to, from 1. Days after the year count as its last.
    pub(super) fn month_number(self, date: NaiveDate) -> u32 {
        let is_over = |number: &u32| self.month(*number).is_some_and(|month| month.last() < date);
        (1..12).find(|number| !is_over(number)).unwrap_or(12)
    }

    /// The number of its quarter that a day belongs to, from 1.
    pub(super) fn quarter_number(self, date: NaiveDate) -> u32 {
        self.month_number(date).div_ceil(3)
    }

    /// The season that a day belongs to.
    pub(super) fn season_of(self, date: NaiveDate) -> RetailSeason {
        if self.quarter_number(date) <= 2 { RetailSeason::Spring } else { RetailSeason::Fall }
    }

    /// The days from one month to another of the year, numbered from 1.
    fn run_of_months(self, first: u32, last: u32) -> Option<DateRange> {
        let weeks_before: u64 = WEEKS_OF_MONTHS.get(..index(first)?)?.iter().sum();
        let mut weeks: u64 = WEEKS_OF_MONTHS.get(index(first)?..=index(last)?)?.iter().sum();
        if last == 12 {
            weeks += u64::from(self.week_count()) - 52;
        }
        Some(self.run_of_weeks(weeks_before, weeks))
    }

    /// The days of so many weeks after others.
    fn run_of_weeks(self, weeks_before: u64, weeks: u64) -> DateRange {
        let first = after(self.first_day(), weeks_before * 7);
        DateRange::spanning(first, after(first, weeks * 7 - 1))
    }
}

impl fmt::Display for RetailYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FY{}", self.0)
    }
}

/// The place in a list of what is numbered from 1.
fn index(number: u32) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}

/// The first day of a retail year.
///
/// The rule is about the Saturday before it. "The Sunday closest to 31 January" is nearly the same, but not when that
/// is a Wednesday: 28 January 2024 is the closest Sunday, and yet belongs to 2023, whose last Saturday is 3 February.
fn first_day_of(year: i32) -> NaiveDate {
    let end_of_january = NaiveDate::from_ymd_opt(year, 1, 31).unwrap_or(NaiveDate::MAX);
    // 0 on a Saturday, 6 on a Friday.
    match (u64::from(end_of_january.weekday().num_days_from_sunday()) + 1) % 7 {
        days_past @ 0..=3 => after(before(end_of_january, days_past), 1),
        days_past => after(end_of_january, 8 - days_past),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::calendar::tests::date;

    #[rstest]
    #[case(2006, "2006-01-29..2007-02-03", 53)]
    #[case(2012, "2012-01-29..2013-02-02", 53)]
    #[case(2017, "2017-01-29..2018-02-03", 53)]
    #[case(2022, "2022-01-30..2023-01-28", 52)]
    #[case(2023, "2023-01-29..2024-02-03", 53)]
    #[case(2024, "2024-02-04..2025-02-01", 52)]
    #[case(2025, "2025-02-02..2026-01-31", 52)]
    #[case(2026, "2026-02-01..2027-01-30", 52)]
    fn is_as_published(#[case] number: i32, #[case] days: &str, #[case] weeks: u32) {
        let year = RetailYear::new(number);
        assert_eq!(year.range().to_string(), days);
        assert_eq!(year.week_count(), weeks);
    }

    #[test]
    fn has_53_weeks_in_the_years_that_are_known_to() {
        let long: Vec<i32> =
            (2000..2030).filter(|year| RetailYear::new(*year).week_count() == 53).collect();
        assert_eq!(long, [2000, 2006, 2012, 2017, 2023, 2028]);
    }

    #[rstest]
    #[case(2026, 1, "2026-02-01..2026-02-28")]
    #[case(2026, 2, "2026-03-01..2026-04-04")]
    #[case(2026, 12, "2027-01-03..2027-01-30")]
    #[case(2023, 12, "2023-12-31..2024-02-03")]
    fn has_months(#[case] year: i32, #[case] month: u32, #[case] days: &str) {
        assert_eq!(RetailYear::new(year).month(month).unwrap().to_string(), days);
    }

    #[test]
    fn has_quarters_seasons_and_weeks() {
        let year = RetailYear::new(2023);
        assert_eq!(year.quarter(1).unwrap().to_string(), "2023-01-29..2023-04-29");
        assert_eq!(year.quarter(4).unwrap().to_string(), "2023-10-29..2024-02-03");
        assert_eq!(year.season(RetailSeason::Spring).to_string(), "2023-01-29..2023-07-29");
        assert_eq!(year.season(RetailSeason::Fall).to_string(), "2023-07-30..2024-02-03");
        assert_eq!(year.week(53).unwrap().to_string(), "2024-01-28..2024-02-03");
        assert_eq!(RetailYear::of(date("2024-01-28")), year);
        assert_eq!(RetailYear::of(date("2024-02-04")), RetailYear::new(2024));
    }

    #[test]
    fn has_no_other_parts() {
        let year = RetailYear::new(2026);
        for number in [0, 54, u32::MAX] {
            assert_eq!(year.week(number), None);
            assert_eq!(year.month(number), None);
            assert_eq!(year.quarter(number), None);
            assert_eq!(RetailYear::month_name(number), None);
        }
        assert_eq!(year.week(53), None);
        assert_eq!(RetailYear::new(i32::MIN).number(), 1969);
        assert_eq!(RetailYear::new(i32::MAX).number(), 9999);
        assert_eq!(RetailYear::of(NaiveDate::MIN).number(), 1969);
        assert_eq!(RetailYear::of(NaiveDate::MAX).number(), 9999);
    }

    /// That the parts follow each other without a gap and fill the whole.
    fn assert_tiles(whole: DateRange, parts: &[DateRange]) {
        assert_eq!(parts[0].first(), whole.first());
        assert_eq!(parts[parts.len() - 1].last(), whole.last());
        for pair in parts.windows(2) {
            assert_eq!(after(pair[0].last(), 1), pair[1].first());
        }
    }

    proptest! {
        #[test]
        fn years_and_their_parts_tile_time(number in 1969..9999) {
            let year = RetailYear::new(number);
            let range = year.range();
            prop_assert_eq!(after(range.last(), 1), RetailYear::new(number + 1).range().first());
            prop_assert!([52, 53].contains(&year.week_count()));
            // The last Saturday is at most three days from 31 January.
            let end_of_january = NaiveDate::from_ymd_opt(number + 1, 1, 31).unwrap();
            prop_assert!((range.last() - end_of_january).num_days().abs() <= 3);
            prop_assert_eq!(range.last().weekday(), chrono::Weekday::Sat);

            assert_tiles(range, &year.weeks());
            assert_tiles(range, &year.months());
            assert_tiles(range, &year.quarters());
            assert_tiles(range, &[RetailSeason::Spring, RetailSeason::Fall].map(|season| year.season(season)));
            for (number, month) in (1..).zip(year.months()) {
                prop_assert!([28, 35].contains(&month.days()));
                prop_assert_eq!(year.month_number(month.first()), number);
                prop_assert_eq!(year.month_number(month.last()), number);
            }
            for (number, week) in (1..).zip(year.weeks()) {
                prop_assert_eq!(year.week_number(week.first()), number);
                prop_assert_eq!(year.week_number(week.last()), number);
            }
        }

        #[test]
        fn each_day_is_in_its_year(days in 0_u64..2_932_000) {
            let day = after(crate::calendar::FIRST_DAY, days);
            prop_assert!(RetailYear::of(day).range().contains(day));
        }
    }
}
