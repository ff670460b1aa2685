//! What one server keeps in Redis, another gives.

use std::time::Duration;

use retail_cache::{CacheSettings, KindStatistics, Surroundings};
use retail_testkit::TestRedis;
use rstest::rstest;

use crate::support::{
    SALES, STALE_FOR, TIME_TO_LIVE, World, eventually, manager, nine, settings, space_of,
};

#[tokio::test]
async fn another_server_gives_what_this_one_read_and_keeps_it_itself() {
    let redis = TestRedis::start();
    let (first, caller) = (World::on(&redis), manager().await);
    let second = first.another(&redis);
    first.note(&caller, "r", "first").await;
    first.written(1).await;
    first.clock.forward(Duration::from_secs(100));
    for _ in 0..2 {
        let kept = second.note(&caller, "r", "second").await;
        assert_eq!(kept.value.0, "first");
        assert!(kept.freshness.cached && !kept.freshness.stale);
        assert_eq!(kept.freshness.age, Duration::from_secs(100));
    }
    let KindStatistics { shared_hits, local_hits, loads, .. } = second.notes();
    assert_eq!((shared_hits, local_hits, loads), (1, 1, 0));
    // The age counts from the read, not from when it came here.
    second.clock.forward(TIME_TO_LIVE.saturating_sub(Duration::from_secs(100)));
    assert_eq!(second.note(&caller, "r", "second").await.value.0, "second");
}

#[tokio::test]
async fn no_caller_gets_anothers_from_redis() {
    let redis = TestRedis::start();
    let (first, callers) = (World::on(&redis), nine().await);
    let second = first.another(&redis);
    for (number, caller) in callers.iter().enumerate() {
        first.note(caller, "r", &number.to_string()).await;
    }
    first.written(9).await;
    for (number, caller) in callers.iter().enumerate() {
        assert_eq!(second.note(caller, "r", "read").await.value.0, number.to_string());
    }
    assert_eq!(second.notes().shared_hits, 9);
}

#[rstest]
#[case::secret(8, "")]
#[case::policy(7, "2")]
#[tokio::test]
async fn servers_of_other_surroundings_share_nothing(#[case] secret: u8, #[case] policy: &str) {
    let redis = TestRedis::start();
    let (first, caller) = (World::on(&redis), manager().await);
    let surroundings =
        Surroundings { policy_version: policy.to_owned(), ..Surroundings::default() };
    let other = first.another_with(&redis, space_of(secret, &surroundings), settings());
    first.note(&caller, "r", "first").await;
    first.written(1).await;
    assert_eq!(other.note(&caller, "r", "second").await.value.0, "second");
    assert_eq!(other.notes().shared_misses, 1);
}

#[tokio::test]
async fn names_in_redis_tell_the_kind_and_nothing_of_the_request_and_end_with_the_kind() {
    let redis = TestRedis::start();
    let (world, caller) = (World::on(&redis), manager().await);
    world.note(&caller, "hunter2", "answer").await;
    world.written(1).await;
    let [name] = &redis.names()[..] else { panic!("one name") };
    let digest = name.strip_prefix("retail-mcp:note:").unwrap();
    assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    let value = String::from_utf8_lossy(&redis.value(name)).into_owned();
    assert!(!value.contains("hunter2") && !value.contains("ann"), "{value:?}");
    let reply = redis.command(&["PTTL", name]);
    let milliseconds: u128 = reply.trim().trim_start_matches(':').parse().unwrap();
    assert!((1..=TIME_TO_LIVE.as_millis()).contains(&milliseconds), "{milliseconds}");
}

#[tokio::test]
async fn what_another_server_read_before_a_write_is_stale_here_and_read_anew_once() {
    let redis = TestRedis::start();
    let (first, caller) = (World::on(&redis), manager().await);
    let second = first.another(&redis);
    first.note(&caller, "r", "first").await;
    first.written(1).await;
    first.versions.bump(SALES);
    let stale = second.note(&caller, "r", "second").await;
    assert_eq!((stale.value.0.as_str(), stale.freshness.stale), ("first", true));
    eventually("the refresh ends", || (second.notes().writes == 1).then_some(())).await;
    let fresh = second.note(&caller, "r", "third").await;
    assert_eq!((fresh.value.0.as_str(), fresh.freshness.stale), ("second", false));
    // The other server's refresh finds it in Redis.
    assert!(first.note(&caller, "r", "fourth").await.freshness.stale);
    eventually("a refresh from Redis", || {
        (first.notes().local_hits > 0 && first.notes().shared_outdated == 0).then_some(())
    })
    .await;
    assert_eq!(first.notes().loads, 1);
    // Past its bound it is not given.
    first.versions.bump(SALES);
    first.clock.forward(STALE_FOR);
    assert_eq!(second.note(&caller, "r", "fifth").await.value.0, "fifth");
}

#[tokio::test]
async fn a_server_that_has_not_heard_of_a_write_takes_what_was_read_after_it() {
    let redis = TestRedis::start();
    let (informed, caller) = (World::on(&redis), manager().await);
    let late = World::with(settings(), |builder| builder.shared_tier(crate::support::tier(&redis)));
    let known = retail_domain::ports::DataVersions::current(&*informed.versions);
    late.versions.set(known);
    informed.versions.bump(SALES);
    informed.note(&caller, "r", "after the write").await;
    informed.written(1).await;
    assert_eq!(late.note(&caller, "r", "second").await.value.0, "after the write");
}

#[tokio::test]
async fn without_versions_redis_is_not_asked_for_a_personal_answer() {
    let redis = TestRedis::start();
    let (world, caller) = (World::on(&redis), manager().await);
    world.versions.set(None);
    world.note(&caller, "r", "first").await;
    world.poster("r", "first").await;
    assert_eq!(redis.calls("getrange"), 1, "for the poster");
    assert_eq!((redis.calls("set"), world.notes().of_unknown_version), (0, 1));
}

#[tokio::test]
async fn what_is_too_large_is_kept_nowhere() {
    let redis = TestRedis::start();
    let settings = CacheSettings { max_value_bytes: 1_000, ..settings() };
    let caller = manager().await;
    let world = World::with(settings, |builder| builder.shared_tier(crate::support::tier(&redis)));
    let large = "x".repeat(1_001);
    world.note(&caller, "large", &large).await;
    assert_eq!(world.note(&caller, "large", "read again").await.value.0, "read again");
    assert_eq!(world.notes().too_large, 1);
    // Small in memory, and over the bound as bytes.
    let border = "x".repeat(1_000);
    world.note(&caller, "border", &border).await;
    eventually("it is left out", || (world.notes().too_large == 2).then_some(())).await;
    assert!(world.note(&caller, "border", "second").await.freshness.cached);
    world.written(1).await;
    assert_eq!(redis.names().len(), 1);
}

#[tokio::test]
async fn a_hundred_calls_that_miss_ask_redis_once() {
    let redis = TestRedis::start();
    let (world, caller) = (World::on(&redis), manager().await);
    let calls = (0..100).map(|_| world.note(&caller, "r", "first"));
    futures_util::future::join_all(calls).await;
    assert_eq!((redis.calls("getrange"), world.notes().loads), (1, 1));
}
