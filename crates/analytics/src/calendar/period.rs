//! Days with the name that they go by.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::DateRange;

/// A run of days with a name.
///
/// ```
/// use chrono::NaiveDate;
/// use retail_analytics::calendar::{DateRange, Period};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let first = NaiveDate::from_ymd_opt(2026, 6, 1).ok_or("no such day")?;
/// let last = NaiveDate::from_ymd_opt(2026, 6, 14).ok_or("no such day")?;
/// let period = Period::new("garden weeks", DateRange::new(first, last)?);
/// assert!(period.is_over(last.succ_opt().ok_or("no next day")?));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Period {
    /// Its name, for example `Q3 2026` or `last 30 days`.
    /// [`CompanyCalendar::resolve`](super::CompanyCalendar::resolve) reads the names that it gives: on the same day
    /// they mean the same days.
    pub label: String,
    /// Its days.
    pub range: DateRange,
    /// What a reader of the figures must know about how the phrase was read, for example that it runs until today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Period {
    /// A period without a note.
    pub fn new(label: impl Into<String>, range: DateRange) -> Self {
        Self { label: label.into(), range, note: None }
    }

    /// Adds a note to those that there are.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        let note = note.into();
        self.note = Some(match self.note.take() {
            None => note,
            Some(earlier) if earlier.contains(&note) => earlier,
            Some(earlier) => format!("{earlier}; {note}"),
        });
        self
    }

    /// Adds the notes of another period.
    #[must_use]
    pub(super) fn with_notes_of(self, other: &Self) -> Self {
        match &other.note {
            Some(note) => self.with_note(note),
            None => self,
        }
    }

    /// Whether its last day has passed. Today has not: its sales are still coming in.
    pub fn is_over(&self, today: NaiveDate) -> bool {
        self.range.last() < today
    }

    /// The part of it that has begun: its days until today, with a note if that leaves some out. `None` if it lies
    /// wholly in the future.
    ///
    /// It is what to compare while a period is not over: `July 2026` on the 15th against all of June tells nothing.
    #[must_use]
    pub fn so_far(&self, today: NaiveDate) -> Option<Self> {
        if self.range.last() <= today {
            return Some(self.clone());
        }
        let days = self.range.intersection(DateRange::spanning(self.range.first(), today))?;
        if self.range.first() > today {
            return None;
        }
        // "December to February to date" would be read as a range that ends with February to date.
        let is_range = self.label.contains(" to ") || self.label.contains("..");
        let label = if is_range { days.to_string() } else { format!("{} to date", self.label) };
        Some(Self::new(label, days).with_note("runs until today"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::tests::date;

    fn july() -> Period {
        Period::new("July 2026", DateRange::spanning(date("2026-07-01"), date("2026-07-31")))
    }

    #[test]
    fn is_over_on_the_day_after() {
        assert!(!july().is_over(date("2026-07-31")));
        assert!(july().is_over(date("2026-08-01")));
    }

    #[test]
    fn is_clipped_to_what_has_begun() {
        let so_far = july().so_far(date("2026-07-15")).unwrap();
        assert_eq!(so_far.label, "July 2026 to date");
        assert_eq!(so_far.range.to_string(), "2026-07-01..2026-07-15");
        assert_eq!(july().so_far(date("2026-07-31")), Some(july()));
        assert_eq!(july().so_far(date("2026-06-30")), None);
    }

    #[test]
    fn collects_notes_once() {
        let noted = july().with_note("one").with_note("two").with_note("one");
        assert_eq!(noted.note.as_deref(), Some("one; two"));
        let written = serde_json::to_string(&july()).unwrap();
        assert!(!written.contains("note"), "{written}");
        assert_eq!(serde_json::from_str::<Period>(&written).unwrap(), july());
    }
}
