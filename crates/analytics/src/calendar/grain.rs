//! Lengths of time that figures are grouped by.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::days::{after, before, month_end, month_span, month_start};
use super::{DateRange, RetailYear};

/// A length of time that figures are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimeGrain {
    /// A day of the company's time zone.
    Day,
    /// An ISO week: Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
    /// Three calendar months; the first quarter begins in January.
    Quarter,
    /// A calendar year.
    Year,
    /// A week of the 4-5-4 calendar: Sunday to Saturday.
    RetailWeek,
    /// A month of the 4-5-4 calendar: 4 or 5 weeks.
    RetailMonth,
    /// A quarter of the 4-5-4 calendar: 13 or 14 weeks; the first begins in February.
    RetailQuarter,
    /// A year of the 4-5-4 calendar: 52 or 53 weeks.
    RetailYear,
}

/// A text that names no [`TimeGrain`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "grain {0:?} is not known; write one of day, week, month, quarter, year, retail_week, retail_month, \
     retail_quarter, retail_year"
)]
pub struct UnknownGrain(String);

impl TimeGrain {
    /// All grains.
    pub const ALL: [Self; 9] = [
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
        Self::RetailWeek,
        Self::RetailMonth,
        Self::RetailQuarter,
        Self::RetailYear,
    ];

    /// The name as it stands in arguments and answers, for example `retail_week`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::RetailWeek => "retail_week",
            Self::RetailMonth => "retail_month",
            Self::RetailQuarter => "retail_quarter",
            Self::RetailYear => "retail_year",
        }
    }

    /// The whole week, month… that the day belongs to.
    pub(super) fn unit_of(self, day: NaiveDate) -> DateRange {
        let year = RetailYear::of(day);
        match self {
            Self::Day => DateRange::one_day(day),
            Self::Week => {
                let monday = before(day, u64::from(day.weekday().num_days_from_monday()));
                DateRange::spanning(monday, after(monday, 6))
            }
            Self::Month => DateRange::spanning(month_start(day), month_end(day)),
            Self::Quarter => {
                let last_month = day.month().div_ceil(3) * 3;
                months_or_day(day, last_month - 2, last_month)
            }
            Self::Year => months_or_day(day, 1, 12),
            Self::RetailWeek => or_day(day, year.week(year.week_number(day))),
            Self::RetailMonth => or_day(day, year.month(year.month_number(day))),
            Self::RetailQuarter => or_day(day, year.quarter(year.quarter_number(day))),
            Self::RetailYear => year.range(),
        }
    }

    /// A short name of the unit that the day belongs to. Those of one grain sort as the units follow each other.
    pub(super) fn code_of(self, day: NaiveDate) -> String {
        let year = RetailYear::of(day);
        match self {
            Self::Day => day.to_string(),
            Self::Week => {
                let week = day.iso_week();
                format!("{}-W{:02}", week.year(), week.week())
            }
            Self::Month => day.format("%Y-%m").to_string(),
            Self::Quarter => format!("{}-Q{}", day.year(), day.month().div_ceil(3)),
            Self::Year => day.year().to_string(),
            Self::RetailWeek => format!("{year}-W{:02}", year.week_number(day)),
            Self::RetailMonth => format!("{year}-M{:02}", year.month_number(day)),
            Self::RetailQuarter => format!("{year}-Q{}", year.quarter_number(day)),
            Self::RetailYear => year.to_string(),
        }
    }

    /// The name of the unit that the day belongs to, as it stands in a sentence.
    pub(super) fn name_of(self, day: NaiveDate) -> String {
        let year = RetailYear::of(day);
        match self {
            Self::Month => day.format("%B %Y").to_string(),
            Self::Quarter => format!("Q{} {}", day.month().div_ceil(3), day.year()),
            Self::RetailWeek => format!("{year} week {}", year.week_number(day)),
            Self::RetailMonth => {
                let name = RetailYear::month_name(year.month_number(day)).unwrap_or_default();
                format!("{year} {name}")
            }
            Self::RetailQuarter => format!("{year} Q{}", year.quarter_number(day)),
            Self::Day | Self::Week | Self::Year | Self::RetailYear => self.code_of(day),
        }
    }
}

impl fmt::Display for TimeGrain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TimeGrain {
    type Err = UnknownGrain;

    /// Reads the names of [`TimeGrain::as_str`]. Capitals do not matter, and a space or hyphen may stand for the
    /// underscore.
    fn from_str(text: &str) -> Result<Self, UnknownGrain> {
        let name = text.trim().to_lowercase().replace([' ', '-'], "_");
        let found = Self::ALL.into_iter().find(|grain| grain.as_str() == name);
        found.ok_or_else(|| UnknownGrain(text.chars().take(40).collect()))
    }
}

/// The months of the day's year. They exist; should they not, the day stands for them.
fn months_or_day(day: NaiveDate, first: u32, last: u32) -> DateRange {
    let span = month_span(day.year(), first, last);
    or_day(day, span.map(|(first, last)| DateRange::spanning(first, last)))
}

/// The unit, or the day alone where there is no such unit: only beyond the days that a period may have.
fn or_day(day: NaiveDate, unit: Option<DateRange>) -> DateRange {
    unit.unwrap_or(DateRange::one_day(day))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::calendar::tests::date;

    #[rstest]
    #[case(TimeGrain::Day, "2026-11-22..2026-11-22", "2026-11-22", "2026-11-22")]
    #[case(TimeGrain::Week, "2026-11-16..2026-11-22", "2026-W47", "2026-W47")]
    #[case(TimeGrain::Month, "2026-11-01..2026-11-30", "2026-11", "November 2026")]
    #[case(TimeGrain::Quarter, "2026-10-01..2026-12-31", "2026-Q4", "Q4 2026")]
    #[case(TimeGrain::Year, "2026-01-01..2026-12-31", "2026", "2026")]
    #[case(TimeGrain::RetailWeek, "2026-11-22..2026-11-28", "FY2026-W43", "FY2026 week 43")]
    #[case(TimeGrain::RetailMonth, "2026-11-01..2026-11-28", "FY2026-M10", "FY2026 November")]
    #[case(TimeGrain::RetailQuarter, "2026-11-01..2027-01-30", "FY2026-Q4", "FY2026 Q4")]
    #[case(TimeGrain::RetailYear, "2026-02-01..2027-01-30", "FY2026", "FY2026")]
    fn has_units(
        #[case] grain: TimeGrain,
        #[case] days: &str,
        #[case] code: &str,
        #[case] name: &str,
    ) {
        let day = date("2026-11-22");
        assert_eq!(grain.unit_of(day).to_string(), days);
        assert_eq!(grain.code_of(day), code);
        assert_eq!(grain.name_of(day), name);
    }

    #[rstest]
    fn a_week_belongs_to_the_year_of_its_thursday() {
        assert_eq!(TimeGrain::Week.code_of(date("2027-01-01")), "2026-W53");
        assert_eq!(TimeGrain::Week.code_of(date("2024-12-30")), "2025-W01");
    }

    #[test]
    fn is_read_as_it_is_written() {
        for grain in TimeGrain::ALL {
            assert_eq!(grain.as_str().parse(), Ok(grain));
            assert_eq!(serde_json::to_value(grain).unwrap(), grain.as_str());
        }
        assert_eq!("Retail Week".parse(), Ok(TimeGrain::RetailWeek));
        assert_eq!("retail-week".parse(), Ok(TimeGrain::RetailWeek));
        let unknown = "hour".parse::<TimeGrain>().unwrap_err().to_string();
        assert!(
            unknown.starts_with("grain \"hour\" is not known; write one of day, "),
            "{unknown}"
        );
        assert!(TimeGrain::ALL.iter().all(|grain| unknown.contains(grain.as_str())));
    }
}
