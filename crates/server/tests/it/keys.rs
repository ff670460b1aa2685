//! A rotation of the identity key, under a running server.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use retail_storage::IdentityKey;
use retail_testkit::{HEAD_OFFICE_PASSWORD, QUERY_PASSWORD, TestDatabase, store};

use crate::support::{Finished, Process, TestServer, access_to, scratch};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_key_is_taken_up_and_the_former_one_ends() {
    let database = TestDatabase::seeded().await;
    let scratch = scratch();
    let key_file = scratch.path().join("identity-key");
    std::fs::write(&key_file, hex::encode(retail_testkit::IDENTITY_KEY)).unwrap();
    std::fs::set_permissions(&key_file, PermissionsExt::from_mode(0o600)).unwrap();
    let settings = database.settings();
    let superuser = database.superuser();
    let password = secrecy::ExposeSecret::expose_secret(superuser.password.as_ref().unwrap());
    let port = settings.port.to_string();
    let keys = |arguments: &[&str]| -> Finished {
        let variables = [
            ("RETAIL_MCP__DATABASE__HOST", settings.host.as_str()),
            ("RETAIL_MCP__DATABASE__PORT", port.as_str()),
            ("RETAIL_MCP__DATABASE__NAME", settings.database.as_str()),
            ("RETAIL_MCP__DATABASE__ADMIN_USER", superuser.user.as_str()),
            ("RETAIL_MCP__DATABASE__ADMIN_PASSWORD", password),
            ("RETAIL_MCP__DATABASE__QUERY_PASSWORD", QUERY_PASSWORD),
            ("RETAIL_MCP__DATABASE__HEAD_OFFICE_PASSWORD", HEAD_OFFICE_PASSWORD),
            ("RETAIL_MCP__DATABASE__IDENTITY_KEY_FILE", key_file.to_str().unwrap()),
        ];
        let mut all = vec!["keys"];
        all.extend(arguments);
        tokio::task::block_in_place(|| Process::start(scratch.path(), &all, &variables).wait())
    };
    let former = IdentityKey::new(retail_testkit::IDENTITY_KEY).id().to_owned();
    let listed = keys(&["list"]);
    assert_eq!(listed.stdout, format!("{former}  counts\n"), "{listed:?}");

    let mut access = access_to(&database);
    access.identity_key_file = Some(key_file.clone());
    let server = TestServer::with(access, &[]);
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let question = "SELECT count(*) FROM retail.stores";
    assert_eq!(server.query(&seattle, question).await.rows()[0][0], 1);

    let rotated = keys(&["rotate", "--overlap", "40s"]);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    let text = std::fs::read_to_string(&key_file).unwrap();
    let fresh = IdentityKey::from_hex(&text).unwrap().id().to_owned();
    assert_ne!(fresh, former);
    assert!(
        rotated.stdout.contains(&fresh) && !rotated.stdout.contains(text.trim()),
        "{rotated:?}"
    );
    assert_eq!(std::fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!scratch.path().join("identity-key.next").exists());
    let listed = keys(&["list"]).stdout;
    assert!(listed.contains(&format!("{fresh}  counts\n")), "{listed}");
    assert!(listed.contains(&format!("{former}  counts until ")), "{listed}");

    // The former key counts while the server has not looked, and is not missed afterwards.
    assert_eq!(server.query(&seattle, question).await.rows()[0][0], 1);
    let started = Instant::now();
    let end_former =
        format!("UPDATE retail_sec.identity_key SET not_after = now() WHERE key_id = '{former}'");
    tokio::time::sleep(Duration::from_secs(11)).await;
    database.psql(&end_former);
    assert_eq!(server.query(&seattle, question).await.rows()[0][0], 1, "{:?}", started.elapsed());
}

#[test]
fn a_key_in_the_environment_is_not_replaced_by_a_file_nobody_asked_for() {
    let scratch = scratch();
    let finished = Process::start(
        scratch.path(),
        &["keys", "rotate"],
        &[
            ("RETAIL_MCP__DATABASE__HOST", "127.0.0.1"),
            ("RETAIL_MCP__DATABASE__PORT", "1"),
            ("RETAIL_MCP__DATABASE__ADMIN_USER", "postgres"),
            ("RETAIL_MCP__DATABASE__IDENTITY_KEY", &"00".repeat(32)),
        ],
    )
    .wait();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("--new-key-file"), "{finished:?}");
}
