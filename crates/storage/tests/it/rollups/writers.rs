//! Writers at the same time, made up at random.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use retail_testkit::TestDatabase;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::{assert_equal, assert_equal_for_all};
use crate::isolation::connect;

/// Orders that all writers know. The sample data has 2,000.
const ORDERS: i32 = 40;

/// A statement of a writer.
#[derive(Debug, Clone)]
enum Step {
    /// A new order, with lines; some of them, by mistake, of another store.
    Sell {
        store: i32,
        customer: i32,
        day: i32,
        lines: Vec<(i32, i32, bool)>,
    },
    /// Lines for an order that is there.
    Add {
        order: i32,
        product: i32,
        quantity: i32,
    },
    /// Other figures, product, store or order for some lines.
    Change {
        order: i32,
        set: &'static str,
    },
    /// Another store or day for some orders.
    Move {
        order: i32,
        store: i32,
        day: i32,
    },
    /// Another customer for some orders.
    GiveTo {
        order: i32,
        customer: i32,
    },
    /// Some lines.
    Remove {
        order: i32,
        product: i32,
    },
    /// Orders with all their lines.
    Cancel {
        order: i32,
    },
    Savepoint,
    RollbackToSavepoint,
    Commit,
    Rollback,
}

const CHANGES: [&str; 6] = [
    "quantity = quantity + 1, total_amount = total_amount + unit_price",
    "product_id = product_id % 6 + 1",
    "store_id = store_id % 8 + 1",
    "order_id = order_id % 40 + 1",
    "discount_amount = NULL",
    "discount_percent = 5",
];

fn step() -> impl Strategy<Value = Step> {
    let (order, store, day, product, customer) = (1..=ORDERS, 1..=8, 0..4, 1..=6, 1..=3);
    let line = (1..=6, 1..=5, prop::bool::weighted(0.1));
    prop_oneof![
        4 => (store.clone(), customer.clone(), day.clone(), prop::collection::vec(line, 0..5))
            .prop_map(|(store, customer, day, lines)| Step::Sell { store, customer, day, lines }),
        4 => (order.clone(), product.clone(), 1..=5)
            .prop_map(|(order, product, quantity)| Step::Add { order, product, quantity }),
        3 => (order.clone(), prop::sample::select(&CHANGES[..])).prop_map(|(order, set)| Step::Change { order, set }),
        3 => (order.clone(), store, day)
            .prop_map(|(order, store, day)| Step::Move { order, store, day }),
        2 => (order.clone(), customer)
            .prop_map(|(order, customer)| Step::GiveTo { order, customer }),
        2 => (order.clone(), product).prop_map(|(order, product)| Step::Remove { order, product }),
        1 => order.prop_map(|order| Step::Cancel { order }),
        1 => Just(Step::Savepoint),
        1 => Just(Step::RollbackToSavepoint),
        4 => Just(Step::Commit),
        1 => Just(Step::Rollback),
    ]
}

/// A writer: whether it reads one snapshot all the time, and what it does.
fn writer() -> impl Strategy<Value = (bool, Vec<Step>)> {
    (prop::bool::weighted(0.25), prop::collection::vec(step(), 5..25))
}

impl Step {
    fn sql(&self) -> String {
        match self {
            Self::Sell { store, customer, day, lines } => {
                let mut sql = format!(
                    "INSERT INTO retail.orders (customer_id, store_id, order_date)
                     VALUES ({customer}, {store}, date '2026-11-01' + {day})"
                );
                for (product, quantity, is_elsewhere) in lines {
                    let store = if *is_elsewhere { store % 8 + 1 } else { *store };
                    let _ = write!(sql, "; {}", insert_line("lastval()", store, *product, *quantity));
                }
                sql
            }
            Self::Add { order, product, quantity } => format!(
                "INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price,
                     discount_amount, total_amount)
                 SELECT order_id, store_id, {product}, {quantity}, 7.99, 0.01, {quantity} * 7.99 - 0.01
                 FROM retail.orders WHERE order_id IN ({order}, {order} + 3)"
            ),
            Self::Change { order, set } => format!(
                "UPDATE retail.order_items SET {set} WHERE order_id IN ({order}, {order} + 1)"
            ),
            Self::Move { order, store, day } => format!(
                "UPDATE retail.orders SET store_id = {store}, order_date = date '2026-11-01' + {day}
                 WHERE order_id IN ({order}, {order} + 2)"
            ),
            Self::GiveTo { order, customer } => format!(
                "UPDATE retail.orders SET customer_id = {customer} WHERE order_id IN ({order}, {order} + 2)"
            ),
            Self::Remove { order, product } => format!(
                "DELETE FROM retail.order_items WHERE order_id BETWEEN {order} AND {order} + 5
                 AND product_id = {product}"
            ),
            Self::Cancel { order } => format!(
                "DELETE FROM retail.order_items WHERE order_id = {order};
                 DELETE FROM retail.orders WHERE order_id = {order}"
            ),
            Self::Savepoint => "SAVEPOINT s".to_owned(),
            Self::RollbackToSavepoint => "ROLLBACK TO SAVEPOINT s; SAVEPOINT s".to_owned(),
            Self::Commit => "COMMIT".to_owned(),
            Self::Rollback => "ROLLBACK".to_owned(),
        }
    }
}

fn insert_line(order: &str, store: i32, product: i32, quantity: i32) -> String {
    // The order's number comes from its sequence, not from that of the lines.
    let order = order.replace("lastval()", "currval('retail.orders_order_id_seq')");
    format!(
        "INSERT INTO retail.order_items (order_id, store_id, product_id, quantity, unit_price, total_amount)
         VALUES ({order}, {store}, {product}, {quantity}, 3.33, {quantity} * 3.33)"
    )
}

/// Does the steps, each failure ending the transaction. Gives how many transactions were committed.
async fn work(client: Client, one_snapshot: bool, steps: Vec<Step>) -> usize {
    let level = if one_snapshot { "REPEATABLE READ" } else { "READ COMMITTED" };
    let begin = format!("BEGIN ISOLATION LEVEL {level}; SAVEPOINT s");
    let mut committed = 0;
    client.batch_execute(&begin).await.unwrap();
    for step in steps.iter().chain([&Step::Commit]) {
        let done = client.batch_execute(&step.sql()).await;
        let is_end = matches!(step, Step::Commit | Step::Rollback);
        match &done {
            Ok(()) => committed += usize::from(matches!(step, Step::Commit)),
            // Whatever PostgreSQL refuses ends the transaction; what it does not know would be our fault.
            Err(error) => {
                let code = error.code().map_or("", |state| state.code());
                assert!(["23503", "40001", "40P01"].contains(&code), "{step:?}: {error:?}");
            }
        }
        if is_end || done.is_err() {
            client.batch_execute("ROLLBACK").await.unwrap();
            client.batch_execute(&begin).await.unwrap();
        }
    }
    client.batch_execute("ROLLBACK").await.unwrap();
    committed
}

#[test]
fn rollups_equal_the_raw_sums_whatever_writers_do() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config =
        Config { cases: 12, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(writer(), 4), |writers| {
            runtime.block_on(async {
                let database = TestDatabase::seeded().await;
                let mut at_work = JoinSet::new();
                for (one_snapshot, steps) in writers {
                    let client = connect(&database, &database.superuser()).await;
                    at_work.spawn(work(client, one_snapshot, steps));
                }
                let committed: usize = at_work.join_all().await.into_iter().sum();
                assert!(committed > 0);
                assert_equal_for_all(&database, "after all writers").await;
            });
            Ok(())
        })
        .unwrap();
}

/// Sales that touch the same stores, days, products and orders, each writer in an order of its own: nobody has to
/// give way.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_sales_never_end_each_other() {
    let database = TestDatabase::seeded().await;
    let mut at_work = JoinSet::new();
    for writer in 0_i32..8 {
        let client = connect(&database, &database.superuser()).await;
        at_work.spawn(async move {
            for round in 0..15 {
                client.batch_execute("BEGIN").await.unwrap();
                for turn in 0..6 {
                    // There and back.
                    let place = if (writer + round) % 2 == 0 { turn } else { 5 - turn };
                    let line = (place + 1, 1, false);
                    let sell = Step::Sell {
                        store: place % 3 + 1,
                        customer: place % 2 + 1,
                        day: place % 2,
                        lines: vec![line, line],
                    };
                    let add = Step::Add { order: place + 1, product: place + 1, quantity: 1 };
                    for step in [add, sell] {
                        client.batch_execute(&step.sql()).await.unwrap();
                    }
                }
                client.batch_execute("COMMIT").await.unwrap();
            }
        });
    }
    at_work.join_all().await;
    assert_equal(&database, "after all sales");
}

/// Lines for an order while another moves it, in both orders of commits.
#[tokio::test]
async fn a_line_goes_where_its_order_goes() {
    let database = TestDatabase::seeded().await;
    let mover = connect(&database, &database.superuser()).await;
    let seller = connect(&database, &database.superuser()).await;
    let add = Step::Add { order: 1, product: 3, quantity: 2 }.sql();
    let carry = |day| Step::Move { order: 1, store: 5, day }.sql();

    // The one who moves is first: whoever adds waits at the commit, and finds the order in its new place.
    mover.batch_execute(&format!("BEGIN; {}", carry(1))).await.unwrap();
    seller.batch_execute(&format!("BEGIN; {add}")).await.unwrap();
    let (sold, done) = tokio::join!(seller.batch_execute("COMMIT"), async {
        waits_for_a_lock(&database).await;
        mover.batch_execute("COMMIT").await
    });
    sold.unwrap();
    done.unwrap();
    assert_equal(&database, "moved, then added");

    // The one who adds is first, and the other has the line in its statement or in its trigger.
    seller.batch_execute(&format!("BEGIN; {add}")).await.unwrap();
    mover.batch_execute(&format!("BEGIN; {}", carry(2))).await.unwrap();
    let (sold, done) = tokio::join!(seller.batch_execute("COMMIT"), async {
        waits_for_a_lock(&database).await;
        mover.batch_execute("COMMIT").await
    });
    sold.unwrap();
    done.unwrap();
    assert_equal(&database, "added, then moved");

    // One who reads an older snapshot cannot know of the line, and is refused.
    mover
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM retail.orders")
        .await
        .unwrap();
    seller.batch_execute(&add).await.unwrap();
    let done = mover.batch_execute(&format!("{}; COMMIT", carry(3))).await;
    let code = done.unwrap_err().code().unwrap().code().to_owned();
    assert_eq!(code, "40001");
    mover.batch_execute("ROLLBACK").await.unwrap();
    assert_equal(&database, "refused");
}

/// Two orders of a customer at the same time: the later one knows the other, whoever is first, or is refused.
#[tokio::test]
async fn a_customers_orders_know_each_other() {
    let database = TestDatabase::seeded().await;
    let one = connect(&database, &database.superuser()).await;
    let other = connect(&database, &database.superuser()).await;
    // On days of their own, so that they share nothing but the customer.
    let sell = |day| Step::Sell { store: 4, customer: 2, day, lines: vec![(1, 1, false)] }.sql();
    for (first, second) in [(0, 1), (3, 2)] {
        one.batch_execute(&format!("BEGIN; {}; SET CONSTRAINTS ALL IMMEDIATE", sell(first)))
            .await
            .unwrap();
        other.batch_execute(&format!("BEGIN; {}", sell(second))).await.unwrap();
        let (sold, done) = tokio::join!(other.batch_execute("COMMIT"), async {
            tokio::time::timeout(std::time::Duration::from_secs(30), waits_for_a_lock(&database))
                .await
                .expect("the second waits for the first");
            one.batch_execute("COMMIT").await
        });
        sold.unwrap();
        done.unwrap();
        assert_equal(&database, "both sold");
    }
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM retail.orders";
    one.batch_execute(begin).await.unwrap();
    other.batch_execute(&sell(0)).await.unwrap();
    let done = one.batch_execute(&format!("{}; COMMIT", sell(1))).await;
    assert_eq!(done.unwrap_err().code().unwrap().code(), "40001");
    one.batch_execute("ROLLBACK").await.unwrap();
    assert_equal(&database, "refused");
}

/// Until somebody in the database waits for another.
async fn waits_for_a_lock(database: &TestDatabase) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND wait_event_type = 'Lock'",
        database.name
    );
    while database.psql(&sql).trim() == "0" {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
