//! Migrations from nothing, again, and at once.

use retail_storage::{Admin, Login, MigrateOptions, StorageError};
use retail_testkit::TestDatabase;

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let database = TestDatabase::empty();
    let mut admin = database.admin().await;
    let first = admin
        .migrate(&TestDatabase::migrate_options())
        .await
        .unwrap();
    assert!(first.applied > 0 && !first.adopted);
    let second = admin
        .migrate(&TestDatabase::migrate_options())
        .await
        .unwrap();
    assert_eq!(second.applied, 0);
}

#[tokio::test]
async fn two_at_once_wait_for_each_other() {
    let database = TestDatabase::empty();
    let (mut one, mut two) = (database.admin().await, database.admin().await);
    let options = TestDatabase::migrate_options();
    let (one, two) = tokio::join!(one.migrate(&options), two.migrate(&options));
    let applied = [one.unwrap().applied, two.unwrap().applied];
    assert!(
        applied.contains(&0) && applied.iter().any(|count| *count > 0),
        "{applied:?}"
    );
}

#[tokio::test]
async fn the_migrator_needs_no_superuser_once_the_roles_are_there() {
    let database = TestDatabase::empty();
    let mut admin = database.admin().await;
    admin
        .migrate(&TestDatabase::migrate_options())
        .await
        .unwrap();
    database.psql("ALTER ROLE retail_migrator PASSWORD 'migrator'");
    let login = Login {
        user: "retail_migrator".to_owned(),
        password: Some("migrator".into()),
    };
    let mut migrator = Admin::connect(&database.settings(), &login).await.unwrap();
    let report = migrator.migrate(&MigrateOptions::default()).await.unwrap();
    assert_eq!(report.applied, 0);
    assert!(migrator.stores().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_schema_is_documented_owned_and_forced() {
    let database = TestDatabase::seeded().await;
    let bare = database.psql(
        "SELECT c.oid::regclass FROM pg_class c
         WHERE c.relnamespace::regnamespace::text IN ('retail', 'retail_sec')
           AND c.relkind = 'r' AND obj_description(c.oid, 'pg_class') IS NULL
         UNION ALL
         SELECT format('%s.%s', c.oid::regclass, a.attname)::text::regclass FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE false",
    );
    assert_eq!(bare.trim(), "");
    let bare_columns = database.psql(
        "SELECT c.relname || '.' || a.attname FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace::regnamespace::text IN ('retail', 'retail_sec') AND c.relkind = 'r'
           AND col_description(c.oid, a.attnum) IS NULL",
    );
    assert_eq!(bare_columns.trim(), "");
    let not_forced = database.psql(
        "SELECT relname FROM pg_class WHERE relnamespace = 'retail'::regnamespace AND relkind = 'r'
         AND NOT (relrowsecurity AND relforcerowsecurity AND relowner = 'retail_owner'::regrole)",
    );
    assert_eq!(not_forced.trim(), "");
    let query_role_owns = database.psql(
        "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o'
         AND refobjid IN ('retail_query'::regrole, 'retail_query_hq'::regrole)",
    );
    assert_eq!(query_role_owns.trim(), "0");
}

#[tokio::test]
async fn a_foreign_schema_is_left_alone() {
    let database = TestDatabase::empty();
    database.psql("CREATE SCHEMA retail; CREATE TABLE retail.stores (store_id int)");
    let mut admin = database.admin().await;
    let error = admin
        .migrate(&TestDatabase::migrate_options())
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::ForeignSchema), "{error}");
    let options = MigrateOptions {
        adopt: true,
        ..TestDatabase::migrate_options()
    };
    let error = admin.migrate(&options).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, StorageError::CannotAdopt { .. }), "{text}");
    assert!(
        text.contains("retail.stores.rls_user_id is missing"),
        "{text}"
    );
    assert!(text.contains("retail.orders is missing"), "{text}");
}
