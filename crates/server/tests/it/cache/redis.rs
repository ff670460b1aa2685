//! Answers that servers share, and a Redis that does not do its part.

use std::path::Path;
use std::time::{Duration, Instant};

use retail_testkit::{TestDatabase, TestRedis, store};
use serde_json::{Value, json};

use super::{SEATTLE, STOCK, is_cached, keeping};
use crate::support::{Call, PATIENCE, Reply, Served, TestServer, run_on, scratch};

async fn sharing(database: &TestDatabase, redis: &TestRedis, key: Option<&str>) -> TestServer {
    let url = redis.url();
    let mut variables = vec![("CACHE__MODE", "redis"), ("CACHE__REDIS_URL", url.as_str())];
    variables.extend(key.map(|key| ("CACHE__KEY", key)));
    keeping(database, &variables).await
}

/// Waits until something is written behind an answer.
async fn written(redis: &TestRedis, values: usize) {
    let started = Instant::now();
    while redis.names().len() < values {
        assert!(started.elapsed() < PATIENCE, "{:?}", redis.names());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn cache_is(server: &TestServer, degraded: bool) -> Value {
    let started = Instant::now();
    loop {
        let reply = server.get("/ready").await;
        assert_eq!(reply.status, 200, "the cache makes no server unready: {reply:?}");
        let cache = reply.body["cache"].clone();
        assert_eq!(cache["mode"], "redis");
        if cache["degraded"] == json!(degraded) {
            return cache;
        }
        assert!(started.elapsed() < PATIENCE, "{cache}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn servers_with_one_key_share_answers_and_others_do_not() {
    let database = TestDatabase::seeded().await;
    let redis = TestRedis::start();
    let (one, two) =
        (sharing(&database, &redis, None).await, sharing(&database, &redis, None).await);
    let first = one.query(&one.manager(&store(SEATTLE)), STOCK).await;
    assert!(!is_cached(&first));
    written(&redis, 1).await;
    let second = two.query(&two.manager(&store(SEATTLE)), STOCK).await;
    assert!(is_cached(&second));
    assert_eq!(first.rows(), second.rows());
    assert!(!is_cached(&two.query(&two.head_office(), STOCK).await));

    let stranger = sharing(&database, &redis, Some(&"ab".repeat(32))).await;
    let theirs = stranger.query(&stranger.manager(&store(SEATTLE)), STOCK).await;
    assert!(!is_cached(&theirs));
    // Of the same chain, the same roles and the same key, and yet other data.
    let other_database = TestDatabase::seeded().await;
    let other = sharing(&other_database, &redis, None).await;
    assert!(!is_cached(&other.query(&other.manager(&store(SEATTLE)), STOCK).await));
}

#[tokio::test]
async fn a_redis_that_hangs_dies_and_comes_back_costs_no_answer() {
    let database = TestDatabase::seeded().await;
    let mut redis = TestRedis::start();
    let server = sharing(&database, &redis, None).await;
    let token = server.manager(&store(SEATTLE));
    let ask = async |number: usize| -> Reply {
        let sql = format!("SELECT count(*) FROM retail.inventory WHERE product_id <> {number}");
        server.query(&token, &sql).await
    };
    for number in 0..10 {
        assert!(!is_cached(&ask(number).await));
    }
    redis.pause();
    for number in 0..20 {
        // What is in memory stays, the others are read.
        assert_eq!(is_cached(&ask(number).await), number < 10);
    }
    assert!(cache_is(&server, true).await["problem"].as_str().unwrap().contains("Redis"));
    redis.resume();
    redis.kill();
    for number in 0..30 {
        assert_eq!(is_cached(&ask(number).await), number < 20);
    }
    cache_is(&server, true).await;
    redis.restart();
    // The breakers let one call each try after some seconds; without calls they stay as they are.
    let started = Instant::now();
    let mut number = 1000;
    while redis.names().is_empty() || server.get("/ready").await.body["cache"]["degraded"] == true {
        assert!(!is_cached(&ask(number).await));
        number += 1;
        assert!(started.elapsed() < PATIENCE, "Redis is not used again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A start needs no Redis, and `doctor` tells of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_without_the_redis_that_it_is_to_use() {
    let database = TestDatabase::seeded().await;
    let folder = scratch();
    let nowhere = format!("redis+unix://{}", folder.path().join("nobody.sock").display());
    let variables = [("CACHE__MODE", "redis"), ("CACHE__REDIS_URL", nowhere.as_str())];
    let server = Served::start(&database, folder.path(), &variables);
    let call = Call::query(STOCK).bearer(&server.head_office());
    for _ in 0..2 {
        assert_eq!(Reply::read(call.send_to(server.address)).rows().len(), 1);
    }
    assert_doctor_says(&database, folder.path(), &nowhere, "warn");
    let redis = TestRedis::start();
    assert_doctor_says(&database, folder.path(), &redis.url(), "pass");
}

fn assert_doctor_says(database: &TestDatabase, folder: &Path, url: &str, verdict: &str) {
    let variables = [("CACHE__MODE", "redis"), ("CACHE__REDIS_URL", url)];
    let told = run_on(database, folder, &["doctor"], &variables);
    assert_eq!(told.code, Some(0), "{told:?}");
    let line = told.stdout.lines().find(|line| line.contains(" cache ")).unwrap_or_default();
    assert!(line.contains(verdict) && line.contains("Redis"), "{}", told.stdout);
    assert!(!told.stdout.contains("sock"), "the address may hold a password: {}", told.stdout);
}
