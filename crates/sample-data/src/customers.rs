//! The customers.

use std::fmt::Write;

use chrono::{NaiveDateTime, TimeDelta};

use crate::{
    calendar::Calendar,
    dataset::Dataset,
    names::{FIRST_NAMES, LAST_NAMES, push_ascii_letters},
    random::{Deck, Purpose, Stream},
    stores::STORES,
};

/// The part of customers who are there at midnight of the first day: carried over from the time
/// before the records start. Without them nobody could order on the first day.
const FOUNDERS_PERCENT: u32 = 6;
/// Customers register between these hours of the day, in seconds after midnight.
const OPENING_SECOND: f64 = 8.0 * 3600.0;
const CLOSING_SECOND: f64 = 21.0 * 3600.0;
/// The largest purchase frequency, as a multiple of the smallest.
const MAX_FREQUENCY: f64 = 12.0;
/// The unit of purchase weights: the smallest frequency.
const WEIGHT_UNIT: f64 = 16.0;
/// The part of customers whose telephone has their primary store's area code.
const LOCAL_PHONE_PERCENT: u32 = 85;
/// The area codes of Washington State.
const AREA_CODES: [u32; 6] = [206, 253, 360, 425, 509, 564];

/// A row of `retail.customers`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Customer {
    /// The primary key, from 1, by ascending `created_at`.
    pub customer_id: i32,
    /// The first name.
    pub first_name: &'static str,
    /// The last name.
    pub last_name: &'static str,
    /// The unique address `first.last.N@example.com`, in lower-case ASCII.
    pub email: String,
    /// A fictitious number such as `(206) 555-0123`.
    pub phone: String,
    /// The store where the customer buys most often.
    pub primary_store_id: i32,
    /// When the customer registered: never later than the start of the first order's day.
    pub created_at: NaiveDateTime,
}

/// All customers, by ascending number.
#[derive(Debug)]
pub struct Customers<'a> {
    registrations: Registrations<'a>,
}

impl<'a> Customers<'a> {
    pub(crate) fn new(dataset: &'a Dataset) -> Self {
        Self { registrations: Registrations::new(dataset) }
    }
}

impl Iterator for Customers<'_> {
    type Item = Customer;

    fn next(&mut self) -> Option<Self::Item> {
        let registration = self.registrations.next()?;
        let calendar = self.registrations.calendar;
        let created_at = registration.created_at(calendar);
        let Registration { customer_id, store, mut stream, .. } = registration;
        let first_name = pick(&mut stream, FIRST_NAMES);
        let last_name = pick(&mut stream, LAST_NAMES);
        let home = STORES.get(store)?;
        let area_code = if stream.percent(LOCAL_PHONE_PERCENT) {
            home.area_code
        } else {
            AREA_CODES.get(stream.index_below(AREA_CODES.len())).copied()?
        };
        let phone = format!("({area_code}) 555-{:04}", stream.below(10_000));
        let mut email = String::with_capacity(40);
        push_ascii_letters(first_name, &mut email);
        email.push('.');
        push_ascii_letters(last_name, &mut email);
        // Writing to a string cannot fail.
        let _ = write!(email, ".{customer_id}@example.com");
        Some(Customer {
            customer_id,
            first_name,
            last_name,
            email,
            phone,
            primary_store_id: home.store_id,
            created_at,
        })
    }
}

fn pick(stream: &mut Stream, names: &[&'static str]) -> &'static str {
    names.get(stream.index_below(names.len())).copied().unwrap_or_default()
}

/// What the orders need to know of a customer.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) customer_id: i32,
    /// The index of the primary store.
    pub(crate) store: usize,
    /// The first day on which the customer may order.
    pub(crate) first_order_day: usize,
    /// The relative frequency of purchases.
    pub(crate) weight: u32,
    /// The part of the day before `first_order_day` that had passed; `None` for a founder.
    part_of_day: Option<f64>,
    /// The customer's stream, past the draws for the fields above.
    stream: Stream,
}

impl Registration {
    fn created_at(&self, calendar: &Calendar) -> NaiveDateTime {
        let Some(part) = self.part_of_day else {
            return calendar.date(0).and_time(chrono::NaiveTime::MIN);
        };
        let seconds = OPENING_SECOND + part * (CLOSING_SECOND - OPENING_SECOND);
        #[expect(clippy::cast_possible_truncation, reason = "at most the seconds of a day")]
        let since_midnight = TimeDelta::seconds(seconds as i64);
        calendar.date(self.first_order_day - 1).and_time(chrono::NaiveTime::MIN) + since_midnight
    }
}

/// The registrations of all customers, by ascending time.
#[derive(Debug)]
pub(crate) struct Registrations<'a> {
    seed: u64,
    calendar: &'a Calendar,
    customers: u32,
    founders: u32,
    next: u32,
    stores: Deck,
}

impl<'a> Registrations<'a> {
    pub(crate) fn new(dataset: &'a Dataset) -> Self {
        let seed = dataset.spec().seed;
        let customers = dataset.spec().scale.customers();
        let weights = STORES.iter().map(|store| store.customer_weight);
        Self {
            seed,
            calendar: dataset.calendar(),
            customers,
            founders: customers / 100 * FOUNDERS_PERCENT,
            next: 0,
            stores: Deck::new(seed, Purpose::CustomerStores, weights),
        }
    }
}

impl Iterator for Registrations<'_> {
    type Item = Registration;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.customers {
            return None;
        }
        let index = self.next;
        self.next += 1;
        let mut stream = Stream::new(self.seed, Purpose::Customer, u64::from(index));
        let place = stream.unit();
        let weight = purchase_weight(stream.unit());
        // One customer in each of many equal steps of business: irregular, yet ascending.
        let (first_order_day, part_of_day) = match index.checked_sub(self.founders) {
            None => (0, None),
            Some(later) => {
                let steps = f64::from(self.customers - self.founders);
                let (day, part) = self.calendar.day_at((f64::from(later) + place) / steps);
                (day + 1, Some(part))
            }
        };
        Some(Registration {
            customer_id: i32::try_from(index).ok()?.checked_add(1)?,
            store: self.stores.draw(),
            first_order_day,
            weight,
            part_of_day,
            stream,
        })
    }
}

/// A Pareto weight with exponent 2: most customers are near the least, a few buy ten times as
/// often. The square root is exact on every machine, as a general power would not be.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from WEIGHT_UNIT to WEIGHT_UNIT * MAX_FREQUENCY"
)]
fn purchase_weight(unit: f64) -> u32 {
    let frequency = (1.0 / (1.0 - unit).sqrt()).min(MAX_FREQUENCY);
    (frequency * WEIGHT_UNIT).round() as u32
}
