//! `/health` and `/ready` tell the truth.

use std::path::Path;
use std::time::Duration;

use retail_embedded_postgres::{Cluster, ClusterOptions};
use retail_server::access::DatabaseAccess;
use retail_storage::{
    Admin, ConnectionNeeds, DatabaseSettings, IdentityKey, Login, MigrateOptions, MigrationReport,
    PoolSettings, QueryLogins, ServiceDatabase, TlsMode,
};
use retail_testkit::{
    HEAD_OFFICE_PASSWORD, IDENTITY_KEY, QUERY_PASSWORD, SERVICE_PASSWORD, TestDatabase, store,
};
use serde_json::json;

use crate::support::{TestServer, access_to, installation, scratch};

/// Longer than a gate that refused waits before it looks again.
const WITHIN: Duration = Duration::from_secs(12);
const CATEGORIES: &str = "SELECT count(*) FROM retail.categories";

async fn start(folder: &Path) -> Cluster {
    let options = ClusterOptions::new(installation(), folder);
    tokio::task::spawn_blocking(move || Cluster::start(options).unwrap()).await.unwrap()
}

async fn stop(cluster: Cluster) {
    tokio::task::spawn_blocking(move || cluster.stop().unwrap()).await.unwrap();
}

/// A migrated database, and how to reach it.
async fn migrated(cluster: &Cluster) -> DatabaseAccess {
    cluster.create_database("zava", None).unwrap();
    let connection = cluster.connection();
    let login = |user: &str, password: &str| Login {
        user: user.to_owned(),
        password: Some(password.to_owned().into()),
    };
    let access = DatabaseAccess {
        settings: DatabaseSettings {
            host: connection.host_string(),
            port: connection.port,
            database: "zava".to_owned(),
            tls: TlsMode::Disable,
            tls_root_cert: None,
            application_name: "retail-test".to_owned(),
            pooler: None,
        },
        admin: None,
        query: QueryLogins {
            stores: login("retail_query", QUERY_PASSWORD),
            head_office: login("retail_query_hq", HEAD_OFFICE_PASSWORD),
        },
        service: login("retail_service", SERVICE_PASSWORD),
        identity_key: IdentityKey::new(IDENTITY_KEY),
        identity_key_file: None,
    };
    migrate(cluster, &access, &TestDatabase::migrate_options()).await;
    access
}

async fn migrate(
    cluster: &Cluster,
    access: &DatabaseAccess,
    options: &MigrateOptions,
) -> MigrationReport {
    let connection = cluster.connection();
    let superuser = Login {
        user: connection.superuser.clone(),
        password: Some(connection.password.clone().into()),
    };
    let mut admin = Admin::connect(&access.settings, &superuser).await.unwrap();
    let report = admin.migrate(options).await.unwrap();
    admin.close().await;
    report
}

/// Somebody opens the database under a running server. The server notices by itself, and answers nobody until it is mended.
#[tokio::test]
async fn a_database_that_is_opened_meanwhile_is_left() {
    let database = TestDatabase::seeded().await;
    let variables = [("DATABASE__POSTURE_EVERY", "100ms"), ("CACHE__MODE", "memory")];
    let server = TestServer::with(access_to(&database), &variables);
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let stores = "SELECT count(DISTINCT store_id) FROM retail.orders";
    assert_eq!(server.query(&seattle, stores).await.rows()[0][0], 1);
    database.psql("CREATE POLICY open ON retail.orders FOR SELECT TO retail_query USING (true)");
    let body = ready_is(&server, 503).await;
    let problem = body["parts"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("not fit to be served from"), "{body}");
    let failure = server.query(&seattle, stores).await.failure();
    assert_eq!(failure["code"], "unavailable", "{failure}");
    database.psql("DROP POLICY open ON retail.orders");
    ready_is(&server, 200).await;
    assert_eq!(server.query(&seattle, stores).await.rows()[0][0], 1);
}

/// In a cluster of its own: roles are the cluster's.
#[tokio::test]
async fn migrating_makes_room_for_all_servers_and_takes_none_away() {
    let scratch = scratch();
    let cluster = start(&scratch.path().join("postgres")).await;
    let access = migrated(&cluster).await;
    let service = ServiceDatabase::new(&access.settings, &access.service).unwrap();
    let pool = PoolSettings { max_connections: 12, ..PoolSettings::default() };
    let fits = async |servers| {
        let limits = service.connection_limits().await.unwrap();
        limits.check(servers, &pool, false).map_err(|error| error.to_string())
    };
    let refused = fits(5).await.unwrap_err();
    assert!(refused.contains("retail-mcp migrate"), "{refused}");
    for (servers, notes) in [(5, 1), (2, 0)] {
        let connections = Some(ConnectionNeeds::of(servers, &pool, false));
        let options = MigrateOptions { connections, ..TestDatabase::migrate_options() };
        let report = migrate(&cluster, &access, &options).await;
        let raised = report.notes.iter().filter(|note| note.contains("may now take")).count();
        assert_eq!(raised, notes, "{report:?}");
        fits(5).await.unwrap();
    }
    stop(cluster).await;
}

/// Waits until `/ready` answers with this status, and gives its body.
async fn ready_is(server: &TestServer, status: u16) -> serde_json::Value {
    let started = std::time::Instant::now();
    loop {
        let reply = server.get("/ready").await;
        if reply.status == status {
            println!("/ready is {status} after {} ms", started.elapsed().as_millis());
            return reply.body;
        }
        assert!(started.elapsed() < WITHIN, "still {reply:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether the database is ready, as the metrics have it.
async fn ready_in_metrics(server: &TestServer) -> Option<bool> {
    let reply = server.get("/metrics").await;
    let series = "retail_ready{retail_ready_part=\"database\"} ";
    let value = reply.plain_text().lines().find_map(|line| line.strip_prefix(series))?;
    Some(value == "1")
}

#[tokio::test]
async fn ready_follows_the_database_and_health_does_not() {
    let scratch = scratch();
    let folder = scratch.path().join("postgres");
    let cluster = start(&folder).await;
    let access = migrated(&cluster).await;
    let server = TestServer::with(access.clone(), &[]);
    let token = server.head_office();
    let body = ready_is(&server, 200).await;
    assert_eq!(body["status"], "ready");
    assert_eq!(server.query(&token, CATEGORIES).await.rows()[0][0], 0);

    assert_eq!(ready_in_metrics(&server).await, Some(true));

    stop(cluster).await;
    let stopped = std::time::Instant::now();
    // Nobody asks `/ready`.
    while ready_in_metrics(&server).await != Some(false) {
        assert!(stopped.elapsed() < Duration::from_secs(15), "the metrics say that all is well");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let body = ready_is(&server, 503).await;
    let late = TestServer::with(access, &[]);
    assert_eq!(body["status"], "not ready");
    let part = &body["parts"][0];
    assert_eq!(part["part"], "database", "{body}");
    assert_eq!(part["ok"], false);
    assert!(!part["problem"].as_str().unwrap().is_empty());
    assert_eq!(server.get("/health").await.status, 200);
    assert_eq!(server.get("/startup").await.body, json!({ "status": "started" }));
    let starting = late.get("/startup").await;
    assert_eq!((starting.status, &starting.body["status"]), (503, &json!("starting")));
    assert_eq!(starting.body["parts"][0]["part"], "database", "{starting:?}");
    let failure = server.query(&token, CATEGORIES).await.failure();
    assert_eq!(failure["code"], "unavailable", "{failure}");
    assert_eq!(failure["retryable"], true);

    let cluster = start(&folder).await;
    let body = ready_is(&server, 200).await;
    assert_eq!(body["status"], "ready");
    assert_eq!(server.query(&token, CATEGORIES).await.rows()[0][0], 0);
    assert_eq!(server.get("/health").await.status, 200);
    ready_is(&late, 200).await;
    assert_eq!(late.get("/startup").await.status, 200);

    // A restart that nobody noticed: the connections in the pool are dead, and no call finds one.
    stop(cluster).await;
    let cluster = start(&folder).await;
    assert_eq!(server.query(&token, CATEGORIES).await.rows()[0][0], 0);
    stop(cluster).await;
}

#[tokio::test]
async fn a_server_that_drains_is_not_ready_and_still_answers() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    ready_is(&server, 200).await;
    server.draining.cancel();
    let reply = server.get("/ready").await;
    assert_eq!(reply.status, 503, "at once, whatever was known before");
    assert_eq!(reply.body["parts"][0]["part"], "server");
    assert_eq!(server.get("/health").await.status, 200);
    let reply = server.query(&server.head_office(), "SELECT 1").await;
    assert_eq!(reply.rows()[0][0], 1);
}
