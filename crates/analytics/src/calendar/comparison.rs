//! What a period is compared with.

use chrono::NaiveDate;

use super::days::{after, before, month_end, months_before};
use super::phrase::{self, Recurring};
use super::{DateRange, Period, PeriodError, RetailYear, TimeGrain};

/// Days of 52 weeks.
const WEEKS_OF_A_YEAR: u64 = 364;

/// How another period is found from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    PreviousPeriod,
    SamePeriodLastYear,
    SameWeeksLastYear,
    /// Either the same period of last year or all of last year.
    LastYear,
}

/// The days to compare a period with.
pub(super) fn compare(
    period: &Period,
    phrase: &str,
    today: NaiveDate,
) -> Result<Period, PeriodError> {
    let found = match Comparison::of(phrase) {
        None => return phrase::resolve(phrase, today).map(|found| note_overlap(found, period)),
        Some(Comparison::PreviousPeriod) => previous(period),
        Some(Comparison::SamePeriodLastYear) => same_dates(period),
        Some(Comparison::SameWeeksLastYear) => same_weeks(period),
        Some(Comparison::LastYear) => {
            let same = same_dates(period);
            let whole = phrase::resolve("last year", today)?;
            if same.range != whole.range {
                return Err(PeriodError::ambiguous(phrase, vec![same, whole]));
            }
            same
        }
    };
    if !found.range.is_within_limits() {
        return Err(PeriodError::beyond_limits(phrase));
    }
    let found = note_overlap(found, period);
    if period.range.last() > today {
        let note = format!(
            "{} is not over: for figures that compare, ask for the days until today, like \"month to date\"",
            period.label
        );
        return Ok(found.with_note(note));
    }
    Ok(found)
}

impl Comparison {
    /// The one that a phrase names.
    fn of(phrase: &str) -> Option<Self> {
        let phrase = phrase.to_lowercase().replace(['-', '_'], " ");
        let words: Vec<&str> = phrase
            .split_whitespace()
            .filter(|word| {
                !["the", "a", "one", "1", "in", "of", "as", "to", "vs", "versus"].contains(word)
            })
            .map(|word| match word {
                "prior" | "preceding" => "previous",
                word => word,
            })
            .collect();
        Some(match words.as_slice() {
            ["previous" | "last", "period"] | ["period" | "right", "before"] | ["previous"] => {
                Self::PreviousPeriod
            }
            ["same", "week" | "weeks" | "weekdays", "last" | "previous", "year"]
            | ["52", "weeks", "ago" | "earlier" | "before"]
            | ["364", "days", "ago" | "earlier" | "before"] => Self::SameWeeksLastYear,
            [
                "same",
                "period" | "day" | "days" | "dates" | "month" | "months" | "quarter" | "season"
                | "time",
                "last" | "previous",
                "year",
            ]
            | ["year", "over" | "on", "year"]
            | ["yoy"] => Self::SamePeriodLastYear,
            ["last" | "previous", "year"] | ["year", "ago" | "earlier" | "before"] => {
                Self::LastYear
            }
            _ => return None,
        })
    }
}

/// Right before it: whole units for whole units, the same number of days for other days.
fn previous(period: &Period) -> Period {
    let range = period.range;
    let last = before(range.first(), 1);
    let unit = named(period);
    if let Some(grain) = unit.and_then(|(what, _)| grain_of(what)) {
        return Period::new(grain.name_of(last), grain.unit_of(last));
    }
    if let Some((Recurring::Season(_), _)) = unit {
        let year = RetailYear::of(last);
        let season = year.season_of(last);
        return Period::new(format!("{season} {}", year.number()), year.season(season));
    }
    if is_retail(period) && is_aligned(range, TimeGrain::RetailMonth) {
        let first = units_before(range, TimeGrain::RetailMonth);
        let range = DateRange::spanning(first, last);
        return Period::new(range.to_string(), range)
            .with_note("as many whole retail months right before");
    }
    // "last 30 days" is 30 days also where they happen to be those of a month.
    if !period.label.ends_with("days") && is_aligned(range, TimeGrain::Month) {
        let first = units_before(range, TimeGrain::Month);
        return named_by_days(DateRange::spanning(first, last));
    }
    let days = u64::from(range.days());
    let found = named_by_days(DateRange::spanning(before(range.first(), days), last));
    match days {
        1 => found,
        _ => found.with_note(format!("the {days} days right before")),
    }
}

/// What has the same name, or the same dates, a year before.
fn same_dates(period: &Period) -> Period {
    if let Some((what, year)) = named(period)
        && let Some(found) = what.in_year(year - 1)
    {
        return if is_retail(period) { note_week_53(found, period, year - 1) } else { found };
    }
    let range = period.range;
    let last = months_before(range.last(), 12);
    let is_whole = is_aligned(range, TimeGrain::Month);
    let last = if is_whole { month_end(last) } else { last };
    let found = named_by_days(DateRange::spanning(months_before(range.first(), 12), last));
    if is_whole {
        return found;
    }
    found.with_note(
        "the same dates: the days of the week differ, unless \"same weeks last year\" is asked for",
    )
}

/// Says what a 53rd week does to a comparison by name.
fn note_week_53(found: Period, period: &Period, year_before: i32) -> Period {
    let (days, before) = (period.range.days(), found.range.days());
    if days != before {
        let note = format!("{} weeks against {}, because of a 53rd week", days / 7, before / 7);
        return found.with_note(note);
    }
    if RetailYear::new(year_before).week_count() == 53 {
        return found.with_note(format!(
            "FY{year_before} has 53 weeks, so that this is 371 days earlier; \"same weeks last year\" is 364 days \
             earlier"
        ));
    }
    found
}

/// 364 days earlier.
///
/// It is the one shift that keeps the days of the week and is close to a year, and what the National Retail
/// Federation's restated calendar comes to: after a fiscal year of 53 weeks it compares weeks 1 to 52 with weeks 2 to
/// 53, so that Thanksgiving week meets Thanksgiving week.
fn same_weeks(period: &Period) -> Period {
    let shift = |day| before(day, WEEKS_OF_A_YEAR);
    let range = DateRange::spanning(shift(period.range.first()), shift(period.range.last()));
    let label_range = |range: DateRange| {
        let retail = [
            TimeGrain::RetailWeek,
            TimeGrain::RetailMonth,
            TimeGrain::RetailQuarter,
            TimeGrain::RetailYear,
        ];
        let whole = retail.into_iter().find(|grain| grain.unit_of(range.first()) == range);
        whole.map(|grain| Period::new(grain.name_of(range.first()), range))
    };
    let found = if is_retail(period) { label_range(range) } else { None };
    let found = found
        .unwrap_or_else(|| named_by_days(range))
        .with_note("364 days earlier, weekday by weekday");
    let week_of = |day| RetailYear::of(day).week_number(day);
    if is_retail(period) && week_of(range.first()) != week_of(period.range.first()) {
        return found.with_note(
            "restated, because the fiscal year before has 53 weeks: week 1 meets its week 2",
        );
    }
    found
}

/// What its label names, if it is those days.
fn named(period: &Period) -> Option<(Recurring, i32)> {
    phrase::named_unit(&period.label)
        .filter(|(what, year)| what.in_year(*year).is_some_and(|unit| unit.range == period.range))
}

/// Whether its label is of the 4-5-4 calendar.
fn is_retail(period: &Period) -> bool {
    let is_season = matches!(named(period), Some((Recurring::Season(_), _)));
    is_season || period.label.contains("FY") || period.label.contains("retail")
}

/// The grain of what is one of its units.
fn grain_of(what: Recurring) -> Option<TimeGrain> {
    match what {
        Recurring::Year => Some(TimeGrain::Year),
        Recurring::Month(_) => Some(TimeGrain::Month),
        Recurring::Quarter(_) => Some(TimeGrain::Quarter),
        Recurring::IsoWeek(_) => Some(TimeGrain::Week),
        Recurring::RetailYear => Some(TimeGrain::RetailYear),
        Recurring::RetailWeek(_) => Some(TimeGrain::RetailWeek),
        Recurring::RetailMonth(_) => Some(TimeGrain::RetailMonth),
        Recurring::RetailQuarter(_) => Some(TimeGrain::RetailQuarter),
        Recurring::Half(_)
        | Recurring::Day(..)
        | Recurring::Season(_)
        | Recurring::Summer
        | Recurring::Winter
        | Recurring::Holiday
        | Recurring::UsDay(_)
        | Recurring::UsWeek(_) => None,
    }
}

/// Whether a range begins and ends with whole units.
fn is_aligned(range: DateRange, grain: TimeGrain) -> bool {
    grain.unit_of(range.first()).first() == range.first()
        && grain.unit_of(range.last()).last() == range.last()
}

/// The first day of as many units before an aligned range as it has.
fn units_before(range: DateRange, grain: TimeGrain) -> NaiveDate {
    let mut first = range.first();
    let mut counted = range.first();
    while counted <= range.last() {
        first = grain.unit_of(before(first, 1)).first();
        counted = after(grain.unit_of(counted).last().max(counted), 1);
    }
    first
}

/// A range under the name of the common unit that it is, or its dates.
fn named_by_days(range: DateRange) -> Period {
    let common =
        [TimeGrain::Day, TimeGrain::Week, TimeGrain::Month, TimeGrain::Quarter, TimeGrain::Year];
    let whole = common.into_iter().find(|grain| grain.unit_of(range.first()) == range);
    Period::new(
        whole.map_or_else(|| range.to_string(), |grain| grain.name_of(range.first())),
        range,
    )
}

/// Says how many days count on both sides.
fn note_overlap(found: Period, period: &Period) -> Period {
    match found.range.intersection(period.range) {
        Some(both) => {
            let note =
                format!("shares {} days with the period that it is compared with", both.days());
            found.with_note(note)
        }
        None => found,
    }
}
