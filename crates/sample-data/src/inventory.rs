//! The stock of every product in every store.

use crate::{
    baskets,
    dataset::Dataset,
    random::{Purpose, Stream},
    stores::STORES,
};

/// The part of rows that are out of stock.
const EMPTY_PERCENT: u32 = 3;
/// The part of rows that will run out within days.
const LOW_PERCENT: u32 = 10;
/// The weeks of sales that stock covers: least and most.
const NORMAL_COVER_WEEKS: (f64, f64) = (3.0, 12.0);
const LOW_COVER_WEEKS: (f64, f64) = (0.3, 1.5);
/// A shelf that is not running low shows 1 to so many pieces, however slowly they sell.
const MAX_SHELF_MINIMUM: u32 = 4;

/// A row of `retail.inventory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InventoryRow {
    /// The store.
    pub store_id: i32,
    /// The product.
    pub product_id: i32,
    /// Pieces in stock.
    pub stock_level: i32,
}

/// All stock, by ascending store and product.
#[derive(Debug)]
pub struct InventoryRows<'a> {
    dataset: &'a Dataset,
    store: usize,
    product: usize,
    stream: Stream,
}

impl<'a> InventoryRows<'a> {
    pub(crate) fn new(dataset: &'a Dataset) -> Self {
        let stream = Stream::new(dataset.spec().seed, Purpose::Inventory, 0);
        Self { dataset, store: 0, product: 0, stream }
    }
}

impl Iterator for InventoryRows<'_> {
    type Item = InventoryRow;

    fn next(&mut self) -> Option<Self::Item> {
        if self.product >= self.dataset.catalogue().products().len() {
            self.product = 0;
            self.store += 1;
            self.stream =
                Stream::new(self.dataset.spec().seed, Purpose::Inventory, self.store as u64);
        }
        let store = STORES.get(self.store)?;
        let product = self.dataset.catalogue().products().get(self.product)?;
        let category = usize::try_from(product.category_id - 1).unwrap_or(0);
        let weekly_units = self.dataset.calendar().recent_orders_per_week()
            * store.order_share()
            * baskets::mean_units(self.store)
            * self.dataset.demand().product_share(category, self.product);
        self.product += 1;
        Some(InventoryRow {
            store_id: store.store_id,
            product_id: product.product_id,
            stock_level: stock_level(weekly_units, &mut self.stream),
        })
    }
}

/// A believable stock for a product that sells so many pieces a week.
#[expect(clippy::cast_possible_truncation, reason = "weeks of one product's sales in one store")]
fn stock_level(weekly_units: f64, stream: &mut Stream) -> i32 {
    let fate = stream.below(100);
    let position = stream.unit();
    let shelf = i32::try_from(1 + stream.below(MAX_SHELF_MINIMUM)).unwrap_or(1);
    let pieces = |(least, most): (f64, f64)| {
        (weekly_units * (least + position * (most - least))).round() as i32
    };
    if fate < EMPTY_PERCENT {
        0
    } else if fate < EMPTY_PERCENT + LOW_PERCENT {
        pieces(LOW_COVER_WEEKS).max(1)
    } else {
        pieces(NORMAL_COVER_WEEKS).max(shelf)
    }
}
