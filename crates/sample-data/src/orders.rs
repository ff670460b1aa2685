//! The order headers.

use chrono::NaiveDate;

use crate::{
    dataset::Dataset,
    random::{Deck, Purpose, Stream},
    shoppers::Shoppers,
    stores::STORES,
};

/// A row of `retail.orders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// The primary key, from 1, by ascending date.
    pub order_id: i32,
    /// Who bought.
    pub customer_id: i32,
    /// Where.
    pub store_id: i32,
    /// When.
    pub order_date: NaiveDate,
}

/// All orders, by ascending number and date.
#[derive(Debug)]
pub struct Orders<'a> {
    dataset: &'a Dataset,
    shoppers: Shoppers,
    stores: Deck,
    stream: Stream,
    day: usize,
    date: NaiveDate,
    made: u32,
    day_ends_at: u32,
}

impl<'a> Orders<'a> {
    pub(crate) fn new(dataset: &'a Dataset) -> Self {
        let seed = dataset.spec().seed;
        // All weights are even, so half of them will do.
        let cards = STORES.iter().map(|store| store.order_weight_tenths() / 2);
        let mut orders = Self {
            dataset,
            shoppers: Shoppers::new(dataset),
            stores: Deck::new(seed, Purpose::OrderStores, cards),
            stream: Stream::new(seed, Purpose::OrderCustomers, 0),
            day: 0,
            date: dataset.calendar().date(0),
            made: 0,
            day_ends_at: 0,
        };
        orders.open(0);
        orders
    }

    /// The day of the last order, counted from 0.
    pub(crate) fn day(&self) -> usize {
        self.day
    }

    fn open(&mut self, day: usize) {
        let calendar = self.dataset.calendar();
        self.day = day;
        self.date = calendar.date(day);
        self.day_ends_at = calendar.orders_before(day + 1);
        self.stream = Stream::new(self.dataset.spec().seed, Purpose::OrderCustomers, day as u64);
        self.shoppers.open(day);
    }
}

impl Iterator for Orders<'_> {
    type Item = Order;

    fn next(&mut self) -> Option<Self::Item> {
        if self.made >= self.dataset.calendar().orders() {
            return None;
        }
        while self.made >= self.day_ends_at {
            self.open(self.day + 1);
        }
        self.made += 1;
        let store = self.stores.draw();
        Some(Order {
            order_id: i32::try_from(self.made).ok()?,
            customer_id: self.shoppers.draw(store, &mut self.stream),
            store_id: STORES.get(store)?.store_id,
            order_date: self.date,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.dataset.calendar().orders() - self.made) as usize;
        (left, Some(left))
    }
}
