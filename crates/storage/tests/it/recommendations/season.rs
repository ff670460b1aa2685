//! What sells better than a year before.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{Days, Months};
use retail_domain::{Cents, ErrorCode, Evidence, RecommendationKind};
use retail_testkit::{TestDatabase, head_office};

use super::{Line, PLANTED, ask, callers, lines, search, theirs, told};

/// Product, units, units a year before, change of sales in cents, growth.
fn expected(lines: &[Line], days: u64) -> Vec<(i32, i64, i64, i64, f64)> {
    let Some(last) = lines.iter().map(|line| line.day).max() else { return Vec::new() };
    let first = last - Days::new(days - 1);
    let (first_before, last_before) = (first - Months::new(12), last - Months::new(12));
    let mut sold: BTreeMap<i32, (i64, i64, i64)> = BTreeMap::new();
    for line in lines {
        let product = sold.entry(line.product).or_default();
        if (first..=last).contains(&line.day) {
            product.0 += line.units;
            product.2 += line.cents;
        } else if (first_before..=last_before).contains(&line.day) {
            product.1 += line.units;
            product.2 -= line.cents;
        }
    }
    let (now, before) = sold.values().fold((0, 0), |sum, p| (sum.0 + p.0, sum.1 + p.1));
    let whole = now as f64 / before as f64;
    let mut found: Vec<_> = sold
        .into_iter()
        .map(|(id, (now, before, cents))| {
            (id, now, before, cents, (now as f64 + 10.0) / (before as f64 + 10.0))
        })
        .filter(|(_, now, _, _, growth)| *now >= 5 && *growth > whole.max(1.0) && before > 0)
        .collect();
    found.sort_by(|a, b| b.4.total_cmp(&a.4).then(a.0.cmp(&b.0)));
    found.truncate(10);
    found
}

#[tokio::test]
async fn the_growth_is_that_of_the_callers_own_sales() {
    let database = TestDatabase::seeded().await;
    database.psql(PLANTED);
    let lines = lines(&database);
    let queries = search(&database);
    let mut shown = 0;
    for (principal, store) in callers().await {
        let theirs = theirs(&lines, store);
        for days_back in [30, 60, 365] {
            let kind = RecommendationKind::Trending { days_back };
            let answer = ask(&queries, &principal, kind).await.unwrap();
            let expected = expected(&theirs, u64::from(days_back));
            let found = told(&answer);
            assert_eq!(found.len(), expected.len(), "{store:?} {days_back} {found:?} {expected:?}");
            shown += found.len();
            for ((id, evidence), expected) in found.iter().zip(&expected) {
                let Evidence::Growth { units, units_year_before, net_sales_change, growth } =
                    evidence
                else {
                    panic!("{evidence:?}");
                };
                assert_eq!(
                    (*id, *units, *units_year_before, *net_sales_change),
                    (expected.0, expected.1, expected.2, Cents(expected.3)),
                    "{store:?} {days_back}"
                );
                assert!((growth - expected.4).abs() < 1e-9);
            }
        }
    }
    assert!(shown > 50, "{shown}, or the test shows little");
}

/// A product that was returned more than it was sold a year before has grown from nothing.
#[tokio::test]
async fn returns_of_the_year_before_count_as_nothing_sold() {
    let database = TestDatabase::seeded().await;
    for returned in [-10, -14] {
        sell(&database, &[(1, 8, returned), (2, 10, 10), (3, 10, 20)]);
        let grown: Vec<i32> = trending(&database).await.iter().map(|(id, _)| *id).collect();
        assert_eq!(grown, [1], "{returned}");
    }
}

/// Sales of six products, this season and the one before.
fn sell(database: &TestDatabase, sales: &[(i32, i32, i32)]) {
    database.psql("TRUNCATE retail.order_items, retail.orders CASCADE");
    let mut sql = "INSERT INTO retail.orders (order_id, customer_id, store_id, order_date) VALUES
        (1, 1, 1, '2026-06-30'), (2, 1, 1, '2025-06-30'), (3, 1, 1, '2025-12-24');
        INSERT INTO retail.order_items
            (order_id, store_id, product_id, quantity, unit_price, total_amount) VALUES
        (3, 1, 6, 100000, 1, 100000)"
        .to_owned();
    for (product, now, before) in sales {
        for (order, units) in [(1, now), (2, before)] {
            if *units != 0 {
                write!(sql, ", ({order}, 1, {product}, {units}, 2, {})", 2 * units).unwrap();
            }
        }
    }
    database.psql(&sql);
}

async fn trending(database: &TestDatabase) -> Vec<(i32, Evidence)> {
    let kind = RecommendationKind::Trending { days_back: 30 };
    told(&ask(&search(database), &head_office().await, kind).await.unwrap())
}

#[tokio::test]
async fn small_numbers_and_great_sales_are_no_trend() {
    let database = TestDatabase::seeded().await;
    // From none to three and from none to six; doubled; much as before; fallen; sold in winter alone.
    sell(&database, &[(1, 3, 0), (2, 6, 0), (3, 200, 100), (4, 5000, 5050), (5, 40, 90)]);
    let found = trending(&database).await;
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(
        found[0].1,
        Evidence::Growth {
            units: 200,
            units_year_before: 100,
            net_sales_change: Cents(20_000),
            growth: 210.0 / 110.0
        }
    );
}

/// The whole store sells twice as much, so what grew by half has lost ground.
#[tokio::test]
async fn a_trend_is_more_than_what_the_whole_assortment_does() {
    let database = TestDatabase::seeded().await;
    sell(&database, &[(1, 150, 100), (2, 2000, 1000), (3, 300, 100)]);
    let found = trending(&database).await;
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn without_a_year_before_nothing_is_said() {
    let database = TestDatabase::seeded().await;
    sell(&database, &[(1, 150, 0), (2, 2000, 0)]);
    assert_eq!(trending(&database).await, []);
    let kind = RecommendationKind::Trending { days_back: 366 };
    let refused = ask(&search(&database), &head_office().await, kind).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument);
}
