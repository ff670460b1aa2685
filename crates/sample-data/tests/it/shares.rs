//! What holds for the data set as a whole.

use std::collections::BTreeMap;

use retail_sample_data::{
    Error, STORES, Scale,
    verify::{Observed, Targets, queries},
};
use rstest::rstest;

use crate::support::{dataset, date, observe, tiny};

#[test]
fn the_full_scale_meets_every_target() {
    let full = dataset(42, Scale::FULL, date(2026, 11, 22));
    let observed = observe(&full);
    let report = Targets::new(&full).unwrap().check(&observed);
    println!("{report}");
    assert!(report.ok(), "{report}");
    assert_eq!(observed.orders, 200_000);
    assert!((490_000..=510_000).contains(&observed.order_items), "{}", observed.order_items);

    // Each target can fail.
    let target = Targets::new(&full).unwrap();
    let off = |change: &dyn Fn(&mut Observed)| {
        let mut changed = observed.clone();
        change(&mut changed);
        let report = target.check(&changed);
        let off = report.lines().iter().filter(|line| !line.ok);
        off.map(|line| line.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(off(&|o| o.customers -= 1), ["rows of retail.customers"]);
    assert_eq!(off(&|o| o.order_items += 20_000), ["rows of retail.order_items"]);
    assert_eq!(off(&|o| o.last_order_date = Some(date(2026, 12, 31))), ["last order date"]);
    assert_eq!(off(&|o| o.first_order_date = None), ["first order date"]);
    assert_eq!(
        off(&|o| o.store_sales[6].orders = o.store_sales[6].orders * 11 / 10),
        ["order share, Zava Retail Kirkland"]
    );
    assert_eq!(
        off(&|o| o.store_sales[0].mean_order_value /= 1.3),
        ["order value, Zava Retail Seattle to Spokane"]
    );
    assert_eq!(
        off(&|o| o.year_orders[3].orders += 2_000),
        ["orders, 2023 to 2022", "orders, 2024 to 2023"]
    );
    let shifted = off(&|o| {
        for row in o.category_months.iter_mut().filter(|row| row.category_name == "HAND TOOLS") {
            row.month = (row.month + 5) % 12 + 1;
        }
    });
    assert_eq!(shifted, ["season, HAND TOOLS", "peak month, HAND TOOLS"]);
    let no_sales = off(&|o| o.category_months.clear());
    assert_eq!(no_sales.len(), 18);
}

#[rstest]
#[case(1, Scale::Factor(0.1), date(2026, 11, 22))]
#[case(3, Scale::Factor(0.2), date(2024, 5, 5))]
#[case(4, Scale::Factor(0.1), date(2028, 12, 31))]
fn smaller_scales_meet_their_wider_targets(
    #[case] seed: u64,
    #[case] scale: Scale,
    #[case] until: chrono::NaiveDate,
) {
    let dataset = dataset(seed, scale, until);
    let report = Targets::new(&dataset).unwrap().check(&observe(&dataset));
    assert!(report.ok(), "{report}");
}

#[test]
fn tiny_is_not_verified() {
    let error = Targets::new(&tiny()).unwrap_err();
    assert!(matches!(error, Error::TooSmallToVerify { orders: 2_000, .. }));
    assert!(error.to_string().contains("such as \"full\""), "{error}");
}

#[test]
fn queries_name_the_parts_and_their_columns() {
    let names: Vec<&str> = queries().iter().map(|query| query.name).collect();
    assert_eq!(names, ["totals", "store_sales", "year_orders", "category_months"]);
    for query in queries() {
        for (column, _) in query.columns {
            assert!(query.sql.contains(column), "{}: {column}", query.name);
        }
    }
}

#[test]
fn most_orders_are_local_and_purchases_are_heavy_tailed() {
    let dataset = dataset(7, Scale::Factor(0.3), date(2026, 11, 22));
    let primary: Vec<i32> = dataset.customers().map(|customer| customer.primary_store_id).collect();
    let mut bought = vec![0_u32; primary.len()];
    let (mut local, mut all) = (0_u32, 0_u32);
    let mut guests = BTreeMap::<i32, u32>::new();
    for order in dataset.orders() {
        let customer = order.customer_id as usize - 1;
        bought[customer] += 1;
        all += 1;
        if primary[customer] == order.store_id {
            local += 1;
        } else {
            *guests.entry(order.store_id).or_default() += 1;
        }
    }
    let local_share = f64::from(local) / f64::from(all);
    assert!((local_share - 0.85).abs() < 0.01, "{local_share}");
    assert_eq!(guests.len(), STORES.len(), "every store has guests");

    let part = |wanted: &dyn Fn(u32) -> bool| {
        bought.iter().filter(|&&orders| wanted(orders)).count() as f64 / bought.len() as f64
    };
    println!(
        "0: {:.3}, 1-2: {:.3}, 3-9: {:.3}, 10-19: {:.3}, 20+: {:.3}, max {}",
        part(&|n| n == 0),
        part(&|n| (1..=2).contains(&n)),
        part(&|n| (3..=9).contains(&n)),
        part(&|n| (10..=19).contains(&n)),
        part(&|n| n >= 20),
        bought.iter().max().unwrap()
    );
    assert!(part(&|n| n == 0) < 0.05, "few customers never buy");
    assert!(part(&|n| (1..=2).contains(&n)) > 0.3, "many buy once or twice");
    assert!((0.002..0.08).contains(&part(&|n| n >= 20)), "some buy often");
}

#[test]
fn products_of_a_type_differ_in_sales() {
    let dataset = dataset(7, Scale::Factor(0.3), date(2026, 11, 22));
    let catalogue = dataset.catalogue();
    let mut sold = vec![0_u32; catalogue.products().len()];
    for item in dataset.order_items() {
        sold[item.product_id as usize - 1] += 1;
    }
    assert!(sold.iter().all(|&lines| lines > 0), "every product sells");
    for product_type in catalogue.types() {
        let of_type: Vec<u32> = catalogue
            .products()
            .iter()
            .zip(&sold)
            .filter(|(product, _)| product.type_id == product_type.type_id)
            .map(|(_, lines)| *lines)
            .collect();
        let ratio =
            f64::from(*of_type.iter().max().unwrap()) / f64::from(*of_type.iter().min().unwrap());
        assert!((2.5..9.0).contains(&ratio), "{}: {ratio}", product_type.name);
    }
}

#[test]
fn stock_covers_weeks_of_sales() {
    let dataset = dataset(7, Scale::Factor(0.5), date(2026, 11, 22));
    let recent = date(2025, 11, 23);
    let orders: Vec<_> = dataset.orders().collect();
    let mut yearly = BTreeMap::<(i32, i32), f64>::new();
    for item in dataset.order_items() {
        if orders[item.order_id as usize - 1].order_date > recent {
            *yearly.entry((item.store_id, item.product_id)).or_default() +=
                f64::from(item.quantity);
        }
    }
    let rows: Vec<_> = dataset.inventory().collect();
    assert_eq!(rows.len(), dataset.catalogue().products().len() * 8);
    let empty = rows.iter().filter(|row| row.stock_level == 0).count() as f64 / rows.len() as f64;
    assert!((0.02..0.04).contains(&empty), "{empty}");
    for store in [&STORES[0], &STORES[7]] {
        let of_store = || rows.iter().filter(|row| row.store_id == store.store_id);
        let stock: f64 = of_store().map(|row| f64::from(row.stock_level)).sum();
        let sold: f64 =
            of_store().filter_map(|row| yearly.get(&(row.store_id, row.product_id))).sum();
        let weeks = stock / (sold / 52.0);
        assert!((4.0..10.0).contains(&weeks), "{}: {weeks} weeks", store.name);
    }
}
