//! One case for each thing that can be amiss with what is kept beside the retail tables: the audit log, grants, the
//! service's own rights, rollups, the versions of the data.

use rstest::rstest;

use super::refused_named_and_mended;

/// What is broken, and the check and subject that must name it.
#[rstest]
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
    "GRANT EXECUTE ON FUNCTION retail_mcp.append_audit TO retail_query",
    "functions",
    "[]) for retail_query"
)]
#[case::no_append(
    "REVOKE EXECUTE ON FUNCTION retail_mcp.append_audit FROM retail_service",
    "audit log",
    "append_audit"
)]
#[case::another_chain(
    "CREATE FUNCTION retail_mcp.nothing(bytea, bytea, text) RETURNS bytea LANGUAGE sql IMMUTABLE AS 'SELECT $2';
     CREATE OR REPLACE AGGREGATE retail_mcp.audit_chain(bytea, text)
         (SFUNC = retail_mcp.nothing, STYPE = bytea)",
    "audit log",
    "retail_mcp.audit_chain(bytea, text)"
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
#[case::benchmarks_of_all_stores(
    "ALTER POLICY store_sees_own ON retail.store_benchmark USING (true)",
    "policies",
    "store_sees_own of retail.store_benchmark"
)]
#[case::published_by_callers(
    "GRANT EXECUTE ON FUNCTION retail_mcp.publish_store_benchmarks(date, boolean) TO retail_query",
    "functions",
    "retail_mcp.publish_store_benchmarks(date,boolean) for retail_query"
)]
#[case::pending_changes(
    "GRANT SELECT ON retail_mcp.sales_changes TO retail_query",
    "grants",
    "retail_mcp.sales_changes for retail_query"
)]
#[case::turns_of_customers(
    "GRANT SELECT ON retail_mcp.customer_turn TO retail_query",
    "grants",
    "retail_mcp.customer_turn for retail_query"
)]
#[case::orders_trigger_gone(
    "DROP TRIGGER sales_orders_apply ON retail_mcp.sales_changes",
    "sales rollups",
    "trigger sales_orders_apply of retail_mcp.sales_changes"
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
#[tokio::test]
async fn what_is_broken_beside_the_tables_is_refused_named_and_mended(
    #[case] broken_by: &str,
    #[case] check: &str,
    #[case] subject: &str,
) {
    refused_named_and_mended(broken_by, check, subject).await;
}
