//! The memory bound holds, by the cache's own count and by the system's.

use std::process::Command;

use retail_cache::{CacheSettings, Key};

use crate::support::{Note, World, manager, settings};

const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Answers that come and go: a few times what the bound holds, or 10 million in the long mode.
const CHURN: &str = "RETAIL_CACHE_CHURN";
const USUAL_CHURN: u64 = 100_000;

#[tokio::test]
async fn the_counts_follow_what_is_kept() {
    let settings = CacheSettings { max_bytes: 64 * 1024, ..settings() };
    let (world, caller) = (World::with(settings, |builder| builder), manager().await);
    for number in 0..1_000 {
        world.note(&caller, &number.to_string(), &"x".repeat(400)).await;
    }
    world.cache.settle().await;
    let notes = world.notes();
    assert!(notes.bytes <= 64 * 1024 && notes.bytes > 32 * 1024, "{notes:?}");
    assert_eq!(notes.entries + notes.evictions, 1_000);
    assert_eq!(world.cache.statistics().bytes(), notes.bytes);
    world.cache.clear();
    world.cache.settle().await;
    assert_eq!((world.notes().bytes, world.notes().entries), (0, 0));
}

/// In a process of its own, so that the system counts nothing else.
#[test]
fn the_process_stays_within_the_bound() {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .args(["--exact", "memory::churn", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "measures the whole process: run by the_process_stays_within_the_bound"]
async fn churn() {
    let settings = CacheSettings { max_bytes: MAX_BYTES, ..settings() };
    let (world, caller) = (World::with(settings, |builder| builder), manager().await);
    let churn = std::env::var(CHURN).map_or(USUAL_CHURN, |number| number.parse().unwrap());
    let before = resident_bytes();
    let mut most = 0;
    for number in 0..churn {
        // From 16 bytes, where what belongs to an answer counts most, to 4 KiB.
        let text = "x".repeat(16 << (number % 9));
        let key = Key::for_identity(world.cache.key_space(), &caller, &number.to_string().as_str());
        let answer = || async move { Ok(Note(text)) };
        world.cache.get_or_load(&key.unwrap(), answer).await.unwrap();
        if number % 1_000 == 0 {
            most = most.max(world.cache.statistics().bytes());
        }
    }
    let grown = resident_bytes().saturating_sub(before);
    world.cache.settle().await;
    let notes = world.notes();
    println!("{churn} answers: at most {most} bytes counted, {grown} bytes grown, {notes:?}");
    assert!(notes.bytes <= MAX_BYTES && notes.evictions > 0, "{notes:?}");
    assert!(notes.bytes > MAX_BYTES / 2, "the bound is used: {notes:?}");
    // What has come and not been settled is counted as well: a few hundred answers.
    assert!(most <= MAX_BYTES + MAX_BYTES / 8, "{most} bytes were counted");
    assert!(grown <= MAX_BYTES + MAX_BYTES / 4, "the process grew by {grown} bytes");
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1024
}
