//! How many orders each day has.

use chrono::{Datelike, NaiveDate, TimeDelta};

use crate::{
    Error,
    random::{Purpose, Stream},
};

/// The first day with orders.
pub const FIRST_ORDER_DATE: NaiveDate = date(2020, 1, 1);
/// The earliest last day of a data set.
pub const EARLIEST_UNTIL: NaiveDate = date(2020, 1, 31);
/// The latest last day of a data set: later, the largest scale would leave 32-bit row numbers.
pub const LATEST_UNTIL: NaiveDate = date(2050, 12, 31);

/// The last day at which the full scale has exactly [`FULL_ORDERS`] orders.
const ANCHOR: NaiveDate = date(2026, 11, 22);
/// The orders of the full scale up to [`ANCHOR`].
const FULL_ORDERS: f64 = 200_000.0;

/// The relative number of orders in 2020, 2021…; 2023 is a dip.
const YEAR_WEIGHTS: [f64; 7] = [1.0, 1.1, 1.21, 1.15, 1.265, 1.392, 1.531];
/// The yearly growth after the last of [`YEAR_WEIGHTS`].
const LATER_GROWTH: f64 = 1.1;

/// How far each weekday's opening runs ahead of an even week, in days: Monday to Sunday.
///
/// The differences between neighbours are what a day has more or less than the mean: Saturday has
/// 30 percent more orders, Monday and Tuesday 15 percent fewer.
const WEEKDAY_SHIFT_DAYS: [f64; 7] = [0.0, -0.15, -0.30, -0.40, -0.45, -0.35, -0.05];
/// How far a day's border may move by chance to either side, in days. Together with the weekdays'
/// shifts it stays so small that borders cannot cross.
const BORDER_JITTER_DAYS: f64 = 0.2;

/// A date known to exist.
const fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

/// The relative number of orders in a year.
pub(crate) fn year_weight(year: i32) -> f64 {
    let last = YEAR_WEIGHTS.len() - 1;
    let index = usize::try_from(year - FIRST_ORDER_DATE.year()).unwrap_or(0);
    let mut weight = YEAR_WEIGHTS.get(index.min(last)).copied().unwrap_or(1.0);
    // Repeated multiplication, since a power function may round differently per machine.
    for _ in last..index {
        weight *= LATER_GROWTH;
    }
    weight
}

/// The days of a data set and the orders of each.
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    until: NaiveDate,
    /// The cumulative weight of all days before day `i`, for each day and the end.
    weight_before: Vec<f64>,
    /// The number of orders before day `i`, for each day and the end.
    orders_before: Vec<u32>,
}

impl Calendar {
    /// The calendar up to and including `until`, with 12 relative weights for the months.
    pub(crate) fn new(
        seed: u64,
        order_factor: f64,
        until: NaiveDate,
        month_weights: &[f64; 12],
    ) -> Result<Self, Error> {
        if until < EARLIEST_UNTIL {
            return Err(Error::UntilTooEarly { until, earliest: EARLIEST_UNTIL });
        }
        if until > LATEST_UNTIL {
            return Err(Error::UntilTooLate { until, latest: LATEST_UNTIL });
        }
        let weight_before = cumulative_weights(until, month_weights);
        let to_anchor = cumulative_weights(ANCHOR, month_weights).last().copied().unwrap_or(1.0);
        let orders_per_weight = FULL_ORDERS * order_factor / to_anchor;
        let orders_before = orders_before(seed, orders_per_weight, &weight_before);
        Ok(Self { until, weight_before, orders_before })
    }

    /// The number of days.
    pub(crate) fn days(&self) -> usize {
        self.orders_before.len() - 1
    }

    /// The date of day `day`, counted from 0; never after `until`.
    pub(crate) fn date(&self, day: usize) -> NaiveDate {
        let days = i64::try_from(day).unwrap_or(0);
        FIRST_ORDER_DATE
            .checked_add_signed(TimeDelta::days(days))
            .map_or(self.until, |date| date.min(self.until))
    }

    /// The number of all orders.
    pub(crate) fn orders(&self) -> u32 {
        self.orders_before.last().copied().unwrap_or(0)
    }

    /// The number of orders before day `day`.
    pub(crate) fn orders_before(&self, day: usize) -> u32 {
        self.orders_before.get(day).copied().unwrap_or_else(|| self.orders())
    }

    /// The day, and the part of it that has passed, at which `part` of all business up to the eve
    /// of the last day is done. It spreads customers in step with the growth of the business.
    pub(crate) fn day_at(&self, part: f64) -> (usize, f64) {
        let eve = self.days() - 1;
        let target = part * self.weight_before.get(eve).copied().unwrap_or(0.0);
        let day = self.weight_before.partition_point(|&before| before <= target) - 1;
        let day = day.min(eve - 1);
        let start = self.weight_before.get(day).copied().unwrap_or(0.0);
        let end = self.weight_before.get(day + 1).copied().unwrap_or(start + 1.0);
        (day, ((target - start) / (end - start)).clamp(0.0, 1.0))
    }

    /// Mean orders a week over the last 52 weeks, or over all weeks when there are fewer.
    pub(crate) fn recent_orders_per_week(&self) -> f64 {
        let days = self.days().min(364);
        let orders = self.orders() - self.orders_before(self.days() - days);
        f64::from(orders) * 7.0 / f64::from(u32::try_from(days).unwrap_or(u32::MAX))
    }
}

/// The cumulative weight before each day from the first to `until`, and at the end.
fn cumulative_weights(until: NaiveDate, month_weights: &[f64; 12]) -> Vec<f64> {
    let months_sum: f64 = month_weights.iter().sum();
    let mut sum = 0.0;
    let mut weights = vec![sum];
    for day in FIRST_ORDER_DATE.iter_days().take_while(|day| *day <= until) {
        let month = month_weights.get(day.month0() as usize).copied().unwrap_or(0.0) / months_sum;
        sum += year_weight(day.year()) * month / f64::from(day.num_days_in_month());
        weights.push(sum);
    }
    weights
}

/// The number of orders before each day and at the end.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "days fit 16 bits, orders 32 bits by the limits of scale and date"
)]
fn orders_before(seed: u64, orders_per_weight: f64, weight_before: &[f64]) -> Vec<u32> {
    let days = weight_before.len() - 1;
    let at = |day: usize| weight_before.get(day).copied().unwrap_or(0.0);
    (0..=days)
        .zip(FIRST_ORDER_DATE.iter_days())
        .map(|(day, date)| {
            let weight = if day == 0 || day == days {
                at(day)
            } else {
                let weekday = date.weekday().num_days_from_monday() as usize;
                let shift = WEEKDAY_SHIFT_DAYS.get(weekday).copied().unwrap_or(0.0);
                let jitter = Stream::new(seed, Purpose::DayStart, day as u64).unit() * 2.0 - 1.0;
                let moved = (day as f64 + shift + jitter * BORDER_JITTER_DAYS).max(0.0);
                let whole = moved.floor() as usize;
                at(whole) + (moved - moved.floor()) * (at((whole + 1).min(days)) - at(whole))
            };
            (orders_per_weight * weight).round() as u32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;

    const EVEN: [f64; 12] = [1.0; 12];

    fn calendar(until: NaiveDate) -> Calendar {
        Calendar::new(7, 1.0, until, &EVEN).unwrap()
    }

    #[test]
    fn the_full_scale_has_its_orders_at_the_anchor() {
        assert_eq!(calendar(ANCHOR).orders(), 200_000);
        let uneven = [0.8, 0.8, 1.0, 1.2, 1.2, 1.2, 1.1, 1.1, 1.0, 1.0, 0.9, 0.8];
        assert_eq!(Calendar::new(7, 0.5, ANCHOR, &uneven).unwrap().orders(), 100_000);
    }

    #[test]
    fn a_later_last_day_leaves_earlier_days_as_they_were() {
        let (short, long) = (calendar(date(2024, 6, 30)), calendar(date(2026, 6, 30)));
        for day in 0..short.days() {
            assert_eq!(short.orders_before(day), long.orders_before(day));
        }
        assert!(long.orders() > short.orders());
    }

    #[test]
    fn days_never_lose_orders_and_weekends_are_busier() {
        let calendar = calendar(ANCHOR);
        let mut by_weekday = [0_u32; 7];
        for day in 0..calendar.days() {
            let orders = calendar.orders_before(day + 1) - calendar.orders_before(day);
            by_weekday[calendar.date(day).weekday().num_days_from_monday() as usize] += orders;
        }
        let on = |weekday: Weekday| f64::from(by_weekday[weekday.num_days_from_monday() as usize]);
        assert!((on(Weekday::Sat) / on(Weekday::Mon) - 1.30 / 0.85).abs() < 0.05);
        assert_eq!(calendar.date(calendar.days() - 1), ANCHOR);
    }

    #[test]
    fn years_weigh_what_they_should() {
        assert!((year_weight(2023) - 1.15).abs() < 1e-12);
        assert!((year_weight(2026) - 1.531).abs() < 1e-12);
        assert!((year_weight(2028) - 1.531 * 1.21).abs() < 1e-12);
    }

    #[test]
    fn business_days_run_from_the_first_to_the_eve_of_the_last() {
        let calendar = calendar(ANCHOR);
        assert_eq!(calendar.day_at(0.0).0, 0);
        assert_eq!(calendar.day_at(1.0).0, calendar.days() - 2);
        assert!(calendar.day_at(0.3) < calendar.day_at(0.4));
    }

    #[test]
    fn dates_out_of_range_are_refused() {
        let early = Calendar::new(1, 1.0, date(2020, 1, 30), &EVEN).unwrap_err().to_string();
        assert!(early.contains("2020-01-30") && early.contains("2020-01-31"), "{early}");
        assert!(Calendar::new(1, 1.0, date(2051, 1, 1), &EVEN).is_err());
        assert!(Calendar::new(1, 1.0, EARLIEST_UNTIL, &EVEN).is_ok());
    }
}
