//! What a user gave a prompt: checked, without anything that hides or breaks lines, and only ever quoted.

use std::collections::BTreeMap;

use retail_analytics::calendar::Period;
use retail_analytics::{Analyst, MAX_METRICS};
use retail_domain::{Error, ErrorCode, Principal, Scope};
use rmcp::model::JsonObject;
use serde_json::Value;

use super::argument::{self, Argument, Kind};
use crate::arguments::echo;
use crate::resources::hint;

/// Longest argument, in characters.
const MAX_CHARS: usize = 200;

/// The arguments of one prompt.
#[derive(Debug)]
pub(super) struct Given {
    values: BTreeMap<&'static str, Value>,
    /// What the user wrote, for showing: defaults are not in it.
    pub(super) shown: Vec<(&'static str, Value)>,
    /// The days that phrases mean, by argument.
    pub(super) periods: Vec<(&'static str, Period)>,
    sees_costs: bool,
    pub(super) sees_all: bool,
}

impl Given {
    /// Checks the arguments.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] that names the argument.
    pub(super) fn read(
        expected: &[&'static Argument],
        mut arguments: JsonObject,
        analyst: &Analyst,
        principal: &Principal,
    ) -> Result<Self, Error> {
        arguments.retain(|_, value| !value.is_null());
        let names: Vec<&str> = expected.iter().map(|argument| argument.name).collect();
        if let Some(unknown) = arguments.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(unknown_argument(unknown, &names));
        }
        let mut given = Self {
            values: BTreeMap::new(),
            shown: Vec::new(),
            periods: Vec::new(),
            sees_costs: principal.has_scope(Scope::Costs),
            sees_all: argument::sees_all(principal),
        };
        for argument in expected {
            let name = argument.name;
            let written = match arguments.get(name) {
                Some(value) => usable(name, value)?,
                None => String::new(),
            };
            if !written.is_empty() {
                let value = checked(argument, &written)?;
                given.shown.push((name, value.clone()));
                given.values.insert(name, value);
            } else if argument.is_required {
                let message = format!("argument '{name}' is required");
                return Err(invalid(message, argument.description));
            } else if let Some(default) = argument.default {
                given.values.insert(name, checked(argument, default)?);
            }
            given.resolve(argument, analyst)?;
        }
        Ok(given)
    }

    /// Finds the days that a phrase means, so that a wrong one fails here and not in the first call.
    fn resolve(&mut self, argument: &Argument, analyst: &Analyst) -> Result<(), Error> {
        let Some(phrase) = self.values.get(argument.name).and_then(Value::as_str) else {
            return Ok(());
        };
        let period = match argument.kind {
            Kind::Period => analyst.period(phrase)?,
            // It is listed behind the period that it is about.
            Kind::Comparison => match self.periods.last() {
                Some((_, period)) => analyst.compared(period, phrase)?,
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        self.periods.push((argument.name, period));
        Ok(())
    }

    /// The value of an argument as a tool takes it: null where there is none.
    pub(super) fn value(&self, name: &str) -> Value {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// Whether a word was chosen.
    pub(super) fn is(&self, name: &str, word: &str) -> bool {
        self.values.get(name).is_some_and(|value| value == word)
    }

    /// These metrics, and the gross margin for those who may see it: in the place of the last one where a call takes no more.
    pub(super) fn metrics(&self, names: &[&str]) -> Value {
        let margin = self.sees_costs.then_some("gross_margin");
        let room = MAX_METRICS - usize::from(self.sees_costs);
        names.iter().copied().take(room).chain(margin).collect()
    }
}

pub(super) fn unknown_argument(name: &str, names: &[&str]) -> Error {
    let hint = match names {
        [] => "it takes no arguments".to_owned(),
        names if name == "store" && !names.contains(&"store") => {
            "leave 'store' out: the answers are about the store of whoever asks".to_owned()
        }
        names => hint(name, names),
    };
    invalid(format!("unknown argument '{}'", echo(&without_hidden(name))), hint)
}

/// The text of an argument, on one line.
fn usable(name: &str, value: &Value) -> Result<String, Error> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => {
            return Err(invalid(format!("argument '{name}' must be a text"), "send it in quotes"));
        }
    };
    if text.chars().nth(MAX_CHARS).is_some() {
        let message = format!("argument '{name}' is longer than {MAX_CHARS} characters");
        return Err(invalid(message, "say it shorter"));
    }
    Ok(without_hidden(&text))
}

/// The text without what is not seen, and with spaces for line breaks.
pub(super) fn without_hidden(text: &str) -> String {
    let seen: String = text
        .chars()
        .filter(|&letter| !is_hidden(letter))
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a character changes how others are shown, or is not shown itself: with these, a text can say one thing to
/// a person and another to a model.
fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The value as a tool takes it.
fn checked(argument: &Argument, text: &str) -> Result<Value, Error> {
    let name = argument.name;
    match argument.kind {
        Kind::OneOf(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
            word.map(|word| Value::from(*word)).ok_or_else(|| {
                invalid(
                    format!("argument '{name}' has a value that it cannot have"),
                    hint(text, words),
                )
            })
        }
        Kind::Number { min, max } => {
            let number = text.parse().ok().filter(|number: &u32| (min..=max).contains(number));
            number.map(Value::from).ok_or_else(|| {
                let message =
                    format!("argument '{name}' must be a whole number from {min} to {max}");
                invalid(message, argument.description)
            })
        }
        _ => Ok(text.into()),
    }
}

fn invalid(message: String, hint: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, message).with_hint(hint)
}
