//! A chain in which much has to be held back, what it really sold, and what a manager is told of it.

use std::collections::BTreeMap;

use retail_domain::ports::QueryRunner;
use retail_domain::{QueryLimits, SqlText, Store, StoreId};
use retail_storage::{PgQueryRunner, Restate};
use retail_testkit::{TestDatabase, principal};
use serde_json::Value;

use super::{day, publish};

/// Sales of the first half of 2026: eight stores of different sizes, which change places, and nine categories. Category 2 is
/// sold by four stores, 3 for three months mostly by one, 4 by six, 5 by two in every other month, 6 in nearly the same amounts everywhere.
const SALES: &str = "
    TRUNCATE retail.orders CASCADE;
    CREATE TEMP TABLE amount AS
    SELECT s AS store_id, c AS category_id, m, g.noise,
        CASE WHEN c = 3 AND m <= 3 THEN CASE s WHEN 8 THEN 900 ELSE 2 END
               WHEN c = 6 THEN 100 ELSE 8 + 36 * ((s * 3 + m / 2) % 8) END
            * CASE c WHEN 6 THEN 1 + g.noise / 40 ELSE 0.5 + g.noise END AS units
    FROM generate_series(1, 8) s, generate_series(1, 9) c, generate_series(1, 6) m,
        LATERAL (SELECT (hashint4(s * 1000 + c * 10 + m + :seed * 100000) & 4095) / 4096.0 AS noise) g
    WHERE (c <> 2 OR s <= 4) AND (c <> 4 OR s <= 6) AND (c <> 5 OR m % 2 = 0 OR s IN (3, 7));
    INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
    SELECT (s * 10 + m) * 100 + o, 1, s, make_date(2026, m, 1 + o)
    FROM generate_series(1, 8) s, generate_series(1, 6) m, generate_series(1, 12 + s % 3) o;
    INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, discount_percent,
        discount_amount, total_amount)
    SELECT (a.store_id * 10 + a.m) * 100 + 1 + (a.category_id + k) % 12, a.store_id, p.product_id, q.quantity,
        f.price, 0, round(q.quantity * f.price * f.off, 2),
        q.quantity * f.price - round(q.quantity * f.price * f.off, 2)
    FROM amount a
    JOIN (SELECT category_id, min(product_id) AS product_id FROM retail.products GROUP BY 1) p USING (category_id)
    CROSS JOIN generate_series(1, 3) k
    CROSS JOIN LATERAL (SELECT ceil(a.units / 3 + k)::integer AS quantity) q
    CROSS JOIN LATERAL (SELECT (5 + a.category_id * 3 + CASE a.category_id WHEN 6 THEN 0 ELSE round(a.noise, 2) END)
        AS price, (a.store_id * 7 + a.m) % 5 / 50.0 AS off) f;
    -- A month that is not over.
    INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
    SELECT 90000 + s, 1, s, '2026-07-03' FROM generate_series(1, 8) s;
    INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, discount_percent,
        discount_amount, total_amount)
    SELECT 90000 + s, s, 1, s, 10, 0, 0, 10 * s FROM generate_series(1, 8) s";

/// Forgets what was published.
pub(super) const FORGET: &str = "TRUNCATE retail.store_benchmark, retail_mcp.benchmark_month";

/// A database with that chain, and nothing published yet.
pub(super) async fn unpublished(seed: u32) -> TestDatabase {
    let database = TestDatabase::seeded().await;
    database.psql(&format!("{FORGET}; {}", SALES.replace(":seed", &seed.to_string())));
    database
}

/// The same, with its six months published.
pub(super) async fn published(seed: u32) -> TestDatabase {
    let database = unpublished(seed).await;
    assert_eq!(publish(&database, day(2026, 7, 3), Restate::Nothing).await, (6, 0));
    database
}

/// What was sold, by metric, month, category and store; 0 is all categories.
pub(super) struct Truth(BTreeMap<(String, String, i32), BTreeMap<i32, f64>>);

impl Truth {
    pub(super) fn of(database: &TestDatabase) -> Self {
        let rows = database.psql(
            "WITH line AS (
                 SELECT o.store_id, o.order_id, date_trunc('month', o.order_date::timestamp)::date AS month,
                     p.category_id, i.quantity, i.total_amount
                 FROM retail.orders o JOIN retail.order_items i USING (order_id) JOIN retail.products p USING (product_id))
             SELECT 'net_sales', month, coalesce(category_id, 0), store_id, sum(total_amount)
             FROM line GROUP BY GROUPING SETS ((month, category_id, store_id), (month, store_id))
             UNION ALL
             SELECT 'units', month, coalesce(category_id, 0), store_id, sum(quantity)
             FROM line GROUP BY GROUPING SETS ((month, category_id, store_id), (month, store_id))
             UNION ALL
             SELECT 'orders', date_trunc('month', order_date::timestamp)::date, 0, store_id, count(*)
             FROM retail.orders GROUP BY 2, 4",
        );
        let mut cells = BTreeMap::<_, BTreeMap<_, _>>::new();
        for row in rows.lines() {
            let [metric, month, category, store, sum] = *row.split('|').collect::<Vec<_>>() else {
                panic!("{row}")
            };
            cells
                .entry((metric.to_owned(), month.to_owned(), category.parse().unwrap()))
                .or_default()
                .insert(store.parse().unwrap(), sum.parse().unwrap());
        }
        Self(cells)
    }

    /// The other stores' figures of a cell.
    pub(super) fn others(
        &self,
        viewer: StoreId,
        metric: &str,
        month: &str,
        category: i32,
    ) -> BTreeMap<i32, f64> {
        let key = (metric.to_owned(), month.to_owned(), category);
        let mut stores = self.0.get(&key).cloned().unwrap_or_default();
        stores.remove(&viewer.0);
        stores
    }

    pub(super) fn categories(&self, metric: &str, month: &str) -> Vec<i32> {
        let of = |key: &&(String, String, i32)| key.0 == metric && key.1 == month && key.2 != 0;
        self.0.keys().filter(of).map(|key| key.2).collect()
    }
}

/// A row as its store sees it.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) month: String,
    pub(super) category: i32,
    pub(super) metric: String,
    pub(super) value: f64,
    pub(super) rank: Option<i32>,
    pub(super) mean: Option<f64>,
}

/// All that a store's manager can see of the others.
pub(super) async fn all_told(runner: &PgQueryRunner, store: &Store) -> Vec<Told> {
    let sql = "SELECT month, category_id, metric, value, rank, peer_mean, store_id FROM retail.store_benchmark";
    let limits = QueryLimits { max_rows: 1000, ..QueryLimits::default() };
    let caller = principal(store.clone()).await;
    let answer = runner.run(&caller, &SqlText::new(sql).unwrap(), &limits).await.unwrap();
    assert_eq!(answer.truncation, None);
    let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    answer
        .rows
        .to_vec()
        .unwrap()
        .into_iter()
        .map(|row| {
            let [month, category, metric, value, rank, mean, of_store] = &*row else {
                panic!("{row:?}")
            };
            assert_eq!(*of_store, store.id.0, "{row:?}");
            Told {
                month: month.as_str().unwrap().to_owned(),
                category: i32::try_from(category.as_i64().unwrap()).unwrap(),
                metric: metric.as_str().unwrap().to_owned(),
                value: number(value).unwrap(),
                rank: rank.as_i64().map(|rank| i32::try_from(rank).unwrap()),
                mean: number(mean),
            }
        })
        .collect()
}

/// Of `told`, the row of a cell.
pub(super) fn cell<'a>(
    told: &'a [Told],
    metric: &str,
    month: &str,
    category: i32,
) -> Option<&'a Told> {
    told.iter().find(|row| row.metric == metric && row.month == month && row.category == category)
}
