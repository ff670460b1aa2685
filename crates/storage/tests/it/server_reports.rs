//! What servers tell each other and operators by way of the database.

use retail_domain::ErrorCode;
use retail_testkit::TestDatabase;
use uuid::Uuid;

#[tokio::test]
async fn each_server_hears_what_the_others_told_last() {
    let database = TestDatabase::seeded().await;
    let (one, two) = (database.service_database(), database.service_database());
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let heard = one.exchange_server_reports(first, "first").await.unwrap();
    assert_eq!(
        heard.iter().map(|one| (one.server, one.report.as_str())).collect::<Vec<_>>(),
        [(first, "first")]
    );
    two.exchange_server_reports(second, "second").await.unwrap();
    let heard = one.exchange_server_reports(first, "first again").await.unwrap();
    let told: Vec<_> = heard.iter().map(|one| (one.server, one.report.as_str())).collect();
    assert_eq!(told, [(first, "first again"), (second, "second")], "the newest first");
    assert!(heard.iter().all(|one| one.age.as_secs() < 60), "{heard:?}");

    database.psql("UPDATE retail_mcp.server_report SET reported_at = now() - interval '14 minutes' WHERE report = 'second'");
    let heard = one.exchange_server_reports(first, "x").await.unwrap();
    assert_eq!((heard.len(), heard[1].age.as_secs() / 60), (2, 14));
    database.psql("UPDATE retail_mcp.server_report SET reported_at = now() - interval '16 minutes' WHERE report = 'second'");
    assert_eq!(one.exchange_server_reports(first, "x").await.unwrap().len(), 1, "it is forgotten");

    let long = "x".repeat(65_537);
    let error = one.exchange_server_reports(first, &long).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal, "{error}");
    assert_eq!(database.psql("SELECT report FROM retail_mcp.server_report").trim(), "x");
}

#[tokio::test]
async fn two_servers_that_tidy_up_at_once_do_not_fail() {
    let database = TestDatabase::seeded().await;
    let services =
        [database.service_database(), database.service_database(), database.service_database()];
    for round in 0..20 {
        database.psql(
            "INSERT INTO retail_mcp.server_report SELECT gen_random_uuid(), now() - interval '1 hour', 'old'
             FROM generate_series(1, 50)",
        );
        let exchange =
            |n: usize| services[n].exchange_server_reports(Uuid::from_u128(n as u128), "new");
        let (a, b, c) = tokio::join!(exchange(0), exchange(1), exchange(2));
        for heard in [a, b, c] {
            assert!(heard.unwrap().iter().any(|one| one.report == "new"), "round {round}");
        }
        // What one tidies up, another may still see.
        let old =
            database.psql("SELECT count(*) FROM retail_mcp.server_report WHERE report = 'old'");
        assert_eq!(old.trim(), "0", "round {round}");
    }
}

#[tokio::test]
async fn the_newest_order_is_that_of_all_stores() {
    let database = TestDatabase::seeded().await;
    let newest = database.psql("SELECT max(order_date) FROM retail.orders");
    let told = database.service_database().newest_order_date().await.unwrap().unwrap();
    assert_eq!(told.to_string(), newest.trim());
    let empty = TestDatabase::empty();
    empty.admin().await.migrate(&TestDatabase::migrate_options()).await.unwrap();
    assert_eq!(empty.service_database().newest_order_date().await.unwrap(), None);
}
