//! `retail://calendar/{year}`: which days the months, quarters and seasons of a year are.

use chrono::{Datelike as _, NaiveDate};
use retail_analytics::calendar::{DateRange, RetailSeason, RetailYear};
use retail_domain::Error;
use serde::Serialize;

use super::Library;

/// A year of the company's calendars. Days are of the company's time zone, first and last included.
#[derive(Serialize)]
struct Year {
    /// The zone that the days are of.
    time_zone: String,
    today: NaiveDate,
    retail: Retail,
    calendar: Calendar,
}

/// The 4-5-4 year, Sunday to Saturday.
#[derive(Serialize)]
struct Retail {
    name: String,
    rule: &'static str,
    from: NaiveDate,
    to: NaiveDate,
    weeks: u32,
    seasons: Vec<Part>,
    quarters: Vec<Part>,
    months: Vec<Part>,
}

/// The year from January to December, with weeks of Monday to Sunday.
#[derive(Serialize)]
struct Calendar {
    year: i32,
    iso_weeks: u32,
    /// The Monday that ISO week 1 begins on.
    iso_week_1: Option<NaiveDate>,
    quarters: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    name: String,
    from: NaiveDate,
    to: NaiveDate,
    #[serde(skip_serializing_if = "Option::is_none")]
    weeks: Option<u32>,
}

impl Part {
    fn of_weeks(name: String, days: DateRange) -> Self {
        Self { name, from: days.first(), to: days.last(), weeks: Some(days.days() / 7) }
    }
}

/// The year, as JSON.
pub(super) fn describe(library: &Library, year: RetailYear) -> Result<String, Error> {
    let analyst = library.analyst();
    let described = Year {
        time_zone: analyst.calendar().time_zone().name().to_owned(),
        today: analyst.today(),
        retail: retail(year),
        calendar: calendar(year.number()),
    };
    serde_json::to_string_pretty(&described).map_err(Error::internal)
}

fn retail(year: RetailYear) -> Retail {
    let months = (1..).zip(year.months()).filter_map(|(number, days)| {
        RetailYear::month_name(number).map(|name| Part::of_weeks(name.to_owned(), days))
    });
    let quarters = (1..).zip(year.quarters());
    let seasons = [RetailSeason::Spring, RetailSeason::Fall];
    Retail {
        name: format!("FY{}", year.number()),
        rule: "4-5-4 calendar of the National Retail Federation, weeks from Sunday",
        from: year.range().first(),
        to: year.range().last(),
        weeks: year.week_count(),
        seasons: seasons
            .map(|season| Part::of_weeks(season.to_string(), year.season(season)))
            .into(),
        quarters: quarters
            .map(|(number, days): (u32, _)| Part::of_weeks(format!("Q{number}"), days))
            .collect(),
        months: months.collect(),
    }
}

fn calendar(year: i32) -> Calendar {
    let quarter = |number: u32| {
        let from = NaiveDate::from_ymd_opt(year, number * 3 - 2, 1)?;
        let next = from.checked_add_months(chrono::Months::new(3))?;
        Some(Part { name: format!("Q{number}"), from, to: next.pred_opt()?, weeks: None })
    };
    Calendar {
        year,
        // 28 December is always in the last one.
        iso_weeks: NaiveDate::from_ymd_opt(year, 12, 28).map_or(52, |day| day.iso_week().week()),
        iso_week_1: NaiveDate::from_isoywd_opt(year, 1, chrono::Weekday::Mon),
        quarters: (1..=4).filter_map(quarter).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_of_53_weeks_is_told_with_its_days() {
        let year = retail(RetailYear::new(2023));
        assert_eq!((year.weeks, year.to.to_string().as_str()), (53, "2024-02-03"));
        assert_eq!(year.months.len(), 12);
        assert_eq!((year.months[11].name.as_str(), year.months[11].weeks), ("January", Some(5)));
        assert_eq!(year.seasons.iter().filter_map(|part| part.weeks).sum::<u32>(), 53);
    }

    #[test]
    fn iso_weeks_are_those_of_the_calendar_year() {
        let year = calendar(2026);
        assert_eq!((year.iso_weeks, calendar(2025).iso_weeks), (53, 52));
        assert_eq!(year.iso_week_1.unwrap().to_string(), "2025-12-29");
        assert_eq!(year.quarters[3].to.to_string(), "2026-12-31");
    }
}
