//! Which customers a store sees, and that a clock tells nothing of the others.

use std::sync::Arc;

use retail_domain::Store;
use retail_storage::{MigrateOptions, PgQueryRunner};
use retail_testkit::{TestDatabase, principal, store, stores};
use rstest::rstest;
use serde_json::Value;

use crate::isolation::first_row;

/// The ids that a store sees, in order.
async fn seen(runner: &PgQueryRunner, store: Store) -> String {
    let sql =
        "SELECT string_agg(customer_id::text, ',' ORDER BY customer_id) FROM retail.customers";
    let row = first_row(runner, &principal(store).await, sql).await;
    row.first().and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The rule, asked of an administrator in other words than the policy's.
fn rule(database: &TestDatabase, store: &Store) -> String {
    let sql = format!(
        "SELECT string_agg(customer_id::text, ',' ORDER BY customer_id) FROM (
             SELECT customer_id FROM retail.customers WHERE primary_store_id = {0}
             UNION SELECT customer_id FROM retail.orders WHERE store_id = {0}) AS theirs",
        store.id
    );
    database.psql(&sql).trim().to_owned()
}

fn runner(database: &TestDatabase) -> PgQueryRunner {
    PgQueryRunner::new(Arc::new(database.query_database(2)))
}

#[tokio::test]
async fn each_store_sees_whom_the_rule_names() {
    let database = TestDatabase::seeded().await;
    let runner = runner(&database);
    let everybody = database.psql("SELECT count(*) FROM retail.customers");
    for store in stores() {
        let expected = rule(&database, &store);
        assert_eq!(seen(&runner, store.clone()).await, expected, "{}", store.name);
        let count = expected.split(',').count();
        assert!(count > 0 && count.to_string() != everybody.trim(), "or the test shows nothing");
    }
}

/// A customer comes with the first order in a store, and goes with the last.
#[tokio::test]
async fn orders_bring_customers_and_take_them_away() {
    let database = TestDatabase::seeded().await;
    let runner = runner(&database);
    let (tacoma, spokane) = (store("Zava Retail Tacoma"), store("Zava Retail Spokane"));
    let home = store("Zava Retail Seattle").id;
    database.psql(&format!(
        "INSERT INTO retail.customers (customer_id, first_name, last_name, email, primary_store_id)
         VALUES (900001, 'A', 'B', 'a.b@example.com', {home}),
                (900002, 'C', 'D', 'c.d@example.com', NULL)"
    ));
    let sees = async |store: &Store, id: &str| {
        let ids = seen(&runner, store.clone()).await;
        assert_eq!(ids, rule(&database, store), "{}", store.name);
        ids.split(',').any(|seen| seen == id)
    };
    for id in ["900001", "900002"] {
        let change = |sql: &str| {
            let sql = sql
                .replace("{id}", id)
                .replace("{tacoma}", &tacoma.id.to_string())
                .replace("{spokane}", &spokane.id.to_string());
            database.psql(&sql);
        };
        assert!(!sees(&tacoma, id).await, "no order yet");
        change(
            "INSERT INTO retail.orders (order_id, customer_id, store_id, order_date)
             SELECT 900000 + n, {id}, {tacoma}, '2026-01-01' FROM generate_series(1, 2) n",
        );
        assert!(sees(&tacoma, id).await, "two orders");
        change("DELETE FROM retail.orders WHERE order_id = 900001");
        assert!(sees(&tacoma, id).await, "one of two orders is left");
        assert!(!sees(&spokane, id).await);
        change("UPDATE retail.orders SET store_id = {spokane} WHERE order_id = 900002");
        assert!(!sees(&tacoma, id).await, "the order went to another store");
        assert!(sees(&spokane, id).await, "the order came from another store");
        change("DELETE FROM retail.orders WHERE order_id = 900002");
        assert!(!sees(&spokane, id).await, "the last order is gone");
        change("UPDATE retail.customers SET primary_store_id = {spokane} WHERE customer_id = {id}");
        assert!(sees(&spokane, id).await, "moved");
        change("DELETE FROM retail.customers WHERE customer_id = {id}");
        assert!(!sees(&spokane, id).await, "deleted");
    }
}

/// The columns that the policy of customers compares, each as the first of an index.
#[tokio::test]
async fn each_column_of_a_policy_is_found_by_an_index() {
    let database = TestDatabase::seeded().await;
    let missing = database.psql(
        "SELECT p.polrelid::regclass, a.attname FROM pg_policy p
         JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
              AND d.refclassid = 'pg_class'::regclass
         JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE p.polrelid::regclass::text ~ '^retail\\.'
           AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = d.refobjid
               AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = a.attnum)",
    );
    assert_eq!(missing.trim(), "");
    // The rule asks for both columns at once, for each customer.
    let both = database.psql(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'retail.orders'::regclass",
    );
    assert!(both.contains("(customer_id, store_id)"), "{both}");
}

/// Indexes that somebody who looks at a clock could search for a person.
const SEARCHABLE: &str = "SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
    WHERE i.indrelid = 'retail.customers'::regclass
      AND a.attname IN ('first_name', 'last_name', 'email', 'phone')";

#[tokio::test]
async fn no_index_can_be_searched_for_a_person() {
    let database = TestDatabase::seeded().await;
    assert_eq!(database.psql(SEARCHABLE).trim(), "");
    let twice = "INSERT INTO retail.customers (first_name, last_name, email)
        SELECT 'A', 'B', email FROM retail.customers LIMIT 1";
    let refusal = database.psql(&format!(
        "DO $$ BEGIN {twice}; RAISE EXCEPTION 'taken twice'; \
         EXCEPTION WHEN unique_violation THEN NULL; END $$; SELECT 'refused'"
    ));
    assert!(refusal.contains("refused"), "{refusal}");
}

/// An adopted database brings indexes of its own; one that comes later is named.
#[tokio::test]
async fn a_foreign_index_on_a_person_goes_and_a_later_one_is_named() {
    let database = TestDatabase::empty();
    database.psql(include_str!("former_system.sql"));
    database.psql(
        "CREATE INDEX one ON retail.customers (primary_store_id, email);
         CREATE INDEX two ON retail.customers (last_name) INCLUDE (phone);
         CREATE INDEX three ON retail.customers (md5(phone));
         CREATE INDEX four ON retail.customers (created_at) WHERE email > 'm';
         CREATE INDEX fine ON retail.customers (created_at)",
    );
    let options = MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    database.admin().await.migrate(&options).await.unwrap();
    let left = database.psql(
        "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY indexrelid::regclass::text)
         FROM pg_index WHERE indrelid = 'retail.customers'::regclass",
    );
    assert_eq!(
        left.trim(),
        "retail.customers_email_once retail.customers_pkey retail.fine \
         retail.idx_customers_primary_store_id"
    );
    database.psql("CREATE INDEX again ON retail.customers (created_at, phone)");
    let error = database.admin().await.migrate(&options).await.unwrap_err().to_string();
    assert!(error.contains("retail.again") && error.contains("phone"), "{error}");
}

/// What a statement asks about a person is asked of the rows that the policy has let through, by no
/// index. Statements as a curious manager would time them.
#[rstest]
#[case::address("email = 'x'")]
#[case::several("email IN ('x', 'y')")]
#[case::store_and_address("primary_store_id = 2 AND email = 'x'")]
#[case::as_indexed("reverse(email) = 'x'")]
#[case::spelled_out("customer_id = 5 AND email >= 'm'")]
#[case::phone("customer_id = 5 AND phone > '(206)'")]
#[case::name("customer_id = 5 AND last_name = 'x'")]
#[case::beginning("customer_id = 5 AND starts_with(email, 'm')")]
#[case::prefix("customer_id = 5 AND email ^@ 'm'")]
#[case::null_if("customer_id = 5 AND nullif(email, 'x') IS NULL")]
#[case::distinct("customer_id = 5 AND email IS NOT DISTINCT FROM 'x'")]
#[case::character("customer_id = 5 AND email::bpchar > 'm'")]
#[case::varying("customer_id = 5 AND email::varchar > 'm'")]
#[case::name_type("customer_id = 5 AND email::name > 'm'::name")]
#[case::hash("customer_id = 5 AND md5(email) = 'x'")]
#[case::greatest("customer_id = 5 AND greatest(email, 'm') = 'm'")]
#[case::case("customer_id = 5 AND CASE WHEN email > 'm' THEN true ELSE false END")]
#[case::row("customer_id = 5 AND (email, 1) > ('m', 1)")]
#[tokio::test]
async fn the_policy_comes_before_a_question_about_a_person(#[case] condition: &str) {
    let database = TestDatabase::seeded().await;
    // Planned, not run: no identity is needed. The costs make an index the better way if there is one.
    let plan = database.psql(&format!(
        "SET enable_seqscan = off; SET ROLE retail_query;
         EXPLAIN (COSTS off) SELECT 1 FROM retail.customers WHERE {condition}"
    ));
    let (mut policies, mut questions) = (0, 0);
    for line in plan.lines().filter(|line| line.contains("Cond:") || line.contains("Filter:")) {
        // Of all conditions, the policy's alone has an OR.
        let policy = line.find(") OR (");
        policies += usize::from(policy.is_some());
        for column in ["email", "phone", "last_name"] {
            if let Some(question) = line.find(column) {
                questions += 1;
                assert!(policy.is_some_and(|policy| policy < question), "{plan}");
            }
        }
    }
    assert!(policies == 1 && questions > 0, "{plan}");
}
