//! One thing that a phrase can mean.

use chrono::NaiveDate;

use super::{Recurring, Refusal};
use crate::calendar::{DateRange, Period};

/// The note of a period whose year was not given.
pub(super) const NO_YEAR: &str = "no year was given: the latest one that has begun";

/// One thing that a phrase can mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) what: What,
    /// How the date in it was read, if it could be read in another way.
    pub(super) order: Option<Order>,
}

/// Days, or what still lacks a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Fixed(Period),
    Recurring(Recurring, Option<i32>),
}

/// What `7/4` begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    MonthFirst,
    DayFirst,
}

impl Candidate {
    /// Days that are known.
    pub(super) fn fixed(period: Period) -> Self {
        Self { what: What::Fixed(period), order: None }
    }

    /// One day.
    pub(super) fn day(day: NaiveDate) -> Self {
        Self::fixed(Period::new(day.to_string(), DateRange::one_day(day)))
    }

    /// What comes each year, perhaps of one.
    pub(super) fn recurring(what: Recurring, year: Option<i32>) -> Self {
        Self { what: What::Recurring(what, year), order: None }
    }

    /// The same, read in one of two orders.
    pub(super) fn in_order(self, order: Order) -> Self {
        Self { order: Some(order), ..self }
    }

    /// Its days.
    pub(super) fn pin(&self, today: NaiveDate) -> Result<Period, Refusal> {
        match &self.what {
            What::Fixed(period) => Ok(period.clone()),
            What::Recurring(what, Some(year)) => in_year(*what, *year),
            What::Recurring(what, None) => {
                let found = what.latest_begun(today).ok_or_else(|| what.missing(None))?;
                Ok(found.with_note(NO_YEAR))
            }
        }
    }
}

/// The one of a year that was named.
pub(super) fn in_year(what: Recurring, year: i32) -> Result<Period, Refusal> {
    what.in_year(year).ok_or_else(|| {
        // 1969 has days in 1970; what is earlier has none.
        if (1969..=9999).contains(&year) { what.missing(Some(year)) } else { Refusal::BeyondLimits }
    })
}
