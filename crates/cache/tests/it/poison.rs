//! Whatever lies in Redis, what is not ours is not given.

use std::time::Duration;

use retail_cache::{CacheSettings, KindStatistics, Surroundings};
use retail_testkit::TestRedis;
use rstest::rstest;

use crate::support::{World, manager, nine, settings, space_of};

/// A value of another server in Redis, and a server that has not read it.
struct Kept {
    redis: TestRedis,
    writer: World,
    reader: World,
    name: String,
    value: Vec<u8>,
}

impl Kept {
    async fn new() -> Self {
        let redis = TestRedis::start();
        let writer = World::on(&redis);
        let reader = writer.another(&redis);
        writer.note(&manager().await, "r", "kept").await;
        writer.written(1).await;
        let name = redis.names().pop().unwrap();
        let value = redis.value(&name);
        Self { redis, writer, reader, name, value }
    }

    /// Reads, and expects what is read anew, and the next server to be given that.
    async fn rejected(self) -> KindStatistics {
        let caller = manager().await;
        let answer = self.reader.note(&caller, "r", "read").await;
        assert_eq!((answer.value.0.as_str(), answer.freshness.cached), ("read", false));
        self.reader.written(1).await;
        let next = self.writer.another(&self.redis);
        assert_eq!(next.note(&caller, "r", "again").await.value.0, "read", "it was put right");
        self.reader.notes()
    }
}

#[tokio::test]
async fn the_value_as_it_was_written_is_given() {
    let kept = Kept::new().await;
    kept.redis.put(&kept.name, &kept.value);
    assert_eq!(kept.reader.note(&manager().await, "r", "read").await.value.0, "kept");
}

#[tokio::test]
async fn no_part_of_a_value_is_given() {
    let kept = Kept::new().await;
    let caller = manager().await;
    let lengths = 1..kept.value.len();
    for length in lengths.clone() {
        kept.redis.put(&kept.name, &kept.value[..length]);
        let reader = kept.writer.another(&kept.redis);
        assert_eq!(reader.note(&caller, "r", "read").await.value.0, "read", "{length} bytes");
        assert_eq!(reader.notes().rejected_truncated, 1, "{length} bytes");
        reader.written(1).await;
    }
}

#[tokio::test]
async fn no_changed_byte_is_believed() {
    let kept = Kept::new().await;
    let caller = manager().await;
    for place in 0..kept.value.len() {
        let mut changed = kept.value.clone();
        changed[place] ^= 1;
        kept.redis.put(&kept.name, &changed);
        let reader = kept.writer.another(&kept.redis);
        assert_eq!(reader.note(&caller, "r", "read").await.value.0, "read", "byte {place}");
        let KindStatistics { rejected_poisoned, rejected_format, rejected_truncated, .. } =
            reader.notes();
        assert_eq!(rejected_poisoned + rejected_format + rejected_truncated, 1, "byte {place}");
        reader.written(1).await;
    }
}

#[rstest]
#[case::nonsense(b"nonsense that is long enough to be a value of ours, with its seal".to_vec())]
#[case::other_magic([b"PyPc", &[0_u8; 100][..]].concat())]
#[tokio::test]
async fn other_bytes_are_poison(#[case] bytes: Vec<u8>) {
    let kept = Kept::new().await;
    kept.redis.put(&kept.name, &bytes);
    assert_eq!(kept.rejected().await.rejected_poisoned, 1);
}

#[tokio::test]
async fn bytes_behind_a_value_are_poison() {
    let kept = Kept::new().await;
    kept.redis.put(&kept.name, &[&kept.value[..], b"x"].concat());
    assert_eq!(kept.rejected().await.rejected_poisoned, 1);
}

#[tokio::test]
async fn a_value_of_another_format_is_of_another_release() {
    let kept = Kept::new().await;
    let mut value = kept.value.clone();
    value[4] += 1;
    kept.redis.put(&kept.name, &value);
    assert_eq!(kept.rejected().await.rejected_format, 1);
}

#[tokio::test]
async fn a_value_moved_to_another_callers_key_is_poison() {
    let kept = Kept::new().await;
    let other = nine().await.remove(1);
    kept.writer.note(&other, "r", "the other's").await;
    kept.writer.written(2).await;
    let others_name = kept.redis.names().into_iter().find(|name| *name != kept.name).unwrap();
    kept.redis.put(&kept.name, &kept.redis.value(&others_name));
    assert_eq!(kept.rejected().await.rejected_poisoned, 1);
}

#[tokio::test]
async fn a_value_sealed_with_another_secret_is_poison() {
    let kept = Kept::new().await;
    let forger_redis = TestRedis::start();
    let forger =
        kept.writer.another_with(&forger_redis, space_of(8, &Surroundings::default()), settings());
    forger.note(&manager().await, "r", "forged").await;
    forger.written(1).await;
    let bytes = forger_redis.value(&forger_redis.names()[0]);
    kept.redis.put(&kept.name, &bytes);
    assert_eq!(kept.rejected().await.rejected_poisoned, 1);
}

#[tokio::test]
async fn a_list_under_the_name_is_poison_and_no_fault_of_redis() {
    let kept = Kept::new().await;
    let caller = manager().await;
    for round in 1..=5 {
        kept.redis.command(&["DEL", &kept.name]);
        kept.redis.command(&["RPUSH", &kept.name, "x"]);
        kept.reader.cache.clear();
        assert_eq!(kept.reader.note(&caller, "r", "read").await.value.0, "read");
        kept.reader.written(round).await;
    }
    assert_eq!(kept.reader.notes().rejected_poisoned, 5);
    assert_eq!(kept.reader.cache.statistics().lookup_breaker_openings, 0);
}

#[tokio::test]
async fn a_value_from_the_future_or_too_old_is_outdated() {
    for age in [-1_i64, 300] {
        let kept = Kept::new().await;
        let clock = &kept.reader.clock;
        match u64::try_from(age) {
            Ok(seconds) => clock.forward(Duration::from_secs(seconds)),
            Err(_) => clock.back(Duration::from_secs(age.unsigned_abs())),
        }
        // Redis would have ended it, were it not put back.
        kept.redis.put(&kept.name, &kept.value);
        assert_eq!(kept.rejected().await.shared_outdated, 1, "{age} s old");
    }
}

#[tokio::test]
async fn of_a_huge_value_only_a_part_is_fetched() {
    let kept = Kept::new().await;
    let caller = manager().await;
    kept.redis.put(&kept.name, &vec![b'x'; 20_000_000]);
    let settings = CacheSettings { max_value_bytes: 1_000, ..settings() };
    let reader =
        kept.writer.another_with(&kept.redis, space_of(7, &Surroundings::default()), settings);
    let sent = sent_bytes(&kept.redis);
    assert_eq!(reader.note(&caller, "r", "read").await.value.0, "read");
    assert!(sent_bytes(&kept.redis) - sent < 100_000);
    assert_eq!(reader.notes().rejected_poisoned, 1);
}

/// What Redis has sent to all clients.
fn sent_bytes(redis: &TestRedis) -> u64 {
    let stats = redis.command(&["INFO", "stats"]);
    let line = stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    line.unwrap().trim().parse().unwrap()
}
