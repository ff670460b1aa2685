//! A database that is not fit to be served from, as an operator meets it.

use retail_testkit::TestDatabase;

use crate::support::{TestServer, access_to, run_on, scratch};

#[tokio::test]
async fn an_unfit_database_is_refused_by_each_command_that_serves() {
    let scratch = scratch();
    let database = TestDatabase::seeded().await;
    database.psql("ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY");
    let mend = "ALTER TABLE retail.orders FORCE ROW LEVEL SECURITY";
    for command in [&["serve", "--listen=127.0.0.1:0"][..], &["stdio", "--all-stores"][..]] {
        let finished = run_on(&database, scratch.path(), command, &[]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
        for part in ["not fit to be served from", "row security (unfit): retail.orders", mend] {
            assert!(finished.stderr.contains(part), "{}", finished.stderr);
        }
    }
    // The flag that would make it serve all the same does not exist.
    let finished = run_on(&database, scratch.path(), &["serve", "--allow-insecure"], &[]);
    assert_eq!(finished.code, Some(2), "{finished:?}");

    let told = run_on(&database, scratch.path(), &["doctor", "--security"], &[]);
    assert_eq!(told.code, Some(1), "{told:?}");
    for part in ["fail", "mend: ALTER TABLE retail.orders ENABLE", "a server refuses to start"] {
        assert!(told.stdout.contains(part), "{}", told.stdout);
    }
    database.psql(mend);
    let told = run_on(&database, scratch.path(), &["doctor", "--json"], &[]);
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

/// Wrong sums are told, and what mends them; they stop nobody.
#[tokio::test]
async fn rollups_that_are_not_the_sums_are_advice() {
    let scratch = scratch();
    let database = TestDatabase::seeded().await;
    let told = || run_on(&database, scratch.path(), &["doctor", "--rollups", "--json"], &[]);
    let sums = |told: &str| -> Vec<serde_json::Value> {
        let posture: serde_json::Value = serde_json::from_str(told).unwrap();
        let findings = posture["findings"].as_array().unwrap().iter();
        findings.filter(|finding| finding["check"] == "sales rollup sums").cloned().collect()
    };
    let good = sums(&told().stdout);
    assert_eq!(good.len(), 3);
    assert!(good.iter().all(|finding| finding["state"] == "good"), "{good:?}");

    database.psql(
        "SET session_replication_role = replica;
         UPDATE retail.order_items SET total_amount = total_amount + 1 WHERE order_item_id = 1",
    );
    let finished = told();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let unfit = sums(&finished.stdout);
    for finding in &unfit {
        assert_eq!((&finding["state"], &finding["mandatory"]), (&"unfit".into(), &false.into()));
        assert!(finding["detail"].as_str().unwrap().contains("1 have other figures"), "{finding}");
        database.psql(finding["fix_sql"].as_str().unwrap());
    }
    assert!(unfit.len() == 3 && sums(&told().stdout).iter().all(|one| one["state"] == "good"));
}
