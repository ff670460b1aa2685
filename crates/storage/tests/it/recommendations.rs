//! Recommendations against figures that are counted here, from the rows, by another program.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    reason = "the counts of a test are small, and it fails where it panics"
)]

mod baskets;
mod customers;
mod products;
mod season;

use std::sync::Arc;

use chrono::NaiveDate;
use retail_domain::ports::ProductSearch;
use retail_domain::{
    Error, Evidence, Principal, RecommendationKind, RecommendationRequest, Recommendations,
};
use retail_storage::PgProductSearch;
use retail_testkit::{TestDatabase, head_office, principal, stores};

/// A line of an order.
#[derive(Debug, Clone)]
struct Line {
    order: i32,
    store: i32,
    customer: i32,
    day: NaiveDate,
    product: i32,
    units: i64,
    cents: i64,
}

/// All lines of all stores, as an administrator sees them.
fn lines(database: &TestDatabase) -> Vec<Line> {
    let sql =
        "SELECT o.order_id, o.store_id, o.customer_id, o.order_date, i.product_id, i.quantity,
                      (i.total_amount * 100)::bigint
               FROM retail.orders o JOIN retail.order_items i USING (order_id)";
    let read = |row: &str| {
        let values: Vec<&str> = row.split('|').collect();
        Line {
            order: values[0].parse().unwrap(),
            store: values[1].parse().unwrap(),
            customer: values[2].parse().unwrap(),
            day: values[3].parse().unwrap(),
            product: values[4].parse().unwrap(),
            units: values[5].parse().unwrap(),
            cents: values[6].parse().unwrap(),
        }
    };
    database.psql(sql).lines().map(read).collect()
}

/// Every caller, with the store whose rows are theirs; none for head office.
async fn callers() -> Vec<(Principal, Option<i32>)> {
    let mut callers = vec![(head_office().await, None)];
    for store in stores() {
        let id = store.id.0;
        callers.push((principal(store).await, Some(id)));
    }
    callers
}

/// Their lines.
fn theirs(lines: &[Line], store: Option<i32>) -> Vec<Line> {
    lines.iter().filter(|line| store.is_none_or(|store| line.store == store)).cloned().collect()
}

/// The product search, on two connections or more.
fn search(database: &TestDatabase) -> PgProductSearch {
    PgProductSearch::new(Arc::new(database.query_database(4)))
}

fn request(kind: RecommendationKind, max_results: u32) -> RecommendationRequest {
    RecommendationRequest { kind, max_results, in_stock: false }
}

async fn ask(
    search: &PgProductSearch,
    principal: &Principal,
    kind: RecommendationKind,
) -> Result<Recommendations, Error> {
    search.recommend(principal, &request(kind, 10)).await
}

/// The products and why, without what depends on the time of the call.
fn told(answer: &Recommendations) -> Vec<(i32, Evidence)> {
    answer.items.iter().map(|item| (item.product.product_id, item.evidence.clone())).collect()
}

/// Baskets in which each store sells a little differently, the last two months and a year before.
const PLANTED: &str = "
    CREATE TEMPORARY TABLE planted AS
        SELECT 1000000 + row_number() OVER () AS order_id, s.store_id, n,
               CASE WHEN n % 3 = 0 THEN DATE '2025-11-22' ELSE DATE '2026-11-22' END - n % 60 AS day
        FROM retail.stores s CROSS JOIN generate_series(1, 200) n;
    INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
        SELECT order_id, (SELECT min(customer_id) FROM retail.customers
                          WHERE primary_store_id = planted.store_id), store_id, day FROM planted;
    INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, total_amount)
        SELECT order_id, store_id, p, 1 + n % 4, 2.50, 2.50 * (1 + n % 4)
        FROM planted CROSS JOIN generate_series(1, 12) p
        WHERE (n * (p + store_id)) % (2 + p) = 0 OR (p <= 2 AND n % (3 + store_id) = 0);";
