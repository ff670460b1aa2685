//! The program as a process, on a test's database.

use std::path::Path;

use retail_testkit::{
    HEAD_OFFICE_PASSWORD, IDENTITY_KEY, QUERY_PASSWORD, SERVICE_PASSWORD, TestDatabase,
};

use super::{Finished, Process};

/// Starts a command on a test's database, with more variables, without `RETAIL_MCP__`.
pub(crate) fn start_on(
    database: &TestDatabase,
    folder: &Path,
    arguments: &[&str],
    more: &[(&str, &str)],
) -> Process {
    start_in(database, folder, arguments, more, &[])
}

/// The same, with variables that are not ours.
pub(crate) fn start_in(
    database: &TestDatabase,
    folder: &Path,
    arguments: &[&str],
    more: &[(&str, &str)],
    foreign: &[(&str, &str)],
) -> Process {
    let key_file = folder.join("identity-key");
    if !key_file.exists() {
        let digits = hex::encode(IDENTITY_KEY);
        std::fs::write(&key_file, digits).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key_file, private).unwrap();
    }
    let settings = database.settings();
    let port = settings.port.to_string();
    let superuser = database.superuser();
    let password = superuser.password.as_ref().map(secrecy::ExposeSecret::expose_secret);
    let mut variables = vec![
        ("DATABASE__HOST", settings.host.as_str()),
        ("DATABASE__PORT", port.as_str()),
        ("DATABASE__NAME", database.name.as_str()),
        ("DATABASE__ADMIN_USER", superuser.user.as_str()),
        ("DATABASE__ADMIN_PASSWORD", password.unwrap_or_default()),
        ("DATABASE__QUERY_PASSWORD", QUERY_PASSWORD),
        ("DATABASE__HEAD_OFFICE_PASSWORD", HEAD_OFFICE_PASSWORD),
        ("DATABASE__SERVICE_PASSWORD", SERVICE_PASSWORD),
        ("DATABASE__IDENTITY_KEY_FILE", key_file.to_str().unwrap()),
        ("AUTH__MODE", "dev-token"),
    ];
    variables.extend_from_slice(more);
    let variables: Vec<(String, &str)> =
        variables.into_iter().map(|(name, value)| (format!("RETAIL_MCP__{name}"), value)).collect();
    let ours = variables.iter().map(|(name, value)| (name.as_str(), *value));
    let variables: Vec<(&str, &str)> = ours.chain(foreign.iter().copied()).collect();
    Process::start(folder, arguments, &variables)
}

/// Runs a command on a test's database to its end.
pub(crate) fn run_on(
    database: &TestDatabase,
    folder: &Path,
    arguments: &[&str],
    more: &[(&str, &str)],
) -> Finished {
    start_on(database, folder, arguments, more).wait()
}
