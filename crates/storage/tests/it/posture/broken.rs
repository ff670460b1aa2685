//! One case for each thing that can be amiss.

use retail_testkit::TestDatabase;
use rstest::rstest;

use super::{answers, posture};

const ALL_ROWS: &str = "CREATE VIEW retail.all_orders AS SELECT * FROM retail.orders";
const COUNT: &str = "CREATE FUNCTION retail.count_all() RETURNS bigint LANGUAGE sql STABLE
    AS 'SELECT count(*) FROM retail.orders'";

/// What is broken, and the check and subject that must name it.
#[rstest]
#[case::secret_column(
    "GRANT SELECT ON retail.stores TO retail_query",
    "grants",
    "retail.stores for retail_query"
)]
#[case::secret_column_to_public(
    "GRANT SELECT (rls_user_id) ON retail.stores TO PUBLIC",
    "grants",
    "retail.stores for retail_query_hq"
)]
#[case::new_column(
    "ALTER TABLE retail.orders ADD COLUMN note text",
    "grants",
    "retail.orders for retail_query"
)]
#[case::lost_column(
    "REVOKE SELECT ON retail.orders FROM retail_query;
     GRANT SELECT (order_id) ON retail.orders TO retail_query",
    "grants",
    "retail.orders for retail_query"
)]
#[case::insert(
    "GRANT INSERT ON retail.orders TO retail_query_hq",
    "grants",
    "retail.orders for retail_query_hq"
)]
#[case::update_of_a_column(
    "GRANT UPDATE (quantity) ON retail.order_items TO retail_query",
    "grants",
    "retail.order_items for retail_query"
)]
#[case::truncate(
    "GRANT TRUNCATE ON retail.orders TO PUBLIC",
    "grants",
    "retail.orders for retail_query"
)]
#[case::grant_option(
    "GRANT SELECT ON retail.orders TO retail_query WITH GRANT OPTION",
    "grants",
    "retail.orders for retail_query"
)]
#[case::embeddings(
    "GRANT SELECT ON retail.product_image_embeddings TO retail_query",
    "grants",
    "retail.product_image_embeddings for retail_query"
)]
#[case::keys(
    "GRANT SELECT ON retail_sec.identity_key TO PUBLIC",
    "grants",
    "retail_sec.identity_key for retail_query"
)]
#[case::without_usage(
    "GRANT SELECT ON retail_mcp.load_record TO retail_query",
    "grants",
    "retail_mcp.load_record for retail_query"
)]
#[case::written_words(
    "GRANT INSERT ON retail_mcp.search_synonyms TO retail_query",
    "grants",
    "retail_mcp.search_synonyms for retail_query"
)]
#[case::lost_vectors(
    "REVOKE SELECT ON retail_mcp.product_embeddings FROM retail_query_hq",
    "grants",
    "retail_mcp.product_embeddings for retail_query_hq"
)]
#[case::lost_schema(
    "REVOKE USAGE ON SCHEMA retail_mcp FROM retail_query",
    "schemas",
    "retail_mcp for retail_query"
)]
#[case::sequence(
    "GRANT USAGE ON SEQUENCE retail.orders_order_id_seq TO retail_query",
    "grants",
    "sequence retail.orders_order_id_seq for retail_query"
)]
#[case::password_hashes(
    "GRANT SELECT ON pg_catalog.pg_authid TO retail_query",
    "grants",
    "pg_authid"
)]
#[case::no_force(
    "ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
    "row security",
    "retail.orders"
)]
#[case::no_force_on_texts(
    "ALTER TABLE retail_mcp.product_texts NO FORCE ROW LEVEL SECURITY",
    "row security",
    "retail_mcp.product_texts"
)]
#[case::disabled(
    "ALTER TABLE retail.customers DISABLE ROW LEVEL SECURITY",
    "row security",
    "retail.customers"
)]
#[case::table_owner(
    "ALTER TABLE retail.orders OWNER TO retail_migrator",
    "ownership",
    "retail.orders"
)]
#[case::schema_owner("ALTER SCHEMA retail OWNER TO retail_migrator", "ownership", "schema retail")]
#[case::owned_by_a_query_role(
    "CREATE TABLE retail_mcp.mine (); ALTER TABLE retail_mcp.mine OWNER TO retail_query",
    "ownership",
    "retail_query"
)]
#[case::definer_of_a_superuser(
    "ALTER FUNCTION retail_sec.current_store_id() OWNER TO CURRENT_USER",
    "ownership",
    "retail_sec.current_store_id()"
)]
#[case::extra_policy(
    "CREATE POLICY everybody ON retail.order_items USING (true)",
    "policies",
    "everybody of retail.order_items"
)]
#[case::policy_says_true(
    "ALTER POLICY store_sees_own ON retail.orders USING (true)",
    "policies",
    "store_sees_own of retail.orders"
)]
#[case::policy_for_others(
    "ALTER POLICY head_office_sees_all ON retail.orders TO retail_query, retail_query_hq",
    "policies",
    "head_office_sees_all of retail.orders"
)]
#[case::policy_gone(
    "DROP POLICY store_sees_own ON retail.customers",
    "policies",
    "store_sees_own of retail.customers"
)]
#[case::policy_of_the_models(
    "ALTER POLICY catalogue_is_shared ON retail_mcp.embedding_models USING (model_id = 1)",
    "policies",
    "catalogue_is_shared of retail_mcp.embedding_models"
)]
#[case::foreign_policy_on_texts(
    "CREATE POLICY anyone ON retail_mcp.product_texts USING (true)",
    "policies",
    "anyone of retail_mcp.product_texts"
)]
#[case::policy_restrictive(
    "DROP POLICY catalogue_is_shared ON retail.products;
     CREATE POLICY catalogue_is_shared ON retail.products AS RESTRICTIVE FOR SELECT
         TO retail_query, retail_query_hq USING (true)",
    "policies",
    "catalogue_is_shared of retail.products"
)]
#[case::view(
    "{all_rows}; GRANT SELECT ON retail.all_orders TO retail_query",
    "views",
    "retail.all_orders"
)]
#[case::invoker_view(
    "{all_rows}; ALTER VIEW retail.all_orders SET (security_invoker = true);
     GRANT SELECT ON retail.all_orders TO PUBLIC",
    "views",
    "retail.all_orders"
)]
#[case::view_elsewhere(
    "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO PUBLIC;
     CREATE VIEW other.all_orders AS SELECT * FROM retail.orders;
     GRANT SELECT (order_id) ON other.all_orders TO PUBLIC",
    "views",
    "other.all_orders"
)]
#[case::our_own_view(
    "GRANT SELECT ON retail_mcp.product_text_source TO retail_query",
    "views",
    "retail_mcp.product_text_source"
)]
#[case::materialised_view(
    "CREATE MATERIALIZED VIEW retail.kept AS SELECT * FROM retail.orders;
     GRANT SELECT ON retail.kept TO retail_query",
    "materialised views",
    "retail.kept"
)]
#[case::definer_function(
    "{count}; ALTER FUNCTION retail.count_all() SECURITY DEFINER",
    "functions",
    "retail.count_all()"
)]
#[case::volatile_function(
    "{count}; ALTER FUNCTION retail.count_all() VOLATILE",
    "functions",
    "retail.count_all()"
)]
#[case::definer_function_of_the_catalogue(
    "CREATE FUNCTION pg_catalog.lower(integer) RETURNS bigint LANGUAGE sql STABLE
         SECURITY DEFINER AS 'SELECT count(*) FROM retail.orders WHERE store_id = $1'",
    "catalogue lockdown",
    "catalogue"
)]
#[case::leakproof_function(
    "{count}; ALTER FUNCTION retail.count_all() LEAKPROOF",
    "functions",
    "retail.count_all()"
)]
#[case::other_function_of_an_allowed_name(
    "CREATE FUNCTION retail_sec.key_not_after(integer) RETURNS text LANGUAGE sql STABLE
         SECURITY DEFINER SET search_path = pg_catalog, pg_temp
         AS 'SELECT max(rls_user_id::text) FROM retail.stores';
     ALTER FUNCTION retail_sec.key_not_after(integer) OWNER TO retail_sec;
     GRANT EXECUTE ON FUNCTION retail_sec.key_not_after(integer) TO PUBLIC",
    "functions",
    "retail_sec.key_not_after(integer)"
)]
#[case::leakproof_comparison(
    "ALTER FUNCTION pg_catalog.text_lt(text, text) LEAKPROOF",
    "catalogue lockdown",
    "comparisons of text"
)]
#[case::our_own_inner_function(
    "GRANT EXECUTE ON FUNCTION retail_sec.signed_identity() TO retail_query",
    "functions",
    "retail_sec.signed_identity()"
)]
#[case::head_offices_function(
    "GRANT EXECUTE ON FUNCTION retail_sec.sees_all_stores() TO retail_query",
    "functions",
    "retail_sec.sees_all_stores()"
)]
#[case::lost_function(
    "REVOKE EXECUTE ON FUNCTION retail_sec.current_store_id() FROM retail_query",
    "functions",
    "retail_sec.current_store_id"
)]
#[case::search_path_of_a_definer(
    "ALTER FUNCTION retail_sec.current_store_id() RESET search_path",
    "functions",
    "retail_sec.current_store_id()"
)]
#[case::search_path_of_our_trigger(
    "ALTER FUNCTION retail_mcp.keep_product_texts() RESET search_path",
    "functions",
    "retail_mcp.keep_product_texts()"
)]
#[case::trigger_of_a_superuser(
    "ALTER FUNCTION retail_mcp.keep_product_texts() OWNER TO CURRENT_USER",
    "ownership",
    "retail_mcp.keep_product_texts()"
)]
#[case::word_count_for_all(
    "GRANT EXECUTE ON FUNCTION retail_mcp.refresh_search_words() TO PUBLIC",
    "functions",
    "retail_mcp.refresh_search_words()"
)]
#[case::no_longer_a_definer(
    "ALTER FUNCTION retail_sec.sees_all_stores() SECURITY INVOKER",
    "functions",
    "retail_sec.sees_all_stores()"
)]
#[case::files(
    "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO retail_query",
    "functions",
    "pg_read_file(text)"
)]
#[case::set_config(
    "GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO PUBLIC",
    "catalogue lockdown",
    "catalogue"
)]
#[case::new_catalogue_function(
    "CREATE FUNCTION pg_catalog.pg_novelty() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "catalogue lockdown",
    "catalogue"
)]
#[case::sessions(
    "GRANT SELECT ON pg_catalog.pg_stat_activity TO PUBLIC",
    "catalogue lockdown",
    "catalogue"
)]
#[case::catalogue_column(
    "GRANT SELECT (relname) ON pg_catalog.pg_class TO retail_query",
    "catalogue lockdown",
    "catalogue"
)]
#[case::language("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC", "catalogue lockdown", "catalogue")]
#[case::information_schema(
    "GRANT USAGE ON SCHEMA information_schema TO PUBLIC",
    "catalogue lockdown",
    "catalogue"
)]
#[case::temporary_tables("GRANT TEMPORARY ON DATABASE {db} TO PUBLIC", "database", "retail_query")]
#[case::new_schemas("GRANT CREATE ON DATABASE {db} TO retail_query", "database", "retail_query")]
#[case::new_objects(
    "GRANT CREATE ON SCHEMA retail TO retail_query",
    "schemas",
    "retail for retail_query"
)]
#[case::no_usage(
    "REVOKE USAGE ON SCHEMA retail FROM retail_query",
    "schemas",
    "retail for retail_query"
)]
#[case::new_tables_of_the_owner(
    "ALTER DEFAULT PRIVILEGES FOR ROLE retail_owner IN SCHEMA retail GRANT SELECT ON TABLES TO retail_query",
    "default privileges",
    "retail_owner"
)]
#[case::new_tables_to_public(
    "ALTER DEFAULT PRIVILEGES FOR ROLE retail_owner GRANT SELECT ON TABLES TO PUBLIC",
    "default privileges",
    "retail_owner"
)]
#[case::new_functions_of_sec(
    "ALTER DEFAULT PRIVILEGES FOR ROLE retail_sec GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
    "default privileges",
    "retail_sec"
)]
#[case::extension_in_reach(
    "GRANT USAGE ON SCHEMA public TO PUBLIC",
    "extensions",
    "vector for retail_query"
)]
#[case::foreign_server(
    "CREATE FOREIGN DATA WRAPPER elsewhere; CREATE SERVER far FOREIGN DATA WRAPPER elsewhere;
     GRANT USAGE ON FOREIGN SERVER far TO retail_query",
    "extensions",
    "far"
)]
#[case::setting_of_the_database(
    "ALTER ROLE retail_query IN DATABASE {db} SET default_transaction_read_only = off",
    "role settings",
    "retail_query default_transaction_read_only"
)]
#[case::read_audit(
    "GRANT SELECT ON retail_mcp.audit_log TO retail_query",
    "audit log",
    "retail_mcp.audit_log for retail_query"
)]
#[case::read_audit_by_others(
    "GRANT SELECT (subject) ON retail_mcp.audit_log TO pg_monitor",
    "audit log",
    "retail_mcp.audit_log for pg_monitor"
)]
#[case::changed_audit(
    "GRANT UPDATE ON retail_mcp.audit_head TO retail_service",
    "grants",
    "retail_mcp.audit_head for retail_service"
)]
#[case::append_by_callers(
    "GRANT EXECUTE ON FUNCTION retail_mcp.append_audit(jsonb) TO retail_query",
    "functions",
    "retail_mcp.append_audit(jsonb) for retail_query"
)]
#[case::no_append(
    "REVOKE EXECUTE ON FUNCTION retail_mcp.append_audit(jsonb) FROM retail_service",
    "audit log",
    "append_audit"
)]
#[case::archived_by_the_server(
    "GRANT EXECUTE ON FUNCTION retail_mcp.prune_audit(bigint) TO retail_service",
    "functions",
    "retail_mcp.prune_audit(bigint) for retail_service"
)]
#[case::audit_trigger_off(
    "ALTER TABLE retail_mcp.audit_log DISABLE TRIGGER keep_audit",
    "audit log",
    "trigger keep_audit of retail_mcp.audit_log"
)]
#[case::audit_trigger_gone(
    "DROP TRIGGER keep_audit_whole ON retail_mcp.audit_head",
    "audit log",
    "trigger keep_audit_whole of retail_mcp.audit_head"
)]
#[case::audit_not_forced(
    "ALTER TABLE retail_mcp.audit_log NO FORCE ROW LEVEL SECURITY",
    "row security",
    "retail_mcp.audit_log"
)]
#[case::grants_for_callers(
    "GRANT SELECT ON retail_mcp.identity TO retail_query",
    "grants",
    "retail_mcp.identity for retail_query"
)]
#[case::granted_by_the_server(
    "GRANT INSERT ON retail_mcp.identity TO retail_service",
    "grants",
    "retail_mcp.identity for retail_service"
)]
#[case::service_reads_orders(
    "GRANT SELECT ON retail.orders TO retail_service",
    "grants",
    "retail.orders for retail_service"
)]
#[case::policy_of_the_service(
    "ALTER POLICY service_reads ON retail.stores TO retail_service, retail_query",
    "policies",
    "service_reads of retail.stores"
)]
#[case::service_owns(
    "CREATE TABLE retail_mcp.mine (); ALTER TABLE retail_mcp.mine OWNER TO retail_service",
    "ownership",
    "retail_service"
)]
#[case::written_rollups(
    "GRANT UPDATE ON retail.sales_by_day TO retail_query",
    "grants",
    "retail.sales_by_day for retail_query"
)]
#[case::rollups_of_all_stores(
    "ALTER POLICY store_sees_own ON retail.sales_by_product_day USING (true)",
    "policies",
    "store_sees_own of retail.sales_by_product_day"
)]
#[case::rollups_not_forced(
    "ALTER TABLE retail.sales_by_day NO FORCE ROW LEVEL SECURITY",
    "row security",
    "retail.sales_by_day"
)]
#[case::pending_changes(
    "GRANT SELECT ON retail_mcp.sales_changes TO retail_query",
    "grants",
    "retail_mcp.sales_changes for retail_query"
)]
#[case::source_of_the_rollups(
    "GRANT SELECT ON retail_mcp.sales_by_day_source TO retail_query",
    "views",
    "retail_mcp.sales_by_day_source"
)]
#[case::rebuilt_by_callers(
    "GRANT EXECUTE ON FUNCTION retail_mcp.rebuild_sales_rollups() TO retail_query",
    "functions",
    "retail_mcp.rebuild_sales_rollups() for retail_query"
)]
#[case::rollup_trigger_off(
    "ALTER TABLE retail.order_items DISABLE TRIGGER sales_rollups_update",
    "sales rollups",
    "trigger sales_rollups_update of retail.order_items"
)]
#[case::rollup_trigger_gone(
    "DROP TRIGGER sales_rollups_truncate ON retail.orders",
    "sales rollups",
    "trigger sales_rollups_truncate of retail.orders"
)]
#[case::rollup_trigger_of_some_rows(
    "DROP TRIGGER sales_rollups_apply ON retail_mcp.sales_changes;
     CREATE CONSTRAINT TRIGGER sales_rollups_apply AFTER INSERT ON retail_mcp.sales_changes
         FOR EACH ROW WHEN (NEW.is_first) EXECUTE FUNCTION retail_mcp.apply_sales_changes()",
    "sales rollups",
    "trigger sales_rollups_apply of retail_mcp.sales_changes"
)]
#[case::versions_for_callers(
    "GRANT EXECUTE ON FUNCTION retail_mcp.data_versions() TO retail_query",
    "functions",
    "retail_mcp.data_versions() for retail_query"
)]
#[case::rights_for_callers(
    "GRANT EXECUTE ON FUNCTION retail_sec.rights_version() TO retail_query_hq",
    "functions",
    "retail_sec.rights_version() for retail_query_hq"
)]
#[case::no_versions(
    "REVOKE EXECUTE ON FUNCTION retail_mcp.data_versions() FROM retail_service",
    "data versions",
    "retail_mcp.data_versions() for retail_service"
)]
#[case::no_rights_version(
    "REVOKE EXECUTE ON FUNCTION retail_sec.rights_version() FROM retail_service",
    "functions",
    "retail_sec.rights_version for retail_service"
)]
#[case::history_by_the_server(
    "GRANT EXECUTE ON FUNCTION retail_mcp.renew_data_epoch() TO retail_service",
    "functions",
    "retail_mcp.renew_data_epoch() for retail_service"
)]
#[case::changes_by_the_server(
    "GRANT INSERT ON retail_mcp.data_change TO retail_service",
    "grants",
    "retail_mcp.data_change for retail_service"
)]
#[case::deaf_table(
    "ALTER TABLE retail.orders DISABLE TRIGGER note_data_change",
    "data versions",
    "trigger note_data_change of retail.orders"
)]
#[case::deaf_to_replicas(
    "ALTER TABLE retail.products ENABLE TRIGGER note_data_change",
    "data versions",
    "trigger note_data_change of retail.products"
)]
#[case::change_trigger_gone(
    "DROP TRIGGER note_data_change ON retail_mcp.search_synonyms",
    "data versions",
    "trigger note_data_change of retail_mcp.search_synonyms"
)]
#[case::change_of_another_group(
    "DROP TRIGGER note_data_change ON retail.inventory; CREATE TRIGGER note_data_change
     AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON retail.inventory FOR EACH STATEMENT
     EXECUTE FUNCTION retail_mcp.note_data_change('sales');
     ALTER TABLE retail.inventory ENABLE ALWAYS TRIGGER note_data_change",
    "data versions",
    "trigger note_data_change of retail.inventory"
)]
#[case::deaf_to_updates(
    "DROP TRIGGER note_data_change ON retail.inventory; CREATE TRIGGER note_data_change
     AFTER INSERT OR DELETE OR TRUNCATE ON retail.inventory FOR EACH STATEMENT
     EXECUTE FUNCTION retail_mcp.note_data_change('inventory');
     ALTER TABLE retail.inventory ENABLE ALWAYS TRIGGER note_data_change",
    "data versions",
    "trigger note_data_change of retail.inventory"
)]
#[case::temporary_files(
    "ALTER ROLE retail_query_hq IN DATABASE {db} SET temp_file_limit = -1",
    "role settings",
    "retail_query_hq temp_file_limit"
)]
#[tokio::test]
async fn what_is_broken_is_refused_named_and_mended(
    #[case] broken_by: &str,
    #[case] check: &str,
    #[case] subject: &str,
) {
    let database = TestDatabase::seeded().await;
    let broken_by = broken_by
        .replace("{db}", &database.name)
        .replace("{all_rows}", ALL_ROWS)
        .replace("{count}", COUNT);
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

/// The searches filter while they walk the index, which pgvector learned in 0.8.
#[rstest]
#[case("0.5.1", true)]
#[case("0.7.4", true)]
#[case("0.8.0", false)]
#[case("0.8.1-rc1", false)]
#[case("0.10.0", false)]
#[case("1.0", false)]
#[tokio::test]
async fn an_old_pgvector_is_named(#[case] version: &str, #[case] is_old: bool) {
    let database = TestDatabase::seeded().await;
    let named = database.psql(&format!(
        "BEGIN; UPDATE pg_catalog.pg_extension SET extversion = '{version}' WHERE extname = 'vector';
         SELECT mandatory, detail LIKE '%{version}%', fix_sql FROM retail_sec.posture()
         WHERE check_name = 'extensions' AND subject = 'vector' AND state = 'unfit'; ROLLBACK"
    ));
    let expected = if is_old { "t|t|ALTER EXTENSION vector UPDATE" } else { "" };
    assert_eq!(named.trim(), expected);
}

/// Roles belong to all databases of the cluster, so these are broken, looked at and mended in one
/// transaction that nobody else sees.
#[rstest]
#[case("ALTER ROLE retail_query BYPASSRLS", "role attributes|retail_query")]
#[case("ALTER ROLE retail_query_hq SUPERUSER", "role attributes|retail_query_hq")]
#[case("ALTER ROLE retail_query CREATEDB", "role attributes|retail_query")]
#[case("ALTER ROLE retail_query CREATEROLE", "role attributes|retail_query")]
#[case("ALTER ROLE retail_query REPLICATION", "role attributes|retail_query")]
#[case("ALTER ROLE retail_sec SUPERUSER", "role attributes|retail_sec")]
#[case("ALTER ROLE retail_owner LOGIN", "role attributes|retail_owner")]
#[case("ALTER ROLE retail_query CONNECTION LIMIT -1", "connection limit|retail_query")]
#[case("GRANT retail_owner TO retail_query", "role membership|retail_query")]
#[case("GRANT pg_read_all_data TO retail_query_hq", "role membership|retail_query_hq")]
#[case("GRANT pg_monitor TO retail_query", "role membership|retail_query")]
#[case(
    "ALTER ROLE retail_query SET default_transaction_read_only = off",
    "role settings|retail_query default_transaction_read_only"
)]
#[case(
    "ALTER ROLE retail_query RESET statement_timeout",
    "role settings|retail_query statement_timeout"
)]
#[case("ALTER ROLE retail_query SET lock_timeout = 0", "role settings|retail_query lock_timeout")]
#[case(
    "ALTER ROLE retail_query RESET temp_file_limit",
    "role settings|retail_query temp_file_limit"
)]
#[case(
    "ALTER ROLE retail_query SET search_path = public",
    "role settings|retail_query search_path"
)]
#[case("GRANT SET ON PARAMETER log_statement TO retail_query", "parameters|log_statement")]
#[case("ALTER ROLE retail_service BYPASSRLS", "role attributes|retail_service")]
#[case("ALTER ROLE retail_service CREATEDB", "role attributes|retail_service")]
#[case("ALTER ROLE retail_service CONNECTION LIMIT -1", "connection limit|retail_service")]
#[case("GRANT retail_owner TO retail_service", "role membership|retail_service")]
#[case(
    "ALTER ROLE retail_service SET search_path = retail_mcp",
    "role settings|retail_service search_path"
)]
#[case(
    "ALTER ROLE retail_service RESET statement_timeout",
    "role settings|retail_service statement_timeout"
)]
#[tokio::test]
async fn a_role_that_is_more_than_it_may_be_is_named_and_mended(
    #[case] broken_by: &str,
    #[case] named: &str,
) {
    let database = TestDatabase::seeded().await;
    let faults = |when: &str| {
        format!(
            "SELECT '{when}', check_name || '|' || subject FROM retail_sec.posture()
             WHERE mandatory AND state <> 'good' ORDER BY 2"
        )
    };
    let seen = database.psql(&format!(
        "BEGIN; {broken_by}; {before};
         SELECT fix_sql FROM retail_sec.posture() WHERE mandatory AND state <> 'good' \\gexec\n\
         {after}; ROLLBACK",
        before = faults("before"),
        after = faults("after"),
    ));
    let told: Vec<_> = seen.lines().filter(|line| line.contains('|')).collect();
    assert!(told.contains(&format!("before|{named}").as_str()), "{seen}");
    assert!(!told.iter().any(|line| line.starts_with("after")), "it is not mended: {seen}");
}

#[rstest]
#[case("BYPASSRLS")]
#[case("CREATEROLE")]
#[case("SUPERUSER")]
#[tokio::test]
async fn a_login_that_is_more_than_a_query_role_is_not_fit(#[case] attribute: &str) {
    let database = TestDatabase::seeded().await;
    let seen = database.psql(&format!(
        "BEGIN; ALTER ROLE retail_query {attribute}; SET SESSION AUTHORIZATION retail_query;
         SELECT 'fit', retail_sec.login_is_fit(); RESET SESSION AUTHORIZATION; ROLLBACK;
         SET SESSION AUTHORIZATION retail_query; SELECT 'fit', retail_sec.login_is_fit()"
    ));
    let told: Vec<_> = seen.lines().filter(|line| line.starts_with("fit")).collect();
    assert_eq!(told, ["fit|f", "fit|t"]);
}
