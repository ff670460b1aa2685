//! Time as a retailer has it: days of the company's time zone, periods that people name, the 4-5-4 retail calendar.
//!
//! A caller names a period in words; [`CompanyCalendar::resolve`] turns it into dates, so that the answer can say
//! which days it is about. A phrase with two meanings is refused with both, never guessed: a number for the wrong
//! week looks like one for the right week.
//!
//! ```
//! use chrono::NaiveDate;
//! use retail_analytics::calendar::{CompanyCalendar, TimeGrain};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let calendar = CompanyCalendar::default();
//! let today = NaiveDate::from_ymd_opt(2026, 11, 22).ok_or("no such day")?;
//! let period = calendar.resolve("Q3", today)?;
//! assert_eq!(period.range.to_string(), "2026-07-01..2026-09-30");
//! let before = calendar.compare(&period, "same period last year", today)?;
//! assert_eq!(before.label, "Q3 2025");
//! assert_eq!(calendar.buckets(period.range, TimeGrain::Month).len(), 3);
//! # Ok(())
//! # }
//! ```

mod bucket;
mod company;
mod comparison;
mod days;
mod error;
mod grain;
mod period;
mod phrase;
mod phrases;
mod range;
mod retail;
#[cfg(test)]
mod tests;
mod us_days;

pub use bucket::Bucket;
pub use company::CompanyCalendar;
pub use days::{FIRST_DAY, LAST_DAY};
pub use error::PeriodError;
pub use grain::{TimeGrain, UnknownGrain};
pub use period::Period;
pub use phrases::{docs_comparisons, docs_phrases};
pub use range::DateRange;
pub use retail::{RetailSeason, RetailYear};
