//! What the database tells of its own age, and how servers hear of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use retail_domain::ports::DataVersions;
use retail_domain::{RetailTable, TableGroup, TableGroups, VersionVector};
use retail_storage::{PgDataVersions, ServiceDatabase};
use retail_testkit::{CuttingProxy, TestDatabase};
use rstest::rstest;

use crate::isolation::connect;

/// Beyond it, what should come within a few milliseconds has not come.
const PATIENCE: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(5);

fn follow(database: &TestDatabase) -> Arc<PgDataVersions> {
    PgDataVersions::start(Arc::new(database.service_database()), INTERVAL)
}

/// Waits for versions that are as they should be.
async fn heard(
    versions: &PgDataVersions,
    is_it: impl Fn(&Option<VersionVector>) -> bool,
) -> Option<VersionVector> {
    let started = Instant::now();
    loop {
        let current = versions.current();
        if is_it(&current) {
            return current;
        }
        assert!(started.elapsed() < PATIENCE, "still {current:?}");
        tokio::time::sleep(INTERVAL).await;
    }
}

/// What a question of now would be answered.
async fn now(database: &TestDatabase) -> VersionVector {
    heard(&follow(database), Option::is_some).await.unwrap()
}

/// The groups whose versions are higher in `after`.
fn risen(before: &VersionVector, after: &VersionVector) -> Vec<TableGroup> {
    assert_eq!(before.epoch, after.epoch);
    let higher = |group: &TableGroup| {
        let (before, after) = (before.version(*group), after.version(*group));
        assert!(after >= before, "{group:?} went back");
        after > before
    };
    TableGroup::ALL.into_iter().filter(higher).collect()
}

#[rstest]
#[case(
    "INSERT INTO retail.orders (customer_id, store_id, order_date) VALUES (1, 1, '2026-01-01')",
    TableGroup::Sales
)]
#[case(
    "UPDATE retail.order_items SET quantity = quantity WHERE order_item_id = 1",
    TableGroup::Sales
)]
#[case("DELETE FROM retail.order_items WHERE order_item_id = 1", TableGroup::Sales)]
#[case("TRUNCATE retail.order_items", TableGroup::Sales)]
#[case("SELECT retail_mcp.rebuild_sales_rollups()", TableGroup::Sales)]
#[case("COPY retail.inventory FROM PROGRAM 'true'", TableGroup::Inventory)]
#[case("UPDATE retail.inventory SET stock_level = 0 WHERE store_id = 1", TableGroup::Inventory)]
#[case("UPDATE retail.customers SET phone = NULL WHERE customer_id = 1", TableGroup::Customers)]
#[case(
    "UPDATE retail.products SET base_price = base_price + 1 WHERE product_id = 1",
    TableGroup::Catalogue
)]
#[case("INSERT INTO retail.categories (category_name) VALUES ('NEW')", TableGroup::Catalogue)]
#[case("INSERT INTO retail_mcp.search_synonyms VALUES ('sprocket', 'gear')", TableGroup::Catalogue)]
#[case("UPDATE retail_mcp.embedding_models SET is_active = false", TableGroup::Catalogue)]
#[case("TRUNCATE retail.product_image_embeddings", TableGroup::Catalogue)]
#[case(
    "UPDATE retail.stores SET store_name = store_name || ' 2' WHERE store_id = 1",
    TableGroup::Stores
)]
// A session that says it replicates is heard too.
#[case(
    "SET session_replication_role = replica; DELETE FROM retail.inventory WHERE store_id = 1",
    TableGroup::Inventory
)]
#[tokio::test]
async fn a_write_raises_the_version_of_its_group(#[case] write: &str, #[case] group: TableGroup) {
    let database = TestDatabase::seeded().await;
    let before = now(&database).await;
    assert_eq!(risen(&before, &now(&database).await), [], "reading raises nothing");
    database.psql(write);
    assert_eq!(risen(&before, &now(&database).await), [group]);
}

/// Whatever the query roles may read is listened to, in the group that the domain says.
#[tokio::test]
async fn every_table_behind_an_answer_is_listened_to() {
    let database = TestDatabase::seeded().await;
    let noted = database.psql(
        "SELECT n.table_name, n.table_group FROM retail_sec.noted_tables() n
         WHERE n.table_group <> 'rights' ORDER BY 1",
    );
    let mut tables = BTreeSet::new();
    for line in noted.lines() {
        let (table, group) = line.split_once('|').unwrap();
        assert_eq!(TableGroup::of_table(table).map(TableGroup::as_str), Some(group), "{table}");
        tables.insert(table.to_owned());
    }
    // They are written with the orders that they are the sums of, or by a rebuild, which tells.
    let rollups = ["retail.sales_by_day", "retail.sales_by_product_day", "retail.sales_by_order"];
    tables.extend(rollups.map(ToOwned::to_owned));
    for table in RetailTable::ALL {
        assert!(tables.contains(table.qualified_name()), "{table}");
    }
    let readable =
        database.psql("SELECT schema_name || '.' || table_name FROM retail_sec.granted_columns()");
    for table in readable.lines() {
        assert!(tables.contains(table), "{table} can be read, and nobody hears of writes to it");
    }
}

/// Rights are behind every answer.
#[rstest]
#[case::policy("ALTER POLICY store_sees_own ON retail.orders USING (false)")]
#[case::grant("GRANT SELECT ON retail.stores TO retail_query")]
#[case::grant_of_a_column("GRANT SELECT (phone) ON retail.customers TO retail_sec")]
#[case::row_security("ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY")]
#[case::function("ALTER FUNCTION retail_sec.current_store_id() SECURITY INVOKER")]
#[case::schema("REVOKE USAGE ON SCHEMA retail_mcp FROM retail_query")]
#[case::column("ALTER TABLE retail.orders ADD COLUMN note text")]
#[case::comment("COMMENT ON COLUMN retail.orders.order_date IS 'another day'")]
#[case::dropped("DROP POLICY head_office_sees_all ON retail.orders")]
#[case::made_anew(
    "CREATE TABLE retail.spare (LIKE retail.inventory INCLUDING ALL); DROP TABLE retail.inventory;
     ALTER TABLE retail.spare RENAME TO inventory"
)]
#[case::key_gone("DELETE FROM retail_sec.identity_key")]
#[case::key_ended("UPDATE retail_sec.identity_key SET not_after = now() - interval '1 second'")]
#[case::who_may_sign_in(
    "INSERT INTO retail_mcp.identity (issuer, claim, value, all_stores, scopes)
     VALUES ('https://a', 'sub', 'b', true, '{retail.read}')"
)]
#[case::history("SELECT retail_mcp.renew_data_epoch()")]
#[tokio::test]
async fn a_change_of_rights_begins_another_history(#[case] change: &str) {
    let database = TestDatabase::seeded().await;
    let before = now(&database).await;
    assert_eq!(before.epoch, now(&database).await.epoch);
    database.psql(change);
    let after = now(&database).await;
    assert_ne!(before.epoch, after.epoch);
    assert!(!before.covers(&after, TableGroups::ALL) && !after.covers(&before, TableGroups::ALL));
}

/// By who was there already, too, and not only by who asks for the first time.
#[tokio::test]
async fn a_change_of_rights_is_heard_of_after_a_while() {
    let database = TestDatabase::seeded().await;
    let versions = follow(&database);
    let before = heard(&versions, Option::is_some).await.unwrap();
    database.psql("ALTER POLICY store_sees_own ON retail.orders USING (false)");
    heard(&versions, |now| now.is_some_and(|now| now.epoch != before.epoch)).await;
}

#[tokio::test]
async fn a_copy_of_a_database_and_a_migrated_one_have_histories_of_their_own() {
    let database = TestDatabase::seeded().await;
    let other = TestDatabase::seeded().await;
    let before = now(&database).await;
    assert_ne!(before.epoch, now(&other).await.epoch);
    database.admin().await.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert_ne!(before.epoch, now(&database).await.epoch);
}

/// Two transactions that write to one table at the same time do not wait, and each is heard of when it commits.
#[tokio::test]
async fn writers_do_not_wait_and_are_heard_of_when_they_commit() {
    let database = TestDatabase::seeded().await;
    let before = now(&database).await;
    let (one, two) = (
        connect(&database, &database.superuser()).await,
        connect(&database, &database.superuser()).await,
    );
    for (client, product) in [(&one, 1), (&two, 2)] {
        let write = format!(
            "SET lock_timeout = 1000; BEGIN; UPDATE retail.inventory SET stock_level = 7
             WHERE store_id = 1 AND product_id = {product}"
        );
        client.batch_execute(&write).await.unwrap();
    }
    // Nor does who adds the changes up, and it takes nothing of theirs.
    database.psql("SET lock_timeout = 1000; SELECT retail_mcp.compact_data_changes()");
    assert_eq!(risen(&before, &now(&database).await), []);
    two.batch_execute("COMMIT").await.unwrap();
    let after_two = now(&database).await;
    assert_eq!(risen(&before, &after_two), [TableGroup::Inventory]);
    database.psql("SELECT retail_mcp.compact_data_changes()");
    one.batch_execute("COMMIT").await.unwrap();
    assert_eq!(risen(&after_two, &now(&database).await), [TableGroup::Inventory]);
}

#[tokio::test]
async fn a_write_that_was_taken_back_was_none() {
    let database = TestDatabase::seeded().await;
    let before = now(&database).await;
    database.psql("BEGIN; DELETE FROM retail.inventory; ROLLBACK");
    assert_eq!(risen(&before, &now(&database).await), []);
}

/// While many write, some add the changes up and some read them: no version goes back, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_write_is_lost_when_changes_are_added_up() {
    const WRITERS: usize = 4;
    const WRITES: usize = 150;
    let database = TestDatabase::seeded().await;
    let before = now(&database).await;
    let mut tasks = Vec::new();
    for _ in 0..WRITERS {
        let client = connect(&database, &database.superuser()).await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..WRITES {
                let write = "UPDATE retail.stores SET is_online = is_online WHERE false";
                client.batch_execute(write).await.unwrap();
            }
        }));
    }
    for _ in 0..2 {
        let client = connect(&database, &database.service_login()).await;
        tasks.push(tokio::spawn(async move {
            let mut last = 0;
            for _ in 0..WRITES {
                client.batch_execute("SELECT retail_mcp.compact_data_changes()").await.unwrap();
                let asked = "SELECT stores FROM retail_mcp.data_versions()";
                let version: i64 = client.query_one(asked, &[]).await.unwrap().get(0);
                assert!(version >= last, "{version} after {last}");
                last = version;
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let after = now(&database).await;
    let counted = after.version(TableGroup::Stores) - before.version(TableGroup::Stores);
    assert_eq!(counted, (WRITERS * WRITES) as u64);
    database.psql("SELECT retail_mcp.compact_data_changes()");
    assert_eq!(now(&database).await, after);
    let rows = database.psql("SELECT count(*) FROM retail_mcp.data_change");
    assert!(rows.trim().parse::<usize>().unwrap() <= 6, "{rows}");
}

#[tokio::test]
async fn many_changes_are_added_up_by_who_asks() {
    let database = TestDatabase::seeded().await;
    database.psql(
        "INSERT INTO retail_mcp.data_change (table_group) SELECT 'sales' FROM generate_series(1, 2000)",
    );
    let versions = follow(&database);
    heard(&versions, Option::is_some).await;
    let started = Instant::now();
    let count = || database.psql("SELECT count(*) FROM retail_mcp.data_change");
    while count().trim().parse::<usize>().unwrap() > 10 {
        assert!(started.elapsed() < PATIENCE, "still {}", count());
        tokio::time::sleep(INTERVAL).await;
    }
}

#[tokio::test]
async fn while_the_database_does_not_answer_nothing_is_known() {
    let database = TestDatabase::seeded().await;
    let proxy = CuttingProxy::start(&database).await;
    let service = ServiceDatabase::new(&proxy.settings(), &database.service_login()).unwrap();
    let versions = PgDataVersions::start(Arc::new(service), INTERVAL);
    let before = heard(&versions, Option::is_some).await.unwrap();
    proxy.cut();
    heard(&versions, Option::is_none).await;
    database.psql("DELETE FROM retail.inventory WHERE store_id = 1");
    proxy.mend();
    let after = heard(&versions, Option::is_some).await.unwrap();
    assert_eq!(risen(&before, &after), [TableGroup::Inventory]);
}

/// Reads may come from a standby that has not seen the write, and must not be taken for newer than they are.
#[tokio::test]
async fn with_standbys_a_write_is_known_later_and_changed_rights_make_all_unknown_at_once() {
    const LAG: Duration = Duration::from_secs(3);
    let database = TestDatabase::seeded().await;
    let service = Arc::new(database.service_database());
    let versions = PgDataVersions::start_behind(Arc::clone(&service), INTERVAL, LAG);
    let prompt = PgDataVersions::start(service, INTERVAL);
    assert_eq!(versions.current(), None, "what was told now may be newer than a standby");
    let before = heard(&versions, Option::is_some).await.unwrap();

    let written = Instant::now();
    database.psql("DELETE FROM retail.inventory WHERE store_id = 1");
    heard(&prompt, |now| now.is_some_and(|now| risen(&before, &now) == [TableGroup::Inventory]))
        .await;
    let after = heard(&versions, |now| now.is_some_and(|now| now != before)).await.unwrap();
    assert!(written.elapsed() >= LAG);
    assert_eq!(risen(&before, &after), [TableGroup::Inventory]);

    database.psql(
        "INSERT INTO retail_mcp.identity (issuer, claim, value, all_stores, scopes)
         VALUES ('i', 'c', 'v', true, '{}')",
    );
    heard(&versions, Option::is_none).await;
    let anew = heard(&versions, Option::is_some).await.unwrap();
    assert_ne!(anew.epoch, after.epoch);
}
