//! The reference's variables.

use std::collections::HashSet;

use rstest::rstest;

use super::super::aliases::ALIASES;
use super::super::keys::Place;
use super::super::{Config, Sources};
use super::{effective, environment, faults};

#[rstest]
#[case("MCP_SERVER_HOST", "0.0.0.0", "server.listen", "0.0.0.0:8000")]
#[case("MCP_SERVER_HOST", "localhost", "server.listen", "127.0.0.1:8000")]
#[case("MCP_SERVER_HOST", "::1", "server.listen", "[::1]:8000")]
#[case("MCP_SERVER_PORT", "9000", "server.listen", "127.0.0.1:9000")]
#[case("PORT", "9000", "server.listen", "127.0.0.1:9000")]
#[case("POSTGRES_DB_HOST", "pg17", "database.host", "pg17")]
#[case("POSTGRES_HOST", "pg17", "database.host", "pg17")]
#[case("POSTGRES_DB_PORT", "5433", "database.port", "5433")]
#[case("POSTGRES_PORT", "5433", "database.port", "5433")]
#[case("POSTGRES_DB", "shop", "database.name", "shop")]
#[case("POSTGRES_DB", "\"shop\"", "database.name", "shop")]
#[case("POSTGRES_DB", "'shop'", "database.name", "shop")]
#[case("POSTGRES_DB", "\"shop", "database.name", "\"shop")]
#[case("POSTGRES_USER", "postgres", "database.admin_user", "postgres")]
#[case("POSTGRES_PASSWORD", "007", "database.admin_password", "***")]
#[case("POSTGRES_APPLICATION_NAME", "mcp-server", "database.application_name", "mcp-server")]
#[case("POSTGRES_MAX_CONNECTIONS", "10", "database.pool_max_connections", "10")]
#[case("POSTGRES_COMMAND_TIMEOUT", "30", "query.statement_timeout", "30000ms")]
#[case("POSTGRES_COMMAND_TIMEOUT", "2.5", "query.statement_timeout", "2500ms")]
#[case(
    "AZURE_OPENAI_ENDPOINT",
    "'https://a.openai.azure.com'",
    "embeddings.azure.endpoint",
    "https://a.openai.azure.com"
)]
#[case("EMBEDDING_MODEL_DEPLOYMENT_NAME", "small", "embeddings.azure.deployment", "small")]
#[case("EMBEDDING_DEPLOYMENT_NAME", "small", "embeddings.azure.deployment", "small")]
#[case("AZURE_OPENAI_EMBEDDING_DEPLOYMENT_NAME", "small", "embeddings.azure.deployment", "small")]
#[case("AZURE_OPENAI_API_KEY", "k", "embeddings.azure.api_key", "***")]
#[case("AZURE_OPENAI_KEY", "k", "embeddings.azure.api_key", "***")]
#[case("AZURE_TENANT_ID", "t", "embeddings.azure.tenant_id", "t")]
#[case("AZURE_CLIENT_ID", "c", "embeddings.azure.client_id", "c")]
#[case("AZURE_CLIENT_SECRET", "s", "embeddings.azure.client_secret", "***")]
#[case("AZURE_FEDERATED_TOKEN_FILE", "/t", "embeddings.azure.federated_token_file", "/t")]
#[case("AZURE_AUTHORITY_HOST", "https://x", "embeddings.azure.authority_host", "https://x")]
#[case("IDENTITY_ENDPOINT", "http://x", "embeddings.azure.identity_endpoint", "http://x")]
#[case("IDENTITY_HEADER", "h", "embeddings.azure.identity_header", "***")]
#[case("REDIS_URL", "redis://redis:6379", "cache.redis_url", "***")]
#[case("REDIS_PASSWORD", "'p'", "cache.redis_password", "***")]
#[case("LOG_LEVEL", "INFO", "log.level", "info")]
#[case("LOG_LEVEL", "WARNING", "log.level", "warn")]
#[case("LOG_LEVEL", "CRITICAL", "log.level", "error")]
#[case("LOG_LEVEL", "info,retail_storage=debug", "log.level", "info,retail_storage=debug")]
fn an_alias_sets_its_key(
    #[case] variable: &str,
    #[case] text: &str,
    #[case] key: &str,
    #[case] value: &str,
) {
    let config = Config::load(&environment(&[(variable, text)])).unwrap();
    assert_eq!(effective(&config, key).value.as_deref(), Some(value));
    assert_eq!(effective(&config, key).origin, format!("environment {variable}"));
}

#[test]
fn each_alias_names_a_key_that_is_there() {
    let mut variables = HashSet::new();
    for alias in ALIASES {
        assert!(Place::find(alias.key).is_some(), "{}", alias.key);
        assert!(variables.insert(alias.variable), "{} is there twice", alias.variable);
    }
}

#[test]
fn the_names_that_the_reference_really_reads_win_over_the_others() {
    let config = Config::load(&environment(&[
        ("POSTGRES_HOST", "second"),
        ("POSTGRES_DB_HOST", "first"),
        ("PORT", "2"),
        ("MCP_SERVER_PORT", "1"),
    ]))
    .unwrap();
    assert_eq!(config.database.host.as_deref(), Some("first"));
    assert_eq!(config.server.listen.port(), 1);
    assert_eq!(effective(&config, "server.listen").origin, "environment MCP_SERVER_PORT");
}

#[test]
fn a_place_to_fill_in_is_no_value() {
    let sources = environment(&[
        ("AZURE_OPENAI_ENDPOINT", "<ENDPOINT_URL>"),
        ("AZURE_OPENAI_KEY", "\"<your-key>\""),
    ]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.embeddings.azure.endpoint, None);
    assert!(config.embeddings.azure.api_key.is_none());
}

#[test]
fn address_and_port_join() {
    let sources = environment(&[("MCP_SERVER_HOST", "0.0.0.0"), ("MCP_SERVER_PORT", "9000")]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:9000");
    let origin = &effective(&config, "server.listen").origin;
    assert!(origin.contains("MCP_SERVER_HOST") && origin.contains("MCP_SERVER_PORT"), "{origin}");
}

#[test]
fn the_port_alone_keeps_the_address_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("retail-mcp.toml"), "server.listen = '10.0.0.1:1'").unwrap();
    let sources = Sources::default().with_folder(folder.path()).with_environment([("PORT", "2")]);
    assert_eq!(Config::load(&sources).unwrap().server.listen.to_string(), "10.0.0.1:2");
}

#[rstest]
#[case("POSTGRES_PORT")]
#[case("POSTGRES_DB_PORT")]
#[case("MCP_SERVER_PORT")]
#[case("PORT")]
fn a_kubernetes_service_link_is_passed_over(#[case] variable: &str) {
    let sources = environment(&[(variable, "tcp://10.0.0.1:1234")]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database.port, 5432);
    assert_eq!(config.server.listen.port(), 8000);
}

#[rstest]
#[case("MCP_SERVER_HOST", "mcp.example.com", "server.listen")]
#[case("PORT", "http", "server.listen")]
#[case("POSTGRES_PORT", "http", "database.port")]
#[case("POSTGRES_COMMAND_TIMEOUT", "soon", "query.statement_timeout")]
#[case("POSTGRES_COMMAND_TIMEOUT", "61", "query.statement_timeout")]
#[case("POSTGRES_MAX_CONNECTIONS", "many", "database.pool_max_connections")]
fn a_value_that_makes_no_sense_is_a_fault(
    #[case] variable: &str,
    #[case] text: &str,
    #[case] key: &str,
) {
    let faults = faults(Config::load(&environment(&[(variable, text)])));
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].key, key);
    assert_eq!(faults[0].origin.as_deref(), Some(format!("environment {variable}").as_str()));
}

#[test]
fn the_variable_that_means_nothing_here_changes_nothing() {
    let sources = environment(&[("POSTGRES_MIN_CONNECTIONS", "2")]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.effective(), Config::load(&Sources::default()).unwrap().effective());
}
