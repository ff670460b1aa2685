//! The record of calls of a whole server, and the commands that look at it.

use std::collections::HashSet;
use std::time::Duration;

use retail_testkit::{TestDatabase, store};
use serde_json::{Value, json};

use crate::support::{Call, Served, TestServer, access_to, eventually, run_on, scratch};

const PATIENCE: Duration = Duration::from_secs(20);

/// Two hundred calls by three callers, many given up: those that were answered are there once, with the right
/// principal, and no literal of any statement is anywhere in the table.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_in_the_log_once_and_their_literals_are_not() {
    let database = TestDatabase::seeded().await;
    let unlimited =
        [("LIMITS__PRINCIPAL_PER_SECOND", "0"), ("LIMITS__PRINCIPAL_MAX_CONCURRENT", "0")];
    let server = std::sync::Arc::new(TestServer::with(access_to(&database), &unlimited));
    let seattle = store("Zava Retail Seattle");
    let callers = [server.head_office(), server.manager(&seattle)];
    let mut calls = Vec::new();
    for number in 0..200_usize {
        let sql = match number % 4 {
            0 => "SELECT count(*) FROM retail.orders WHERE order_date <> '1999-12-31'",
            1 => "SELECT first_name FROM retail.customers WHERE email = 'planted-7741@example.com'",
            2 => {
                "SELECT 'planted-7741', 774177417741 FROM retail.stores WHERE nothing = 'planted-7741'"
            }
            _ => "DELETE FROM retail.orders WHERE 'planted-7741' = 'planted-7741'",
        };
        let call = Call::query(sql)
            .bearer(&callers[number % 2])
            .header("x-request-id", &format!("call-{number}"));
        let server = std::sync::Arc::clone(&server);
        calls.push(tokio::spawn(async move { server.send(call).await.status }));
        if number % 10 == 9 {
            tokio::time::sleep(Duration::from_millis(15)).await;
            calls[number - 4].abort();
            calls[number - 1].abort();
        }
    }
    let mut answered = HashSet::new();
    for (number, call) in calls.into_iter().enumerate() {
        if let Ok(status) = call.await {
            assert_eq!(status, 200);
            answered.insert(format!("call-{number}"));
        }
    }
    let tool = Call::tool("planted-7741", &json!({})).bearer(&callers[0]);
    server.send(tool.header("x-request-id", "call-unknown")).await;
    answered.insert("call-unknown".to_owned());
    server.audit.flush(PATIENCE).await.unwrap();

    let logged = database.psql("SELECT request_id FROM retail_mcp.audit_log");
    let logged: Vec<String> = logged.lines().map(ToOwned::to_owned).collect();
    let once: HashSet<String> = logged.iter().cloned().collect();
    assert_eq!(logged.len(), once.len(), "an entry is there twice");
    assert!(answered.is_subset(&once), "{:?}", answered.difference(&once));
    let wrong = database.psql(
        "SELECT count(*) FROM retail_mcp.audit_log
         WHERE request_id ~ '[0-9]'
           AND store_id IS DISTINCT FROM CASE WHEN right(request_id, 1)::int % 2 = 1 THEN 1 END",
    );
    assert_eq!(wrong.trim(), "0", "an entry names another's store");
    // Without keys, hashes and times, which hold any digits by chance.
    let text = database.psql(
        "SELECT (request_id, subject, issuer, actor, view_as_reason, tool, fingerprint, tables, outcome)
         FROM retail_mcp.audit_log",
    );
    for planted in ["7741", "1999", "first_name", "DELETE"] {
        assert!(!text.contains(planted), "{planted} is in the log");
    }
    assert!(text.contains("{retail.orders}") && text.contains(",unknown,"), "{text}");

    let scratch = scratch();
    let verified = run_on(&database, scratch.path(), &["audit", "verify"], &[]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let good = format!("good: {} entries\nanchor: {}:", logged.len(), logged.len());
    assert!(verified.stdout.starts_with(&good), "{}", verified.stdout);
    let anchor = verified.stdout.trim().rsplit(' ').next().unwrap().to_owned();

    let list = run_on(&database, scratch.path(), &["audit", "list", "--last=3", "--json"], &[]);
    let entries: Vec<Value> =
        list.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[2]["seq"], logged.len());
    let list = run_on(&database, scratch.path(), &["audit", "list"], &[]);
    assert_eq!(list.stdout.lines().count(), 20, "{}", list.stdout);

    database.psql(
        "ALTER TABLE retail_mcp.audit_log DISABLE TRIGGER ALL;
         DELETE FROM retail_mcp.audit_log WHERE seq = 42",
    );
    let verified =
        run_on(&database, scratch.path(), &["audit", "verify", "--anchor", &anchor], &[]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.stdout.starts_with("not good: entry 42 was removed"), "{}", verified.stdout);
}

/// The stream of the log may be the only record there is: it is no matter of how much else is logged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_logged_however_little_else_is() {
    let database = TestDatabase::seeded().await;
    let folder = scratch();
    // That one line tells the test where the server listens.
    let level = [("LOG__LEVEL", "error,retail_server::cli::serve=info")];
    let server = Served::start(&database, folder.path(), &level);
    let call =
        Call::query("SELECT 1").bearer(&server.head_office()).header("x-request-id", "call-4711");
    let _connection = call.send_to(server.address);
    eventually(PATIENCE, "the call is in the log", || {
        server.process.stderr().lines().any(|line| line.contains("call-4711"))
    });
}

/// What cannot be recorded is not made, and says so; or is made all the same, where that was chosen.
#[tokio::test]
async fn a_log_that_cannot_be_written_stops_calls_unless_told_otherwise() {
    let database = TestDatabase::seeded().await;
    // The query roles are well, and the server's own login is not.
    let mut access = access_to(&database);
    access.service = retail_storage::Login::new("retail_service", "wrong");
    let few = [("AUDIT__QUEUE_ENTRIES", "1"), ("AUDIT__WAIT", "100ms")];
    let server = TestServer::with(access.clone(), &few);
    let token = server.head_office();
    assert_eq!(server.get("/ready").await.status, 503);
    let mut made = 0;
    let failure = loop {
        let reply = server.query(&token, "SELECT 1").await;
        if reply.result()["isError"] == true {
            break reply.failure();
        }
        made += 1;
        assert!(made < 100, "calls go on without a log");
    };
    assert_eq!(failure["code"], "overloaded", "{failure}");

    let all = [few[0], few[1], ("AUDIT__POLICY", "drop-and-count")];
    let server = TestServer::with(access, &all);
    let token = server.head_office();
    for _ in 0..100 {
        assert_eq!(server.query(&token, "SELECT 1").await.rows()[0][0], 1);
    }
    let statistics = server.audit.statistics();
    assert!(statistics.dropped > 0, "{statistics:?}");
    assert_eq!(statistics.accepted + statistics.dropped, 100, "{statistics:?}");

    let scratch = scratch();
    let wrong = [("DATABASE__SERVICE_PASSWORD", "wrong")];
    let serve = &["serve", "--listen=127.0.0.1:0"];
    let refused = run_on(&database, scratch.path(), serve, &wrong);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("retail_service"), "{}", refused.stderr);
}

#[tokio::test]
async fn grants_are_added_listed_and_removed() {
    let database = TestDatabase::seeded().await;
    let scratch = scratch();
    let run = |arguments: &[&str]| run_on(&database, scratch.path(), arguments, &[]);
    let claim = ["--issuer=https://login.example.com", "--claim=groups", "--value=managers"];
    let add = |more: &[&'static str]| run(&[&["identity", "add"], &claim[..], more].concat());
    let added = add(&["--store=seattle", "--scopes=retail.read,retail.sql", "--note=ticket 12"]);
    assert_eq!(added.stdout, "added grant 1: Zava Retail Seattle\n", "{added:?}");
    let again = add(&["--store=seattle"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("granted already (identity 1)"), "{}", again.stderr);
    assert_eq!(add(&["--all-stores"]).code, Some(0));
    for wrong in [&["--store=nowhere"][..], &["--all-stores", "--scopes=openid"], &[]] {
        assert_ne!(add(wrong).code, Some(0), "{wrong:?}");
    }
    let list = run(&["identity", "list"]).stdout;
    assert_eq!(
        list.lines().next().unwrap(),
        "1  https://login.example.com  groups=managers  Zava Retail Seattle  retail.read,retail.sql  # ticket 12"
    );
    assert!(list.lines().nth(1).unwrap().contains("all stores"), "{list}");
    assert_eq!(run(&["identity", "remove", "1"]).code, Some(0));
    assert_eq!(run(&["identity", "remove", "1"]).code, Some(1));
    let json: Value = serde_json::from_str(&run(&["identity", "list", "--json"]).stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 1);
}
