//! Whatever Redis does, callers get right answers, and wait for it no longer than they must.

use std::time::{Duration, Instant};

use retail_cache::{CacheSettings, CacheStatistics, KindStatistics, SharedTierSettings};
use retail_domain::Principal;
use retail_testkit::TestRedis;

use crate::support::{World, eventually, manager, nine, settings, tier};

const HOUR: Duration = Duration::from_hours(1);

/// Settings with a breaker that stays open, once it is.
fn patient() -> CacheSettings {
    let usual = settings();
    CacheSettings {
        shared_tier: SharedTierSettings { open_for: HOUR, ..usual.shared_tier },
        ..usual
    }
}

fn on(redis: &TestRedis, settings: CacheSettings) -> World {
    World::with(settings, |builder| builder.shared_tier(tier(redis)))
}

/// Answers to nine callers, each of them their own and read anew.
async fn answers_are_right(world: &World, rounds: std::ops::Range<u32>) {
    let callers = nine().await;
    for round in rounds {
        for (number, caller) in callers.iter().enumerate() {
            let text = format!("{number} in {round}");
            let answer = world.note(caller, &format!("{round}"), &text).await;
            assert_eq!(answer.value.0, text);
        }
    }
}

/// One caller's answers are kept in Redis and given to another server.
async fn works_again(world: &World, redis: &TestRedis, caller: &Principal) {
    let mut number = 0;
    let begun = Instant::now();
    loop {
        number += 1;
        let request = format!("after {number}");
        let writes = world.notes().writes;
        world.note(caller, &request, "kept").await;
        if world.notes().writes > writes {
            let other = world.another(redis);
            other.note(caller, &request, "read").await;
        }
        world.cache.clear();
        let again = world.note(caller, &request, "read").await;
        if again.freshness.cached && world.notes().shared_hits > 0 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "Redis is not used again");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_killed_redis_is_asked_three_times_and_then_left_alone() {
    let mut redis = TestRedis::start();
    let world = on(&redis, patient());
    answers_are_right(&world, 0..1).await;
    world.written(9).await;
    redis.kill();
    answers_are_right(&world, 1..10).await;
    let CacheStatistics { lookup_breaker_openings, lookup_breaker_is_open, .. } =
        world.cache.statistics();
    assert_eq!((lookup_breaker_openings, lookup_breaker_is_open), (1, true));
    let KindStatistics { shared_errors, shared_timeouts, shared_left_out, loads, .. } =
        world.notes();
    assert_eq!((shared_errors + shared_timeouts, shared_left_out, loads), (3, 78, 90));
    // What is in memory is given all the same.
    answers_are_right(&world, 0..10).await;
    assert_eq!(world.notes().loads, 90);
}

#[tokio::test]
async fn after_a_restart_it_is_used_again() {
    let mut redis = TestRedis::start();
    let (world, caller) = (World::on(&redis), manager().await);
    answers_are_right(&world, 0..1).await;
    redis.kill();
    answers_are_right(&world, 1..2).await;
    eventually("both breakers open", || {
        let statistics = world.cache.statistics();
        (statistics.lookup_breaker_openings > 0 && statistics.write_breaker_openings > 0)
            .then_some(())
    })
    .await;
    redis.restart();
    works_again(&world, &redis, &caller).await;
}

#[tokio::test]
async fn a_redis_that_does_not_answer_costs_a_deadline_three_times_and_then_nothing() {
    let redis = TestRedis::start();
    let deadline = Duration::from_millis(20);
    let usual = patient();
    let shared_tier = SharedTierSettings { lookup_deadline: deadline, ..usual.shared_tier };
    let world = on(&redis, CacheSettings { shared_tier, ..usual });
    redis.pause();
    answers_are_right(&world, 0..10).await;
    let KindStatistics { shared_timeouts, shared_left_out, .. } = world.notes();
    assert_eq!((shared_timeouts, shared_left_out), (3, 87));
    redis.resume();
}

#[tokio::test]
async fn one_lookup_waits_for_a_redis_that_does_not_answer_no_longer_than_the_deadline() {
    let redis = TestRedis::start();
    let usual = patient();
    let shared_tier =
        SharedTierSettings { lookup_deadline: Duration::from_millis(20), ..usual.shared_tier };
    let world = on(&redis, CacheSettings { shared_tier, ..usual });
    redis.pause();
    let begun = Instant::now();
    world.note(&manager().await, "r", "read").await;
    // The client's own limits are 2 s: a busy machine is not so slow.
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    redis.resume();
}

#[tokio::test]
async fn after_a_pause_it_is_used_again() {
    let redis = TestRedis::start();
    let usual = settings();
    let shared_tier =
        SharedTierSettings { lookup_deadline: Duration::from_millis(50), ..usual.shared_tier };
    let world = on(&redis, CacheSettings { shared_tier, ..usual });
    redis.pause();
    answers_are_right(&world, 0..2).await;
    assert!(world.cache.statistics().lookup_breaker_openings > 0);
    redis.resume();
    works_again(&world, &redis, &manager().await).await;
}

#[tokio::test]
async fn while_writes_hang_no_more_are_begun_than_may() {
    let redis = TestRedis::start();
    let usual = patient();
    let shared_tier = SharedTierSettings {
        max_writes: 2,
        lookup_deadline: Duration::from_millis(1),
        write_deadline: HOUR,
        ..usual.shared_tier
    };
    let world = on(&redis, CacheSettings { shared_tier, ..usual });
    redis.pause();
    answers_are_right(&world, 0..2).await;
    assert_eq!(world.notes().writes_left_out, 16);
    redis.resume();
}

#[tokio::test]
async fn a_flushed_redis_is_filled_again() {
    let redis = TestRedis::start();
    let (world, caller) = (World::on(&redis), manager().await);
    world.note(&caller, "r", "first").await;
    world.written(1).await;
    redis.flush();
    world.cache.clear();
    assert_eq!(world.note(&caller, "r", "second").await.value.0, "second");
    world.written(2).await;
    world.cache.clear();
    assert_eq!(world.note(&caller, "r", "third").await.value.0, "second");
    assert_eq!(world.cache.statistics().lookup_breaker_openings, 0);
}

#[tokio::test]
async fn a_full_redis_still_answers_lookups_and_is_not_written_to() {
    let redis = TestRedis::start();
    let (world, caller) = (on(&redis, patient()), manager().await);
    world.note(&caller, "r", "first").await;
    world.written(1).await;
    redis.config_set("maxmemory-policy", "noeviction");
    redis.config_set("maxmemory", "1");
    refuses_writes_and_answers_lookups(&world, &redis, &caller).await;
}

#[tokio::test]
async fn a_read_only_redis_still_answers_lookups_and_is_not_written_to() {
    let redis = TestRedis::start();
    let (world, caller) = (on(&redis, patient()), manager().await);
    world.note(&caller, "r", "first").await;
    world.written(1).await;
    // A replica of nobody: it keeps what it has.
    redis.config_set("replica-read-only", "yes");
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
    refuses_writes_and_answers_lookups(&world, &redis, &caller).await;
}

async fn refuses_writes_and_answers_lookups(world: &World, redis: &TestRedis, caller: &Principal) {
    for number in 0..3 {
        world.note(caller, &format!("before {number}"), "read").await;
        world.written(2 + number).await;
    }
    answers_are_right(world, 0..10).await;
    world.written(1 + 3 + 90).await;
    let CacheStatistics { lookup_breaker_openings, write_breaker_openings, .. } =
        world.cache.statistics();
    assert_eq!((lookup_breaker_openings, write_breaker_openings), (0, 1));
    let KindStatistics { writes, failed_writes, writes_left_out, .. } = world.notes();
    assert_eq!((writes, failed_writes, writes_left_out), (1, 3, 90));
    let other = world.another(redis);
    assert_eq!(other.note(caller, "r", "read").await.value.0, "first");
}

#[tokio::test]
async fn an_address_where_nothing_is_costs_three_tries() {
    let settings = patient();
    let nowhere = retail_cache::RedisSettings::new("redis+unix:///nowhere/redis.sock");
    let tier = retail_cache::RedisTier::new(&nowhere).unwrap();
    let world = World::with(settings, |builder| builder.shared_tier(std::sync::Arc::new(tier)));
    answers_are_right(&world, 0..2).await;
    assert_eq!((world.notes().shared_errors, world.notes().shared_left_out), (3, 15));
}

#[test]
fn an_address_that_is_none_is_refused_without_being_told() {
    let settings = retail_cache::RedisSettings::new("http://user:hunter2@host");
    let error = retail_cache::RedisTier::new(&settings).unwrap_err();
    assert!(!format!("{error} {error:?} {settings:?}").contains("hunter2"));
}
