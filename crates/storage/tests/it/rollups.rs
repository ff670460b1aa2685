//! The sales rollups equal the raw sums, for each who may ask, whatever writers do at the same time.

mod bulk;
mod writers;

use retail_domain::Principal;
use retail_testkit::{TestDatabase, head_office, principal, store, stores};
use rstest::rstest;

use crate::adopt::FORMER;
use crate::isolation::{connect, first_row};
use crate::unguarded::Unguarded;

/// The sums of the raw tables, and the same of a rollup, as a manager would ask for them.
const PAIRS: [(&str, &str); 4] = [
    (
        "SELECT o.store_id, o.order_date, count(*), sum(i.quantity),
             sum(i.quantity * i.unit_price), sum(coalesce(i.discount_amount, 0)), sum(i.total_amount)
         FROM retail.orders o
         JOIN retail.order_items i ON i.order_id = o.order_id AND i.store_id = o.store_id
         GROUP BY 1, 2",
        "SELECT store_id, order_date, line_count, units_sold, gross_sales, discount_amount, net_sales
         FROM retail.sales_by_day WHERE line_count > 0",
    ),
    (
        "SELECT store_id, order_date, count(*) FROM retail.orders GROUP BY 1, 2",
        "SELECT store_id, order_date, order_count FROM retail.sales_by_day",
    ),
    (
        "SELECT o.store_id, o.order_date, i.product_id, count(DISTINCT o.order_id), count(*),
             sum(i.quantity), sum(i.quantity * i.unit_price), sum(coalesce(i.discount_amount, 0)),
             sum(i.total_amount)
         FROM retail.orders o
         JOIN retail.order_items i ON i.order_id = o.order_id AND i.store_id = o.store_id
         GROUP BY 1, 2, 3",
        "SELECT store_id, order_date, product_id, order_count, line_count, units_sold, gross_sales,
             discount_amount, net_sales
         FROM retail.sales_by_product_day",
    ),
    (
        "SELECT o.order_id, o.store_id, o.order_date, o.customer_id,
             (SELECT coalesce(sum(i.total_amount), 0) FROM retail.order_items i
              WHERE i.order_id = o.order_id AND i.store_id = o.store_id),
             (SELECT e.order_date FROM retail.orders e
              WHERE e.store_id = o.store_id AND e.customer_id = o.customer_id
                AND (e.order_date, e.order_id) < (o.order_date, o.order_id)
              ORDER BY e.order_date DESC, e.order_id DESC LIMIT 1),
             (SELECT e.order_date FROM retail.orders e
              WHERE e.store_id = o.store_id AND e.customer_id = o.customer_id
                AND (e.order_date, e.order_id) < (o.order_date, o.order_id)
              ORDER BY e.order_date DESC, e.order_id DESC OFFSET 1 LIMIT 1)
         FROM retail.orders o",
        "SELECT order_id, store_id, order_date, customer_id, net_sales, previous_order_date,
             second_previous_order_date
         FROM retail.sales_by_order",
    ),
];

/// Compares by the database's own check.
fn assert_equal(database: &TestDatabase, when: &str) {
    let found = database.psql(
        "SELECT * FROM retail_mcp.check_sales_rollups();
         SELECT count(*) FROM retail_mcp.sales_changes",
    );
    let expected = "retail.sales_by_day|0|0|0\nretail.sales_by_product_day|0|0|0\n\
                    retail.sales_by_order|0|0|0\n0";
    assert_eq!(found.trim(), expected, "{when}");
}

/// Compares what one caller sees. Gives how many rows that are.
async fn seen_by(runner: &Unguarded, caller: &Principal) -> i64 {
    let mut seen = 0;
    for (raw, rollup) in PAIRS {
        let sql = format!(
            "SELECT (SELECT count(*) FROM ({rollup}) AS r),
                 (SELECT count(*) FROM ({raw} EXCEPT ALL {rollup}) AS less),
                 (SELECT count(*) FROM ({rollup} EXCEPT ALL {raw}) AS more)"
        );
        let row = first_row(runner, caller, &sql).await;
        let counts: Vec<i64> = row.iter().filter_map(serde_json::Value::as_i64).collect();
        let [rows, less, more] = *counts else { panic!("{row:?}") };
        assert_eq!((less, more), (0, 0), "{rollup}");
        seen += rows;
    }
    seen
}

async fn assert_equal_for_all(database: &TestDatabase, when: &str) {
    assert_equal(database, when);
    let runner = Unguarded::on(database, 2);
    let mut all = 0;
    for store in stores() {
        all += seen_by(&runner, &principal(store).await).await;
    }
    assert_eq!(seen_by(&runner, &head_office().await).await, all, "{when}");
    assert!(all > 0, "{when}");
}

#[tokio::test]
async fn each_identity_sees_its_own_sums() {
    let database = TestDatabase::seeded().await;
    assert_equal_for_all(&database, "after the load").await;
    let runner = Unguarded::on(&database, 2);
    for table in ["retail.sales_by_day", "retail.sales_by_product_day", "retail.sales_by_order"] {
        for store in stores() {
            let id = store.id;
            let sql = format!("SELECT min(store_id), max(store_id), count(*) FROM {table}");
            let row = first_row(&runner, &principal(store).await, &sql).await;
            assert_eq!(row[..2], [id.0, id.0], "{table}");
            assert!(row[2].as_i64().unwrap() > 0);
        }
    }
}

#[rstest]
#[case("SELECT count(*) FROM retail.sales_by_day")]
#[case("INSERT INTO retail.sales_by_day SELECT 1, '2020-01-01', 1, 1, 1, 1, 1, 1")]
#[case("UPDATE retail.sales_by_day SET net_sales = 0")]
#[case("SELECT count(*) FROM retail.sales_by_order")]
#[case("UPDATE retail.sales_by_order SET previous_order_date = NULL")]
#[case("DELETE FROM retail.sales_by_product_day")]
#[case("TRUNCATE retail.sales_by_product_day")]
#[case("SELECT count(*) FROM retail_mcp.sales_changes")]
#[case("SELECT count(*) FROM retail_mcp.sales_by_day_source")]
#[case("SELECT count(*) FROM retail_mcp.sales_by_order_source")]
#[case("SELECT count(*) FROM retail_mcp.customer_turn")]
#[case("SELECT retail_mcp.rebuild_sales_rollups()")]
#[case("SELECT * FROM retail_mcp.check_sales_rollups()")]
#[tokio::test]
async fn a_query_role_cannot_write_or_see_unsigned(#[case] sql: &str) {
    let database = TestDatabase::seeded().await;
    for login in [database.query_logins().stores, database.query_logins().head_office] {
        let client = connect(&database, &login).await;
        client.batch_execute("SET default_transaction_read_only = off").await.ok();
        let error = client.batch_execute(&format!("BEGIN READ WRITE; {sql}")).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{sql} as {}", login.user);
    }
}

/// Row security asks who is calling once a query, and the key leads to the store's rows.
#[tokio::test]
async fn a_store_and_a_period_are_found_by_the_key() {
    let database = TestDatabase::seeded().await;
    let client = connect(&database, &database.query_logins().stores).await;
    let seattle = store("Zava Retail Seattle").rls_user_id.to_string();
    let signature = crate::support::sign(&client, &seattle).await;
    let begin = format!(
        "BEGIN; SET LOCAL app.current_rls_user_id = '{seattle}';
         SET LOCAL app.rls_signature = '{signature}'; SET LOCAL enable_seqscan = off"
    );
    client.batch_execute(&begin).await.unwrap();
    for table in ["sales_by_day", "sales_by_product_day", "sales_by_order"] {
        let explain = format!(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT sum(net_sales) FROM retail.{table}
             WHERE order_date BETWEEN '2026-01-01' AND '2026-03-31'"
        );
        let rows = client.query(&explain, &[]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        let condition = plan.lines().find(|line| line.contains("Index Cond")).unwrap_or_default();
        assert!(condition.contains("store_id =") && condition.contains("order_date >="), "{plan}");
        assert!(plan.contains("InitPlan") && plan.matches("loops=1)").count() >= 2, "{plan}");
        assert!(!plan.contains("Filter:"), "{plan}");
    }
}

#[tokio::test]
async fn an_adopted_database_has_its_sums_at_once() {
    let database = TestDatabase::empty();
    database.psql(FORMER);
    let options = retail_storage::MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    database.admin().await.migrate(&options).await.unwrap();
    assert_equal(&database, "after the migration");
    assert_ne!(database.psql("SELECT count(*) FROM retail.sales_by_product_day").trim(), "0");
    database.psql("UPDATE retail.orders SET order_date = order_date + 1");
    assert_equal(&database, "after a change by the former system");
}

/// The comparison above can see a fault: with any trigger off, the sums are wrong.
#[rstest]
#[case("orders", "insert", "INSERT INTO retail.orders SELECT 900001, 1, 1, '2026-11-20'")]
#[case(
    "orders",
    "update",
    "UPDATE retail.orders SET store_id = store_id % 8 + 1 WHERE order_id < 50"
)]
#[case("orders", "update", "UPDATE retail.orders SET customer_id = 1 WHERE order_id = 7")]
#[case("orders", "delete", "DELETE FROM retail.orders WHERE order_id = 1")]
#[case(
    "order_items",
    "insert",
    "INSERT INTO retail.order_items
     SELECT 900001, order_id, store_id, 1, 1, 1, 0, 0, 1 FROM retail.orders WHERE order_id = 1"
)]
#[case("order_items", "update", "UPDATE retail.order_items SET quantity = 9 WHERE order_id < 50")]
#[case("order_items", "delete", "DELETE FROM retail.order_items WHERE order_id = 2")]
#[case("order_items", "truncate", "TRUNCATE retail.order_items")]
#[tokio::test]
async fn a_trigger_that_is_off_is_seen(
    #[case] table: &str,
    #[case] event: &str,
    #[case] sql: &str,
) {
    let database = TestDatabase::seeded().await;
    database.psql("DELETE FROM retail.order_items WHERE order_id = 1");
    assert_equal(&database, "before");
    database.psql(&format!("ALTER TABLE retail.{table} DISABLE TRIGGER sales_rollups_{event}"));
    database.psql(sql);
    let wrong =
        "SELECT sum(missing + surplus + different) > 0 FROM retail_mcp.check_sales_rollups()";
    assert_eq!(database.psql(wrong).trim(), "t");
}

/// And so can the one of what managers see.
#[tokio::test]
async fn an_open_policy_is_seen() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::new({
        let opened = database.query_database(2);
        opened.skip_posture_gate();
        opened
    });
    database.psql("ALTER POLICY store_sees_own ON retail.sales_by_day USING (true)");
    let seattle = principal(store("Zava Retail Seattle")).await;
    let sql = "SELECT count(DISTINCT store_id) FROM retail.sales_by_day";
    assert_eq!(first_row(&runner, &seattle, sql).await[0], 8);
    database.psql("DROP POLICY store_sees_own ON retail.sales_by_day");
    assert_eq!(first_row(&runner, &seattle, sql).await[0], 0);
}
