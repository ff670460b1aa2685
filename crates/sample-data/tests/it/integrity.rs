//! Rules that hold for every single row.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use retail_sample_data::{Dataset, Error, STORES, Scale, Spec};
use rstest::rstest;

use crate::support::{dataset, date, tiny};

#[rstest]
#[case(Scale::Tiny, date(2026, 11, 22))]
#[case(Scale::Tiny, date(2020, 1, 31))]
#[case(Scale::Factor(0.1), date(2024, 2, 29))]
#[case(Scale::Factor(0.02), date(2031, 6, 1))]
fn orders_rise_by_date_and_end_in_time(#[case] scale: Scale, #[case] until: NaiveDate) {
    let dataset = dataset(1, scale, until);
    let mut last = date(2020, 1, 1);
    let mut count = 0;
    for (order, id) in dataset.orders().zip(1..) {
        assert_eq!(order.order_id, id);
        assert!(order.order_date >= last && order.order_date <= until, "{order:?}");
        last = order.order_date;
        count = id;
    }
    assert!(count > 0);
}

#[test]
fn orders_go_to_customers_who_have_registered_before_the_day() {
    for (scale, seed) in [(Scale::Tiny, 1), (Scale::Tiny, 2), (Scale::Factor(0.1), 3)] {
        let dataset = dataset(seed, scale, date(2026, 11, 22));
        let created: Vec<_> = dataset.customers().map(|customer| customer.created_at).collect();
        assert!(created.is_sorted());
        for order in dataset.orders() {
            let at_midnight = order.order_date.and_time(NaiveTime::MIN);
            assert!(created[order.customer_id as usize - 1] <= at_midnight, "{order:?}");
        }
        assert!(created.last().unwrap().date() < date(2026, 11, 22));
    }
}

#[test]
fn a_later_last_day_keeps_the_dates_stores_and_baskets_of_earlier_days() {
    let last_day = date(2023, 7, 1);
    let sales = |until| {
        let dataset = dataset(6, Scale::Factor(0.02), until);
        let orders: Vec<_> = dataset
            .orders()
            .filter(|order| order.order_date < last_day)
            .map(|order| (order.order_id, order.order_date, order.store_id))
            .collect();
        let items: Vec<_> = dataset
            .order_items()
            .take_while(|item| item.order_id <= i32::try_from(orders.len()).unwrap())
            .collect();
        (orders, items)
    };
    let (orders, items) = sales(last_day);
    assert!(orders.len() > 1_000);
    let later = sales(date(2026, 11, 22));
    assert!(orders == later.0 && items == later.1);
}

#[test]
fn customers_are_unique_and_well_formed() {
    let dataset = dataset(9, Scale::Factor(0.2), date(2026, 11, 22));
    let mut emails = BTreeSet::new();
    for (customer, id) in dataset.customers().zip(1..) {
        assert_eq!(customer.customer_id, id);
        let (local, host) = customer.email.split_once('@').unwrap();
        assert_eq!(host, "example.com");
        let parts: Vec<&str> = local.split('.').collect();
        let [first, last, number] = parts[..] else { panic!("{local}") };
        assert!(first.bytes().chain(last.bytes()).all(|b| b.is_ascii_lowercase()), "{local}");
        assert!(!first.is_empty() && !last.is_empty(), "{local}");
        assert_eq!(number, id.to_string());
        let phone = customer.phone.as_bytes();
        assert_eq!(phone.len(), 14, "{}", customer.phone);
        assert_eq!(&customer.phone[5..10], " 555-");
        assert!(STORES.iter().any(|store| store.store_id == customer.primary_store_id));
        assert!(emails.insert(customer.email));
    }
    assert_eq!(emails.len(), 10_000);
}

#[test]
fn items_are_exact_to_the_cent_and_match_their_order() {
    let dataset = dataset(5, Scale::Factor(0.1), date(2026, 11, 22));
    let orders: Vec<_> = dataset.orders().collect();
    let products = dataset.catalogue().products();
    let mut seen = BTreeSet::new();
    let mut last_order = 0;
    let mut discounts = BTreeMap::<i32, u32>::new();
    for (item, id) in dataset.order_items().zip(1..) {
        assert_eq!(item.order_item_id, id);
        assert!(
            item.order_id == last_order || item.order_id == last_order + 1,
            "no order is empty"
        );
        last_order = item.order_id;
        assert_eq!(item.store_id, orders[item.order_id as usize - 1].store_id);
        assert!(seen.insert((item.order_id, item.product_id)), "a product twice: {item:?}");

        let base = products[item.product_id as usize - 1].base_price_cents;
        assert!(item.unit_price_cents * 100 + 50 >= base * 80, "{item:?}");
        assert!(item.unit_price_cents * 100 <= base * 120 + 50, "{item:?}");
        assert!((1..=5).contains(&item.quantity));
        let gross = i64::from(item.quantity) * item.unit_price_cents;
        // Twice the distance to the exact discount is at most a cent: rounded to the nearest.
        let exact_hundredths = gross * i64::from(item.discount_percent);
        let off = item.discount_amount_cents * 100 - exact_hundredths;
        assert!((-49..=50).contains(&off), "not rounded half up: {item:?}");
        assert_eq!(item.total_amount_cents, gross - item.discount_amount_cents);
        assert!(item.total_amount_cents > 0);
        *discounts.entry(item.discount_percent).or_default() += 1;
    }
    assert_eq!(last_order as usize, orders.len());
    assert_eq!(discounts.keys().copied().collect::<Vec<_>>(), [0, 5, 10, 15, 20, 25]);
    let all: u32 = discounts.values().sum();
    let discounted = f64::from(all - discounts[&0]) / f64::from(all);
    assert!((discounted - 0.15).abs() < 0.01, "{discounted}");
}

#[test]
fn tiny_has_rows_in_every_store() {
    let tiny = tiny();
    assert_eq!(tiny.customers().count(), 400);
    let orders = tiny.orders().count();
    assert_eq!(orders, 2_000);
    for store in &STORES {
        assert!(tiny.orders().any(|order| order.store_id == store.store_id));
        assert!(tiny.customers().any(|customer| customer.primary_store_id == store.store_id));
        assert!(tiny.inventory().any(|row| row.store_id == store.store_id));
    }
}

#[test]
fn specifications_out_of_range_are_refused() {
    let make = |scale, until| Dataset::new(Spec { seed: 1, scale, until });
    let ok = date(2026, 1, 1);
    assert!(matches!(make(Scale::FULL, date(2020, 1, 30)), Err(Error::UntilTooEarly { .. })));
    assert!(matches!(make(Scale::FULL, date(2051, 1, 1)), Err(Error::UntilTooLate { .. })));
    assert!(matches!(make(Scale::Factor(1e6), ok), Err(Error::InvalidScale { .. })));
    assert!(matches!(make(Scale::Factor(f64::NAN), ok), Err(Error::InvalidScale { .. })));
}
