//! The sample questions of the reference system: the statement that a good model writes for each, and
//! its figures against sums over the rows of the generator, to the cent. `COLLATE "C"` is the test's
//! own: it puts names with equal sums in the order that Rust has.
//!
//! "Products similar to containers for paint" is a semantic search and comes with that tool.

use std::collections::BTreeMap;

use chrono::{Days, Months, NaiveDate};
use retail_domain::Store;
use retail_sample_data::{Dataset, OrderItem, STORES, Scale, Spec};
use retail_testkit::{TestDatabase, store, until};
use serde_json::{Value, json};

use crate::support::{Call, TestServer};

/// An order line with all that a question may ask about.
struct Sale {
    date: NaiveDate,
    store: &'static str,
    category: String,
    product: String,
    line: OrderItem,
}

/// All sales of the tests' data set, straight from the generator.
fn sales() -> Vec<Sale> {
    let dataset = Dataset::new(Spec { seed: 42, scale: Scale::Tiny, until: until() }).unwrap();
    let dates: BTreeMap<i32, NaiveDate> =
        dataset.orders().map(|order| (order.order_id, order.order_date)).collect();
    let catalogue = dataset.catalogue();
    let category_names: BTreeMap<i32, &str> = catalogue
        .categories()
        .iter()
        .map(|category| (category.category_id, category.name.as_str()))
        .collect();
    let products: BTreeMap<i32, _> =
        catalogue.products().iter().map(|product| (product.product_id, product)).collect();
    dataset
        .order_items()
        .map(|line| {
            let product = products[&line.product_id];
            let store = STORES.iter().find(|store| store.store_id == line.store_id);
            Sale {
                date: dates[&line.order_id],
                store: store.unwrap().name,
                category: category_names[&product.category_id].to_owned(),
                product: product.name.clone(),
                line,
            }
        })
        .collect()
}

/// Revenue in cents by a key, the greatest first.
fn revenue_by<K: Ord + Clone>(
    sales: impl IntoIterator<Item = Sale>,
    key: impl Fn(&Sale) -> K,
) -> Vec<(K, i64)> {
    let mut sums: BTreeMap<K, i64> = BTreeMap::new();
    for sale in sales {
        *sums.entry(key(&sale)).or_default() += sale.line.total_amount_cents;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(key, cents)| (std::cmp::Reverse(*cents), key.clone()));
    sums
}

/// Cents as PostgreSQL writes `numeric(10,2)`.
fn money(cents: i64) -> Value {
    json!(format!("{}.{:02}", cents / 100, cents % 100))
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// Asks as head office, or as a store's manager.
async fn ask(database: &TestDatabase, manager_of: Option<&Store>, sql: &str) -> Vec<Vec<Value>> {
    let server = TestServer::new(database);
    let token = manager_of.map_or_else(|| server.head_office(), |store| server.manager(store));
    let reply = server.query(&token, sql).await;
    assert_eq!(reply.answer()["receipt"]["truncated"], false);
    reply.rows()
}

#[tokio::test]
async fn show_me_the_top_20_products_by_revenue() {
    let database = TestDatabase::seeded().await;
    let rows = ask(
        &database,
        None,
        "SELECT p.product_name, sum(oi.total_amount) AS revenue, sum(oi.quantity) AS units
         FROM retail.order_items oi
         JOIN retail.products p ON p.product_id = oi.product_id
         GROUP BY p.product_name
         ORDER BY revenue DESC, p.product_name
         LIMIT 20",
    )
    .await;
    let mut units: BTreeMap<String, i32> = BTreeMap::new();
    for sale in sales() {
        *units.entry(sale.product).or_default() += sale.line.quantity;
    }
    let expected: Vec<Vec<Value>> = revenue_by(sales(), |sale| sale.product.clone())
        .into_iter()
        .take(20)
        .map(|(product, cents)| vec![json!(product), money(cents), json!(units[&product])])
        .collect();
    assert_eq!(expected.len(), 20);
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn show_me_sales_by_store() {
    let database = TestDatabase::seeded().await;
    let rows = ask(
        &database,
        None,
        "SELECT s.store_name, count(DISTINCT oi.order_id) AS orders, sum(oi.total_amount) AS sales
         FROM retail.order_items oi
         JOIN retail.stores s ON s.store_id = oi.store_id
         GROUP BY s.store_name
         ORDER BY sales DESC",
    )
    .await;
    let mut orders: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for sale in sales() {
        let of_store = orders.entry(sale.store).or_default();
        if of_store.last() != Some(&sale.line.order_id) {
            of_store.push(sale.line.order_id);
        }
    }
    let expected: Vec<Vec<Value>> = revenue_by(sales(), |sale| sale.store)
        .into_iter()
        .map(|(store, cents)| vec![json!(store), json!(orders[store].len()), money(cents)])
        .collect();
    assert_eq!(expected.len(), 8);
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn what_were_last_quarters_sales_by_category() {
    let database = TestDatabase::seeded().await;
    // The model asked get_current_utc_date first; the day is 2026-11-22.
    let rows = ask(
        &database,
        None,
        "SELECT c.category_name, sum(oi.total_amount) AS sales
         FROM retail.orders o
         JOIN retail.order_items oi ON oi.order_id = o.order_id
         JOIN retail.products p ON p.product_id = oi.product_id
         JOIN retail.categories c ON c.category_id = p.category_id
         WHERE o.order_date >= date_trunc('quarter', DATE '2026-11-22') - INTERVAL '3 months'
           AND o.order_date < date_trunc('quarter', DATE '2026-11-22')
         GROUP BY c.category_name
         ORDER BY sales DESC, c.category_name",
    )
    .await;
    let third_quarter = day(2026, 7, 1)..day(2026, 10, 1);
    let in_quarter = sales().into_iter().filter(|sale| third_quarter.contains(&sale.date));
    let expected: Vec<Vec<Value>> = revenue_by(in_quarter, |sale| sale.category.clone())
        .into_iter()
        .map(|(category, cents)| vec![json!(category), money(cents)])
        .collect();
    assert_eq!(expected.len(), 9);
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn top_10_products_by_revenue_for_my_store_in_q4_2024() {
    let database = TestDatabase::seeded().await;
    // A manager's model needs no filter on the store: the database sees to it.
    let sql = "SELECT p.product_name, sum(oi.total_amount) AS revenue
               FROM retail.orders o
               JOIN retail.order_items oi ON oi.order_id = o.order_id
               JOIN retail.products p ON p.product_id = oi.product_id
               WHERE o.order_date BETWEEN DATE '2024-10-01' AND DATE '2024-12-31'
               GROUP BY p.product_name
               ORDER BY revenue DESC, p.product_name COLLATE \"C\"
               LIMIT 10";
    let fourth_quarter = day(2024, 10, 1)..day(2025, 1, 1);
    let mut answers = Vec::new();
    for name in ["Zava Retail Seattle", "Zava Retail Online"] {
        let rows = ask(&database, Some(&store(name)), sql).await;
        let own = sales()
            .into_iter()
            .filter(|sale| sale.store == name && fourth_quarter.contains(&sale.date));
        let expected: Vec<Vec<Value>> = revenue_by(own, |sale| sale.product.clone())
            .into_iter()
            .take(10)
            .map(|(product, cents)| vec![json!(product), money(cents)])
            .collect();
        assert_eq!(expected.len(), 10);
        assert_eq!(rows, expected, "{name}");
        answers.push(rows);
    }
    assert_ne!(answers[0], answers[1]);
}

#[tokio::test]
async fn compare_sales_by_category_for_all_stores_in_the_last_6_months() {
    let database = TestDatabase::seeded().await;
    let sql = "SELECT s.store_name, c.category_name, sum(oi.total_amount) AS sales
               FROM retail.orders o
               JOIN retail.order_items oi ON oi.order_id = o.order_id
               JOIN retail.stores s ON s.store_id = o.store_id
               JOIN retail.products p ON p.product_id = oi.product_id
               JOIN retail.categories c ON c.category_id = p.category_id
               WHERE o.order_date > DATE '2026-11-22' - INTERVAL '6 months'
                 AND o.order_date <= DATE '2026-11-22'
               GROUP BY s.store_name, c.category_name
               ORDER BY sales DESC, s.store_name, c.category_name";
    let first = until() - Months::new(6) + Days::new(1);
    assert_eq!(first, day(2026, 5, 23));
    let expected: Vec<Vec<Value>> = revenue_by(
        sales().into_iter().filter(|sale| (first..=until()).contains(&sale.date)),
        |sale| (sale.store, sale.category.clone()),
    )
    .into_iter()
    .map(|((store, category), cents)| vec![json!(store), json!(category), money(cents)])
    .collect();
    assert!(expected.len() > 50, "most stores sell most categories");
    assert_eq!(ask(&database, None, sql).await, expected);

    // A manager who asks the same gets the own store's part.
    let tacoma = store("Zava Retail Tacoma");
    let own: Vec<_> = expected.into_iter().filter(|row| row[0] == tacoma.name.as_str()).collect();
    assert!(!own.is_empty());
    assert_eq!(ask(&database, Some(&tacoma), sql).await, own);
}

/// The reference's README says that answers are limited to 20 rows. That is advice to the model; an
/// answer is cut at 1,000.
#[tokio::test]
async fn twenty_rows_are_advice_and_not_a_limit() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let call = Call::new("tools/list", json!({})).bearer(&server.head_office());
    let reply = server.send(call).await;
    let tools = reply.result()["tools"].as_array().unwrap();
    let tool = tools.iter().find(|tool| tool["name"] == "execute_sales_query").unwrap();
    let description = tool["description"].as_str().unwrap();
    assert!(description.contains("at most 20 rows unless the user asks for more"));
    assert!(description.contains("at most 1000 rows"));

    let expected = revenue_by(sales(), |sale| sale.product.clone());
    assert!(expected.len() > 20);
    let rows = ask(
        &database,
        None,
        "SELECT p.product_name, sum(oi.total_amount) AS revenue
         FROM retail.order_items oi JOIN retail.products p USING (product_id)
         GROUP BY p.product_name ORDER BY revenue DESC, p.product_name COLLATE \"C\"",
    )
    .await;
    assert_eq!(rows.len(), expected.len());
    for (row, (product, cents)) in rows.iter().zip(expected) {
        assert_eq!(row[..], [json!(product), money(cents)]);
    }
}
