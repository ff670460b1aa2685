//! `doctor` and `/ready` tell the truth of things that are really broken.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use retail_server::access::DatabaseAccess;
use retail_storage::{IdentityKey, Login};
use retail_testkit::{TestDatabase, TestIssuer, TestRedis};
use serde_json::Value;

use crate::support::{Finished, PATIENCE, Reply, TestServer, access_to, run_on, scratch};

/// Has the table that this prints.
const PAGE: &str = include_str!("../../../../docs/operations/doctor.md");

/// Something that is broken, what `doctor` calls it, and how.
struct Fault {
    name: &'static str,
    /// Breaks the database.
    sql: &'static str,
    /// Variables of both.
    variables: Vec<(&'static str, String)>,
    /// The same where the server in this program does not read them.
    access: fn(&mut DatabaseAccess),
    check: &'static str,
    verdict: &'static str,
    /// What `/ready` answers.
    ready: u16,
}

fn fault(
    name: &'static str,
    sql: &'static str,
    check: &'static str,
    verdict: &'static str,
    ready: u16,
) -> Fault {
    Fault { name, sql, variables: Vec::new(), access: |_| (), check, verdict, ready }
}

impl Fault {
    fn with(mut self, variables: &[(&'static str, &str)]) -> Self {
        self.variables =
            variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self
    }

    fn of_server(mut self, access: fn(&mut DatabaseAccess)) -> Self {
        self.access = access;
        self
    }
}

/// Of the database: it is not served from, and a server that runs all the same answers no call.
fn unfit() -> Vec<Fault> {
    vec![
        fault(
            "row security does not bind the owner",
            "ALTER TABLE retail.orders NO FORCE ROW LEVEL SECURITY",
            "row security",
            "fail",
            503,
        ),
        fault(
            "row security is off",
            "ALTER TABLE retail.customers DISABLE ROW LEVEL SECURITY",
            "row security",
            "fail",
            503,
        ),
        fault(
            "a policy lets all rows through",
            "CREATE POLICY all_rows ON retail.orders TO retail_query USING (true)",
            "policies",
            "fail",
            503,
        ),
        fault(
            "a store may read what it must not",
            "GRANT SELECT ON retail.stores TO retail_query",
            "grants",
            "fail",
            503,
        ),
        fault("a role may write", "GRANT INSERT ON retail.orders TO retail_query", "grants", "fail", 503),
        fault(
            "the identity is believed unsigned",
            "CREATE OR REPLACE FUNCTION retail_sec.current_store_id() RETURNS integer LANGUAGE sql STABLE
             SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'",
            "functions",
            "fail",
            503,
        ),
        fault("pgvector is gone", "DROP EXTENSION vector CASCADE", "extensions", "fail", 503),
        fault(
            "the log cannot be appended to",
            "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA retail_mcp FROM retail_service",
            "audit log",
            "fail",
            503,
        ),
        fault(
            "the key that signs has ended",
            "UPDATE retail_sec.identity_key SET not_after = now() - interval '1 second'",
            "server key",
            "fail",
            503,
        ),
    ]
}

/// Of the way to it.
fn unreachable() -> Vec<Fault> {
    vec![
        fault("the database does not answer", "", "database", "fail", 503)
            .with(&[("DATABASE__PORT", "1")])
            .of_server(|access| access.settings.port = 1),
        fault("there is no such database", "", "database", "fail", 503)
            .with(&[("DATABASE__NAME", "nobody")])
            .of_server(|access| "nobody".clone_into(&mut access.settings.database)),
        fault("the stores' password is wrong", "", "readiness", "fail", 503)
            .with(&[("DATABASE__QUERY_PASSWORD", "wrong")])
            .of_server(|access| access.query.stores = Login::new("retail_query", "wrong")),
        fault("the server's own password is wrong", "", "readiness", "fail", 503)
            .with(&[("DATABASE__SERVICE_PASSWORD", "wrong")])
            .of_server(|access| access.service = Login::new("retail_service", "wrong")),
        fault("the key is another deployment's", "", "server key", "fail", 503)
            .with(&[
                ("DATABASE__IDENTITY_KEY", &"ab".repeat(32)),
                ("DATABASE__IDENTITY_KEY_FILE", ""),
            ])
            .of_server(|access| access.identity_key = IdentityKey::new([0xab; 32])),
    ]
}

/// Of what stands beside it: calls are answered.
fn beside(folder: &Path, redis: &TestRedis, issuer: &str) -> Vec<Fault> {
    let certificate = folder.join("expired.pem");
    let key = folder.join("expired-key.pem");
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2025, 1, 1);
    let pair = KeyPair::generate().unwrap();
    std::fs::write(&certificate, params.self_signed(&pair).unwrap().pem()).unwrap();
    std::fs::write(&key, pair.serialize_pem()).unwrap();
    redis.config_set("maxmemory", "32mb");
    redis.config_set("maxmemory-policy", "noeviction");
    let sign_in = [
        ("AUTH__MODE", "oidc"),
        ("AUTH__RESOURCE", "https://mcp.zava.example/mcp"),
        ("AUTH__ISSUERS__TEST__ISSUER", issuer),
        ("AUTH__ISSUERS__TEST__AUDIENCES", "https://mcp.zava.example/mcp"),
        ("AUTH__RULES__HQ__CLAIM", "groups"),
        ("AUTH__RULES__HQ__VALUE", "hq"),
        ("AUTH__RULES__HQ__ALL_STORES", "true"),
    ];
    vec![
        fault("Redis is down", "", "cache", "warn", 200)
            .with(&[("CACHE__MODE", "redis"), ("CACHE__REDIS_URL", "redis://127.0.0.1:1")]),
        fault("Redis will refuse to write", "", "cache", "warn", 200)
            .with(&[("CACHE__MODE", "redis"), ("CACHE__REDIS_URL", &redis.url())]),
        fault("the identity provider is down", "", "identity provider", "warn", 200).with(&sign_in),
        fault("products have no vectors", "", "embeddings", "warn", 200)
            .with(&[("EMBEDDINGS__PROVIDER", "local")]),
        fault(
            "an index is gone",
            "DROP INDEX retail.order_items_order_id_store_id_total_amount",
            "plans",
            "warn",
            200,
        ),
        fault("there are more servers than connections", "", "connections", "fail", 200)
            .with(&[("DATABASE__SERVERS", "1000")]),
        fault("the certificate has expired", "", "certificate", "fail", 200).with(&[
            ("SERVER__TLS__CERT_FILE", certificate.to_str().unwrap()),
            ("SERVER__TLS__KEY_FILE", key.to_str().unwrap()),
        ]),
    ]
}

/// The worst verdict of each check.
fn verdicts(told: &Finished) -> BTreeMap<String, String> {
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    let mut verdicts = BTreeMap::new();
    for finding in document["findings"].as_array().unwrap() {
        let verdict = finding["verdict"].as_str().unwrap();
        let worst = verdicts
            .entry(finding["check"].as_str().unwrap().to_owned())
            .or_insert_with(|| "pass".to_owned());
        let rank = |word: &str| ["pass", "warn", "fail"].iter().position(|known| *known == word);
        if rank(verdict) > rank(worst) {
            verdict.clone_into(worst);
        }
    }
    verdicts
}

/// What `/ready` says when it knows all: at first it is not known whether data have changed.
async fn settled(server: &TestServer) -> Reply {
    let started = std::time::Instant::now();
    loop {
        let reply = server.get("/ready").await;
        let is_early = reply.body["cache"]["problem"]
            .as_str()
            .is_some_and(|problem| problem.contains("data have"));
        if !is_early || reply.status != 200 || started.elapsed() > PATIENCE {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Prints the table of docs/operations/doctor.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_and_ready_name_what_is_broken() {
    let folder = scratch();
    let redis = TestRedis::start();
    let issuer = TestIssuer::start().await;
    let nobody = issuer.url().to_owned();
    drop(issuer);
    let faults: Vec<Fault> = unfit()
        .into_iter()
        .chain(unreachable())
        .chain(beside(folder.path(), &redis, &nobody))
        .collect();
    assert!(faults.len() >= 15);
    let whole = TestDatabase::seeded().await;
    let told = run_on(&whole, folder.path(), &["doctor", "--json"], &[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let good = verdicts(&told);
    println!("| fault | `doctor` | `/ready` |\n|---|---|---|");
    let mut wrong = Vec::new();
    for Fault { name, sql, variables, access, check, verdict, ready } in faults {
        let database = TestDatabase::seeded().await;
        if !sql.is_empty() {
            database.psql(sql);
        }
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let told = run_on(&database, folder.path(), &["doctor", "--json"], &variables);
        let found = verdicts(&told).remove(check);
        let mut access_of_server = access_to(&database);
        access(&mut access_of_server);
        let variables: Vec<_> =
            variables.into_iter().filter(|(name, _)| !name.starts_with("SERVER__TLS")).collect();
        let server = TestServer::with(access_of_server, &variables);
        let answered = settled(&server).await;
        let row = format!(
            "| {name} | {}: {check} | {}{} |",
            found.as_deref().unwrap_or("nothing"),
            answered.status,
            if answered.body["cache"]["degraded"] == true { ", degraded" } else { "" },
        );
        println!("{row}");
        let code = Some(i32::from(verdict == "fail"));
        let was_good = good.get(check).is_none_or(|verdict| verdict == "pass");
        if found.as_deref() != Some(verdict)
            || answered.status != ready
            || told.code != code
            || !was_good
            || !PAGE.contains(&row)
        {
            let told: Vec<_> =
                verdicts(&told).into_iter().filter(|(_, word)| word != "pass").collect();
            wrong.push(format!("{name}: {told:?} {answered:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
