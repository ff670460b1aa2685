//! A database that is not fit to be served from, as an operator meets it.

use std::path::Path;

use retail_testkit::{HEAD_OFFICE_PASSWORD, IDENTITY_KEY, QUERY_PASSWORD, TestDatabase};

use crate::support::{Finished, Process, TestServer, access_to, scratch};

/// Runs a command on a test's database.
fn run_on(database: &TestDatabase, folder: &Path, arguments: &[&str]) -> Finished {
    let key_file = folder.join("identity-key");
    if !key_file.exists() {
        let digits = hex::encode(IDENTITY_KEY);
        std::fs::write(&key_file, digits).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&key_file, private).unwrap();
    }
    let settings = database.settings();
    let port = settings.port.to_string();
    let variables = [
        ("RETAIL_MCP__DATABASE__HOST", settings.host.as_str()),
        ("RETAIL_MCP__DATABASE__PORT", port.as_str()),
        ("RETAIL_MCP__DATABASE__NAME", database.name.as_str()),
        ("RETAIL_MCP__DATABASE__QUERY_PASSWORD", QUERY_PASSWORD),
        ("RETAIL_MCP__DATABASE__HEAD_OFFICE_PASSWORD", HEAD_OFFICE_PASSWORD),
        ("RETAIL_MCP__DATABASE__IDENTITY_KEY_FILE", key_file.to_str().unwrap()),
        ("RETAIL_MCP__AUTH__MODE", "dev-token"),
    ];
    Process::start(folder, arguments, &variables).wait()
}

#[tokio::test]
async fn an_unfit_database_is_refused_by_each_command_that_serves() {
    let scratch = scratch();
    let database = TestDatabase::seeded().await;
    database.psql("ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY");
    let mend = "ALTER TABLE retail.orders FORCE ROW LEVEL SECURITY";
    for command in [&["serve", "--listen=127.0.0.1:0"][..], &["stdio", "--all-stores"][..]] {
        let finished = run_on(&database, scratch.path(), command);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        for part in ["not fit to be served from", "row security (unfit): retail.orders", mend] {
            assert!(finished.stderr.contains(part), "{}", finished.stderr);
        }
    }
    // The flag that would make it serve all the same does not exist.
    let finished = run_on(&database, scratch.path(), &["serve", "--allow-insecure"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");

    let told = run_on(&database, scratch.path(), &["doctor", "--security"]);
    assert_eq!(told.code, Some(1), "{told:?}");
    for part in ["unfit", "mend: ALTER TABLE retail.orders ENABLE", "a server refuses to start"] {
        assert!(told.stdout.contains(part), "{}", told.stdout);
    }
    database.psql(mend);
    let told = run_on(&database, scratch.path(), &["doctor", "--json"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let posture: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let findings = posture["findings"].as_array().unwrap();
    for check in ["row security", "probes", "readiness"] {
        let of_check = || findings.iter().filter(|finding| finding["check"] == check);
        assert!(of_check().count() > 0, "{check} is missing");
        assert!(of_check().all(|finding| finding["state"] == "good"), "{posture}");
    }
}

/// A database that was down at the start is looked at when it comes; a bad one answers nobody, and no
/// caller learns why.
#[tokio::test]
async fn an_unfit_database_answers_no_call() {
    let database = TestDatabase::seeded().await;
    database.psql("GRANT SELECT ON retail.stores TO retail_query");
    let server = TestServer::with(access_to(&database), &[]);
    assert_eq!(server.get("/ready").await.status, 503);
    let failure = server.query(&server.head_office(), "SELECT 1").await.failure();
    assert_eq!(failure["code"], "unavailable", "{failure}");
    assert!(!failure.to_string().contains("stores"), "{failure}");
}
