//! Migrations from nothing, again, and at once.

use retail_storage::{Admin, IdentityKey, LoadRecord, Login, MigrateOptions, StorageError};
use retail_testkit::TestDatabase;

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let database = TestDatabase::empty();
    let mut admin = database.admin().await;
    let first = admin.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert!(first.applied > 0 && !first.adopted);
    let second = admin.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert_eq!(second.applied, 0);
}

#[tokio::test]
async fn what_a_newer_version_migrated_stays_as_it_is() {
    let database = TestDatabase::empty();
    let mut admin = database.admin().await;
    admin.migrate(&TestDatabase::migrate_options()).await.unwrap();
    let newer = "INSERT INTO retail_mcp._sqlx_migrations
                 SELECT 9999, 'from the future', now(), true, checksum, 0
                 FROM retail_mcp._sqlx_migrations WHERE version = 1";
    database.psql(newer);
    // Roles are the cluster's, and other tests change them.
    let state = || {
        database.psql(
            "SELECT string_agg(xmin::text || oid::text, ' ' ORDER BY oid) FROM pg_proc
             WHERE pronamespace::regnamespace::text LIKE 'retail%';
             SELECT string_agg(xmin::text || oid::text, ' ' ORDER BY oid) FROM pg_class
             WHERE relnamespace::regnamespace::text LIKE 'retail%'",
        )
    };
    let before = state();
    let report = admin.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert_eq!(report.applied, 0);
    assert!(report.notes[0].contains("schema 9999"), "{:?}", report.notes);
    assert_eq!(state(), before);
}

#[tokio::test]
async fn two_at_once_wait_for_each_other() {
    let database = TestDatabase::empty();
    let (mut one, mut two) = (database.admin().await, database.admin().await);
    let options = TestDatabase::migrate_options();
    let (one, two) = tokio::join!(one.migrate(&options), two.migrate(&options));
    let applied = [one.unwrap().applied, two.unwrap().applied];
    assert!(applied.contains(&0) && applied.iter().any(|count| *count > 0), "{applied:?}");
}

#[tokio::test]
async fn the_migrator_needs_no_superuser_once_the_roles_are_there() {
    let database = TestDatabase::empty();
    let mut admin = database.admin().await;
    admin.migrate(&TestDatabase::migrate_options()).await.unwrap();
    database.psql("ALTER ROLE retail_migrator PASSWORD 'migrator'");
    let login = Login::new("retail_migrator", "migrator");
    let mut migrator = Admin::connect(&database.settings(), &login).await.unwrap();
    let report = migrator.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert_eq!(report.applied, 0);
    assert!(report.notes[0].contains("retail_migrator may not change roles"), "{:?}", report.notes);
    assert!(migrator.stores().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_schema_is_documented_owned_and_forced() {
    let migrated = TestDatabase::empty();
    migrated.admin().await.migrate(&TestDatabase::migrate_options()).await.unwrap();
    // Loading takes FORCE away for its transaction, so look after it as well.
    for database in [migrated, TestDatabase::seeded().await] {
        let bare = database.psql(
            "SELECT c.oid::regclass::text || coalesce('.' || a.attname, '') FROM pg_class c
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relnamespace::regnamespace::text IN ('retail', 'retail_sec', 'retail_mcp')
               AND c.relkind = 'r' AND c.relname <> '_sqlx_migrations'
               AND (obj_description(c.oid, 'pg_class') IS NULL
                    OR col_description(c.oid, a.attnum) IS NULL)",
        );
        assert_eq!(bare.trim(), "", "tables and columns without a comment");
        let not_forced = database.psql(
            "SELECT relname FROM pg_class
             WHERE relkind = 'r'
               AND (relnamespace = 'retail'::regnamespace
                    OR (relnamespace = 'retail_mcp'::regnamespace
                        AND relname NOT IN ('load_record', '_sqlx_migrations')))
               AND NOT (relrowsecurity AND relforcerowsecurity
                        AND relowner = 'retail_owner'::regrole)",
        );
        assert_eq!(not_forced.trim(), "", "tables without forced row security");
        let query_role_owns = database.psql(
            "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o'
             AND refobjid IN ('retail_query'::regrole, 'retail_query_hq'::regrole)",
        );
        assert_eq!(query_role_owns.trim(), "0");
    }
}

/// Rows that we did not load are somebody's real data.
#[tokio::test]
async fn rows_that_are_not_sample_data_are_never_replaced() {
    let database = TestDatabase::seeded().await;
    let record = LoadRecord { seed: 1, scale: "tiny".to_owned(), until: retail_testkit::until() };
    let mut admin = database.admin().await;
    let error = admin.load(std::iter::empty(), &record, false, &mut |_, _| {}).await.unwrap_err();
    assert!(matches!(error, StorageError::NotEmpty), "{error}");
    database.psql("DELETE FROM retail_mcp.load_record");
    let error = admin.load(std::iter::empty(), &record, true, &mut |_, _| {}).await.unwrap_err();
    assert!(matches!(error, StorageError::NotSampleData), "{error}");
    assert_eq!(database.psql("SELECT count(*) FROM retail.orders").trim(), "2000");
}

#[tokio::test]
async fn a_foreign_schema_is_left_alone() {
    let database = TestDatabase::empty();
    database.psql("CREATE SCHEMA retail; CREATE TABLE retail.stores (store_id int)");
    let mut admin = database.admin().await;
    let error = admin.migrate(&TestDatabase::migrate_options()).await.unwrap_err();
    assert!(matches!(error, StorageError::ForeignSchema), "{error}");
    let options = MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    let error = admin.migrate(&options).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StorageError::CannotAdopt { .. }), "{text}");
    assert!(text.contains("retail.stores.rls_user_id is missing"), "{text}");
    assert!(text.contains("retail.orders is missing"), "{text}");
}

/// A second machine with a key file of its own must not lock the first one out.
#[tokio::test]
async fn another_identity_key_is_refused() {
    let database = TestDatabase::seeded().await;
    let options = MigrateOptions {
        identity_key: Some(IdentityKey::new([9; IdentityKey::BYTES])),
        query_password: Some("of the other deployment".to_owned().into()),
        ..MigrateOptions::default()
    };
    let error = database.admin().await.migrate(&options).await.unwrap_err();
    assert!(matches!(error, StorageError::OtherIdentityKey), "{error}");
    // Nothing was changed: the servers of this database log in as before.
    crate::isolation::connect(&database, &database.query_logins().stores).await;
}

#[tokio::test]
async fn a_door_that_somebody_opened_is_named() {
    let database = TestDatabase::seeded().await;
    let options = TestDatabase::migrate_options();
    database.admin().await.migrate(&options).await.unwrap();
    database.psql(
        "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO PUBLIC;
         CREATE VIEW other.all_orders AS SELECT * FROM retail.orders;
         GRANT SELECT ON other.all_orders TO PUBLIC;
         CREATE FUNCTION other.count_all() RETURNS bigint LANGUAGE sql SECURITY DEFINER
             AS 'SELECT count(*) FROM retail.orders';
         GRANT INSERT (category_name) ON retail.categories TO retail_query;
         GRANT SELECT ON retail.stores TO retail_query;
         ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY;
         CREATE POLICY everybody ON retail.order_items USING (true)",
    );
    let error = database.admin().await.migrate(&options).await.unwrap_err().to_string();
    for door in [
        "views (unfit): other.all_orders for retail_query",
        "functions (unfit): other.count_all() for retail_query_hq",
        "retail.categories for retail_query: it has INSERT",
        "retail.stores for retail_query: it can also read rls_user_id",
        "row security (unfit): retail.orders",
        "DROP POLICY everybody ON retail.order_items",
    ] {
        assert!(error.contains(door), "{error}");
    }
}
