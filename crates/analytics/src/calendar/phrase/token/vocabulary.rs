//! The words that the calendar knows.

use chrono::Weekday;

use super::{Token, Unit};
use crate::calendar::RetailSeason;
use crate::calendar::us_days::UsDay;

/// The meaning of words that belong together, if these do, and how many there are after the first.
pub(super) fn joined(word: &str, second: &str, third: &str) -> (Option<Token>, usize) {
    if (word, second) == ("new", "years") || (word, second) == ("new", "year") {
        return match third {
            "eve" => (Some(Token::UsDay(UsDay::NewYearsEve)), 2),
            "day" => (Some(Token::UsDay(UsDay::NewYearsDay)), 2),
            _ => (Some(Token::UsDay(UsDay::NewYearsDay)), 1),
        };
    }
    let pair = pair(word, second);
    (pair, usize::from(pair.is_some()))
}

/// The meaning of two words that belong together.
fn pair(word: &str, next: &str) -> Option<Token> {
    Some(match (word, next) {
        ("to", "date") | ("so", "far") => Token::ToDate,
        ("presidents", "day") => Token::UsDay(UsDay::PresidentsDay),
        ("mothers", "day") => Token::UsDay(UsDay::MothersDay),
        ("memorial", "day") => Token::UsDay(UsDay::MemorialDay),
        ("fathers", "day") => Token::UsDay(UsDay::FathersDay),
        ("independence", "day") => Token::UsDay(UsDay::IndependenceDay),
        ("labor" | "labour", "day") => Token::UsDay(UsDay::LaborDay),
        ("black", "friday") => Token::UsDay(UsDay::BlackFriday),
        ("cyber", "monday") => Token::UsDay(UsDay::CyberMonday),
        ("christmas", "eve") => Token::UsDay(UsDay::ChristmasEve),
        _ => return None,
    })
}

/// The unit of abbreviations such as `ytd`.
pub(super) fn to_date(word: &str) -> Option<Unit> {
    Some(match word {
        "wtd" => Unit::Week,
        "mtd" => Unit::Month,
        "qtd" => Unit::Quarter,
        "std" => Unit::Season,
        "ytd" => Unit::Year,
        _ => return None,
    })
}

/// Whether a word says nothing about when.
pub(super) fn is_filler(word: &str) -> bool {
    matches!(
        word,
        "a" | "all"
            | "an"
            | "at"
            | "during"
            | "entire"
            | "for"
            | "full"
            | "in"
            | "of"
            | "on"
            | "over"
            | "the"
            | "whole"
            | "within"
            | "complete"
    )
}

/// What a word of letters alone says.
pub(super) fn meaning(word: &str) -> Option<Token> {
    relation(word)
        .or_else(|| unit(word).map(Token::Unit))
        .or_else(|| month(word).map(Token::Month))
        .or_else(|| weekday(word).map(Token::Weekday))
        .or_else(|| name(word))
        .or_else(|| number(word))
}

/// Words that place a period before or after today.
fn relation(word: &str) -> Option<Token> {
    Some(match word {
        "today" | "todays" | "now" => Token::Today,
        "yesterday" | "yesterdays" => Token::Yesterday,
        "tomorrow" | "tomorrows" => Token::Tomorrow,
        "this" | "current" => Token::This,
        "last" | "past" | "previous" | "prior" | "preceding" | "trailing" | "rolling" => {
            Token::Last
        }
        "next" | "coming" | "upcoming" | "following" => Token::Next,
        "todate" => Token::ToDate,
        "ago" => Token::Ago,
        "retail" | "fiscal" | "financial" | "nrf" => Token::Retail,
        "fy" => Token::FiscalYear,
        "calendar" | "iso" | "gregorian" => Token::Common,
        _ => return None,
    })
}

/// Units, as words and as the letters before their numbers.
fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "d" | "day" | "days" => Unit::Day,
        "w" | "wk" | "wks" | "week" | "weeks" => Unit::Week,
        "weekend" | "weekends" => Unit::Weekend,
        "m" | "mo" | "mos" | "mth" | "mths" | "month" | "months" => Unit::Month,
        "q" | "qtr" | "qtrs" | "quarter" | "quarters" => Unit::Quarter,
        "h" | "half" | "halves" => Unit::Half,
        "season" | "seasons" => Unit::Season,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        _ => return None,
    })
}

/// Names of months and the ways to shorten them.
pub(super) fn month(word: &str) -> Option<u32> {
    Some(match word {
        "january" | "jan" => 1,
        "february" | "feb" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sep" | "sept" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

/// Names of days of the week.
fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" => Weekday::Mon,
        "tuesday" | "tue" | "tues" => Weekday::Tue,
        "wednesday" | "wed" => Weekday::Wed,
        "thursday" | "thu" | "thur" | "thurs" => Weekday::Thu,
        "friday" | "fri" => Weekday::Fri,
        "saturday" | "sat" => Weekday::Sat,
        "sunday" | "sun" => Weekday::Sun,
        _ => return None,
    })
}

/// Seasons and feasts.
fn name(word: &str) -> Option<Token> {
    Some(match word {
        "spring" => Token::Season(RetailSeason::Spring),
        "fall" | "autumn" => Token::Season(RetailSeason::Fall),
        "summer" => Token::Summer,
        "winter" => Token::Winter,
        "holiday" | "holidays" => Token::Holiday,
        "easter" => Token::UsDay(UsDay::Easter),
        "halloween" => Token::UsDay(UsDay::Halloween),
        "thanksgiving" => Token::UsDay(UsDay::Thanksgiving),
        "christmas" | "xmas" => Token::UsDay(UsDay::Christmas),
        _ => return None,
    })
}

/// Numbers in words.
fn number(word: &str) -> Option<Token> {
    const NUMBERS: [&str; 12] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];
    let place = |list: &[&str]| {
        list.iter().position(|one| *one == word).and_then(|place| u32::try_from(place + 1).ok())
    };
    place(&NUMBERS).map(Token::Number).or_else(|| place(&ORDINALS).map(Token::Ordinal))
}
