//! Periods that come each year.

use chrono::{Datelike, NaiveDate};

use super::Refusal;
use crate::calendar::days::month_span;
use crate::calendar::us_days::UsDay;
use crate::calendar::{DateRange, Period, RetailSeason, RetailYear, TimeGrain};

/// How many years back the latest one is looked for: 29 February and 53rd weeks do not come each year.
const YEARS_BACK: i32 = 12;

/// A period that comes each year, or nearly so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::calendar) enum Recurring {
    Year,
    Month(u32),
    Quarter(u32),
    Half(u32),
    IsoWeek(u32),
    /// A month and a day of it.
    Day(u32, u32),
    RetailYear,
    RetailWeek(u32),
    /// By its number: 1 is February.
    RetailMonth(u32),
    RetailQuarter(u32),
    Season(RetailSeason),
    Summer,
    /// Begins in December of the year that it is counted to.
    Winter,
    Holiday,
    UsDay(UsDay),
    /// The ISO week that such a day is in.
    UsWeek(UsDay),
}

impl Recurring {
    /// Whether years are those of the 4-5-4 calendar.
    pub(super) fn is_retail(self) -> bool {
        match self {
            Self::RetailYear
            | Self::RetailWeek(_)
            | Self::RetailMonth(_)
            | Self::RetailQuarter(_)
            | Self::Season(_) => true,
            Self::Year
            | Self::Month(_)
            | Self::Quarter(_)
            | Self::Half(_)
            | Self::IsoWeek(_)
            | Self::Day(..)
            | Self::Summer
            | Self::Winter
            | Self::Holiday
            | Self::UsDay(_)
            | Self::UsWeek(_) => false,
        }
    }

    /// The year that a day is in, as this period counts years.
    pub(super) fn year_of(self, day: NaiveDate) -> i32 {
        match self {
            Self::IsoWeek(_) => day.iso_week().year(),
            _ if self.is_retail() => RetailYear::of(day).number(),
            _ => day.year(),
        }
    }

    /// The one of a year. `None` if the year has none.
    pub(in crate::calendar) fn in_year(self, year: i32) -> Option<Period> {
        let retail_year = RetailYear::new(year);
        if self.is_retail() && retail_year.number() != year {
            return None;
        }
        let whole = |grain: TimeGrain, range: DateRange| {
            Some(Period::new(grain.name_of(range.first()), range))
        };
        let months = |year, first, last| {
            month_span(year, first, last).map(|(first, last)| DateRange::spanning(first, last))
        };
        match self {
            Self::Year => whole(TimeGrain::Year, months(year, 1, 12)?),
            Self::Month(month) => whole(TimeGrain::Month, months(year, month, month)?),
            Self::Quarter(number) => {
                let last = number.checked_mul(3)?;
                whole(TimeGrain::Quarter, months(year, last.checked_sub(2)?, last)?)
            }
            Self::Half(number) => {
                let last = number.checked_mul(6)?;
                let range = months(year, last.checked_sub(5)?, last)?;
                Some(Period::new(format!("H{number} {year}"), range))
            }
            Self::IsoWeek(week) => {
                let monday = NaiveDate::from_isoywd_opt(year, week, chrono::Weekday::Mon)?;
                whole(TimeGrain::Week, TimeGrain::Week.unit_of(monday))
            }
            Self::Day(month, day) => {
                let date = NaiveDate::from_ymd_opt(year, month, day)?;
                whole(TimeGrain::Day, DateRange::one_day(date))
            }
            Self::RetailYear => whole(TimeGrain::RetailYear, retail_year.range()),
            Self::RetailWeek(week) => whole(TimeGrain::RetailWeek, retail_year.week(week)?),
            Self::RetailMonth(month) => whole(TimeGrain::RetailMonth, retail_year.month(month)?),
            Self::RetailQuarter(number) => {
                whole(TimeGrain::RetailQuarter, retail_year.quarter(number)?)
            }
            Self::Season(season) => {
                let note = match season {
                    RetailSeason::Spring => "the retail season, fiscal February to July",
                    RetailSeason::Fall => "the retail season, fiscal August to January",
                };
                let period = Period::new(format!("{season} {year}"), retail_year.season(season));
                Some(period.with_note(note))
            }
            Self::Summer => {
                let period = Period::new(format!("Summer {year}"), months(year, 6, 8)?);
                Some(period.with_note("summer is read as June to August"))
            }
            Self::Winter => {
                let (first, _) = month_span(year, 12, 12)?;
                let (_, last) = month_span(year.checked_add(1)?, 2, 2)?;
                let label = format!("December {year} to February {}", year.saturating_add(1));
                let period = Period::new(label, DateRange::spanning(first, last));
                Some(period.with_note("winter is read as December to February"))
            }
            Self::Holiday => {
                let period = Period::new(format!("Holiday {year}"), months(year, 11, 12)?);
                Some(period.with_note("the holiday season is read as November and December"))
            }
            Self::UsDay(day) => {
                let range = DateRange::one_day(day.in_year(year)?);
                Some(Period::new(format!("{day} {year}"), range))
            }
            Self::UsWeek(day) => {
                let range = TimeGrain::Week.unit_of(day.in_year(year)?);
                let period = Period::new(format!("{day} week {year}"), range);
                Some(
                    period
                        .with_note(format!("the week from Monday to Sunday that has {day} in it")),
                )
            }
        }
    }

    /// The latest one whose first day is not after `day`.
    pub(super) fn latest_begun(self, day: NaiveDate) -> Option<Period> {
        self.latest(day, |period| period.range.first() <= day)
    }

    /// The latest one whose last day is before `day`.
    pub(super) fn latest_over(self, day: NaiveDate) -> Option<Period> {
        self.latest(day, |period| period.range.last() < day)
    }

    /// The first one that begins on `day` or later.
    pub(super) fn next_from(self, day: NaiveDate) -> Option<Period> {
        let year = day.year();
        (year.saturating_sub(1)..=year.saturating_add(YEARS_BACK))
            .filter_map(|year| self.in_year(year))
            .find(|period| period.range.first() >= day)
    }

    /// The latest one about a day that fits.
    fn latest(self, day: NaiveDate, fits: impl Fn(&Period) -> bool) -> Option<Period> {
        let year = day.year();
        (year.saturating_sub(YEARS_BACK)..=year.saturating_add(1))
            .rev()
            .filter_map(|year| self.in_year(year))
            .find(fits)
    }

    /// That there is none, in a year if one was named.
    pub(super) fn missing(self, year: Option<i32>) -> Refusal {
        let (what, fix) = match self {
            Self::Month(_) | Self::RetailMonth(_) => ("month", "months are 1 to 12"),
            Self::Quarter(_) | Self::RetailQuarter(_) => ("quarter", "quarters are 1 to 4"),
            Self::Half(_) => ("half", "halves are 1 and 2"),
            Self::IsoWeek(_) | Self::RetailWeek(_) => {
                ("week", "weeks are 1 to 52, and 53 in some years")
            }
            Self::Day(..) => ("day", "write a date like 2026-07-04: year, month, day"),
            Self::Year
            | Self::RetailYear
            | Self::Season(_)
            | Self::Summer
            | Self::Winter
            | Self::Holiday
            | Self::UsDay(_)
            | Self::UsWeek(_) => ("period", "choose a year from 1970 to 9999"),
        };
        let when = match year {
            Some(year) if self.is_retail() => format!(" in FY{year}"),
            Some(year) => format!(" in {year}"),
            None => String::new(),
        };
        Refusal::Invalid(format!("there is no such {what}{when}; {fix}"))
    }
}
