//! Secrets: never shown, and readable from files.

use std::fs;
use std::path::PathBuf;

use rstest::rstest;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::super::{Config, Sources};
use super::{effective, environment, faults, load_file};

const FILE_VARIABLE: &str = "RETAIL_MCP__DATABASE__QUERY_PASSWORD_FILE";

fn secret_file(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn query_password(config: &Config) -> &str {
    config.database.query_password.as_ref().unwrap().expose_secret()
}

#[test]
fn a_secret_is_shown_nowhere() {
    let sources = environment(&[
        ("RETAIL_MCP__DATABASE__QUERY_PASSWORD", "hunter1"),
        ("RETAIL_MCP__DATABASE__HEAD_OFFICE_PASSWORD", "hunter2"),
        ("POSTGRES_PASSWORD", "hunter3"),
    ]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(query_password(&config), "hunter1");
    assert_eq!(config.database.admin_password.as_ref().unwrap().expose_secret(), "hunter3");
    let shown = format!("{config:?} {sources:?} {:?}", config.effective());
    assert!(!shown.contains("hunter"), "{shown}");
    for key in ["query_password", "head_office_password", "admin_password"] {
        let value = effective(&config, &format!("database.{key}"));
        assert_eq!(value.value.as_deref(), Some("***"));
    }
}

#[test]
fn a_secret_that_nobody_set_is_none() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(effective(&config, "database.query_password").value, None);
}

#[rstest]
#[case("database.query_password = 77777", "77777")]
#[case("database.query_password = ['hunter2']", "hunter2")]
#[case("database.query_password = ''", "hunter2")]
fn the_fault_of_a_secret_does_not_repeat_it(#[case] text: &str, #[case] secret: &str) {
    let error = load_file(text).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("database.query_password"), "{shown}");
    assert!(!shown.contains(secret), "{shown}");
}

#[rstest]
#[case("hunter2", "hunter2")]
#[case("hunter2\n", "hunter2")]
#[case("hunter2\r\n", "hunter2")]
#[case(" a b \n\n", " a b \n")]
#[case("007", "007")]
fn a_file_holds_the_secret(#[case] text: &str, #[case] secret: &str) {
    let (_folder, path) = secret_file(text);
    let path = path.to_str().unwrap();
    let config = Config::load(&environment(&[(FILE_VARIABLE, path)])).unwrap();
    assert_eq!(query_password(&config), secret);
    let shown = effective(&config, "database.query_password");
    assert_eq!(shown.value.as_deref(), Some("***"));
    assert_eq!(shown.origin, format!("file {path}, named by environment {FILE_VARIABLE}"));
    let shown = effective(&config, "database.query_password_file");
    assert_eq!(shown.value.as_deref(), Some(path));
}

#[test]
fn the_configuration_file_can_name_the_file() {
    let (_folder, path) = secret_file("hunter2\n");
    let text = format!("[database]\nquery_password_file = '{}'", path.display());
    assert_eq!(query_password(&load_file(&text).unwrap()), "hunter2");
}

#[test]
fn the_reference_name_has_a_file_variant_too() {
    let (_folder, path) = secret_file("hunter2\n");
    let sources = environment(&[("POSTGRES_PASSWORD_FILE", path.to_str().unwrap())]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database.admin_password.unwrap().expose_secret(), "hunter2");
}

#[rstest]
#[case("RETAIL_MCP__DATABASE__ADMIN_PASSWORD", "RETAIL_MCP__DATABASE__ADMIN_PASSWORD_FILE")]
#[case("POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE")]
#[case("POSTGRES_PASSWORD", "RETAIL_MCP__DATABASE__ADMIN_PASSWORD_FILE")]
fn both_are_too_many(#[case] secret: &str, #[case] file: &str) {
    let (_folder, path) = secret_file("hunter2\n");
    let sources = environment(&[(secret, "hunter3"), (file, path.to_str().unwrap())]);
    let faults = faults(Config::load(&sources));
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].key, "database.admin_password_file");
    let text = faults[0].to_string();
    assert!(text.contains(secret) && text.contains(file) && !text.contains("hunter"), "{text}");
}

#[rstest]
#[case::missing(None, "cannot read")]
#[case::empty(Some("\n"), "is empty")]
fn a_file_without_a_secret_is_a_fault(#[case] text: Option<&str>, #[case] reason: &str) {
    let (_folder, path) = secret_file(text.unwrap_or_default());
    if text.is_none() {
        fs::remove_file(&path).unwrap();
    }
    let faults = faults(Config::load(&environment(&[(FILE_VARIABLE, path.to_str().unwrap())])));
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].key, "database.query_password_file");
    assert!(faults[0].reason.contains(reason), "{}", faults[0]);
}
