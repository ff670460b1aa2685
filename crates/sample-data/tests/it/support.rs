//! Data sets, and what SQL would measure in them.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "functions of tests that are outside the test functions that clippy.toml exempts"
)]

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use retail_sample_data::{
    Dataset, Scale, Spec, Table,
    verify::{CategoryMonth, Observed, StoreSales, YearOrders},
};

pub(crate) fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

pub(crate) fn dataset(seed: u64, scale: Scale, until: NaiveDate) -> Dataset {
    Dataset::new(Spec { seed, scale, until }).unwrap()
}

pub(crate) fn tiny() -> Dataset {
    dataset(42, Scale::Tiny, date(2026, 11, 22))
}

/// Measures with the typed rows what `verify::queries` measures with SQL.
pub(crate) fn observe(dataset: &Dataset) -> Observed {
    let catalogue = dataset.catalogue();
    let orders: Vec<_> = dataset.orders().collect();
    let mut totals_cents = vec![0_i64; orders.len()];
    let mut units = BTreeMap::<(i32, i32, u32), u64>::new();
    let mut order_items = 0;
    for item in dataset.order_items() {
        order_items += 1;
        let index = item.order_id as usize - 1;
        totals_cents[index] += item.total_amount_cents;
        let category_id = catalogue.products()[item.product_id as usize - 1].category_id;
        let date = orders[index].order_date;
        *units.entry((category_id, date.year(), date.month())).or_default() += item.quantity as u64;
    }
    let store_sales = retail_sample_data::STORES
        .iter()
        .map(|store| {
            let values: Vec<f64> = orders
                .iter()
                .zip(&totals_cents)
                .filter(|(order, _)| order.store_id == store.store_id)
                .map(|(_, cents)| *cents as f64 / 100.0)
                .collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            StoreSales {
                store_name: store.name.to_owned(),
                orders: values.len() as u64,
                mean_order_value: mean,
                stddev_order_value: (squares / (values.len() as f64 - 1.0)).sqrt(),
            }
        })
        .collect();
    let mut years = BTreeMap::<i32, u64>::new();
    for order in &orders {
        *years.entry(order.order_date.year()).or_default() += 1;
    }
    let rows = |table| dataset.row_count(table).value();
    Observed {
        stores: rows(Table::Stores),
        categories: rows(Table::Categories),
        product_types: rows(Table::ProductTypes),
        products: rows(Table::Products),
        customers: dataset.customers().count() as u64,
        inventory: dataset.inventory().count() as u64,
        orders: orders.len() as u64,
        order_items,
        first_order_date: orders.first().map(|order| order.order_date),
        last_order_date: orders.last().map(|order| order.order_date),
        store_sales,
        year_orders: years.into_iter().map(|(year, orders)| YearOrders { year, orders }).collect(),
        category_months: units
            .into_iter()
            .map(|((category_id, year, month), units)| CategoryMonth {
                category_name: catalogue.categories()[category_id as usize - 1].name.clone(),
                year,
                month,
                units,
            })
            .collect(),
    }
}
