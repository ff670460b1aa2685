//! How near an attacker comes to another store's figure who knows more than the database tells: which store is the largest and
//! which the smallest, which sell more than their own, and the rules by which means are held back.

use std::collections::BTreeMap;

use retail_domain::StoreId;

use super::world::{Told, Truth, cell};

/// A range that a figure must lie in.
#[derive(Debug, Clone, Copy)]
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    const ANY: Self = Self { low: 0.0, high: f64::INFINITY };

    fn at_least(&mut self, low: f64) {
        self.low = self.low.max(low);
    }

    fn at_most(&mut self, high: f64) {
        self.high = self.high.min(high);
    }
}

/// Whether the attacker may count on nobody having more than half of a published sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halves {
    Known,
    Unknown,
}

type Ranges = BTreeMap<i32, Range>;

/// What a row tells of each other store's figure by itself. The sum of the others counts as exactly known where their mean is.
fn from_row(row: &Told, others: &BTreeMap<i32, f64>, halves: Halves) -> (Ranges, Option<f64>) {
    let sum = row.mean.map(|_| others.values().sum::<f64>());
    let by_figure = |a: &(&i32, &f64), b: &(&i32, &f64)| a.1.total_cmp(b.1);
    let largest = others.iter().max_by(by_figure).map(|(store, _)| *store);
    let smallest = others.iter().min_by(by_figure).map(|(store, _)| *store);
    let ranges = others.iter().map(|(store, figure)| {
        let mut range = Range::ANY;
        if row.rank.is_some() {
            if *figure > row.value { range.at_least(row.value) } else { range.at_most(row.value) }
        }
        if let Some(sum) = sum {
            let mean = sum / f64::from(u32::try_from(others.len()).unwrap());
            if halves == Halves::Known {
                range.at_most(sum / 2.0);
            }
            if largest == Some(*store) {
                range.at_least(mean);
            }
            if smallest == Some(*store) {
                range.at_most(mean);
            }
        }
        (*store, range)
    });
    (ranges.collect(), sum)
}

/// Narrows the parts and the whole of a sum by each other.
fn narrow(whole: &mut Range, parts: &mut [&mut Range]) {
    let low: f64 = parts.iter().map(|part| part.low).sum();
    let high: f64 = parts.iter().map(|part| part.high).sum();
    whole.at_least(low);
    whole.at_most(high);
    for part in parts {
        part.at_most(whole.high - (low - part.low));
        // Where another part is unbounded, this one may be nothing.
        if high.is_finite() {
            part.at_least(whole.low - (high - part.high));
        }
    }
}

/// The ratio of the two ends of the narrowest range of a figure that follows from a month, and whose it is.
pub(super) fn narrowest(
    told: &[Told],
    truth: &Truth,
    viewer: StoreId,
    metric: &str,
    month: &str,
    halves: Halves,
) -> (f64, String) {
    let categories = truth.categories(metric, month);
    let all = truth.others(viewer, metric, month, 0);
    let look = |category: i32| {
        let others = truth.others(viewer, metric, month, category);
        match cell(told, metric, month, category) {
            Some(row) => from_row(row, &others, halves),
            None => (others.keys().map(|store| (*store, Range::ANY)).collect(), None),
        }
    };
    let (mut totals, total) = look(0);
    let mut parts: BTreeMap<i32, (Ranges, Option<f64>)> =
        categories.iter().map(|category| (*category, look(*category))).collect();
    let exactly = |sum: Option<f64>| sum.map_or(Range::ANY, |sum| Range { low: sum, high: sum });
    // What is held back is known as a sum, too.
    let shown: f64 = parts.values().filter_map(|(_, sum)| *sum).sum();
    if let (Some(total), Halves::Known) = (total, halves) {
        for (ranges, _) in parts.values_mut().filter(|(_, sum)| sum.is_none()) {
            for range in ranges.values_mut() {
                range.at_most((total - shown) / 2.0 + 1e-6);
            }
        }
    }
    for _ in 0..60 {
        narrow(&mut exactly(total), &mut totals.values_mut().collect::<Vec<_>>());
        for (ranges, sum) in parts.values_mut() {
            narrow(&mut exactly(*sum), &mut ranges.values_mut().collect::<Vec<_>>());
        }
        if categories.is_empty() {
            continue;
        }
        for (store, whole) in &mut totals {
            let mut of_store: Vec<_> =
                parts.values_mut().filter_map(|(ranges, _)| ranges.get_mut(store)).collect();
            narrow(whole, &mut of_store);
        }
    }
    let mut narrowest = (f64::INFINITY, String::new());
    let mut look_at = |category: i32, store: i32, range: Range, figure: f64| {
        let place = format!(
            "{metric} of store {store}, category {category}, {month}: {range:?} ({figure})"
        );
        let slack = 1e-6 * figure;
        assert!(
            range.low <= figure + slack && figure <= range.high + slack,
            "it is not true: {place}"
        );
        if range.low > 0.0 && range.high / range.low < narrowest.0 {
            narrowest = (range.high / range.low, place);
        }
    };
    for ((store, range), figure) in totals.iter().zip(all.values()) {
        look_at(0, *store, *range, *figure);
    }
    for (category, (ranges, _)) in &parts {
        let others = truth.others(viewer, metric, month, *category);
        for ((store, range), figure) in ranges.iter().zip(others.values()) {
            look_at(*category, *store, *range, *figure);
        }
    }
    narrowest
}
