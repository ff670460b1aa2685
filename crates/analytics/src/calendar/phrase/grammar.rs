//! What the tokens of a phrase, or of one side of a range, say.

use chrono::NaiveDate;

use super::candidate::{Candidate, Order, What};
use super::recurring::Recurring;
use super::token::{Token, Unit, tokens};
use super::words::{Cut, cut};
use super::{Refusal, relative};
use crate::calendar::days::after;
use crate::calendar::{FIRST_DAY, RetailSeason};

/// Which calendar a phrase is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope {
    /// The 4-5-4 calendar was named.
    pub(super) is_retail: bool,
    /// The common calendar was named.
    pub(super) is_common: bool,
    /// A year that is named is a fiscal one beyond doubt.
    has_fiscal_year: bool,
}

/// The year that a phrase names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NamedYear {
    Number(i32),
    /// So many years before the current one.
    Back(i32),
}

/// What the tokens can mean: one thing, or two that only the caller can choose from.
///
/// # Errors
///
/// [`Refusal`] if they mean nothing.
pub(super) fn read(tokens: &[Token], today: NaiveDate) -> Result<Vec<Candidate>, Refusal> {
    let scope = Scope {
        is_retail: tokens.iter().any(|one| matches!(one, Token::Retail | Token::FiscalYear)),
        is_common: tokens.contains(&Token::Common),
        has_fiscal_year: tokens.contains(&Token::FiscalYear),
    };
    if scope.is_retail && scope.is_common {
        return Err(Refusal::Unknown(None));
    }
    let is_scope = |one: &&Token| matches!(one, Token::Retail | Token::FiscalYear | Token::Common);
    let mut rest: Vec<Token> = tokens.iter().filter(|one| !is_scope(one)).copied().collect();
    // "the last rolling 30 days" says "last" twice.
    rest.dedup_by(|one, other| *one == Token::Last && *other == Token::Last);
    if let [whole @ .., Token::ToDate] = rest.as_slice() {
        return relative::to_date(whole, scope, today);
    }
    read_whole(&rest, scope, today)
}

/// What tokens without `to date` can mean.
pub(super) fn read_whole(
    tokens: &[Token],
    scope: Scope,
    today: NaiveDate,
) -> Result<Vec<Candidate>, Refusal> {
    if let Some(period) = relative::read(tokens, scope, today)? {
        return Ok(vec![Candidate::fixed(period)]);
    }
    match *tokens {
        [Token::Day(day)] if !scope.is_retail => Ok(vec![Candidate::day(day)]),
        [Token::YearMonth(year, month)] if !scope.is_retail => {
            Ok(vec![Candidate::recurring(Recurring::Month(month), Some(year))])
        }
        [Token::Slashed(month_first, day_first)] if !scope.is_retail => {
            let month_first =
                month_first.map(|day| Candidate::day(day).in_order(Order::MonthFirst));
            let day_first = day_first.map(|day| Candidate::day(day).in_order(Order::DayFirst));
            Ok(month_first.into_iter().chain(day_first).collect())
        }
        [relation @ (Token::This | Token::Last | Token::Next), ref named @ ..]
            if !matches!(named, [Token::Unit(Unit::Year), ..]) =>
        {
            let whats = recurring(named, scope).ok_or(Refusal::Unknown(None))?;
            whats.into_iter().try_fold(Vec::new(), |mut found, what| {
                found.extend(related(relation, what, today)?);
                Ok(found)
            })
        }
        _ => with_year(tokens, scope, today),
    }
}

/// The unit of a year that a label names: of `July 2026`, July and 2026.
pub(in crate::calendar) fn named_unit(label: &str) -> Option<(Recurring, i32)> {
    let Cut::One(words) = cut(label) else { return None };
    // Nothing that depends on today has a year of its own.
    let candidates = read(&tokens(&words).ok()?, FIRST_DAY).ok()?;
    match candidates.as_slice() {
        [Candidate { what: What::Recurring(what, Some(year)), .. }] => Some((*what, *year)),
        _ => None,
    }
}

/// Something that comes each year, with or without a year.
fn with_year(
    tokens: &[Token],
    mut scope: Scope,
    today: NaiveDate,
) -> Result<Vec<Candidate>, Refusal> {
    let (rest, year) = match *tokens {
        [Token::Unit(Unit::Year), Token::Year(year), ref rest @ ..]
        | [ref rest @ .., Token::Unit(Unit::Year), Token::Year(year)] => {
            scope.has_fiscal_year = scope.is_retail;
            (rest, Some(NamedYear::Number(year)))
        }
        [Token::This, Token::Unit(Unit::Year), ref rest @ ..]
        | [ref rest @ .., Token::This, Token::Unit(Unit::Year)] => (rest, Some(NamedYear::Back(0))),
        [Token::Last, Token::Unit(Unit::Year), ref rest @ ..]
        | [ref rest @ .., Token::Last, Token::Unit(Unit::Year)] => (rest, Some(NamedYear::Back(1))),
        [Token::Year(year), ref rest @ ..] | [ref rest @ .., Token::Year(year)] => {
            (rest, Some(NamedYear::Number(year)))
        }
        _ => (tokens, None),
    };
    let whats = match (rest, year) {
        ([] | [Token::Unit(Unit::Year)], Some(_)) if scope.is_retail => vec![Recurring::RetailYear],
        ([] | [Token::Unit(Unit::Year)], Some(_)) => vec![Recurring::Year],
        (rest, _) => recurring(rest, scope).ok_or(Refusal::Unknown(None))?,
    };
    let candidates = whats.into_iter().flat_map(|what| {
        let years = match year {
            None => vec![None],
            Some(NamedYear::Back(back)) => vec![Some(what.year_of(today) - back)],
            // January of fiscal 2025 is in 2026, and so is the beginning of fiscal 2026.
            Some(NamedYear::Number(year))
                if what == Recurring::RetailMonth(12) && !scope.has_fiscal_year =>
            {
                vec![Some(year - 1), Some(year)]
            }
            // The winter of 2026 ends or begins in it.
            Some(NamedYear::Number(year)) if what == Recurring::Winter => {
                vec![Some(year - 1), Some(year)]
            }
            Some(NamedYear::Number(year)) => vec![Some(year)],
        };
        years.into_iter().map(move |year| Candidate::recurring(what, year))
    });
    Ok(candidates.collect())
}

/// What `this`, `last` or `next` can mean before something that comes each year.
fn related(relation: Token, what: Recurring, today: NaiveDate) -> Result<Vec<Candidate>, Refusal> {
    let current = what.year_of(today);
    if relation == Token::This {
        return Ok(vec![Candidate::recurring(what, Some(current))]);
    }
    let missing = || what.missing(None);
    if relation == Token::Next {
        let next = what.next_from(after(today, 1)).ok_or_else(missing)?;
        return Ok(vec![Candidate::fixed(next)]);
    }
    let latest = what.latest_over(today).ok_or_else(missing)?;
    // In November, "last July" is this year's to some and last year's to others. Feasts and seasons have no such
    // second meaning.
    let is_ambiguous = matches!(
        what,
        Recurring::Month(_)
            | Recurring::Quarter(_)
            | Recurring::Half(_)
            | Recurring::IsoWeek(_)
            | Recurring::RetailWeek(_)
            | Recurring::RetailMonth(_)
            | Recurring::RetailQuarter(_)
    ) && what.year_of(latest.range.first()) == current;
    let earlier = if is_ambiguous { what.in_year(current - 1) } else { None };
    Ok(earlier.into_iter().chain([latest]).map(Candidate::fixed).collect())
}

/// Something that comes each year. A week is two things unless its calendar is named.
fn recurring(tokens: &[Token], scope: Scope) -> Option<Vec<Recurring>> {
    use Token::{Holiday, Month, Number, Ordinal, Season, Summer, UsDay, Winter};

    let what = match *tokens {
        [Month(month)]
        | [Token::Unit(Unit::Month), Month(month)]
        | [Month(month), Token::Unit(Unit::Month)] => {
            // Fiscal years begin in February.
            if scope.is_retail {
                Recurring::RetailMonth((month + 10) % 12 + 1)
            } else {
                Recurring::Month(month)
            }
        }
        [Month(month), Number(day) | Ordinal(day)] | [Number(day) | Ordinal(day), Month(month)]
            if !scope.is_retail =>
        {
            Recurring::Day(month, day)
        }
        [Token::Unit(unit), Number(number)] | [Ordinal(number), Token::Unit(unit)] => {
            return numbered(unit, number, scope);
        }
        [Season(season)] | [Season(season), Token::Unit(Unit::Season)] if !scope.is_common => {
            Recurring::Season(season)
        }
        [Summer] | [Summer, Token::Unit(Unit::Season)] if !scope.is_retail => Recurring::Summer,
        [Winter] | [Winter, Token::Unit(Unit::Season)] if !scope.is_retail => Recurring::Winter,
        [Holiday] | [Holiday, Token::Unit(Unit::Season)] => Recurring::Holiday,
        [UsDay(day)] | [UsDay(day), Token::Unit(Unit::Day)] if !scope.is_retail => {
            Recurring::UsDay(day)
        }
        [UsDay(day), Token::Unit(Unit::Week)] if !scope.is_retail => Recurring::UsWeek(day),
        _ => return None,
    };
    Some(vec![what])
}

/// A unit with its number in the year.
fn numbered(unit: Unit, number: u32, scope: Scope) -> Option<Vec<Recurring>> {
    let what = match (unit, scope.is_retail) {
        (Unit::Week, true) => Recurring::RetailWeek(number),
        (Unit::Week, false) if scope.is_common => Recurring::IsoWeek(number),
        (Unit::Week, false) => {
            return Some(vec![Recurring::IsoWeek(number), Recurring::RetailWeek(number)]);
        }
        (Unit::Month, true) => Recurring::RetailMonth(number),
        (Unit::Month, false) => Recurring::Month(number),
        (Unit::Quarter, true) => Recurring::RetailQuarter(number),
        (Unit::Quarter, false) => Recurring::Quarter(number),
        (Unit::Half, false) => Recurring::Half(number),
        (Unit::Half, true) => match number {
            1 => Recurring::Season(RetailSeason::Spring),
            2 => Recurring::Season(RetailSeason::Fall),
            _ => Recurring::Half(number),
        },
        (Unit::Day | Unit::Weekend | Unit::Season | Unit::Year, _) => return None,
    };
    Some(vec![what])
}
