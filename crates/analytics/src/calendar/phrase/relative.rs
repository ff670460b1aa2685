//! Periods that today decides: `last 30 days`, `month to date`.

use chrono::{Datelike, NaiveDate};

use super::Refusal;
use super::candidate::Candidate;
use super::grammar::{Scope, read_whole};
use super::token::{Token, Unit};
use crate::calendar::days::{after, before, months_before};
use crate::calendar::{DateRange, FIRST_DAY, Period, RetailYear, TimeGrain};

/// A unit of one calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cycle {
    Grain(TimeGrain),
    Weekend,
    Half,
    Season,
}

/// The period of tokens that say where it is from today. `None` if they say nothing of the kind.
pub(super) fn read(
    tokens: &[Token],
    scope: Scope,
    today: NaiveDate,
) -> Result<Option<Period>, Refusal> {
    let day = |day: NaiveDate| Ok(Some(Cycle::Grain(TimeGrain::Day).around(day)));
    match *tokens {
        [Token::Today] => day(today),
        [Token::Yesterday] => day(before(today, 1)),
        [Token::Tomorrow] => day(after(today, 1)),
        [Token::Weekday(weekday)] => day(latest_weekday(weekday, today)),
        [Token::Last, Token::Weekday(weekday)] => day(latest_weekday(weekday, before(today, 1))),
        [Token::This, Token::Unit(unit)] => Ok(Some(Cycle::of(unit, scope)?.around(today))),
        [Token::Last, Token::Unit(unit)] | [Token::Unit(unit), Token::Ago] => {
            ago(1, unit, scope, today).map(Some)
        }
        [Token::Number(count), Token::Unit(unit), Token::Ago] => {
            ago(count, unit, scope, today).map(Some)
        }
        [Token::Next, Token::Unit(unit)] => next(1, unit, scope, today).map(Some),
        [Token::Next, Token::Number(count), Token::Unit(unit)] => {
            next(count, unit, scope, today).map(Some)
        }
        [Token::Last, Token::Number(count), Token::Unit(unit)] => {
            last(count, unit, scope, today).map(Some)
        }
        // A number of four digits looks like a year.
        [Token::Last, Token::Year(count), Token::Unit(unit)] => {
            let count = u32::try_from(count).map_err(|_| Refusal::Unknown(None))?;
            last(count, unit, scope, today).map(Some)
        }
        _ => Ok(None),
    }
}

/// From the first day of what the tokens name until today.
pub(super) fn to_date(
    tokens: &[Token],
    scope: Scope,
    today: NaiveDate,
) -> Result<Vec<Candidate>, Refusal> {
    let wholes = match *tokens {
        [Token::Unit(unit)] => vec![Cycle::of(unit, scope)?.around(today)],
        [Token::Last, Token::Unit(unit)] => {
            return Ok(vec![Candidate::fixed(last_to_date(unit, scope, today)?)]);
        }
        _ => {
            let candidates = read_whole(tokens, scope, today)?;
            candidates.iter().map(|candidate| candidate.pin(today)).collect::<Result<_, _>>()?
        }
    };
    let clip = |whole: Period| match whole.so_far(today) {
        Some(_) if whole.is_over(today) => {
            let reason = format!("{} is over: leave out \"to date\"", whole.label);
            Err(Refusal::Invalid(reason))
        }
        Some(so_far) => Ok(Candidate::fixed(so_far.with_notes_of(&whole))),
        // Of the future, as whoever checks the result will find.
        None => Ok(Candidate::fixed(whole)),
    };
    wholes.into_iter().map(clip).collect()
}

/// The part of the unit before the current one that today corresponds to.
fn last_to_date(unit: Unit, scope: Scope, today: NaiveDate) -> Result<Period, Refusal> {
    let cycle = Cycle::of(unit, scope)?;
    let current = cycle.around(today);
    let whole = ago(1, unit, scope, today)?;
    let end = match cycle {
        Cycle::Grain(TimeGrain::Month) => months_before(today, 1),
        Cycle::Grain(TimeGrain::Quarter) => months_before(today, 3),
        Cycle::Grain(TimeGrain::Year) => months_before(today, 12),
        _ => {
            let so_far = DateRange::spanning(current.range.first(), today);
            after(whole.range.first(), u64::from(so_far.days() - 1))
        }
    };
    let range = DateRange::spanning(whole.range.first(), end.min(whole.range.last()));
    let period = Period::new(format!("last {} to date", cycle.singular()), range);
    let note = format!("{} until the day that today corresponds to", whole.label);
    Ok(period.with_note(note))
}

/// The unit so many before the current one.
fn ago(count: u32, unit: Unit, scope: Scope, today: NaiveDate) -> Result<Period, Refusal> {
    let cycle = Cycle::of(unit, scope)?;
    Ok(cycle.around(cycle.first_of(count, today)?))
}

/// The last days until today, or the last whole units before the current one.
fn last(count: u32, unit: Unit, scope: Scope, today: NaiveDate) -> Result<Period, Refusal> {
    let cycle = Cycle::of(unit, scope)?;
    if cycle == Cycle::Weekend {
        return Err(Refusal::Unknown(None));
    }
    let label = format!("last {count} {}", cycle.counted(count));
    if cycle == Cycle::Grain(TimeGrain::Day) {
        let first = cycle.first_of(at_least_one(count)? - 1, today)?;
        let period = Period::new(label, DateRange::spanning(first, today));
        return Ok(period.with_note("today is the last of these days"));
    }
    let first = cycle.first_of(at_least_one(count)?, today)?;
    let last = before(cycle.around(today).range.first(), 1);
    let note = match count {
        1 => format!("the whole {} before the current one", cycle.singular()),
        _ => format!("the {count} whole {} before the current one", cycle.counted(count)),
    };
    Ok(Period::new(label, DateRange::spanning(first, last)).with_note(note))
}

/// Units after the current one.
fn next(count: u32, unit: Unit, scope: Scope, today: NaiveDate) -> Result<Period, Refusal> {
    let cycle = Cycle::of(unit, scope)?;
    at_least_one(count)?;
    // All of it lies in the future: where it ends matters to nobody.
    Ok(cycle.around(after(cycle.around(today).range.last(), 1)))
}

/// Refuses to count none.
fn at_least_one(count: u32) -> Result<u32, Refusal> {
    let reason = || Refusal::Invalid("the number must be at least 1".to_owned());
    if count == 0 { Err(reason()) } else { Ok(count) }
}

/// The latest such day of the week until a day.
fn latest_weekday(weekday: chrono::Weekday, day: NaiveDate) -> NaiveDate {
    before(day, u64::from(day.weekday().days_since(weekday)))
}

impl Cycle {
    /// The unit in the calendar that is meant.
    fn of(unit: Unit, scope: Scope) -> Result<Self, Refusal> {
        Ok(match (unit, scope.is_retail) {
            (Unit::Day, _) => Self::Grain(TimeGrain::Day),
            (Unit::Week, false) => Self::Grain(TimeGrain::Week),
            (Unit::Week, true) => Self::Grain(TimeGrain::RetailWeek),
            (Unit::Month, false) => Self::Grain(TimeGrain::Month),
            (Unit::Month, true) => Self::Grain(TimeGrain::RetailMonth),
            (Unit::Quarter, false) => Self::Grain(TimeGrain::Quarter),
            (Unit::Quarter, true) => Self::Grain(TimeGrain::RetailQuarter),
            (Unit::Year, false) => Self::Grain(TimeGrain::Year),
            (Unit::Year, true) => Self::Grain(TimeGrain::RetailYear),
            (Unit::Half, false) => Self::Half,
            (Unit::Half, true) => Self::Season,
            (Unit::Season, _) if !scope.is_common => Self::Season,
            (Unit::Weekend, false) => Self::Weekend,
            (Unit::Season | Unit::Weekend, _) => return Err(Refusal::Unknown(None)),
        })
    }

    /// The unit that a day is in. The weekend of a day is that of its week.
    fn around(self, day: NaiveDate) -> Period {
        match self {
            Self::Grain(grain) => Period::new(grain.name_of(day), grain.unit_of(day)),
            Self::Weekend => {
                let sunday = TimeGrain::Week.unit_of(day).last();
                let range = DateRange::spanning(before(sunday, 1), sunday);
                Period::new(range.to_string(), range)
            }
            Self::Half => {
                let quarter = TimeGrain::Quarter.unit_of(day);
                let is_first = day.month() <= 6;
                let other = match (is_first, day.month() % 6) {
                    (_, 1..=3) => TimeGrain::Quarter.unit_of(after(quarter.last(), 1)),
                    _ => TimeGrain::Quarter.unit_of(before(quarter.first(), 1)),
                };
                let range = DateRange::spanning(
                    quarter.first().min(other.first()),
                    quarter.last().max(other.last()),
                );
                Period::new(format!("H{} {}", if is_first { 1 } else { 2 }, day.year()), range)
            }
            Self::Season => {
                let year = RetailYear::of(day);
                let season = year.season_of(day);
                Period::new(format!("{season} {}", year.number()), year.season(season))
            }
        }
    }

    /// The first day of the unit so many before that of a day.
    fn first_of(self, count: u32, day: NaiveDate) -> Result<NaiveDate, Refusal> {
        if self == Self::Grain(TimeGrain::Day) {
            return Ok(before(day, u64::from(count)));
        }
        // The day before a weekend belongs to the same one.
        let step = if self == Self::Weekend { Self::Grain(TimeGrain::Week) } else { self };
        let mut first = step.around(day).range.first();
        for _ in 0..count {
            if first < FIRST_DAY {
                return Err(Refusal::BeyondLimits);
            }
            first = step.around(before(first, 1)).range.first();
        }
        Ok(first)
    }

    /// Its name after `last`.
    fn singular(self) -> &'static str {
        match self {
            Self::Grain(TimeGrain::Day) => "day",
            Self::Grain(TimeGrain::Week) => "week",
            Self::Grain(TimeGrain::Month) => "month",
            Self::Grain(TimeGrain::Quarter) => "quarter",
            Self::Grain(TimeGrain::Year) => "year",
            Self::Grain(TimeGrain::RetailWeek) => "retail week",
            Self::Grain(TimeGrain::RetailMonth) => "retail month",
            Self::Grain(TimeGrain::RetailQuarter) => "retail quarter",
            Self::Grain(TimeGrain::RetailYear) => "retail year",
            Self::Weekend => "weekend",
            Self::Half => "half",
            Self::Season => "season",
        }
    }

    /// Its name after a number.
    fn counted(self, count: u32) -> String {
        match (self, count) {
            (_, 1) => self.singular().to_owned(),
            (Self::Half, _) => "halves".to_owned(),
            _ => format!("{}s", self.singular()),
        }
    }
}
