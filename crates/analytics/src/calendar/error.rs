//! Why a phrase is no period.

use chrono::NaiveDate;
use retail_domain::{Error as DomainError, ErrorCode};
use thiserror::Error;

use super::{DateRange, Period};

/// The longest part of a phrase that an error repeats, in characters.
const LONGEST_ECHO: usize = 60;

/// Why a phrase is no period. The texts are for the caller: they name the argument and say what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeriodError {
    /// The phrase is none that the calendar knows.
    #[error(
        "period {phrase:?} is not understood{}; write it like \"last 30 days\", \"July 2026\", \"Q3 2026\", \
         \"FY2026 week 35\" or \"2026-07-01..2026-09-30\"",
        because_of(word.as_deref())
    )]
    #[non_exhaustive]
    Unknown {
        /// What was asked for.
        phrase: String,
        /// The first word of it that says nothing to the calendar, if there is one.
        word: Option<String>,
    },
    /// The phrase has more than one meaning.
    #[error("period {phrase:?} can mean {}; write the one that is meant", either(choices))]
    #[non_exhaustive]
    Ambiguous {
        /// What was asked for.
        phrase: String,
        /// Its meanings. Each label is a phrase that has that meaning alone.
        choices: Vec<Period>,
    },
    /// No day of it has come yet.
    #[error(
        "period {phrase:?} lies in the future: it is {range}, and today is {today}; ask for days that have come, \
         like \"last month\" or \"year to date\""
    )]
    #[non_exhaustive]
    Future {
        /// What was asked for.
        phrase: String,
        /// The days that it means.
        range: DateRange,
        /// Today in the company's time zone.
        today: NaiveDate,
    },
    /// The phrase is understood and means days that there are not.
    #[error("period {phrase:?} cannot be used: {reason}")]
    #[non_exhaustive]
    Invalid {
        /// What was asked for.
        phrase: String,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
}

impl PeriodError {
    /// A phrase that is not known, perhaps because of one word.
    pub(super) fn unknown(phrase: &str, word: Option<&str>) -> Self {
        Self::Unknown { phrase: echo(phrase), word: word.map(echo) }
    }

    /// A phrase with several meanings.
    pub(super) fn ambiguous(phrase: &str, choices: Vec<Period>) -> Self {
        Self::Ambiguous { phrase: echo(phrase), choices }
    }

    /// A phrase for days to come.
    pub(super) fn future(phrase: &str, range: DateRange, today: NaiveDate) -> Self {
        Self::Future { phrase: echo(phrase), range, today }
    }

    /// A phrase for days that there are not.
    pub(super) fn invalid(phrase: &str, reason: impl Into<String>) -> Self {
        Self::Invalid { phrase: echo(phrase), reason: reason.into() }
    }

    /// The text for a caller who wrote the phrase in an argument of another name.
    pub(crate) fn about(&self, argument: &str) -> String {
        let text = self.to_string();
        let rest = text.strip_prefix("period").unwrap_or(&text);
        format!("'{argument}'{rest}")
    }

    /// A phrase for days before 1970 or after 9999.
    pub(super) fn beyond_limits(phrase: &str) -> Self {
        Self::invalid(phrase, "it has days before 1970 or after 9999: choose days in between")
    }
}

impl From<PeriodError> for DomainError {
    fn from(error: PeriodError) -> Self {
        Self::new(ErrorCode::InvalidArgument, error.to_string())
    }
}

/// The beginning of a text that a caller wrote.
fn echo(text: &str) -> String {
    match text.char_indices().nth(LONGEST_ECHO) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The part of a sentence that names a word.
fn because_of(word: Option<&str>) -> String {
    word.map(|word| format!(" because of {word:?}")).unwrap_or_default()
}

/// The meanings as a part of a sentence.
fn either(choices: &[Period]) -> String {
    let choices: Vec<String> = choices
        .iter()
        .map(|choice| {
            let days = choice.range.to_string();
            if choice.label == days || choice.label == choice.range.first().to_string() {
                format!("{:?}", choice.label)
            } else {
                format!("{:?} ({days})", choice.label)
            }
        })
        .collect();
    choices.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::tests::date;

    #[test]
    fn texts_name_the_argument_and_the_fix() {
        let day = |day| Period::new(day, DateRange::one_day(date(day)));
        let choices = vec![day("2026-04-07"), day("2026-07-04")];
        let texts = [
            PeriodError::unknown("blue moon", Some("blue")),
            PeriodError::ambiguous("7/4/2026", choices),
            PeriodError::future("May", DateRange::one_day(date("2026-05-01")), date("2026-04-30")),
            PeriodError::invalid("2026-02-30", "there is no such day"),
        ]
        .map(|error| error.to_string());
        assert_eq!(
            texts,
            [
                "period \"blue moon\" is not understood because of \"blue\"; write it like \"last 30 days\", \
                 \"July 2026\", \"Q3 2026\", \"FY2026 week 35\" or \"2026-07-01..2026-09-30\"",
                "period \"7/4/2026\" can mean \"2026-04-07\" or \"2026-07-04\"; write the one that is meant",
                "period \"May\" lies in the future: it is 2026-05-01..2026-05-01, and today is 2026-04-30; ask for \
                 days that have come, like \"last month\" or \"year to date\"",
                "period \"2026-02-30\" cannot be used: there is no such day",
            ]
        );
    }

    #[test]
    fn a_text_can_name_another_argument() {
        let error = PeriodError::invalid("2026-02-30", "there is no such day");
        assert_eq!(
            error.about("compare_to"),
            "'compare_to' \"2026-02-30\" cannot be used: there is no such day"
        );
    }

    #[test]
    fn repeats_no_long_text_and_no_control_characters() {
        let text = PeriodError::unknown(&"\u{1b}ü".repeat(500), None).to_string();
        assert!(text.len() < 700 && !text.contains('\u{1b}'), "{text}");
        let error = DomainError::from(PeriodError::unknown("x", None));
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
    }
}
