//! What is refused, and in which words.

use std::collections::BTreeSet;

use rstest::rstest;

use super::super::{Config, ConfigError, Purpose, Sources};
use super::{environment, faults, load_file};

#[rstest]
#[case("[server]\nlisen = 'x'", "server.lisen", "did you mean server.listen?")]
#[case("[sevrer]\nlisten = 'x'", "sevrer", "did you mean")]
#[case("[sevrer]", "sevrer", "did you mean")]
#[case("max_rows = 5", "max_rows", "did you mean query.max_rows?")]
#[case(
    "[auth.trusted_header]\nproxy = 'x'",
    "auth.trusted_header.proxy",
    "auth.trusted_header.proxies"
)]
#[case("'server.listen' = 'x'", "server.listen", "must be an address")]
#[case("server = 5", "server", "write [server]")]
#[case("[server.listen]", "server.listen", "not a section")]
#[case("[server.listen]\nport = 5", "server.listen", "not a section")]
fn an_unknown_key_in_the_file(#[case] text: &str, #[case] key: &str, #[case] reason: &str) {
    let faults = faults(load_file(text));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].key, key);
    assert!(faults[0].reason.contains(reason), "{}", faults[0]);
    assert!(faults[0].origin.as_ref().unwrap().starts_with("file /"));
    assert!(faults[0].origin.as_ref().unwrap().ends_with("/retail-mcp.toml"));
}

#[rstest]
#[case("RETAIL_MCP__SERVER__LISEN", "RETAIL_MCP__SERVER__LISTEN")]
#[case("RETAIL_MCP__SERVER_LISTEN", "RETAIL_MCP__SERVER__LISTEN")]
#[case("RETAIL_MCP__server__listen", "RETAIL_MCP__SERVER__LISTEN")]
#[case("RETAIL_MCP__MAX_ROWS", "RETAIL_MCP__QUERY__MAX_ROWS")]
fn an_unknown_variable(#[case] wrong: &str, #[case] right: &str) {
    let faults = faults(Config::load(&environment(&[(wrong, "")])));
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].origin, Some(format!("environment {wrong}")));
    assert!(faults[0].reason.ends_with(&format!("did you mean {right}?")), "{}", faults[0]);
}

#[test]
fn an_unknown_flag_key() {
    let sources = Sources::default().with_flag("--listen", "server.lissten", "x");
    let faults = faults(Config::load(&sources));
    assert_eq!(
        faults[0].to_string(),
        "server.lissten (flag --listen): there is no such key; did you mean server.listen?"
    );
}

#[test]
fn all_faults_of_all_sources_are_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("retail-mcp.toml"),
        "unknown = 1\n[query]\nmax_rows = 0\nstatement_timeout = 5\n[database]\nquery_password = 7",
    )
    .unwrap();
    let sources = Sources::default()
        .with_folder(folder.path())
        .with_environment([
            ("RETAIL_MCP__LOG__FORMAT", "xml"),
            ("RETAIL_MCP__NOTHING", "x"),
            ("POSTGRES_PORT", "70000"),
        ])
        .with_flag("--listen", "server.listen", "8000");
    let error = Config::load(&sources).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the configuration has 8 faults\n"), "{text}");
    let keys: BTreeSet<String> = faults(Err::<(), _>(error)).into_iter().map(|f| f.key).collect();
    let expected = [
        "database.port",
        "database.query_password",
        "log.format",
        "nothing",
        "query.max_rows",
        "query.statement_timeout",
        "server.listen",
        "unknown",
    ];
    assert_eq!(keys, expected.map(str::to_owned).into());
}

#[cfg(unix)]
#[test]
fn a_value_that_is_no_utf_8_is_a_fault() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let bytes = || OsString::from_vec(vec![0xff]);
    for name in ["RETAIL_MCP__DATABASE__HOST", "POSTGRES_DB_HOST"] {
        let sources = Sources::default().with_environment([(name, bytes())]);
        let faults = faults(Config::load(&sources));
        assert_eq!(faults[0].key, "database.host");
        assert!(faults[0].reason.contains("UTF-8"));
    }
    Config::load(&Sources::default().with_environment([("OTHER", bytes())])).unwrap();
}

#[test]
fn a_file_that_is_no_toml_is_named_with_its_line_and_without_its_text() {
    let error = load_file("[database]\nquery_password = hunter2").unwrap_err();
    assert!(matches!(error, ConfigError::ParseFile { .. }));
    let text = error.to_string();
    assert!(text.contains("line 2"), "{text}");
    assert!(!text.contains("hunter2") && !format!("{error:?}").contains("hunter2"), "{text}");
}

const DATABASE: (&str, &str) = ("RETAIL_MCP__DATABASE__HOST", "db");
const MODE: &str = "RETAIL_MCP__AUTH__MODE";
const LISTEN: &str = "RETAIL_MCP__SERVER__LISTEN";
const PROXIES: &str = "RETAIL_MCP__AUTH__TRUSTED_HEADER__PROXIES";
const ALLOW_REMOTE: &str = "RETAIL_MCP__AUTH__DEV_TOKEN__ALLOW_REMOTE";
const ADMIN: (&str, &str) = ("RETAIL_MCP__DATABASE__ADMIN_USER", "owner");

#[rstest]
#[case::demo(Purpose::Demo, &[], &[])]
#[case::serve(Purpose::Serve, &[], &["database.host", "auth.mode"])]
#[case::serve_all(Purpose::Serve, &[DATABASE, (MODE, "dev-token")], &[])]
#[case::stdio(Purpose::Stdio, &[], &["database.host"])]
#[case::stdio_all(Purpose::Stdio, &[DATABASE], &[])]
#[case::maintain(Purpose::Maintain, &[], &["database.host", "database.admin_user"])]
#[case::maintain_all(Purpose::Maintain, &[DATABASE, ADMIN], &[])]
#[case::header_on_loopback(Purpose::Serve, &[DATABASE, (MODE, "trusted-header")], &[])]
#[case::header_for_all(
    Purpose::Serve,
    &[DATABASE, (MODE, "trusted-header"), (LISTEN, "0.0.0.0:8000")],
    &["auth.trusted_header.proxies"]
)]
#[case::header_for_all_in_demo(
    Purpose::Demo,
    &[(MODE, "trusted-header"), (LISTEN, "[::]:8000")],
    &["auth.trusted_header.proxies"]
)]
#[case::header_from_a_proxy(
    Purpose::Serve,
    &[DATABASE, (MODE, "trusted-header"), (LISTEN, "0.0.0.0:8000"), (PROXIES, "10.0.0.1")],
    &[]
)]
#[case::token_for_all(
    Purpose::Serve,
    &[DATABASE, (MODE, "dev-token"), (LISTEN, "0.0.0.0:8000")],
    &["server.listen"]
)]
#[case::token_for_all_in_demo(Purpose::Demo, &[(LISTEN, "[::]:8000")], &["server.listen"])]
#[case::token_for_all_on_purpose(
    Purpose::Serve,
    &[DATABASE, (MODE, "dev-token"), (LISTEN, "0.0.0.0:8000"), (ALLOW_REMOTE, "true")],
    &[]
)]
#[case::mapped_loopback(
    Purpose::Serve,
    &[DATABASE, (MODE, "dev-token"), (LISTEN, "[::ffff:127.0.0.1]:8000")],
    &[]
)]
#[case::nobody_for_all(Purpose::Serve, &[DATABASE, (LISTEN, "0.0.0.0:8000")], &["auth.mode"])]
#[case::certificate_without_key(
    Purpose::Demo,
    &[("RETAIL_MCP__SERVER__TLS__CERT_FILE", "/cert.pem")],
    &["server.tls.key_file"]
)]
#[case::key_without_certificate(
    Purpose::Demo,
    &[("RETAIL_MCP__SERVER__TLS__KEY_FILE", "/key.pem")],
    &["server.tls.cert_file"]
)]
#[case::one_takes_all(
    Purpose::Demo,
    &[("RETAIL_MCP__LIMITS__MAX_CONCURRENT", "8")],
    &["limits.principal_max_concurrent"]
)]
#[case::no_limit_of_all(Purpose::Demo, &[("RETAIL_MCP__LIMITS__MAX_CONCURRENT", "0")], &[])]
#[case::slow_query(
    Purpose::Demo,
    &[("RETAIL_MCP__SERVER__REQUEST_TIMEOUT", "5s")],
    &["server.request_timeout"]
)]
#[case::certificate_that_is_not_checked(
    Purpose::Demo,
    &[
        ("RETAIL_MCP__DATABASE__SSL_ROOT_CERT", "/ca.pem"),
        ("RETAIL_MCP__DATABASE__SSL_MODE", "disable")
    ],
    &["database.ssl_root_cert"]
)]
fn values_must_fit_each_other(
    #[case] purpose: Purpose,
    #[case] variables: &[(&str, &str)],
    #[case] expected: &[&str],
) {
    let config = Config::load(&environment(variables)).unwrap();
    let found = match config.validate(purpose) {
        Ok(()) => Vec::new(),
        error => faults(error).into_iter().map(|fault| fault.key).collect(),
    };
    assert_eq!(found, expected);
}
