//! The calendar of one company.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use super::days::{FIRST_DAY, LAST_DAY};
use super::{
    Bucket, DateRange, Period, PeriodError, RetailYear, TimeGrain, bucket, comparison, phrase,
};

/// The calendar of a company: days of its time zone, ISO weeks, and the 4-5-4 retail year.
///
/// It knows no clock: whoever asks says what today is, so that one call has one today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CompanyCalendar {
    time_zone: Tz,
}

impl CompanyCalendar {
    /// A calendar whose days begin at midnight of a time zone.
    pub fn new(time_zone: Tz) -> Self {
        Self { time_zone }
    }

    /// A calendar whose days begin at midnight of the time zone with this name, such as `America/Los_Angeles`. None
    /// where the tz database has no such zone.
    pub fn in_zone(name: &str) -> Option<Self> {
        name.parse().ok().map(Self::new)
    }

    /// The time zone that its days are of.
    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// The day in the company's time zone at a moment. Moments before 1970 or after 9999 count as the nearest.
    ///
    /// ```
    /// use chrono::DateTime;
    /// use retail_analytics::calendar::CompanyCalendar;
    ///
    /// let now = DateTime::from_timestamp(1_796_014_800, 0).unwrap_or_default();
    /// assert_eq!(now.to_string(), "2026-11-30 05:00:00 UTC");
    /// let today = CompanyCalendar::default().today(now);
    /// assert_eq!(today.to_string(), "2026-11-29");
    /// ```
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        // Times near the ends of what chrono knows have no local time.
        let now = now.clamp(midnight(FIRST_DAY), midnight(LAST_DAY));
        now.with_timezone(&self.time_zone).date_naive()
    }

    /// The days that a phrase means. [`docs_phrases`](super::docs_phrases) lists what it may say.
    ///
    /// Capitals, hyphens and words such as `the` do not matter. A month, quarter or feast without a year is the latest
    /// one that has begun. A period that runs past today is whole, and its note says that it is not over;
    /// [`Period::so_far`] gives the part that has begun.
    ///
    /// # Errors
    ///
    /// [`PeriodError::Unknown`] for other phrases, [`PeriodError::Ambiguous`] for those with several meanings,
    /// [`PeriodError::Future`] if no day of it has come, and [`PeriodError::Invalid`] for days that do not exist or
    /// are before 1970 or after 9999.
    pub fn resolve(&self, phrase: &str, today: NaiveDate) -> Result<Period, PeriodError> {
        phrase::resolve(phrase, today)
    }

    /// The days to compare a period with.
    ///
    /// - `previous period`: for a whole ISO week, month, quarter, year, retail unit, or several whole months, as many
    ///   whole ones right before. For other days, the same number of days right before.
    /// - `same period last year`: what has the same name a year before: July 2025 for July 2026, fiscal March 2025 for
    ///   fiscal March 2026, Black Friday for Black Friday. For other days, the same dates; 29 February becomes 28
    ///   February, and whole months stay whole.
    /// - `same weeks last year`: 364 days earlier, so that each weekday meets the same weekday. After a fiscal year of
    ///   53 weeks that is what the National Retail Federation calls restated: week 1 of 2024 meets week 2 of 2023.
    ///   Within such a year the 53rd week meets the first week of the same year.
    /// - any other phrase of [`CompanyCalendar::resolve`].
    ///
    /// # Errors
    ///
    /// Those of [`CompanyCalendar::resolve`].
    pub fn compare(
        &self,
        period: &Period,
        phrase: &str,
        today: NaiveDate,
    ) -> Result<Period, PeriodError> {
        comparison::compare(period, phrase, today)
    }

    /// A range cut at the borders of a grain, in order: each of its days is in exactly one bucket.
    ///
    /// There are as many as the range has days, for [`TimeGrain::Day`]: whoever takes a range from a caller limits
    /// [`DateRange::days`] first.
    pub fn buckets(&self, range: DateRange, grain: TimeGrain) -> Vec<Bucket> {
        bucket::cut(range, grain)
    }

    /// The fiscal year of this number. See [`RetailYear::new`] for numbers out of its range.
    pub fn retail_year(&self, year: i32) -> RetailYear {
        RetailYear::new(year)
    }

    /// The fiscal year that a day belongs to.
    pub fn retail_year_of(&self, date: NaiveDate) -> RetailYear {
        RetailYear::of(date)
    }
}

impl Default for CompanyCalendar {
    /// The calendar of Los Angeles, which is Seattle's, too.
    fn default() -> Self {
        Self::new(Tz::America__Los_Angeles)
    }
}
