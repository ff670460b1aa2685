//! What is kept is given only while it is true, or says that it is not.

use std::sync::Arc;
use std::time::Duration;

use retail_cache::{CacheSettings, Key, KindStatistics};
use retail_domain::ports::DataVersions;
use retail_domain::{Error, ErrorCode, VersionVector};
use rstest::rstest;
use tokio::sync::Notify;

use crate::support::{
    Count, INVENTORY, Note, SALES, STALE_FOR, TIME_TO_LIVE, World, eventually, manager, settings,
};

const MOMENT: Duration = Duration::from_micros(1);

#[tokio::test]
async fn a_kept_answer_says_its_age_until_its_time_is_over() {
    let (world, caller) = (World::new(), manager().await);
    assert!(!world.note(&caller, "r", "first").await.freshness.cached);
    world.clock.forward(TIME_TO_LIVE.saturating_sub(MOMENT));
    let kept = world.note(&caller, "r", "second").await;
    assert_eq!(kept.value.0, "first");
    assert!(kept.freshness.cached && !kept.freshness.stale);
    assert_eq!(kept.freshness.age, TIME_TO_LIVE.saturating_sub(MOMENT));
    world.clock.forward(MOMENT);
    let read = world.note(&caller, "r", "second").await;
    assert_eq!((read.value.0.as_str(), read.freshness.cached), ("second", false));
    let KindStatistics { local_hits, misses, loads, .. } = world.notes();
    assert_eq!((local_hits, misses, loads), (1, 2, 2));
}

#[tokio::test]
async fn an_answer_from_the_future_is_not_given() {
    let (world, caller) = (World::new(), manager().await);
    world.note(&caller, "r", "first").await;
    world.clock.back(MOMENT);
    assert_eq!(world.note(&caller, "r", "second").await.value.0, "second");
}

#[tokio::test]
async fn a_write_ends_answers_that_depend_on_it_and_no_others() {
    let world = World::new();
    world.poster("r", "first").await;
    world.versions.bump(SALES);
    assert_eq!(world.poster("r", "second").await.value.0, "first");
    world.versions.bump(retail_domain::TableGroups::ALL);
    assert_eq!(world.poster("r", "second").await.value.0, "second");
}

#[tokio::test]
async fn versions_of_another_history_do_not_count() {
    let (world, caller) = (World::new(), manager().await);
    world.note(&caller, "r", "first").await;
    // Restored from a backup: the same numbers, and even stale answers are of another database.
    world.versions.set(Some(VersionVector::first(uuid::Uuid::from_u128(9))));
    assert_eq!(world.note(&caller, "r", "second").await.value.0, "second");
}

#[tokio::test]
async fn what_was_written_during_a_read_ends_its_answer() {
    let world = World::new();
    let key = Key::for_everyone(world.cache.key_space(), &"r").unwrap();
    let versions = Arc::clone(&world.versions);
    let read = || async move {
        versions.bump(retail_domain::TableGroups::ALL);
        Ok(crate::support::Poster("from before the write".to_owned()))
    };
    world.cache.get_or_load(&key, read).await.unwrap();
    assert_eq!(world.poster("r", "second").await.value.0, "second");
}

#[tokio::test]
async fn without_versions_personal_answers_are_not_given_and_shared_ones_are() {
    let (world, caller) = (World::new(), manager().await);
    world.note(&caller, "r", "first").await;
    world.poster("r", "first").await;
    let known = world.versions.current();
    world.versions.set(None);
    assert_eq!(world.note(&caller, "r", "second").await.value.0, "second");
    assert_eq!(world.poster("r", "second").await.value.0, "first");
    assert_eq!(world.poster("new", "unkept").await.value.0, "unkept");
    world.versions.set(known);
    // What was read meanwhile is of no known version.
    assert_eq!(world.note(&caller, "r", "third").await.value.0, "first");
    assert_eq!(world.poster("new", "third").await.value.0, "third");
    assert_eq!(world.notes().of_unknown_version, 1);
}

#[tokio::test]
async fn a_stale_answer_is_given_once_more_while_one_call_reads_anew() {
    let (world, caller) = (World::new(), manager().await);
    world.note(&caller, "r", "first").await;
    world.clock.forward(STALE_FOR.saturating_sub(MOMENT));
    world.versions.bump(SALES);
    let (reads, gate) = (Count::default(), Arc::new(Notify::new()));
    let key = Key::for_identity(world.cache.key_space(), &caller, &"r").unwrap();
    for _ in 0..100 {
        let (reads, gate) = (reads.clone(), Arc::clone(&gate));
        let read = || async move {
            reads.up();
            gate.notified().await;
            Ok(Note("second".to_owned()))
        };
        let stale = world.cache.get_or_load(&key, read).await.unwrap();
        assert_eq!(stale.value.0, "first");
        assert!(stale.freshness.cached && stale.freshness.stale);
        assert_eq!(stale.freshness.age, STALE_FOR.saturating_sub(MOMENT));
    }
    gate.notify_one();
    let fresh = eventually_fresh(&world, &caller).await;
    assert_eq!(fresh, "second");
    let KindStatistics { stale_hits, refreshes, loads, .. } = world.notes();
    assert_eq!((reads.get(), refreshes, loads), (1, 1, 2));
    assert!(stale_hits >= 100);
}

async fn eventually_fresh(world: &World, caller: &retail_domain::Principal) -> String {
    for _ in 0..10_000 {
        let answer = world.note(caller, "r", "of a third read").await;
        if !answer.freshness.stale {
            return answer.value.0.clone();
        }
        tokio::task::yield_now().await;
    }
    panic!("it stays stale");
}

#[rstest]
#[case::too_old(STALE_FOR, settings())]
#[case::none_wanted(MOMENT, CacheSettings { max_stale: Duration::ZERO, ..settings() })]
#[case::less_wanted(STALE_FOR / 2, CacheSettings { max_stale: STALE_FOR / 2, ..settings() })]
#[tokio::test]
async fn past_its_bound_a_stale_answer_is_not_given(
    #[case] age: Duration,
    #[case] settings: CacheSettings,
) {
    let (world, caller) = (World::with(settings, |builder| builder), manager().await);
    world.note(&caller, "r", "first").await;
    world.clock.forward(age);
    world.versions.bump(SALES);
    let answer = world.note(&caller, "r", "second").await;
    assert_eq!((answer.value.0.as_str(), answer.freshness.cached), ("second", false));
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_the_stale_answer_within_its_bound() {
    let (world, caller) = (World::new(), manager().await);
    world.note(&caller, "r", "first").await;
    world.versions.bump(SALES);
    let key = Key::<Note>::for_identity(world.cache.key_space(), &caller, &"r").unwrap();
    for attempt in 1..=2 {
        let failing = || async { Err(Error::new(ErrorCode::Unavailable, "down")) };
        let stale = world.cache.get_or_load(&key, failing).await.unwrap();
        assert!(stale.freshness.stale);
        eventually("the refresh fails", || (world.notes().failed_loads == attempt).then_some(()))
            .await;
    }
}

#[tokio::test]
async fn no_more_refreshes_run_at_once_than_may() {
    let settings = CacheSettings { max_refreshes: 2, ..settings() };
    let (world, caller) = (World::with(settings, |builder| builder), manager().await);
    for request in ["a", "b", "c"] {
        world.note(&caller, request, "first").await;
    }
    world.versions.bump(SALES);
    for request in ["a", "b", "c"] {
        let key = Key::<Note>::for_identity(world.cache.key_space(), &caller, &request).unwrap();
        let never = || std::future::pending();
        assert!(world.cache.get_or_load(&key, never).await.unwrap().freshness.stale);
    }
    assert_eq!(world.notes().refreshes_left_out, 1);
}

#[tokio::test]
async fn a_write_to_other_tables_makes_nothing_stale() {
    let (world, caller) = (World::new(), manager().await);
    world.note(&caller, "r", "first").await;
    world.versions.bump(INVENTORY);
    assert!(!world.note(&caller, "r", "second").await.freshness.stale);
    assert_eq!(world.notes().local_hits, 1);
}

#[tokio::test]
async fn clearing_forgets_all() {
    let (world, caller) = (World::new(), manager().await);
    world.note(&caller, "r", "first").await;
    world.cache.clear();
    assert_eq!(world.note(&caller, "r", "second").await.value.0, "second");
}
