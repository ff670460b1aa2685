//! Which days count.

use chrono::{Days, Months, NaiveDate};
use retail_domain::Error;
use tokio_postgres::Client;

use super::rows;
use crate::product_search::cards::column;

/// Longest period, in days.
const MOST_DAYS: u32 = 36_500;

/// First and last day of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) first: NaiveDate,
    pub(super) last: NaiveDate,
}

impl Period {
    /// The `days` up to `last`, at least that day.
    fn up_to(last: NaiveDate, days: u32) -> Option<Self> {
        let before = Days::new(u64::from(days.clamp(1, MOST_DAYS)) - 1);
        Some(Self { first: last.checked_sub_days(before)?, last })
    }

    /// The same days a year before.
    pub(super) fn a_year_before(self) -> Option<Self> {
        let year = Months::new(12);
        Some(Self {
            first: self.first.checked_sub_months(year)?,
            last: self.last.checked_sub_months(year)?,
        })
    }

    /// As an answer has it.
    pub(super) fn days(self) -> (NaiveDate, NaiveDate) {
        (self.first, self.last)
    }
}

/// The period up to the last day with sales that the caller sees, or none without any. Not up to today:
/// a copy of last month's data is to give last month's answer.
pub(super) async fn period(client: &Client, days: u32) -> Result<Option<Period>, Error> {
    let found = rows(client, "SELECT max(order_date)::text FROM retail.orders", &[]).await?;
    let last: Option<String> = match found.first() {
        Some(row) => column(row, 0)?,
        None => None,
    };
    match last {
        Some(last) => Ok(Period::up_to(last.parse().map_err(Error::internal)?, days)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_ends_with_its_last_day() {
        let period = Period::up_to(day("2024-02-29"), 30).unwrap();
        assert_eq!(period.days(), (day("2024-01-31"), day("2024-02-29")));
        let before = period.a_year_before().unwrap();
        assert_eq!(before.days(), (day("2023-01-31"), day("2023-02-28")));
        assert_eq!(Period::up_to(day("2024-02-29"), 0).unwrap().first, day("2024-02-29"));
        assert!(Period::up_to(day("2024-02-29"), u32::MAX).is_some());
    }

    /// A year at most, or a day would be counted on both sides.
    #[test]
    fn a_year_and_the_year_before_share_no_day() {
        for last in ["2023-12-31", "2024-02-29", "2024-03-01", "2025-02-28"] {
            let period = Period::up_to(day(last), 365).unwrap();
            assert!(period.a_year_before().unwrap().last < period.first, "{last}");
        }
    }
}
