//! The sales of the sample data as series.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use chrono::{Datelike, NaiveDate};
use retail_sample_data::{Dataset, STORES, Scale, Spec};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    NetSales,
    Units,
    Orders,
}

impl Measure {
    pub(crate) const ALL: [Self; 3] = [Self::NetSales, Self::Units, Self::Orders];
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetSales => "net sales",
            Self::Units => "units",
            Self::Orders => "orders",
        })
    }
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    Month,
    Week,
}

impl Grain {
    pub(crate) fn season_length(self) -> usize {
        match self {
            Self::Month => 12,
            Self::Week => 52,
        }
    }

    /// The period of a date, from 0, or `None` for days of periods that are not complete: the first
    /// week starts on Monday, 2020-01-06; the last is over on Sunday, 2026-11-22, but November not.
    fn period(self, date: NaiveDate) -> Option<usize> {
        match self {
            Self::Month => {
                let month = (date.year() - 2020) * 12 + date.month0().cast_signed();
                (month < 82).then_some(month as usize)
            }
            Self::Week => {
                let days = (date - NaiveDate::from_ymd_opt(2020, 1, 6)?).num_days();
                usize::try_from(days).ok().map(|days| days / 7)
            }
        }
    }
}

/// Net sales, units and orders of one series on one day.
type Day = [f64; 3];

/// All sales by store, and by store and category, and by day.
type Sales = BTreeMap<(i32, Option<i32>), BTreeMap<NaiveDate, Day>>;

/// All sales of the full scale. Made once for each seed, since it takes seconds.
fn sales(seed: u64) -> Arc<Sales> {
    static MADE: Mutex<BTreeMap<u64, Arc<Sales>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap();
    Arc::clone(made.entry(seed).or_insert_with(|| Arc::new(make(seed))))
}

fn make(seed: u64) -> Sales {
    let until = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
    let dataset = Dataset::new(Spec { seed, scale: Scale::FULL, until }).unwrap();
    let dates: Vec<NaiveDate> = dataset.orders().map(|order| order.order_date).collect();

    let products = dataset.catalogue().products();
    let category_of = |product_id: i32| products[product_id as usize - 1].category_id;
    assert!(products.iter().zip(1..).all(|(product, id)| product.product_id == id));

    let mut sales = Sales::new();
    let mut add = |key, date, amounts: Day| {
        let day: &mut Day = sales.entry(key).or_default().entry(date).or_default();
        for (sum, amount) in day.iter_mut().zip(amounts) {
            *sum += amount;
        }
    };
    let lines: Vec<_> = dataset.order_items().collect();
    for order in lines.chunk_by(|a, b| a.order_id == b.order_id) {
        let (store, date) = (order[0].store_id, dates[order[0].order_id as usize - 1]);
        let mut categories = Vec::new();
        for line in order {
            let category = category_of(line.product_id);
            let amount = line.total_amount_cents as f64 / 100.0;
            for key in [None, Some(category)] {
                add((store, key), date, [amount, f64::from(line.quantity), 0.0]);
            }
            if !categories.contains(&category) {
                categories.push(category);
            }
        }
        for key in [None].into_iter().chain(categories.into_iter().map(Some)) {
            add((store, key), date, [0.0, 0.0, 1.0]);
        }
    }
    sales
}

/// The series of the eight stores, or of the nine categories in each.
pub(crate) fn series(
    seed: u64,
    measure: Measure,
    grain: Grain,
    by_category: bool,
) -> Vec<Vec<f64>> {
    let sales = sales(seed);
    let wanted = sales.iter().filter(|((_, key), _)| key.is_some() == by_category);
    let all: Vec<Vec<f64>> = wanted
        .map(|(_, days)| {
            let mut values = Vec::new();
            for (date, day) in days {
                if let Some(period) = grain.period(*date) {
                    values.resize(values.len().max(period + 1), 0.0);
                    values[period] += day[measure as usize];
                }
            }
            values
        })
        .collect();
    assert_eq!(all.len(), STORES.len() * if by_category { 9 } else { 1 });
    let longest = all.iter().map(Vec::len).max().unwrap();
    // A series may end without a sale.
    all.into_iter()
        .map(|mut values| {
            values.resize(longest, 0.0);
            values
        })
        .collect()
}
