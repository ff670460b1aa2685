//! Roles that are more than they may be.

use retail_testkit::TestDatabase;
use rstest::rstest;

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
