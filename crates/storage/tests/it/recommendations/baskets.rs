//! What lies in the same baskets.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Days;
use retail_domain::ports::ProductSearch;
use retail_domain::{ErrorCode, Evidence, ProductRef, RecommendationKind, RecommendationRequest};
use retail_testkit::{TestDatabase, head_office, principal, store};

use super::{Line, PLANTED, ask, callers, lines, search, theirs, told};

/// Product, baskets with both, baskets of the first product, lift, and what it is ranked by.
fn expected(lines: &[Line], product: i32, days: u64) -> Vec<(i32, i64, i64, f64, f64)> {
    let last = lines.iter().map(|line| line.day).max().unwrap();
    let first = last - Days::new(days - 1);
    let mut baskets: BTreeMap<i32, BTreeSet<i32>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.day >= first) {
        baskets.entry(line.order).or_default().insert(line.product);
    }
    let with = |wanted: &[i32]| {
        baskets.values().filter(|basket| wanted.iter().all(|p| basket.contains(p))).count() as f64
    };
    let of_product = with(&[product]);
    let others: BTreeSet<i32> = baskets.values().flatten().copied().collect();
    let mut found = Vec::new();
    for other in others.into_iter().filter(|other| *other != product) {
        let together = with(&[product, other]);
        let by_chance = of_product * with(&[other]) / baskets.len() as f64;
        let bound = (together.sqrt() - 0.8225).powi(2) / by_chance;
        if together >= 3.0 && together * 200.0 >= of_product && bound > 1.0 {
            found.push((other, together as i64, of_product as i64, together / by_chance, bound));
        }
    }
    found.sort_by(|a, b| b.4.total_cmp(&a.4).then(a.0.cmp(&b.0)));
    found.truncate(10);
    found
}

#[tokio::test]
async fn the_lift_is_that_of_the_callers_own_baskets() {
    let database = TestDatabase::seeded().await;
    database.psql(PLANTED);
    let lines = lines(&database);
    let queries = search(&database);
    let mut answers = BTreeSet::new();
    for (principal, store) in callers().await {
        let theirs = theirs(&lines, store);
        for (product_id, days_back) in [(1, 60), (2, 36_000), (7, 365), (150, 36_000)] {
            let kind =
                RecommendationKind::CrossSell { product: ProductRef::Id(product_id), days_back };
            let answer = ask(&queries, &principal, kind).await.unwrap();
            let expected = expected(&theirs, product_id, u64::from(days_back));
            let found = told(&answer);
            assert_eq!(
                found.len(),
                expected.len(),
                "{store:?} {product_id} {found:?} {expected:?}"
            );
            for ((id, evidence), expected) in found.iter().zip(&expected) {
                let Evidence::BoughtTogether { baskets, baskets_of_product, lift } = evidence
                else {
                    panic!("{evidence:?}");
                };
                assert_eq!(
                    (*id, *baskets, *baskets_of_product),
                    (expected.0, expected.1, expected.2)
                );
                assert!((lift - expected.3).abs() < 1e-9 && *lift > 1.0, "{lift} {expected:?}");
            }
            if days_back == 36_000 && product_id == 2 {
                assert!(!found.is_empty(), "{store:?}, or the test shows nothing");
                answers.insert(format!("{found:?}"));
            }
        }
    }
    assert_eq!(answers.len(), 9, "each caller has an answer of their own");
}

/// Two products that were sold twice, both times together, have the greatest lift there is.
#[tokio::test]
async fn a_few_baskets_do_not_win() {
    let database = TestDatabase::seeded().await;
    database.psql("TRUNCATE retail.order_items, retail.orders CASCADE");
    database.psql(
        "INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
         SELECT n, 1, 3, '2026-11-01' FROM generate_series(1, 1000) n;
         INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, total_amount)
         SELECT n, 3, p, 1, 1, 1 FROM generate_series(1, 1000) n, generate_series(1, 6) p
         WHERE p = 6                      -- in every basket: lift 1
            OR (p = 1 AND n <= 100)       -- asked for
            OR (p = 2 AND n <= 2)         -- twice, always together: lift 10
            OR (p = 3 AND n <= 3)         -- three times, always together: lift 10
            OR (p = 4 AND n % 2 = 0)      -- in every second basket, whatever else: lift 1
            OR (p = 5 AND n BETWEEN 51 AND 110); -- 50 of 60 together: lift 8.3",
    );
    let queries = search(&database);
    let kind = RecommendationKind::CrossSell { product: ProductRef::Id(1), days_back: 30 };
    let answer = ask(&queries, &head_office().await, kind).await.unwrap();
    let found = told(&answer);
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [5, 3]);
    let Evidence::BoughtTogether { baskets: 50, baskets_of_product: 100, lift } = found[0].1 else {
        panic!("{found:?}");
    };
    assert!((lift - 50.0 * 1000.0 / (100.0 * 60.0)).abs() < 1e-9);
    assert!(answer.about_product.is_some());
    let days = answer.period.map(|(first, last)| (first.to_string(), last.to_string()));
    assert_eq!(days.unwrap(), ("2026-10-03".to_owned(), "2026-11-01".to_owned()));
}

/// Whatever others sell, and however late.
#[tokio::test]
async fn the_baskets_of_other_stores_change_nothing() {
    let database = TestDatabase::seeded().await;
    database.psql(PLANTED);
    let queries = search(&database);
    let seattle = principal(store("Zava Retail Seattle")).await;
    let kinds = [
        RecommendationKind::CrossSell { product: ProductRef::Id(1), days_back: 60 },
        RecommendationKind::Trending { days_back: 60 },
    ];
    let mut before = Vec::new();
    for kind in &kinds {
        let own = ask(&queries, &seattle, kind.clone()).await.unwrap();
        let all = ask(&queries, &head_office().await, kind.clone()).await.unwrap();
        assert!(!own.items.is_empty(), "{kind:?}, or the test shows nothing");
        before.push((own, all));
    }
    let tacoma = store("Zava Retail Tacoma").id;
    database.psql(&format!(
        "INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
         SELECT 2000000 + n, 1, {tacoma}, DATE '2026-11-22' + n % 3 FROM generate_series(1, 500) n;
         INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, total_amount)
         SELECT 2000000 + n, {tacoma}, p, 9, 1, 9
         FROM generate_series(1, 500) n, unnest(ARRAY[1, 40, 41, 1 + n % 400]) p;
         UPDATE retail.inventory SET stock_level = 0 WHERE store_id = {tacoma}"
    ));
    for (kind, (own, all)) in kinds.iter().zip(&before) {
        let now = ask(&queries, &seattle, kind.clone()).await.unwrap();
        assert_eq!((&now.items, &now.period), (&own.items, &own.period), "{kind:?}");
        let now = ask(&queries, &head_office().await, kind.clone()).await.unwrap();
        assert_ne!(told(&now), told(all), "{kind:?}: what was planted counts for head office");
    }
}

#[tokio::test]
async fn only_what_is_on_hand_in_the_callers_store() {
    let database = TestDatabase::seeded().await;
    database.psql(PLANTED);
    let queries = search(&database);
    let spokane = store("Zava Retail Spokane");
    let id = spokane.id;
    let kinds = [
        RecommendationKind::CrossSell { product: ProductRef::Id(1), days_back: 60 },
        RecommendationKind::Trending { days_back: 60 },
    ];
    let caller = principal(spokane).await;
    for kind in kinds {
        database.psql(&format!(
            "UPDATE retail.inventory SET stock_level = 5 WHERE store_id = {id} AND product_id < 20"
        ));
        let request = RecommendationRequest { kind, max_results: 10, in_stock: true };
        let all = queries.recommend(&caller, &request).await.unwrap();
        let gone = all.items[0].product.product_id;
        database.psql(&format!(
            "UPDATE retail.inventory SET stock_level = 0 WHERE store_id = {id} AND product_id = {gone}"
        ));
        let left = told(&queries.recommend(&caller, &request).await.unwrap());
        assert!(!left.iter().any(|(product, _)| *product == gone), "{left:?}");
        assert_eq!(left[0], told(&all)[1]);
        let any = RecommendationRequest { in_stock: false, ..request };
        assert_eq!(told(&queries.recommend(&caller, &any).await.unwrap())[0].0, gone);
    }
}

#[tokio::test]
async fn a_product_that_is_not_there_is_not_found() {
    let database = TestDatabase::seeded().await;
    let queries = search(&database);
    let kind = RecommendationKind::CrossSell { product: ProductRef::Id(987_654), days_back: 30 };
    let error = ask(&queries, &head_office().await, kind).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    database.psql("TRUNCATE retail.order_items, retail.orders CASCADE");
    let kind = RecommendationKind::CrossSell { product: ProductRef::Id(1), days_back: 30 };
    let answer = ask(&queries, &head_office().await, kind).await.unwrap();
    assert!(answer.items.is_empty() && answer.period.is_none());
}
