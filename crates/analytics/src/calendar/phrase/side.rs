//! Ranges from one period to another.

use chrono::NaiveDate;

use super::Refusal;
use super::candidate::{Candidate, NO_YEAR, What};
use crate::calendar::{DateRange, Period};

/// What a range ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// A period that was named.
    Named,
    /// Today.
    Since,
}

/// From the first day of one period to the last of another, in each way that they can be read.
pub(super) fn between(
    starts: &[Candidate],
    ends: &[Candidate],
    today: NaiveDate,
    kind: Between,
) -> Result<Vec<Period>, Refusal> {
    let pairs = || starts.iter().flat_map(|start| ends.iter().map(move |end| (start, end)));
    // Nobody writes one date month first and the other day first.
    let agree = |(start, end): &(&Candidate, &Candidate)| match (start.order, end.order) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    let mut agreeing: Vec<_> = pairs().filter(agree).collect();
    if agreeing.is_empty() {
        agreeing = pairs().collect();
    }
    let mut found = Vec::new();
    for (start, end) in agreeing {
        let (first, last) = pin_pair(start, end, today)?;
        if kind == Between::Since && first.range.first() > today {
            // Of the future, as whoever checks the result will find.
            found.push(first);
        } else if first.range.first() <= last.range.last() {
            found.push(joined(&first, &last));
        }
    }
    if found.is_empty() {
        let reason = "its last day is before its first: write the earlier day first";
        return Err(Refusal::Invalid(reason.to_owned()));
    }
    Ok(found)
}

/// Both ends. One that lacks a year takes it from the other.
fn pin_pair(
    start: &Candidate,
    end: &Candidate,
    today: NaiveDate,
) -> Result<(Period, Period), Refusal> {
    let follow = |start: Period, end: &Candidate| match end.what {
        What::Recurring(what, None) => {
            let last = what.next_from(start.range.first()).ok_or_else(|| what.missing(None))?;
            Ok((start, last))
        }
        _ => Ok((start, end.pin(today)?)),
    };
    match (&start.what, &end.what) {
        (What::Recurring(_, None), What::Recurring(_, None)) => follow(start.pin(today)?, end),
        (What::Recurring(what, None), ended) => {
            let last = end.pin(today)?;
            let first = what.latest_begun(last.range.first()).ok_or_else(|| what.missing(None))?;
            match ended {
                What::Fixed(_) => Ok((first.with_note(NO_YEAR), last)),
                What::Recurring(..) => Ok((first, last)),
            }
        }
        _ => follow(start.pin(today)?, end),
    }
}

/// From the first day of one to the last of the other.
fn joined(first: &Period, last: &Period) -> Period {
    let range = DateRange::spanning(first.range.first(), last.range.last());
    let is_day = |period: &Period| period.label == period.range.first().to_string();
    let is_plain = |period: &Period| !period.label.contains(" to ") && !period.label.contains("..");
    let label = if (is_day(first) && is_day(last)) || !is_plain(first) || !is_plain(last) {
        range.to_string()
    } else {
        format!("{} to {}", first.label, last.label)
    };
    Period::new(label, range).with_notes_of(first).with_notes_of(last)
}
