//! What is not row by row: TRUNCATE, loads, and making the rollups anew.

use retail_sample_data::{Dataset, Scale, Spec, Table};
use retail_storage::{CopyTable, LoadRecord};
use retail_testkit::{TestDatabase, until};

use super::{assert_equal, assert_equal_for_all};
use crate::isolation::connect;

/// A store, a day and products that the sample data has.
const SALE: &str = "
    INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
        VALUES (900001, 1, 1, '2026-11-20'), (900002, 1, 1, '2026-11-20');
    INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price,
            discount_percent, discount_amount, total_amount)
        VALUES (900001, 1, 1, 2, 10.00, 10, 2.00, 18.00), (900001, 1, 1, 1, 10.00, 0, NULL, 10.00),
               (900001, 1, 2, 3, 1.25, 0, 0, 3.75), (900002, 1, 1, 1, 10.00, 0, 0, 10.00),
               (900002, 2, 3, 1, 5.00, 0, 0, 5.00)";

#[tokio::test]
async fn truncated_tables_leave_what_is_still_true() {
    let database = TestDatabase::seeded().await;
    for sql in [
        format!("BEGIN; {SALE}; TRUNCATE retail.order_items; COMMIT"),
        "DELETE FROM retail.orders WHERE order_id >= 900001".to_owned(),
        format!("BEGIN; {SALE}; TRUNCATE retail.order_items; ROLLBACK"),
        format!("BEGIN; {SALE}; TRUNCATE retail.order_items, retail.orders; {SALE}; COMMIT"),
        "BEGIN; TRUNCATE retail.orders CASCADE; ROLLBACK".to_owned(),
        "TRUNCATE retail.orders CASCADE".to_owned(),
    ] {
        database.psql(&sql);
        assert_equal(&database, &sql);
    }
    let rows = "SELECT (SELECT count(*) FROM retail.sales_by_day)
                    + (SELECT count(*) FROM retail.sales_by_product_day)
                    + (SELECT count(*) FROM retail.sales_by_order)";
    assert_eq!(database.psql(rows).trim(), "0");
}

#[tokio::test]
async fn the_figures_are_exact_and_empty_rows_vanish() {
    let database = TestDatabase::seeded().await;
    database.psql("TRUNCATE retail.orders CASCADE");
    database.psql(SALE);
    // The line of another store than its order's is nobody's.
    let days = database.psql("SELECT * FROM retail.sales_by_day");
    assert_eq!(days.trim(), "1|2026-11-20|2|4|7|43.75|2.00|41.75");
    let products = database.psql("SELECT * FROM retail.sales_by_product_day ORDER BY product_id");
    assert_eq!(
        products.trim(),
        "1|2026-11-20|1|2|3|4|40.00|2.00|38.00\n1|2026-11-20|2|1|1|3|3.75|0.00|3.75"
    );
    database.psql("UPDATE retail.orders SET store_id = 2 WHERE order_id = 900002");
    let days = database.psql("SELECT * FROM retail.sales_by_day ORDER BY store_id");
    assert_eq!(
        days.trim(),
        "1|2026-11-20|1|3|6|33.75|2.00|31.75\n2|2026-11-20|1|1|1|5.00|0.00|5.00"
    );
    database.psql(
        "BEGIN; DELETE FROM retail.order_items; UPDATE retail.orders SET order_date = '2020-01-02';
         DELETE FROM retail.orders; COMMIT",
    );
    let left =
        database.psql("SELECT FROM retail.sales_by_day; SELECT FROM retail.sales_by_product_day");
    assert_eq!(left.trim(), "");
}

#[tokio::test]
async fn orders_that_take_their_lines_with_them_are_counted_off() {
    let database = TestDatabase::seeded().await;
    database.psql(
        "ALTER TABLE retail.order_items DROP CONSTRAINT order_items_order_id_fkey;
         ALTER TABLE retail.order_items ADD FOREIGN KEY (order_id) REFERENCES retail.orders
             ON DELETE CASCADE ON UPDATE CASCADE",
    );
    database.psql("DELETE FROM retail.orders WHERE order_id % 3 = 0");
    assert_equal(&database, "after the deletion");
    database.psql("UPDATE retail.orders SET order_id = order_id + 1000000 WHERE order_id % 3 = 1");
    assert_equal(&database, "after new keys");
}

#[tokio::test]
async fn constraints_that_are_checked_at_once_work_too() {
    let database = TestDatabase::seeded().await;
    database.psql(&format!(
        "BEGIN; SET CONSTRAINTS ALL IMMEDIATE; {SALE};
         SAVEPOINT s; UPDATE retail.order_items SET quantity = quantity + 1 WHERE order_id >= 900001;
         ROLLBACK TO s; UPDATE retail.orders SET order_date = '2026-11-21' WHERE order_id = 900001;
         SET CONSTRAINTS ALL DEFERRED; DELETE FROM retail.order_items WHERE order_id = 900001;
         SAVEPOINT t; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK TO t; COMMIT"
    ));
    assert_equal(&database, "after the transaction");
    database.psql(
        "BEGIN; SET CONSTRAINTS retail_mcp.sales_rollups_apply IMMEDIATE;
         UPDATE retail.orders SET order_date = order_date - 3 WHERE order_id % 7 = 0;
         DELETE FROM retail.order_items WHERE order_id % 11 = 0; COMMIT",
    );
    assert_equal(&database, "after one by one");
}

#[tokio::test]
async fn lines_are_not_truncated_under_an_older_snapshot() {
    let database = TestDatabase::seeded().await;
    let client = connect(&database, &database.superuser()).await;
    client
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM retail.stores")
        .await
        .unwrap();
    database.psql(SALE);
    let refused = client.batch_execute("TRUNCATE retail.order_items").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "P0001");
    client.batch_execute("ROLLBACK").await.unwrap();
    assert_equal(&database, "refused");
}

/// Of a customer who is nobody, such as all who pay cash: no order takes longer than another, and all know those before.
#[tokio::test]
async fn a_customer_may_have_any_number_of_orders() {
    let database = TestDatabase::seeded().await;
    database.psql(
        "INSERT INTO retail.orders (customer_id, store_id, order_date)
         SELECT 1, 1, date '2026-11-01' + g % 5 FROM generate_series(1, 3000) g;
         UPDATE retail.orders SET customer_id = 2 WHERE customer_id = 1 AND order_id % 3 = 0;
         DELETE FROM retail.orders WHERE customer_id = 1 AND order_date = '2026-11-02'
             AND NOT EXISTS (SELECT FROM retail.order_items i WHERE i.order_id = orders.order_id)",
    );
    assert_equal(&database, "after many orders");
}

#[tokio::test]
async fn what_the_triggers_missed_is_found_and_made_good() {
    let database = TestDatabase::seeded().await;
    database.psql(
        "SET session_replication_role = replica;
         DELETE FROM retail.order_items WHERE order_id % 5 = 0;
         UPDATE retail.order_items SET quantity = quantity + 1 WHERE order_id = 2;
         UPDATE retail.orders SET order_date = '2019-12-31' WHERE order_id = 1;
         DELETE FROM retail.orders WHERE order_id = 5;
         INSERT INTO retail.orders SELECT 900001, customer_id, store_id, order_date FROM retail.orders
             WHERE order_id = 1",
    );
    let found = database.psql("SELECT * FROM retail_mcp.check_sales_rollups()");
    let sums: Vec<u64> = found
        .lines()
        .flat_map(|line| line.split('|').skip(1))
        .map(|cell| cell.parse().unwrap())
        .collect();
    assert!(sums.iter().all(|count| *count > 0), "{found}");
    // An older snapshot than the lock would miss what was committed between them.
    database.psql(
        "BEGIN ISOLATION LEVEL REPEATABLE READ;
         DO $$ BEGIN
             PERFORM retail_mcp.rebuild_sales_rollups();
             RAISE 'it was not refused' USING ERRCODE = 'assert_failure';
         EXCEPTION WHEN raise_exception THEN NULL;
         END $$;
         COMMIT",
    );
    database.psql("SELECT retail_mcp.rebuild_sales_rollups()");
    assert_equal_for_all(&database, "after the rebuild").await;
}

/// Everything about the tables that a load takes away and makes again.
const OBJECTS: &str = "
    SELECT pg_get_indexdef(i.indexrelid), obj_description(i.indexrelid, 'pg_class')
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = 'retail'::regnamespace ORDER BY 1;
    SELECT conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
    WHERE connamespace = 'retail'::regnamespace ORDER BY 1, 2;
    SELECT tgrelid::regclass, tgname, tgenabled, tgtype FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2;
    SELECT oid::regclass, relrowsecurity, relforcerowsecurity FROM pg_class
    WHERE relnamespace = 'retail'::regnamespace AND relkind = 'r' ORDER BY 1";

#[tokio::test]
async fn a_load_leaves_all_indexes_keys_and_triggers() {
    let database = TestDatabase::empty();
    let mut admin = database.admin().await;
    admin.migrate(&TestDatabase::migrate_options()).await.unwrap();
    let before = database.psql(OBJECTS);
    assert!(before.contains("reverse(email)") && before.contains("FOREIGN KEY"), "{before}");
    for seed in [7, 8] {
        let dataset = Dataset::new(Spec { seed, scale: Scale::Tiny, until: until() }).unwrap();
        let tables = Table::ALL.into_iter().map(|table| CopyTable {
            table: table.name(),
            columns: table.columns(),
            chunks: Box::new(dataset.copy_chunks(table)),
        });
        let record = LoadRecord { seed, scale: "tiny".to_owned(), until: until() };
        let mut steps = Vec::new();
        let mut progress = |step: &str, rows: u64| {
            if rows == 0 {
                steps.push(step.to_owned());
            }
        };
        admin.load(tables, &record, seed == 8, &mut progress).await.unwrap();
        assert_eq!(database.psql(OBJECTS), before);
        assert!(steps.iter().any(|step| step == "sales rollups"), "{steps:?}");
        assert_equal_for_all(&database, "after the load").await;
    }
    // And they work again.
    database.psql(SALE);
    assert_equal(&database, "after a sale");
}
