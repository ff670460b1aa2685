//! The order lines: what is in a basket and what it costs.

use std::collections::VecDeque;

use chrono::Datelike;

use crate::{
    dataset::Dataset,
    demand::CategoryDecks,
    orders::{Order, Orders},
    random::{Purpose, Stream, Weighted},
    stores::STORES,
};

/// Weights of 1 to 5 lines in a basket, before the store's multiplier.
const LINE_WEIGHTS: [u32; 5] = [40, 30, 15, 10, 5];
/// Mean lines of a basket by [`LINE_WEIGHTS`].
const BASE_MEAN_LINES: f64 = 2.1;
/// Mean lines of a basket over all stores.
const MEAN_LINES: f64 = 2.5;
/// Weights of 1 to 5 pieces in a line.
const QUANTITY_WEIGHTS: [u32; 5] = [60, 25, 10, 3, 2];
/// Mean pieces in a line by [`QUANTITY_WEIGHTS`].
const MEAN_QUANTITY: f64 = 1.62;
/// Unit prices are drawn evenly from 80 to 120 percent of the base price, in ten-thousandths.
const PRICE_FACTOR_MIN: u32 = 8_000;
const PRICE_FACTOR_SPREAD: u32 = 4_000;
/// The part of lines with a discount, of 5 to 25 percent in steps of 5.
const DISCOUNT_PERCENT_OF_LINES: u32 = 15;
const DISCOUNT_STEPS: u32 = 5;
/// How often to look for a product that is not in the basket yet.
const PRODUCT_ATTEMPTS: u32 = 64;

/// A row of `retail.order_items`. Amounts are in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderItem {
    /// The primary key, from 1, by ascending order number.
    pub order_item_id: i32,
    /// The order.
    pub order_id: i32,
    /// The order's store.
    pub store_id: i32,
    /// What was bought; a product occurs once in an order.
    pub product_id: i32,
    /// The number of pieces, from 1 to 5.
    pub quantity: i32,
    /// The price of one piece.
    pub unit_price_cents: i64,
    /// 0, 5, 10, 15, 20 or 25.
    pub discount_percent: i32,
    /// The discount on all pieces, rounded half up.
    pub discount_amount_cents: i64,
    /// Quantity times unit price less the discount amount.
    pub total_amount_cents: i64,
}

/// How baskets are filled.
#[derive(Debug, Clone)]
pub(crate) struct BasketRules {
    line_counts: Weighted,
    quantities: Weighted,
    /// By store: how many lines come with each line after the first, in thousandths.
    extra_line_millis: [u32; STORES.len()],
}

impl BasketRules {
    pub(crate) fn new() -> Self {
        Self {
            line_counts: Weighted::new(LINE_WEIGHTS),
            quantities: Weighted::new(QUANTITY_WEIGHTS),
            extra_line_millis: std::array::from_fn(extra_line_millis),
        }
    }

    /// The number of lines of a basket.
    ///
    /// Every basket has a first line, so the multiplier works on the others. A fraction of a line
    /// becomes a whole one with that chance, which keeps the mean exact.
    fn draw_line_count(&self, store: usize, stream: &mut Stream) -> u32 {
        let extra_lines = u32::try_from(self.line_counts.draw(stream)).unwrap_or(0);
        let millis = extra_lines * self.extra_line_millis.get(store).copied().unwrap_or(1_000);
        1 + millis / 1_000 + u32::from(stream.below(1_000) < millis % 1_000)
    }
}

/// Mean lines of a store's baskets, in proportion to its value multiplier.
pub(crate) fn mean_lines(store: usize) -> f64 {
    let mean_multiplier: f64 = STORES.iter().map(|s| s.order_share() * s.value_multiplier()).sum();
    let multiplier = STORES.get(store).map_or(1.0, crate::Store::value_multiplier);
    MEAN_LINES * multiplier / mean_multiplier
}

/// Mean pieces sold in an order of a store.
pub(crate) fn mean_units(store: usize) -> f64 {
    mean_lines(store) * MEAN_QUANTITY
}

/// About how many order lines belong to so many orders.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few times a 32-bit number"
)]
pub(crate) fn estimated_lines(orders: u32) -> u64 {
    (f64::from(orders) * MEAN_LINES).round() as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "about 600 to 1,800 for the stores' multipliers"
)]
fn extra_line_millis(store: usize) -> u32 {
    let ratio = (mean_lines(store) - 1.0) / (BASE_MEAN_LINES - 1.0);
    (ratio * 1_000.0).round() as u32
}

/// All order lines, by ascending number and date.
#[derive(Debug)]
pub struct OrderItems<'a> {
    dataset: &'a Dataset,
    orders: Orders<'a>,
    categories: CategoryDecks,
    stream: Stream,
    /// The day that `stream` is for.
    day: usize,
    made: i32,
    basket: VecDeque<OrderItem>,
}

impl<'a> OrderItems<'a> {
    pub(crate) fn new(dataset: &'a Dataset) -> Self {
        Self {
            dataset,
            orders: Orders::new(dataset),
            categories: dataset.demand().category_decks(dataset.spec().seed),
            stream: Stream::new(dataset.spec().seed, Purpose::Baskets, 0),
            day: 0,
            made: 0,
            basket: VecDeque::new(),
        }
    }

    fn fill_basket(&mut self, order: Order) {
        if self.orders.day() != self.day {
            self.day = self.orders.day();
            self.stream = Stream::new(self.dataset.spec().seed, Purpose::Baskets, self.day as u64);
        }
        let rules = self.dataset.basket_rules();
        let category = self.categories.draw(order.order_date.month0() as usize);
        let store = usize::try_from(order.store_id - 1).unwrap_or(0);
        for _ in 0..rules.draw_line_count(store, &mut self.stream) {
            let Some((product_id, base_price_cents)) = self.draw_new_product(category) else {
                break;
            };
            self.made += 1;
            let line = Line { order, product_id, base_price_cents };
            let item = line.priced(self.made, &rules.quantities, &mut self.stream);
            self.basket.push_back(item);
        }
    }

    /// The number and price of a product that is not in the basket, or `None` when the catalogue is
    /// too small for one.
    fn draw_new_product(&mut self, category: usize) -> Option<(i32, i64)> {
        let products = self.dataset.catalogue().products();
        for _ in 0..PRODUCT_ATTEMPTS {
            let index = self.dataset.demand().draw_product(category, &mut self.stream);
            let product = products.get(index)?;
            if self.basket.iter().all(|item| item.product_id != product.product_id) {
                return Some((product.product_id, product.base_price_cents));
            }
        }
        None
    }
}

impl Iterator for OrderItems<'_> {
    type Item = OrderItem;

    fn next(&mut self) -> Option<Self::Item> {
        while self.basket.is_empty() {
            let order = self.orders.next()?;
            self.fill_basket(order);
        }
        self.basket.pop_front()
    }
}

/// A line before its quantity and price are known.
struct Line {
    order: Order,
    product_id: i32,
    base_price_cents: i64,
}

impl Line {
    fn priced(self, order_item_id: i32, quantities: &Weighted, stream: &mut Stream) -> OrderItem {
        let quantity = i32::try_from(quantities.draw(stream)).unwrap_or(0) + 1;
        let factor = PRICE_FACTOR_MIN + stream.below(PRICE_FACTOR_SPREAD + 1);
        let unit_price_cents = (self.base_price_cents * i64::from(factor) + 5_000) / 10_000;
        let discount_steps = if stream.percent(DISCOUNT_PERCENT_OF_LINES) {
            1 + stream.below(DISCOUNT_STEPS)
        } else {
            0
        };
        let discount_percent = i32::try_from(discount_steps * 5).unwrap_or(0);
        let gross_cents = i64::from(quantity) * unit_price_cents;
        let discount_amount_cents = (gross_cents * i64::from(discount_percent) + 50) / 100;
        OrderItem {
            order_item_id,
            order_id: self.order.order_id,
            store_id: self.order.store_id,
            product_id: self.product_id,
            quantity,
            unit_price_cents,
            discount_percent,
            discount_amount_cents,
            total_amount_cents: gross_cents - discount_amount_cents,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_basket_follows_the_stores_value_multiplier() {
        let rules = BasketRules::new();
        let mut stream = Stream::new(5, Purpose::Baskets, 0);
        let mut mean = |store| {
            let lines: u32 = (0..40_000).map(|_| rules.draw_line_count(store, &mut stream)).sum();
            f64::from(lines) / 40_000.0
        };
        let spokane = mean(3);
        for (index, store) in STORES.iter().enumerate() {
            let ratio = mean(index) / spokane;
            assert!((ratio - store.value_multiplier()).abs() < 0.02, "{} {ratio}", store.name);
        }
    }

    #[test]
    fn the_constants_for_means_match_the_weights() {
        let mean = |weights: [u32; 5]| -> f64 {
            let total: u32 = weights.iter().sum();
            let sum: u32 = weights.iter().zip(1..).map(|(weight, value)| weight * value).sum();
            f64::from(sum) / f64::from(total)
        };
        assert!((mean(LINE_WEIGHTS) - BASE_MEAN_LINES).abs() < 1e-12);
        assert!((mean(QUANTITY_WEIGHTS) - MEAN_QUANTITY).abs() < 1e-12);
    }
}
