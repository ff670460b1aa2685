//! The gate in front of the database: each thing that must hold is broken once, and the server
//! refuses, names it, and gives the SQL that mends it.

mod broken;
mod records;
mod roles;

use std::sync::Arc;

use retail_domain::ports::{HealthProbe, QueryRunner};
use retail_domain::{ErrorCode, QueryLimits, SqlText};
use retail_storage::{
    Admin, FindingState, Login, PgHealthProbe, PgQueryRunner, Posture, StorageError,
};
use retail_testkit::{TestDatabase, head_office};
use rstest::rstest;

use crate::isolation::{connect, first_row};
use crate::unguarded::Unguarded;

async fn posture(database: &TestDatabase) -> Posture {
    database.query_database(2).posture().await.unwrap()
}

/// Whether a server that starts now answers a call.
async fn answers(database: &TestDatabase) -> bool {
    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    let sql = SqlText::new("SELECT 1").unwrap();
    match runner.run(&head_office().await, &sql, &QueryLimits::default()).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
            assert!(!error.to_string().contains("retail."), "a caller is told nothing: {error}");
            false
        }
    }
}

/// Breaks something in a database of its own, and sees it refused, named, and mended by the SQL that the posture gives. `{db}` is
/// the database's name.
async fn refused_named_and_mended(broken_by: &str, check: &str, subject: &str) {
    let database = TestDatabase::seeded().await;
    let broken_by = broken_by.replace("{db}", &database.name);
    database.psql(&broken_by);
    let broken = posture(&database).await;
    assert!(broken.must_refuse(), "{broken_by} is not noticed");
    assert!(
        broken.faults().any(|f| f.check == check && f.subject.contains(subject)),
        "{check}: {subject} is not named:\n{broken}"
    );
    assert!(!answers(&database).await, "it is served all the same:\n{broken}");
    let mended_by: Vec<_> = broken.faults().filter_map(|f| f.fix_sql.clone()).collect();
    database.psql(&mended_by.join(";\n"));
    let mended = posture(&database).await;
    assert!(!mended.must_refuse(), "{mended_by:?} does not mend it:\n{mended}");
    assert!(answers(&database).await);
}

#[tokio::test]
async fn a_migrated_database_is_good_and_says_what_was_checked() {
    let database = TestDatabase::seeded().await;
    let posture = posture(&database).await;
    assert!(!posture.must_refuse(), "{posture}");
    for check in [
        "login role",
        "server key",
        "probes",
        "role attributes",
        "role membership",
        "connection limit",
        "role settings",
        "parameters",
        "ownership",
        "database",
        "schemas",
        "grants",
        "views",
        "materialised views",
        "row security",
        "policies",
        "default privileges",
        "functions",
        "languages",
        "extensions",
        "catalogue lockdown",
        "audit log",
        "data versions",
        "identity key",
    ] {
        let good = |f: &&retail_storage::Finding| f.check == check && f.state == FindingState::Good;
        assert!(posture.findings.iter().any(|f| good(&f)), "{check} is not among the checks");
    }
    // This cluster has other databases, which is advice.
    assert!(posture.remarks().all(|finding| finding.check == "other databases"), "{posture}");
    assert!(answers(&database).await);
}

/// Without the key nobody sees a row; the server says so before anybody asks.
#[rstest]
#[case::expired("UPDATE retail_sec.identity_key SET not_after = now() - interval '1 second'")]
#[case::absent("DELETE FROM retail_sec.identity_key")]
#[tokio::test]
async fn a_key_that_is_expired_or_absent_is_refused(#[case] broken_by: &str) {
    let database = TestDatabase::seeded().await;
    database.psql(broken_by);
    let broken = posture(&database).await;
    for check in ["identity key", "server key"] {
        assert!(broken.faults().any(|finding| finding.check == check), "{check}:\n{broken}");
    }
    assert!(!answers(&database).await);
    database.psql("DELETE FROM retail_sec.identity_key");
    database.admin().await.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert!(answers(&database).await);
}

/// The function is not the only witness: one that finds nothing, whoever wrote it, opens no door.
#[rstest]
#[case("GRANT DELETE, SELECT ON retail.order_items TO retail_query", "delete")]
#[case("GRANT SELECT ON retail_sec.identity_key TO retail_query_hq", "read the keys")]
#[case(
    "GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO PUBLIC",
    "change a setting"
)]
#[case("GRANT SELECT ON pg_catalog.pg_class TO PUBLIC", "read the catalogue")]
#[case("GRANT TEMPORARY ON DATABASE {db} TO PUBLIC", "make a temporary table")]
#[case("ALTER TABLE retail.orders DISABLE ROW LEVEL SECURITY", "read without an identity")]
#[case("GRANT EXECUTE ON FUNCTION pg_catalog.pg_sleep(double precision) TO PUBLIC", "sleep")]
#[tokio::test]
async fn a_function_that_lies_is_found_out(#[case] broken_by: &str, #[case] attempt: &str) {
    let database = TestDatabase::seeded().await;
    database.psql(&broken_by.replace("{db}", &database.name));
    // As it was, but that it finds nothing.
    database.psql(
        "ALTER FUNCTION retail_sec.posture() RENAME TO honest_posture;
         CREATE FUNCTION retail_sec.posture() RETURNS TABLE (check_name text, subject text,
             state text, detail text, fix_sql text, mandatory boolean)
         LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
             SELECT check_name, '', 'good', '', NULL, mandatory FROM retail_sec.honest_posture() $$;
         GRANT EXECUTE ON FUNCTION retail_sec.posture() TO retail_query, retail_query_hq",
    );
    let posture = posture(&database).await;
    assert!(
        posture.faults().any(|f| f.check == "probes" && f.detail.contains(attempt)),
        "{attempt} is not tried:\n{posture}"
    );
    assert!(!answers(&database).await);
}

#[tokio::test]
async fn a_database_of_another_version_is_refused() {
    let database = TestDatabase::seeded().await;
    database.psql("DROP FUNCTION retail_sec.posture()");
    let posture = posture(&database).await;
    assert!(posture.faults().any(|finding| finding.check == "posture function"), "{posture}");
    assert!(!answers(&database).await);
    database.admin().await.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert!(answers(&database).await);
}

/// A gate that refused looks again, so a mended database needs no restart of the server.
#[tokio::test]
async fn a_gate_opens_once_the_database_is_mended() {
    let database = TestDatabase::seeded().await;
    database.psql("ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY");
    let query_database = Arc::new(database.query_database(2));
    assert!(!PgHealthProbe::new(Arc::clone(&query_database)).check().await.is_ready());
    database.psql("ALTER TABLE retail.orders FORCE ROW LEVEL SECURITY");
    assert!(!query_database.posture().await.unwrap().must_refuse());
    assert!(PgHealthProbe::new(query_database).check().await.is_ready());
}

/// A managed server, where nobody is a superuser: served, and what is missing is named. Once a
/// superuser locked the catalogue, its loss is a refusal.
#[tokio::test]
async fn without_a_superuser_the_layer_is_named_and_with_one_it_is_kept() {
    let database = TestDatabase::empty();
    let name = &database.name;
    let administrator = format!("admin_of_{name}");
    // What such a server has beforehand; the roles are there from other databases of this cluster.
    TestDatabase::seeded().await;
    database.psql(&format!(
        "CREATE EXTENSION vector; CREATE ROLE {administrator} LOGIN CREATEROLE PASSWORD 'secret';
         GRANT retail_owner, retail_sec, retail_migrator, retail_query, retail_query_hq,
             retail_service
             TO {administrator} WITH ADMIN OPTION;
         ALTER DATABASE {name} OWNER TO {administrator}"
    ));
    let login = Login::new(&administrator, "secret");
    let mut admin = Admin::connect(&database.settings(), &login).await.unwrap();
    let report = admin.migrate(&TestDatabase::migrate_options()).await.unwrap();
    admin.close().await;
    assert!(report.notes.iter().any(|note| note.contains("(missing layer)")), "{:?}", report.notes);
    let managed = posture(&database).await;
    assert!(!managed.must_refuse(), "{managed}");
    let layer = managed.remarks().find(|f| f.check == "catalogue lockdown").unwrap();
    assert_eq!(layer.verdict(), "missing layer");
    assert!(answers(&database).await);

    database.admin().await.migrate(&TestDatabase::migrate_options()).await.unwrap();
    let locked = posture(&database).await;
    assert!(!locked.must_refuse(), "{locked}");
    assert!(!locked.remarks().any(|f| f.check == "catalogue lockdown"), "{locked}");
    database.psql("GRANT SELECT ON pg_catalog.pg_stat_activity TO PUBLIC");
    assert!(posture(&database).await.must_refuse());
    let mut admin = Admin::connect(&database.settings(), &login).await.unwrap();
    let error = admin.migrate(&TestDatabase::migrate_options()).await.unwrap_err();
    assert!(matches!(error, StorageError::Unfit { .. }), "{error}");
    assert!(!answers(&database).await);
    database.psql(&format!(
        "ALTER DATABASE {name} OWNER TO CURRENT_USER; DROP OWNED BY {administrator};
         REVOKE retail_owner, retail_sec, retail_migrator, retail_query, retail_query_hq,
             retail_service
             FROM {administrator}; DROP ROLE {administrator}"
    ));
}

/// Those whose job it is keep what the lockdown takes from callers.
#[tokio::test]
async fn the_lockdown_leaves_others_their_work() {
    let database = TestDatabase::seeded().await;
    let seen = database.psql(
        "BEGIN; SET LOCAL ROLE pg_monitor;
         SELECT 'sessions', count(*) > 0 FROM pg_stat_activity; SELECT 'setting', current_setting('port') <> '';
         RESET ROLE; SET LOCAL ROLE retail_owner; SELECT 'catalogue', count(*) > 0 FROM pg_class;
         INSERT INTO retail.categories (category_name) VALUES ('NEW');
         RESET ROLE; SET LOCAL ROLE pg_signal_backend; SELECT 'signal', pg_terminate_backend(0);
         ROLLBACK",
    );
    for told in ["sessions|t", "setting|t", "catalogue|t", "signal|f"] {
        assert!(seen.lines().any(|line| line == told), "{told}: {seen}");
    }
}

/// What a statement needs is still there for the query roles.
#[tokio::test]
async fn the_lockdown_leaves_callers_their_functions() {
    let database = TestDatabase::seeded().await;
    let runner = Unguarded::on(&database, 2);
    for sql in [
        "SELECT count(*), sum(total_amount), avg(quantity), string_agg(DISTINCT store_id::text, ',') FROM retail.order_items",
        "SELECT date_trunc('month', order_date), to_char(order_date, 'YYYY-MM'), extract(year FROM order_date), age(order_date), age(order_date, DATE '2020-01-01') FROM retail.orders LIMIT 1",
        "SELECT now(), current_date, clock_timestamp(), random(), gen_random_uuid(), pg_typeof(1)::text",
        "SELECT row_number() OVER (), lag(order_id) OVER (ORDER BY order_id) FROM retail.orders LIMIT 1",
        "SELECT jsonb_agg(p), json_build_object('a', 1), to_jsonb(ARRAY[1]) FROM retail.products p WHERE product_id < 3",
        "SELECT g, md5('x'), upper('x'), format('%s', 1), regexp_replace('a', 'a', 'b') FROM generate_series(1, 2) g",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY quantity), mode() WITHIN GROUP (ORDER BY quantity) FROM retail.order_items",
        "SELECT DATE '2026-01-01' + INTERVAL '1 month', '12.5'::numeric::text, ARRAY[1, 2] || 3, '{\"a\": 1}'::jsonb -> 'a'",
    ] {
        first_row(&runner, &head_office().await, sql).await;
    }
    // The driver asks for a type that it does not know; those relations stay open.
    let client = connect(&database, &database.query_logins().stores).await;
    client.query("SELECT typname FROM pg_catalog.pg_type LIMIT 1", &[]).await.unwrap();
}

/// It believes a plain setting, in a way that no attempt of the query roles can tell.
#[tokio::test]
async fn an_identity_function_that_says_something_else_is_refused() {
    let database = TestDatabase::seeded().await;
    database.psql(
        "CREATE OR REPLACE FUNCTION retail_sec.current_store_id()
         RETURNS integer LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER COST 10000
         SET search_path = pg_catalog, pg_temp AS $$
         DECLARE
             v_who text := current_setting('app.current_rls_user_id', true);
         BEGIN
             IF coalesce(v_who, '') IN ('', 'all-stores') THEN
                 PERFORM retail_sec.signed_identity();
                 RETURN NULL;
             END IF;
             RETURN (SELECT s.store_id FROM retail.stores s WHERE s.rls_user_id = v_who::uuid);
         END $$",
    );
    let broken = posture(&database).await;
    assert!(
        broken.faults().any(|f| f.mandatory && f.subject == "retail_sec.current_store_id()"),
        "{broken}"
    );
    assert!(!answers(&database).await);
}

/// One that always tells the same, so that no write is ever heard of.
#[tokio::test]
async fn a_version_function_that_says_something_else_is_refused() {
    let database = TestDatabase::seeded().await;
    database.psql(
        "CREATE OR REPLACE FUNCTION retail_mcp.note_data_change()
         RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
         BEGIN RETURN NULL; END $$",
    );
    let broken = posture(&database).await;
    assert!(
        broken.faults().any(|f| f.mandatory && f.subject == "retail_mcp.note_data_change()"),
        "{broken}"
    );
    assert!(!answers(&database).await);
}
