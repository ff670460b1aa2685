//! Who places an order.

use crate::{customers::Registrations, dataset::Dataset, random::Stream, stores::STORES};

/// The part of a store's orders that come from customers whose primary store it is.
const LOCAL_PERCENT: u32 = 85;
/// The part of those that are a first purchase while new customers are waiting for theirs.
const FIRST_PURCHASE_PERCENT: u32 = 70;

/// The customers of one store, by ascending registration.
#[derive(Debug, Default)]
struct Clientele {
    customer_ids: Vec<i32>,
    /// The purchase weights of each customer and all before.
    cumulative_weights: Vec<u32>,
    first_order_days: Vec<u16>,
    /// How many may order by now.
    registered: usize,
    /// How many have made their first purchase.
    welcomed: usize,
}

impl Clientele {
    /// The weight of all who may order by now.
    fn weight(&self) -> u32 {
        self.registered
            .checked_sub(1)
            .and_then(|last| self.cumulative_weights.get(last))
            .copied()
            .unwrap_or(0)
    }

    /// The customer at a point below [`weight`](Self::weight).
    fn at_weight(&self, point: u32) -> Option<i32> {
        let index = self.cumulative_weights.partition_point(|&sum| sum <= point);
        self.customer_ids.get(index).copied()
    }

    /// A registered customer by weight, or `None` when there is none.
    fn draw(&self, stream: &mut Stream) -> Option<i32> {
        let weight = self.weight();
        if weight == 0 {
            return None;
        }
        self.at_weight(stream.below(weight))
    }

    /// Admits the customers who may order from this day on.
    fn open(&mut self, day: usize) {
        while self
            .first_order_days
            .get(self.registered)
            .is_some_and(|&first| usize::from(first) <= day)
        {
            self.registered += 1;
        }
    }
}

/// Picks customers for orders, day by day.
#[derive(Debug)]
pub(crate) struct Shoppers {
    stores: [Clientele; STORES.len()],
}

impl Shoppers {
    /// Registers all customers: ten bytes of memory for each.
    pub(crate) fn new(dataset: &Dataset) -> Self {
        let mut stores: [Clientele; STORES.len()] = Default::default();
        for registration in Registrations::new(dataset) {
            let Some(store) = stores.get_mut(registration.store) else {
                continue;
            };
            let before = store.cumulative_weights.last().copied().unwrap_or(0);
            store.customer_ids.push(registration.customer_id);
            store.cumulative_weights.push(before + registration.weight);
            let day = u16::try_from(registration.first_order_day).unwrap_or(u16::MAX);
            store.first_order_days.push(day);
        }
        Self { stores }
    }

    /// Starts a day. Days must come in order.
    pub(crate) fn open(&mut self, day: usize) {
        for store in &mut self.stores {
            store.open(day);
        }
    }

    /// A customer for an order in a store (an index); customer 1 when nobody has registered.
    pub(crate) fn draw(&mut self, store: usize, stream: &mut Stream) -> i32 {
        if stream.percent(LOCAL_PERCENT)
            && let Some(customer_id) = self.draw_local(store, stream)
        {
            return customer_id;
        }
        self.draw_guest(store, stream).or_else(|| self.draw_local(store, stream)).unwrap_or(1)
    }

    fn draw_local(&mut self, store: usize, stream: &mut Stream) -> Option<i32> {
        let local = self.stores.get_mut(store)?;
        if local.welcomed < local.registered && stream.percent(FIRST_PURCHASE_PERCENT) {
            let newcomer = local.customer_ids.get(local.welcomed).copied();
            local.welcomed += 1;
            return newcomer;
        }
        local.draw(stream)
    }

    fn draw_guest(&self, store: usize, stream: &mut Stream) -> Option<i32> {
        let others =
            || self.stores.iter().enumerate().filter(|(index, _)| *index != store).map(|(_, s)| s);
        let mut point = stream.below(others().map(Clientele::weight).sum());
        for other in others() {
            let weight = other.weight();
            if point < weight {
                return other.at_weight(point);
            }
            point -= weight;
        }
        None
    }
}
