//! Products near to what a customer bought.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Days;
use retail_domain::ports::ProductSearch;
use retail_domain::{Embedding, ErrorCode, Evidence, RecommendationKind, RecommendationRequest};
use retail_storage::{PgProductSearch, SearchSettings};
use retail_testkit::{TestDatabase, head_office, principal, store};

use super::products::on_an_arc;
use super::{Line, ask, lines, request, search, theirs, told};

/// Product, similarity to the nearest purchase, that purchase.
fn expected(
    lines: &[Line],
    vectors: &BTreeMap<i32, Embedding>,
    customer: i32,
    days: u64,
) -> Vec<(i32, f64, i32)> {
    let last = lines.iter().map(|line| line.day).max().unwrap();
    let first = last - Days::new(days - 1);
    let own: Vec<&Line> = lines.iter().filter(|line| line.customer == customer).collect();
    let had: BTreeSet<i32> = own.iter().map(|line| line.product).collect();
    let mut units: BTreeMap<i32, f64> = BTreeMap::new();
    for line in own.iter().filter(|line| line.day >= first) {
        let age = (last - line.day).num_days() as f64;
        *units.entry(line.product).or_default() += line.units as f64 * 0.5_f64.powf(age / 90.0);
    }
    let mut purchases: Vec<(i32, f64)> =
        units.into_iter().map(|(product, units)| (product, (1.0 + units).ln())).collect();
    purchases.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    purchases.truncate(20);
    let mut scores: BTreeMap<i32, (f64, f64, i32)> = BTreeMap::new();
    for (purchase, weight) in purchases {
        let cosine = |id: &i32| f64::from(vectors[&purchase].cosine(&vectors[id]).unwrap());
        let mut near: Vec<(i32, f64)> =
            vectors.keys().filter(|id| !had.contains(id)).map(|id| (*id, cosine(id))).collect();
        near.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (product, similarity) in near.into_iter().take(60).filter(|near| near.1 > 0.0) {
            let score = scores.entry(product).or_insert((0.0, -1.0, 0));
            score.0 += weight * similarity.powi(4);
            if similarity > score.1 {
                (score.1, score.2) = (similarity, purchase);
            }
        }
    }
    let mut found: Vec<_> = scores.into_iter().collect();
    found.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    found.into_iter().take(10).map(|(id, (_, similarity, of))| (id, similarity, of)).collect()
}

fn name(database: &TestDatabase, product: i32) -> String {
    let sql = format!("SELECT product_name FROM retail.products WHERE product_id = {product}");
    database.psql(&sql).trim().to_owned()
}

/// Seattle's customer 1: many of product 10, some of 40, one of 300, lately; 150 long ago; 200 in Tacoma.
fn plant(database: &TestDatabase) -> i32 {
    let (seattle, tacoma) = (store("Zava Retail Seattle").id, store("Zava Retail Tacoma").id);
    database.psql(&format!(
        "DELETE FROM retail.order_items WHERE order_id IN
             (SELECT order_id FROM retail.orders WHERE customer_id = 1);
         DELETE FROM retail.orders WHERE customer_id = 1;
         UPDATE retail.customers SET primary_store_id = {seattle} WHERE customer_id = 1;
         INSERT INTO retail.orders (order_id, customer_id, store_id, order_date) VALUES
             (900001, 1, {seattle}, '2026-11-20'), (900002, 1, {seattle}, '2026-09-01'),
             (900003, 1, {seattle}, '2024-01-01'), (900004, 1, {tacoma}, '2026-11-21'),
             (900005, 2, {seattle}, '2026-11-22'), (900006, 2, {tacoma}, '2026-11-22');
         INSERT INTO retail.order_items
             (order_id, store_id, product_id, quantity, unit_price, total_amount) VALUES
             (900001, {seattle}, 10, 8, 1, 8), (900002, {seattle}, 300, 1, 1, 1),
             (900001, {seattle}, 40, 5, 1, 5),
             (900003, {seattle}, 150, 5, 1, 5), (900004, {tacoma}, 200, 50, 1, 50),
             (900005, {seattle}, 77, 1, 1, 1), (900006, {tacoma}, 78, 1, 1, 1)"
    ));
    1
}

#[tokio::test]
async fn what_a_customer_bought_lately_counts_and_what_they_have_is_left_out() {
    let database = TestDatabase::seeded().await;
    let customer_id = plant(&database);
    let mut admin = database.admin().await;
    let vectors = on_an_arc(&database, &mut admin).await;
    let all = lines(&database);
    let queries = search(&database);
    let kind = RecommendationKind::CustomerBased { customer_id, days_back: 180 };
    for (principal, store_id) in [
        (principal(store("Zava Retail Seattle")).await, Some(store("Zava Retail Seattle").id.0)),
        (principal(store("Zava Retail Tacoma")).await, Some(store("Zava Retail Tacoma").id.0)),
        (head_office().await, None),
    ] {
        let theirs = theirs(&all, store_id);
        let expected = expected(&theirs, &vectors, customer_id, 180);
        let answer = ask(&queries, &principal, kind.clone()).await.unwrap();
        let found = told(&answer);
        assert_eq!(found.len(), 10);
        for ((id, evidence), expected) in found.iter().zip(&expected) {
            let Evidence::NearPurchases { similarity, nearest_purchase } = evidence else {
                panic!("{evidence:?}");
            };
            assert_eq!(*id, expected.0, "{store_id:?} {found:?} {expected:?}");
            assert!((similarity - expected.1).abs() < 1e-5);
            assert_eq!(*nearest_purchase, name(&database, expected.2));
        }
        assert!(
            !found.iter().any(|(id, _)| [10, 40, 300, 150].contains(id)) || store_id == Some(3)
        );
    }
    // Tacoma sees what was bought in Tacoma, and Seattle what was bought in Seattle.
    let seattle = principal(store("Zava Retail Seattle")).await;
    let found = told(&ask(&queries, &seattle, kind).await.unwrap());
    let near = |found: &[(i32, Evidence)], name: &str| {
        found.iter().any(|(_, evidence)| {
            matches!(evidence,
            Evidence::NearPurchases { nearest_purchase, .. } if nearest_purchase == name)
        })
    };
    assert!(near(&found, &name(&database, 10)));
    assert!(!near(&found, &name(&database, 200)), "bought in another store: {found:?}");
    assert!(!near(&found, &name(&database, 150)), "bought too long ago: {found:?}");
}

/// Whether there is such a customer is not for every store to know.
#[tokio::test]
async fn a_customer_of_another_store_is_as_unknown_as_nobody() {
    let database = TestDatabase::seeded().await;
    let mut admin = database.admin().await;
    on_an_arc(&database, &mut admin).await;
    let tacoma = store("Zava Retail Tacoma");
    let foreign: i32 = database
        .psql(&format!(
            "SELECT min(customer_id) FROM retail.customers c WHERE primary_store_id <> {0} AND NOT EXISTS
             (SELECT FROM retail.orders o WHERE o.customer_id = c.customer_id AND o.store_id = {0})",
            tacoma.id
        ))
        .trim()
        .parse()
        .unwrap();
    let queries = search(&database);
    let caller = principal(tacoma).await;
    let mut refusals = Vec::new();
    for customer_id in [foreign, 987_654] {
        let kind = RecommendationKind::CustomerBased { customer_id, days_back: 365 };
        let error = ask(&queries, &caller, kind).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
        let text = format!("{error} {:?}", error.hint());
        refusals.push(text.replace(&customer_id.to_string(), "N"));
    }
    assert_eq!(refusals[0], refusals[1]);
    let kind = RecommendationKind::CustomerBased { customer_id: foreign, days_back: 365 };
    ask(&queries, &head_office().await, kind).await.unwrap();
}

/// Nothing is near to nothing; and there is no need of vectors to say so.
#[tokio::test]
async fn a_customer_without_purchases_gets_an_empty_answer() {
    let database = TestDatabase::seeded().await;
    let customer_id = plant(&database);
    let queries = search(&database);
    database.psql(
        "INSERT INTO retail.customers (customer_id, first_name, last_name, email, primary_store_id)
         VALUES (900001, 'A', 'B', 'a.b@example.com', 1)",
    );
    for (customer_id, days_back) in [(900_001, 365), (customer_id, 1)] {
        let kind = RecommendationKind::CustomerBased { customer_id, days_back };
        let answer = ask(&queries, &head_office().await, kind).await.unwrap();
        assert!(answer.items.is_empty() && answer.period.is_some(), "{customer_id}");
    }
    let kind = RecommendationKind::CustomerBased { customer_id, days_back: 10 };
    let error = ask(&queries, &head_office().await, kind).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::EmbeddingsNotReady);
}

/// The walks of the index would end before they have met it.
#[tokio::test]
async fn where_little_is_in_stock_all_of_it_is_compared() {
    let database = TestDatabase::seeded().await;
    let customer_id = plant(&database);
    let mut admin = database.admin().await;
    on_an_arc(&database, &mut admin).await;
    // Product 40 was bought.
    database.psql(
        "UPDATE retail.inventory SET stock_level = 0;
         UPDATE retail.inventory SET stock_level = 3 WHERE product_id IN (9, 40, 180, 290, 410)",
    );
    // Of so few products PostgreSQL would compare all by itself.
    database.psql(
        "DO $$ DECLARE s text; BEGIN
             FOREACH s IN ARRAY ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort'] LOOP
                 EXECUTE format('ALTER ROLE retail_query_hq IN DATABASE %I SET %I = off', current_database(), s);
             END LOOP;
         END $$; ANALYZE",
    );
    let kind = RecommendationKind::CustomerBased { customer_id, days_back: 180 };
    let request = RecommendationRequest { in_stock: true, ..request(kind, 10) };
    let short_walk =
        SearchSettings { ef_search: 1, max_scan_tuples: 1, ..SearchSettings::default() };
    for (exact_up_to, is_exact) in [(5, true), (4, false)] {
        let settings = SearchSettings { exact_up_to, ..short_walk.clone() };
        let queries =
            PgProductSearch::with_settings(Arc::new(database.query_database(4)), settings);
        let answer = queries.recommend(&head_office().await, &request).await.unwrap();
        let mut found: Vec<i32> = told(&answer).into_iter().map(|(id, _)| id).collect();
        found.sort_unstable();
        assert_eq!(found == [9, 180, 290, 410], is_exact, "{exact_up_to}: {found:?}");
    }
}
