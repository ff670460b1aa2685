//! What follows from all published sums together, by linear algebra: whatever an attacker adds up and subtracts.

use std::collections::BTreeMap;

use retail_domain::StoreId;

use super::world::{Told, Truth, cell};

/// Fewer stores than these must not be told apart from the rest.
const MINIMUM_GROUP: usize = 5;

/// What is unknown: a figure of another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Figure {
    NetSales(i32),
    Units(i32),
    Orders,
    GrossSales,
}

/// One equation: factors of the unknowns, by store.
type Row = BTreeMap<(i32, Figure), f64>;

/// The equations of a month. Means count as exact, and which store sells what as known, so that a real attacker has less.
fn equations(told: &[Told], truth: &Truth, viewer: StoreId, month: &str) -> Vec<Row> {
    let part = |metric: &str, category: i32, of: fn(i32) -> Figure, factor: f64| -> Row {
        let stores = truth.others(viewer, metric, month, category);
        stores.keys().map(|store| ((*store, of(category)), factor)).collect()
    };
    let categories = truth.categories("net_sales", month);
    let all = |metric: &str, of: fn(i32) -> Figure, factor: f64| -> Row {
        categories.iter().flat_map(|category| part(metric, *category, of, factor)).collect()
    };
    let orders = |factor: f64| part("orders", 0, |_| Figure::Orders, factor);
    let gross = |factor: f64| part("orders", 0, |_| Figure::GrossSales, factor);
    let mean = |metric: &str, category: i32| cell(told, metric, month, category)?.mean;
    let mut rows = Vec::new();
    for category in &categories {
        rows.extend(
            mean("net_sales", *category)
                .map(|_| part("net_sales", *category, Figure::NetSales, 1.0)),
        );
        rows.extend(mean("units", *category).map(|_| part("units", *category, Figure::Units, 1.0)));
    }
    rows.extend(mean("net_sales", 0).map(|_| all("net_sales", Figure::NetSales, 1.0)));
    rows.extend(mean("units", 0).map(|_| all("units", Figure::Units, 1.0)));
    rows.extend(mean("orders", 0).map(|_| orders(1.0)));
    // Net sales are as many times the orders; net sales are what is left of gross sales.
    let joined = |mut row: Row, more: Row| {
        row.extend(more);
        row
    };
    rows.extend(
        mean("basket_value", 0)
            .map(|ratio| joined(all("net_sales", Figure::NetSales, 1.0), orders(-ratio))),
    );
    rows.extend(
        mean("units_per_order", 0)
            .map(|ratio| joined(all("units", Figure::Units, 1.0), orders(-ratio))),
    );
    rows.extend(mean("discount_rate", 0).map(|percent| {
        joined(all("net_sales", Figure::NetSales, 1.0), gross(percent / 100.0 - 1.0))
    }));
    rows
}

/// The rank of a matrix, by Gaussian elimination with the largest entry as each pivot.
fn rank(mut rows: Vec<Vec<f64>>) -> usize {
    let mut rank = 0;
    loop {
        let entries = rows.iter().enumerate().flat_map(|(place, row)| {
            row.iter().enumerate().map(move |(column, value)| (place, column, *value))
        });
        let largest = entries.max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()));
        let Some((place, column, at)) = largest.filter(|entry| entry.2.abs() > 1e-7) else {
            return rank;
        };
        let pivot = rows.swap_remove(place);
        for row in &mut rows {
            let factor = row.get(column).map_or(0.0, |value| value / at);
            if factor != 0.0 {
                for (value, by) in row.iter_mut().zip(&pivot) {
                    *value -= factor * by;
                }
            }
        }
        rank += 1;
    }
}

/// All sets of `size` of the stores.
fn groups(stores: &[i32], size: usize) -> Vec<Vec<i32>> {
    match (size, stores) {
        (0, _) => vec![Vec::new()],
        (_, []) => Vec::new(),
        (_, [first, rest @ ..]) => {
            let mut with = groups(rest, size - 1);
            for group in &mut with {
                group.push(*first);
            }
            with.extend(groups(rest, size));
            with
        }
    }
}

/// The stores of which some combination of the published sums tells alone, if these are fewer than five.
///
/// Such a combination exists if and only if the equations lose rank when these stores' unknowns are struck out: then
/// it makes all others vanish, and is not nothing itself.
pub(super) fn told_apart(
    told: &[Told],
    truth: &Truth,
    viewer: StoreId,
    month: &str,
) -> Option<Vec<i32>> {
    let rows = equations(told, truth, viewer, month);
    let mut unknowns: Vec<_> = rows.iter().flat_map(|row| row.keys().copied()).collect();
    unknowns.sort_unstable();
    unknowns.dedup();
    let matrix = |without: &[i32]| -> Vec<Vec<f64>> {
        let kept: Vec<_> = unknowns.iter().filter(|(store, _)| !without.contains(store)).collect();
        let dense = |row: &Row| kept.iter().map(|key| *row.get(key).unwrap_or(&0.0)).collect();
        rows.iter().map(dense).collect()
    };
    let full = rank(matrix(&[]));
    let mut stores: Vec<_> = unknowns.iter().map(|(store, _)| *store).collect();
    stores.dedup();
    groups(&stores, MINIMUM_GROUP - 1).into_iter().find(|group| rank(matrix(group)) < full)
}

#[test]
fn a_difference_of_two_sums_is_found() {
    let row = |stores: &[i32]| stores.iter().map(|store| f64::from(u8::from(*store > 0))).collect();
    assert_eq!(rank(vec![row(&[1, 1, 1]), row(&[1, 1, 0])]), 2);
    assert_eq!(rank(vec![row(&[1, 1]), row(&[1, 1])]), 1, "without the third store");
    assert_eq!(groups(&[1, 2, 3, 4, 5], 3).len(), 10);
}
