//! Which source wins.

use std::time::Duration;

use rstest::rstest;

use super::super::{Config, ConfigError, Sources};
use super::{effective, environment, load_file};

#[test]
fn the_defaults_are_those_of_the_documentation() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.server.max_body_bytes, 1024 * 1024);
    assert_eq!(config.server.request_timeout, Duration::from_mins(1));
    assert_eq!(config.database.host, None);
    assert_eq!(config.database.port, 5432);
    assert_eq!(config.database.name, "zava");
    assert!(config.database.query_password.is_none());
    assert_eq!(config.query.max_rows, 1000);
    assert_eq!(config.query.statement_timeout, Duration::from_secs(5));
    assert_eq!(config.auth.mode, None);
    assert_eq!(config.auth.dev_token.default_ttl, Duration::from_hours(12));
    assert!(config.auth.trusted_header.head_office_ids.is_empty());
    assert_eq!(effective(&config, "server.listen").origin, "default");
}

/// Each layer sets what the ones above it set too, and one value more.
#[test]
fn a_higher_layer_wins_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("retail-mcp.toml");
    std::fs::write(
        &path,
        "[database]\nhost = 'file'\nname = 'file'\napplication_name = 'file'\nadmin_user = 'file'",
    )
    .unwrap();
    let sources = Sources::default()
        .with_folder(folder.path())
        .with_environment([
            ("RETAIL_MCP__DATABASE__HOST", "own"),
            ("RETAIL_MCP__DATABASE__NAME", "own"),
            ("POSTGRES_DB_HOST", "alias"),
            ("POSTGRES_DB", "alias"),
            ("POSTGRES_APPLICATION_NAME", "alias"),
        ])
        .with_flag("--database-host", "database.host", "flag");
    let config = Config::load(&sources).unwrap();

    let expected = [
        ("database.host", "flag", "flag --database-host".to_owned()),
        ("database.name", "own", "environment RETAIL_MCP__DATABASE__NAME".to_owned()),
        ("database.application_name", "alias", "environment POSTGRES_APPLICATION_NAME".to_owned()),
        ("database.admin_user", "file", format!("file {}", path.display())),
        ("database.port", "5432", "default".to_owned()),
    ];
    for (key, value, origin) in expected {
        assert_eq!(effective(&config, key).value.as_deref(), Some(value), "{key}");
        assert_eq!(effective(&config, key).origin, origin);
    }
    assert_eq!(config.database.host.as_deref(), Some("flag"));
    assert_eq!(config.database.name, "own");
    assert_eq!(config.database.application_name, "alias");
    assert_eq!(config.database.admin_user.as_deref(), Some("file"));
}

#[test]
fn a_folder_without_the_file_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::load(&Sources::default().with_folder(folder.path())).unwrap();
    assert_eq!(effective(&config, "log.level").origin, "default");
}

#[test]
fn a_named_file_replaces_the_one_in_the_folder_and_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("retail-mcp.toml"), "data_dir = '/a'").unwrap();
    let named = folder.path().join("named.toml");
    let sources = Sources::default().with_folder(folder.path()).with_config_file(&named);
    assert!(
        matches!(Config::load(&sources), Err(ConfigError::ReadFile { path, .. }) if path == named)
    );

    std::fs::write(&named, "log.format = 'json'").unwrap();
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.data_dir, None);
    assert_eq!(effective(&config, "log.format").value.as_deref(), Some("json"));
}

#[test]
fn a_file_can_set_every_kind_of_value() {
    let config = load_file(
        r#"
        data_dir = "/var/lib/retail-mcp"
        [server]
        listen = "[::]:80"
        allowed_hosts = ["mcp.example.com"]
        shutdown_grace = "1500ms"
        [database]
        ssl_mode = "verify-full"
        query_password = "p"
        [query]
        max_rows = 7
        [auth]
        mode = "trusted-header"
        [auth.trusted_header]
        proxies = ["10.0.0.0/8", "192.0.2.1"]
        head_office_ids = ["00000000-0000-0000-0000-000000000000"]
        "#,
    )
    .unwrap();
    assert_eq!(config.server.listen.port(), 80);
    assert_eq!(config.server.allowed_hosts, ["mcp.example.com"]);
    assert_eq!(config.server.shutdown_grace, Duration::from_millis(1500));
    assert_eq!(config.query.max_rows, 7);
    assert_eq!(config.auth.trusted_header.proxies.len(), 2);
    assert!(config.auth.trusted_header.head_office_ids[0].is_nil());
    let proxies = effective(&config, "auth.trusted_header.proxies");
    assert_eq!(proxies.value.as_deref(), Some("10.0.0.0/8,192.0.2.1"));
}

#[rstest]
#[case("a,b", &["a", "b"])]
#[case(" a , b ,", &["a", "b"])]
#[case("7", &["7"])]
fn a_list_in_the_environment_has_commas(#[case] text: &str, #[case] hosts: &[&str]) {
    let sources = environment(&[("RETAIL_MCP__SERVER__ALLOWED_HOSTS", text)]);
    assert_eq!(Config::load(&sources).unwrap().server.allowed_hosts, hosts);
}

#[rstest]
#[case("007")]
#[case("1e5")]
#[case("true")]
#[case("1,2")]
#[case(" 12 ")]
#[case("\"quoted\"")]
fn a_text_that_looks_like_something_else_stays_a_text(#[case] text: &str) {
    use secrecy::ExposeSecret;

    let sources = environment(&[
        ("RETAIL_MCP__DATABASE__QUERY_PASSWORD", text),
        ("RETAIL_MCP__DATABASE__NAME", text),
    ]);
    let database = Config::load(&sources).unwrap().database;
    assert_eq!(database.query_password.unwrap().expose_secret(), text);
    assert_eq!(database.name, text);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let sources = environment(&[("RETAIL_MCP__DATABASE__HOST", ""), ("POSTGRES_DB", "")]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database.host, None);
    assert_eq!(config.database.name, "zava");
}

#[test]
fn variables_of_others_are_passed_over() {
    let sources = environment(&[
        ("RETAIL_MCP_PORT", "tcp://10.0.0.1:8000"),
        ("RETAIL_MCP_SERVICE_HOST", "10.0.0.1"),
        ("HOME", "/home/x"),
        ("retail_mcp__server__listen", "x"),
    ]);
    Config::load(&sources).unwrap();
}
