//! From words to days.
//!
//! [`words`] makes a phrase a list of words and finds where a range is cut in two; [`token`] gives each word its
//! meaning; [`grammar`] finds what the tokens of one side say; [`candidate`] turns that into days.

mod candidate;
mod grammar;
mod recurring;
mod relative;
mod side;
mod token;
mod words;

use chrono::NaiveDate;

use self::candidate::Candidate;
pub(super) use self::grammar::named_unit;
pub(super) use self::recurring::Recurring;
use self::side::Between;
use self::words::Cut;
use super::days::{FIRST_DAY, LAST_DAY};
use super::{DateRange, Period, PeriodError};

/// The longest phrase that is read, in bytes.
const LONGEST_PHRASE: usize = 200;
/// The note of a period that has days after today.
const NOT_OVER: &str = "not over yet";

/// Why a phrase is not understood, before it is known which phrase it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It says nothing that is known, perhaps because of this word.
    Unknown(Option<String>),
    /// It means days that there are not, for this reason.
    Invalid(String),
    /// It has days before 1970 or after 9999.
    BeyondLimits,
}

impl Refusal {
    /// The error of a phrase.
    fn of(self, phrase: &str) -> PeriodError {
        match self {
            Self::Unknown(word) => PeriodError::unknown(phrase, word.as_deref()),
            Self::Invalid(reason) => PeriodError::invalid(phrase, reason),
            Self::BeyondLimits => PeriodError::beyond_limits(phrase),
        }
    }
}

/// The days that a phrase means.
pub(super) fn resolve(phrase: &str, today: NaiveDate) -> Result<Period, PeriodError> {
    if !(FIRST_DAY..=LAST_DAY).contains(&today) {
        let reason = "today is before 1970 or after 9999: the clock is wrong";
        return Err(PeriodError::invalid(phrase, reason));
    }
    if phrase.len() > LONGEST_PHRASE {
        return Err(PeriodError::unknown(phrase, None));
    }
    let meanings = meanings(phrase, today).map_err(|refusal| refusal.of(phrase))?;
    finish(phrase, meanings, today)
}

/// The name and days of each meaning of a phrase.
fn meanings(phrase: &str, today: NaiveDate) -> Result<Vec<Period>, Refusal> {
    match words::cut(phrase) {
        Cut::One(words) => {
            let candidates = grammar::read(&token::tokens(&words)?, today)?;
            candidates.iter().map(|candidate| candidate.pin(today)).collect()
        }
        Cut::Since(words) => {
            let starts = grammar::read(&token::tokens(&words)?, today)?;
            side::between(&starts, &[Candidate::day(today)], today, Between::Since)
        }
        Cut::Range(first, last) => {
            let starts = grammar::read(&token::tokens(&first)?, today)?;
            let ends = grammar::read(&token::tokens(&last)?, today)?;
            side::between(&starts, &ends, today, Between::Named)
        }
        Cut::Nothing => Err(Refusal::Unknown(None)),
    }
}

/// The one meaning of a phrase, if it is one and has begun.
fn finish(
    phrase: &str,
    mut meanings: Vec<Period>,
    today: NaiveDate,
) -> Result<Period, PeriodError> {
    let mut seen: Vec<DateRange> = Vec::new();
    meanings.retain(|meaning| {
        let is_new = !seen.contains(&meaning.range);
        seen.push(meaning.range);
        is_new
    });
    if let Some(wrong) = meanings.iter().find(|meaning| !meaning.range.is_within_limits()) {
        return Err(PeriodError::beyond_limits(if meanings.len() == 1 {
            phrase
        } else {
            &wrong.label
        }));
    }
    let period = match meanings.pop() {
        Some(period) if meanings.is_empty() => period,
        Some(last) => {
            meanings.push(last);
            return Err(PeriodError::ambiguous(phrase, meanings));
        }
        None => return Err(PeriodError::unknown(phrase, None)),
    };
    if period.range.first() > today {
        return Err(PeriodError::future(phrase, period.range, today));
    }
    if period.range.last() > today {
        let note = format!("{NOT_OVER}: its last day is {}, today is {today}", period.range.last());
        return Ok(period.with_note(note));
    }
    Ok(if period.range.last() == today { period.with_note("runs until today") } else { period })
}
