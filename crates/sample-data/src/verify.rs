//! Checks that a loaded database holds what the specification promises.
//!
//! Run [`queries`] as a role that sees all stores, put the figures into an [`Observed`], and ask
//! [`Targets::check`] for a [`Report`].

mod observed;
mod report;
mod statistics;

pub use observed::{CategoryMonth, Observed, Query, StoreSales, YearOrders, queries};
pub use report::{Line, Report};

use chrono::{Datelike, NaiveDate};

use crate::{
    Dataset, Error, FIRST_ORDER_DATE, RowCount, STORES, Table, calendar::year_weight,
    demand::month_weights,
};
use statistics::{correlation, month_distance, peak_month};

/// With fewer orders, chance hides the targets. Scale 0.1x has just enough by the end of 2026.
const MIN_ORDERS: u32 = 19_000;
/// Relative tolerances at full scale. They widen when chance alone may cause more.
const SHARE_TOLERANCE: f64 = 0.05;
const VALUE_TOLERANCE: f64 = 0.05;
const GROWTH_TOLERANCE: f64 = 0.01;
const ITEMS_TOLERANCE: f64 = 0.02;
/// The least correlation of a category's months with its multipliers, at full scale.
const MIN_CORRELATION: f64 = 0.9;
/// The store that the value multipliers refer to.
const REFERENCE_STORE: &str = "Zava Retail Spokane";
/// Store orders are dealt from a deck of this many: only the last, cut one is left to chance.
const STORE_DECK_ORDERS: f64 = 1_684.0;
/// The standard deviation of a category's pieces in one order, as a part of their mean.
const PIECES_DEVIATION: f64 = 0.9;

/// What a data set must show.
#[derive(Debug, Clone)]
pub struct Targets {
    until: NaiveDate,
    orders: u32,
    /// Rows that must be there, by table.
    exact_rows: Vec<(Table, u64)>,
    expected_items: u64,
    /// Full years, each with its relative number of orders.
    full_years: Vec<(i32, f64)>,
    categories: Vec<CategoryTarget>,
}

/// The season of a category.
#[derive(Debug, Clone)]
struct CategoryTarget {
    name: String,
    multipliers: [f64; 12],
    /// The least correlation of the observed months with the multipliers.
    min_correlation: f64,
    /// A month whose multiplier is at least this cannot be told from the peak.
    near_peak: f64,
}

impl Targets {
    /// The targets of a data set.
    ///
    /// # Errors
    ///
    /// [`Error::TooSmallToVerify`] below 19,000 orders, such as at scale `tiny`.
    pub fn new(dataset: &Dataset) -> Result<Self, Error> {
        let orders = dataset.calendar().orders();
        if orders < MIN_ORDERS {
            return Err(Error::TooSmallToVerify {
                orders: u64::from(orders),
                minimum: u64::from(MIN_ORDERS),
            });
        }
        let exact_rows = Table::ALL
            .into_iter()
            .filter_map(|table| match dataset.row_count(table) {
                RowCount::Exact(rows) => Some((table, rows)),
                RowCount::Estimate(_) => None,
            })
            .collect();
        let until = dataset.spec().until;
        let full_years: Vec<(i32, f64)> = (FIRST_ORDER_DATE.year()..=until.year())
            .filter(|year| NaiveDate::from_ymd_opt(*year, 12, 31).is_some_and(|end| end <= until))
            .map(|year| (year, year_weight(year)))
            .collect();
        Ok(Self {
            until,
            orders,
            exact_rows,
            expected_items: dataset.row_count(Table::OrderItems).value(),
            categories: category_targets(dataset, full_years.last().map(|(year, _)| *year)),
            full_years,
        })
    }

    /// Compares what was measured with the targets.
    pub fn check(&self, observed: &Observed) -> Report {
        let mut report = Report::default();
        self.check_counts(observed, &mut report);
        self.check_dates(observed, &mut report);
        self.check_store_shares(observed, &mut report);
        check_order_values(observed, &mut report);
        self.check_years(observed, &mut report);
        self.check_seasons(observed, &mut report);
        report
    }

    fn check_counts(&self, observed: &Observed, report: &mut Report) {
        for (table, expected) in &self.exact_rows {
            let rows = observed.rows_of(*table);
            report.push(Line {
                name: format!("rows of {table}"),
                target: expected.to_string(),
                observed: rows.to_string(),
                tolerance: "exact".to_owned(),
                ok: rows == *expected,
            });
        }
        let name = format!("rows of {}", Table::OrderItems);
        let expected = count(self.expected_items);
        report.push_relative(name, expected, count(observed.order_items), ITEMS_TOLERANCE, 0);
    }

    fn check_dates(&self, observed: &Observed, report: &mut Report) {
        let text = |date: Option<NaiveDate>| date.map_or("none".to_owned(), |d| d.to_string());
        report.push(Line {
            name: "first order date".to_owned(),
            target: FIRST_ORDER_DATE.to_string(),
            observed: text(observed.first_order_date),
            tolerance: "not before".to_owned(),
            ok: observed.first_order_date.is_some_and(|date| date >= FIRST_ORDER_DATE),
        });
        report.push(Line {
            name: "last order date".to_owned(),
            target: self.until.to_string(),
            observed: text(observed.last_order_date),
            tolerance: "not after".to_owned(),
            ok: observed.last_order_date.is_some_and(|date| date <= self.until),
        });
    }

    fn check_store_shares(&self, observed: &Observed, report: &mut Report) {
        let all: u64 = observed.store_sales.iter().map(|store| store.orders).sum();
        for store in &STORES {
            let share = store.order_share();
            let chance =
                (share * STORE_DECK_ORDERS).sqrt() / 2.0 / (f64::from(self.orders) * share);
            let orders = observed.store(store.name).map_or(0, |sales| sales.orders);
            report.push_relative(
                format!("order share, {}", store.name),
                share * 100.0,
                100.0 * count(orders) / count(all.max(1)),
                SHARE_TOLERANCE.max(4.0 * chance),
                2,
            );
        }
    }

    fn check_years(&self, observed: &Observed, report: &mut Report) {
        let orders_in = |year: i32| {
            observed
                .year_orders
                .iter()
                .find(|row| row.year == year)
                .map_or(0.0, |row| count(row.orders))
        };
        for pair in self.full_years.windows(2) {
            let [(before, weight_before), (year, weight)] = pair else {
                continue;
            };
            let base = orders_in(*before).max(1.0);
            report.push_relative(
                format!("orders, {year} to {before}"),
                weight / weight_before,
                orders_in(*year) / base,
                // A day's border may move some orders of New Year's Eve into the other year.
                GROWTH_TOLERANCE.max(10.0 / base),
                3,
            );
        }
    }

    fn check_seasons(&self, observed: &Observed, report: &mut Report) {
        for category in &self.categories {
            let months = observed.units_by_month(&category.name, |year| {
                self.full_years.iter().any(|(full, _)| *full == year)
            });
            let r = correlation(&months, &category.multipliers);
            report.push(Line {
                name: format!("season, {}", category.name),
                target: "r = 1".to_owned(),
                observed: format!("r = {r:.3}"),
                tolerance: format!("r >= {:.2}", category.min_correlation),
                ok: r >= category.min_correlation,
            });
            let (target, found) = (peak_month(&category.multipliers), peak_month(&months));
            let multiplier = category.multipliers.get(found).copied().unwrap_or(0.0);
            report.push(Line {
                name: format!("peak month, {}", category.name),
                target: month_name(target).to_owned(),
                observed: month_name(found).to_owned(),
                tolerance: format!("1 month, or multiplier >= {:.2}", category.near_peak),
                ok: months.iter().sum::<f64>() > 0.0
                    && (month_distance(target, found) <= 1 || multiplier >= category.near_peak),
            });
        }
    }
}

/// The value multipliers, relative to [`REFERENCE_STORE`].
fn check_order_values(observed: &Observed, report: &mut Report) {
    // The relative standard error of a store's mean order value.
    let relative_error = |sales: &StoreSales| {
        sales.stddev_order_value / sales.mean_order_value / count(sales.orders.max(1)).sqrt()
    };
    let reference = observed.store(REFERENCE_STORE);
    for store in STORES.iter().filter(|store| store.name != REFERENCE_STORE) {
        let (ratio, chance) = match (observed.store(store.name), reference) {
            (Some(sales), Some(reference)) => (
                sales.mean_order_value / reference.mean_order_value,
                relative_error(sales).hypot(relative_error(reference)),
            ),
            _ => (0.0, 0.0),
        };
        report.push_relative(
            format!("order value, {} to Spokane", store.name),
            store.value_multiplier(),
            ratio,
            VALUE_TOLERANCE.max(4.0 * chance),
            3,
        );
    }
}

/// The seasons of all categories; none when there is no full year.
fn category_targets(dataset: &Dataset, last_full_year: Option<i32>) -> Vec<CategoryTarget> {
    let Some(end) = last_full_year.and_then(|year| NaiveDate::from_ymd_opt(year, 12, 31)) else {
        return Vec::new();
    };
    let days = (end - FIRST_ORDER_DATE).num_days() + 1;
    let orders = dataset.calendar().orders_before(usize::try_from(days).unwrap_or(0));
    let volume = month_weights(dataset.catalogue());
    let target = |(index, category): (usize, &crate::Category)| {
        let mut expected = volume;
        for (month0, part) in expected.iter_mut().enumerate() {
            *part *= dataset.demand().category_share(month0, index);
        }
        let mean = expected.iter().sum::<f64>() / 12.0;
        let signal = (expected.iter().map(|part| (part - mean).powi(2)).sum::<f64>() / 12.0).sqrt();
        // Of each month, the part of its figure that is chance.
        let noise = PIECES_DEVIATION / (f64::from(orders) * mean / 12.0).sqrt();
        // Noise lowers the correlation that even correct data have; four deviations of it are
        // allowed for.
        let clean = correlation(&expected, &category.monthly_multipliers);
        let likely = clean / 1.0_f64.hypot(noise * mean / signal);
        let lowest = likely - 4.0 * (1.0 - likely * likely) / 12.0_f64.sqrt();
        let peak = category.monthly_multipliers.iter().copied().fold(0.0, f64::max);
        CategoryTarget {
            name: category.name.clone(),
            multipliers: category.monthly_multipliers,
            min_correlation: lowest.clamp(0.0, MIN_CORRELATION),
            near_peak: peak * (1.0 - 3.0 * noise * std::f64::consts::SQRT_2).max(0.0),
        }
    };
    dataset.catalogue().categories().iter().enumerate().map(target).collect()
}

fn month_name(month0: usize) -> &'static str {
    const NAMES: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    NAMES.get(month0).copied().unwrap_or("?")
}

/// A count as a number to calculate with.
#[expect(clippy::cast_precision_loss, reason = "counts of rows, far below 2^52")]
fn count(rows: u64) -> f64 {
    rows as f64
}
