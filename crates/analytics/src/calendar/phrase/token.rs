//! The meaning of each word.

mod vocabulary;

use chrono::{NaiveDate, Weekday};

use self::vocabulary::{is_filler, joined, meaning, month, to_date};
use super::Refusal;
use crate::calendar::RetailSeason;
use crate::calendar::us_days::UsDay;

/// What a word says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Today,
    Yesterday,
    Tomorrow,
    This,
    Last,
    Next,
    ToDate,
    Ago,
    /// Of the 4-5-4 calendar.
    Retail,
    /// The number of a fiscal year follows, not one of a calendar year.
    FiscalYear,
    /// Of the common calendar, with ISO weeks.
    Common,
    Unit(Unit),
    Month(u32),
    Weekday(Weekday),
    Season(RetailSeason),
    Summer,
    Winter,
    Holiday,
    UsDay(UsDay),
    /// A plain number of one to three digits.
    Number(u32),
    /// `3rd`, `third`.
    Ordinal(u32),
    /// A number of four digits.
    Year(i32),
    /// A whole date.
    Day(NaiveDate),
    /// `2026-07`, `7/2026`.
    YearMonth(i32, u32),
    /// `7/4/2026`: the day if the month is written first, and the day if it is written second.
    Slashed(Option<NaiveDate>, Option<NaiveDate>),
}

/// What periods are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Day,
    Week,
    Weekend,
    Month,
    Quarter,
    Half,
    Season,
    Year,
}

/// Whether two words that a hyphen joins are the ends of a range, such as `jul-sep`, `q1-q3` or `2024-2026`.
pub(super) fn are_ends(first: &str, last: &str) -> bool {
    let all_digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let both = |is_end: &dyn Fn(&str) -> bool| is_end(first) && is_end(last);
    both(&|word| month(word).is_some())
        || both(&|word| word.len() == 4 && all_digits(word))
        || both(&|word| word.strip_prefix('q').is_some_and(all_digits))
}

/// The meanings of words.
///
/// # Errors
///
/// [`Refusal::Unknown`] for the first word that has none, [`Refusal::Invalid`] for a date that does not exist.
pub(super) fn tokens(words: &[String]) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let next = |place: usize| after.get(place).map_or("", String::as_str);
        let (joined, used) = joined(word, next(0), next(1));
        rest = after.get(used..).unwrap_or_default();
        if let Some(token) = joined {
            tokens.push(token);
        } else if let Some(date) = date(word)? {
            tokens.push(date);
        } else if let Some((year, week)) = word.split_once("-w") {
            tokens.push(Token::Common);
            runs(year, &mut tokens)?;
            tokens.push(Token::Unit(Unit::Week));
            runs(week, &mut tokens)?;
        } else {
            runs(word, &mut tokens)?;
        }
    }
    Ok(tokens)
}

/// The meanings of the runs of letters and of digits in a word: `q3` is two.
fn runs(word: &str, tokens: &mut Vec<Token>) -> Result<(), Refusal> {
    let unknown = || Refusal::Unknown(Some(word.to_owned()));
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let is_same_kind = |c: char| match first {
            '0'..='9' => c.is_ascii_digit(),
            _ => !c.is_ascii_digit(),
        };
        let end = rest.find(|c| !is_same_kind(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at_checked(end).ok_or_else(unknown)?;
        rest = after;
        if first.is_ascii_digit() {
            let is_short_fiscal_year = run.len() == 2 && tokens.last() == Some(&Token::FiscalYear);
            let ordinal =
                ["st", "nd", "rd", "th"].into_iter().find_map(|end| rest.strip_prefix(end));
            let number: u32 = run.parse().map_err(|_| unknown())?;
            tokens.push(match run.len() {
                4 => Token::Year(i32::try_from(number).map_err(|_| unknown())?),
                _ if is_short_fiscal_year => {
                    Token::Year(i32::try_from(2000 + number).map_err(|_| unknown())?)
                }
                _ if ordinal.is_some() => Token::Ordinal(number),
                // A year of the wrong length would be one.
                5.. => return Err(unknown()),
                _ => Token::Number(number),
            });
            rest = if run.len() == 4 { rest } else { ordinal.unwrap_or(rest) };
        } else if let Some(unit) = to_date(run) {
            tokens.extend([Token::Unit(unit), Token::ToDate]);
        } else if run == "fytd" {
            tokens.extend([Token::Retail, Token::Unit(Unit::Year), Token::ToDate]);
        } else if run == "ttm" || run == "ltm" {
            tokens.extend([Token::Last, Token::Number(12), Token::Unit(Unit::Month)]);
        } else if !is_filler(run) {
            tokens.push(meaning(run).ok_or_else(unknown)?);
        }
    }
    Ok(())
}

/// A date in digits. `None` for a word that is not written like one.
fn date(word: &str) -> Result<Option<Token>, Refusal> {
    let parts: Vec<&str> = word.split(['-', '/', '.']).collect();
    let parts = match parts.as_slice() {
        [all] if all.len() == 8 && all.bytes().all(|b| b.is_ascii_digit()) => {
            match (all.get(..4), all.get(4..6), all.get(6..)) {
                (Some(year), Some(month), Some(day)) => vec![year, month, day],
                _ => return Ok(None),
            }
        }
        [_] => return Ok(None),
        _ => parts,
    };
    let mut numbers = Vec::with_capacity(3);
    for part in &parts {
        match part.parse::<u32>() {
            Ok(number) if part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit()) => {
                numbers.push((number, part.len()));
            }
            _ => return Ok(None),
        }
    }
    let no_such_day = || {
        let reason = "there is no such day; write a date like 2026-07-04: year, month, day";
        Refusal::Invalid(reason.to_owned())
    };
    Ok(Some(match *numbers.as_slice() {
        [(year, 4), (month, 1..=2), (day, 1..=2)] => {
            Token::Day(ymd(year, month, day).ok_or_else(no_such_day)?)
        }
        [(one, 1..=2), (other, 1..=2), (year, length @ (2 | 4))] => {
            let year = if length == 2 { 2000 + year } else { year };
            match (ymd(year, one, other), ymd(year, other, one)) {
                (None, None) => return Err(no_such_day()),
                (month_first, day_first) => Token::Slashed(month_first, day_first),
            }
        }
        [(year, 4), (month, 1..=2)] | [(month, 1..=2), (year, 4)] => {
            Token::YearMonth(i32::try_from(year).map_err(|_| no_such_day())?, month)
        }
        _ => return Ok(None),
    }))
}

/// The day of a year, month and day.
fn ymd(year: u32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Unit::{Day, Quarter, Week};
    use super::*;

    #[rstest]
    #[case("the q3", &[Token::Unit(Quarter), Token::Number(3)])]
    #[case("fy26 w05", &[Token::FiscalYear, Token::Year(2026), Token::Unit(Week), Token::Number(5)])]
    #[case("july 4th", &[Token::Month(7), Token::Ordinal(4)])]
    #[case("past 30d", &[Token::Last, Token::Number(30), Token::Unit(Day)])]
    #[case("black friday 2025", &[Token::UsDay(UsDay::BlackFriday), Token::Year(2025)])]
    #[case("2026-07 7/2026", &[Token::YearMonth(2026, 7), Token::YearMonth(2026, 7)])]
    fn reads(#[case] phrase: &str, #[case] expected: &[Token]) {
        let words: Vec<String> = phrase.split(' ').map(str::to_owned).collect();
        assert_eq!(tokens(&words).unwrap(), expected);
    }

    #[rstest]
    #[case("sales", Some("sales"))]
    #[case("q3 20260", Some("20260"))]
    #[case("7-4", Some("7-4"))]
    #[case("۲۰۲۶", Some("۲۰۲۶"))]
    #[case("2026-02-30", None)]
    fn refuses(#[case] phrase: &str, #[case] word: Option<&str>) {
        let words: Vec<String> = phrase.split(' ').map(str::to_owned).collect();
        match tokens(&words).unwrap_err() {
            Refusal::Unknown(unknown) => assert_eq!(unknown.as_deref(), word),
            Refusal::Invalid(_) => assert_eq!(word, None),
            Refusal::BeyondLimits => panic!("no limit was reached"),
        }
    }
}
