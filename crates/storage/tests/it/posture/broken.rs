//! One case for each thing that can be amiss.

use retail_testkit::TestDatabase;
use rstest::rstest;

use super::refused_named_and_mended;

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
    let broken_by = broken_by.replace("{all_rows}", ALL_ROWS).replace("{count}", COUNT);
    refused_named_and_mended(&broken_by, check, subject).await;
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
