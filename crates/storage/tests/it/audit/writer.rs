//! From places to rows: whatever happens to the database meanwhile, each entry is there once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use retail_domain::ErrorCode;
use retail_domain::ports::AuditLog;
use retail_storage::{AuditPolicy, AuditSettings, StorageError};
use retail_testkit::{CuttingProxy, TestDatabase, head_office, principal, store};

use super::{
    PATIENCE, assert_good, counted, entry, impatient, record, until, verify, writer, writer_on,
};

#[tokio::test]
async fn an_entry_is_kept_as_it_was() {
    let database = TestDatabase::seeded().await;
    let seattle = principal(store("Zava Retail Seattle")).await;
    let writer = writer(&database);
    record(&writer, &seattle, [3, 4].into_iter()).await;
    writer.flush(PATIENCE).await.unwrap();
    let mut admin = database.admin().await;
    let entries = admin.audit_entries(10).await.unwrap();
    let (wrong, good) = (&entries[0], &entries[1]);
    assert_eq!((wrong.seq, good.seq), (1, 2));
    assert_eq!((wrong.request_id.as_str(), good.request_id.as_str()), ("request-3", "request-4"));
    assert_eq!((wrong.outcome.as_str(), good.outcome.as_str()), ("query_failed", "ok"));
    assert_eq!(good.subject, "Zava Retail Seattle");
    assert_eq!(good.store_id, Some(1));
    assert_eq!(good.tool, "execute_sales_query");
    assert_eq!(good.fingerprint.as_deref(), Some("50fde20626009aba"));
    assert_eq!(good.tables.as_ref().unwrap().join(","), "retail.orders,retail.stores");
    assert_eq!((good.row_count, good.byte_count, good.duration_us), (Some(3), Some(120), 1_234));
    assert_eq!(good.called_at.timestamp_micros(), 1_795_382_757_123_456);
    assert_eq!(admin.audit_entries(1).await.unwrap()[0], *good);
    // As operators are shown it, the last first.
    let calls = database.service_database().recent_calls(1).await.unwrap();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!(
        (call.subject.as_str(), call.store.as_deref()),
        ("Zava Retail Seattle", Some("Zava Retail Seattle"))
    );
    assert_eq!((call.outcome.as_str(), call.rows, call.duration_us), ("ok", Some(3), 1_234));
    assert_eq!(call.called_at, good.called_at);
    assert_good(&verify(&database, None).await, 2);
}

/// The database must take any text, or one entry would hold up all behind it.
#[tokio::test]
async fn texts_that_the_database_cannot_keep_are_made_fit() {
    let database = TestDatabase::seeded().await;
    let writer = writer(&database);
    let mut odd = entry(&head_office().await, 1);
    odd.subject = format!("a\0b\"\\\u{1f600}{}", "é".repeat(2_000));
    odd.request_id = "\u{7}\n{}".to_owned();
    odd.view_as_reason = Some("';--".to_owned());
    odd.rows = Some(u64::MAX);
    odd.duration = Duration::MAX;
    writer.reserve().await.unwrap().record(odd);
    writer.flush(PATIENCE).await.unwrap();
    let kept = database.admin().await.audit_entries(1).await.unwrap().remove(0);
    assert!(kept.subject.starts_with("a\u{fffd}b\"\\\u{1f600}é") && kept.subject.len() <= 1024);
    assert_eq!(kept.row_count, Some(i64::MAX));
    assert_good(&verify(&database, None).await, 1);
}

/// Two servers on one database, many calls each at once, some of which give their place back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_at_once_make_one_chain_without_gaps() {
    let database = TestDatabase::seeded().await;
    let caller = head_office().await;
    let writers = [writer(&database), writer(&database)];
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..600_usize {
        let (writer, caller) = (Arc::clone(&writers[number % 2]), caller.clone());
        calls.spawn(async move {
            let place = writer.reserve().await.unwrap();
            tokio::time::sleep(Duration::from_millis(number as u64 % 40)).await;
            if number % 6 != 5 {
                place.record(entry(&caller, number));
            }
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    for writer in &writers {
        writer.flush(PATIENCE).await.unwrap();
    }
    assert_eq!(counted(&database), "500|500|0");
    assert_good(&verify(&database, None).await, 500);
}

/// Calls that are dropped at any time: before they had a place, in the middle, after the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_call_that_had_a_place_is_recorded_once_whenever_it_is_given_up() {
    struct Call(Option<(Box<dyn retail_domain::ports::AuditPlace>, retail_domain::AuditEntry)>);
    impl Drop for Call {
        fn drop(&mut self) {
            if let Some((place, entry)) = self.0.take() {
                place.record(entry);
            }
        }
    }

    let database = TestDatabase::seeded().await;
    let caller = head_office().await;
    // Fewer places than calls, so that some are given up while they wait for one.
    let writer = writer_on(
        &database,
        &database.settings(),
        AuditSettings { queue_entries: 16, ..AuditSettings::default() },
    );
    let mut random = StdRng::seed_from_u64(7);
    let begun = Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut calls = Vec::new();
    for number in 0..400_usize {
        let (writer, caller, begun) = (Arc::clone(&writer), caller.clone(), Arc::clone(&begun));
        let work = Duration::from_micros(random.random_range(0..3_000));
        calls.push(tokio::spawn(async move {
            let place = writer.reserve().await.unwrap();
            let call = Call(Some((place, entry(&caller, number))));
            begun.lock().unwrap().push(number);
            tokio::time::sleep(work).await;
            drop(call);
        }));
    }
    calls.shuffle(&mut random);
    for (number, call) in calls.into_iter().enumerate() {
        if number % 3 == 0 {
            tokio::time::sleep(Duration::from_micros(random.random_range(0..1_000))).await;
            call.abort();
        }
        let _ = call.await;
    }
    writer.flush(PATIENCE).await.unwrap();
    let begun = begun.lock().unwrap().len();
    assert!(begun > 200, "{begun}");
    assert_eq!(counted(&database), format!("{begun}|{begun}|0"));
    assert_good(&verify(&database, None).await, begun as u64);
}

#[tokio::test]
async fn with_the_policy_block_a_call_without_a_place_is_not_made() {
    let database = TestDatabase::seeded().await;
    let caller = head_office().await;
    let proxy = CuttingProxy::start(&database).await;
    proxy.cut();
    let writer = writer_on(&database, &proxy.settings(), impatient(10));
    // What the task has taken from the queue to write does not take a place any more.
    let mut made = 0;
    let refusal = loop {
        match writer.reserve().await {
            Ok(place) => place.record(entry(&caller, made)),
            Err(error) => break error,
        }
        made += 1;
        assert!(made <= 10 + 200, "there is no end to the queue");
    };
    assert_eq!(refusal.code(), ErrorCode::Overloaded, "{refusal}");
    until("it tries", || writer.statistics().failed_writes >= 2).await;
    assert_eq!(writer.statistics().written, 0);
    proxy.mend();
    writer.reserve().await.ok();
    until("all are written", || writer.statistics().written == made as u64).await;
    record(&writer, &caller, made..made + 5).await;
    writer.flush(PATIENCE).await.unwrap();
    assert_eq!(counted(&database), format!("{0}|{0}|0", made + 5));
    assert_eq!(writer.statistics().dropped, 0);
    assert_good(&verify(&database, None).await, made as u64 + 5);
    let late = writer.reserve().await.err().unwrap();
    assert_eq!(late.code(), ErrorCode::Unavailable, "the log is closed");
}

#[tokio::test]
async fn with_the_policy_drop_and_count_calls_go_on_and_are_counted() {
    let database = TestDatabase::seeded().await;
    let caller = head_office().await;
    let proxy = CuttingProxy::start(&database).await;
    proxy.cut();
    let settings = AuditSettings {
        policy: AuditPolicy::DropAndCount,
        queue_entries: 10,
        wait: Duration::from_mins(1),
    };
    let writer = writer_on(&database, &proxy.settings(), settings);
    let started = Instant::now();
    record(&writer, &caller, 0..500).await;
    assert!(started.elapsed() < Duration::from_secs(5), "a call waited");
    let then = writer.statistics();
    assert!(then.dropped >= 500 - 210 && then.accepted + then.dropped == 500, "{then:?}");
    proxy.mend();
    until("all are written", || writer.statistics().written == then.accepted).await;
    writer.flush(PATIENCE).await.unwrap();
    assert_good(&verify(&database, None).await, then.accepted);
    // Closed, and it still goes on.
    record(&writer, &caller, 500..501).await;
    assert_eq!(writer.statistics().dropped, then.dropped + 1);
}

/// The batch was kept and nobody was told: it is sent again, and not kept twice.
#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_not_repeated() {
    let database = TestDatabase::seeded().await;
    let caller = head_office().await;
    let proxy = CuttingProxy::start(&database).await;
    let writer = writer_on(&database, &proxy.settings(), AuditSettings::default());
    for round in 0..5_usize {
        let before = writer.statistics();
        record(&writer, &caller, [round * 10].into_iter()).await;
        until("one is written", || writer.statistics().written > before.written).await;
        proxy.lose_answers();
        record(&writer, &caller, (round * 10 + 1)..(round + 1) * 10).await;
        until("all are written", || writer.statistics().written == (round as u64 + 1) * 10).await;
        assert!(writer.statistics().failed_writes > before.failed_writes, "no answer was lost");
    }
    writer.flush(PATIENCE).await.unwrap();
    assert_eq!(counted(&database), "50|50|0");
    assert_good(&verify(&database, None).await, 50);
}

/// Backends that are killed at any time, as by a restart of the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_in_the_middle_neither_repeats_nor_loses_an_entry() {
    let database = TestDatabase::seeded().await;
    let caller = head_office().await;
    let patient = AuditSettings { wait: PATIENCE, ..AuditSettings::default() };
    let writer = writer_on(&database, &database.settings(), patient);
    let mut random = StdRng::seed_from_u64(11);
    let enough = Arc::new(AtomicBool::new(false));
    let recording = {
        let (writer, enough) = (Arc::clone(&writer), Arc::clone(&enough));
        tokio::spawn(async move {
            let mut count = 0;
            while !enough.load(Ordering::Relaxed) {
                record(&writer, &caller, count..count + 50).await;
                count += 50;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            count
        })
    };
    let started = Instant::now();
    while writer.statistics().failed_writes < 3 {
        assert!(started.elapsed() < PATIENCE, "{:?}", writer.statistics());
        // The lock lets no write end before it is cut.
        database.psql(&format!(
            "SELECT last_seq FROM retail_mcp.audit_head FOR UPDATE; SELECT pg_sleep(0.1);
             SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE usename = 'retail_service' AND datname = '{}'",
            database.name
        ));
        tokio::time::sleep(Duration::from_millis(random.random_range(0..600))).await;
    }
    enough.store(true, Ordering::Relaxed);
    let count = recording.await.unwrap();
    writer.flush(PATIENCE).await.unwrap();
    let statistics = writer.statistics();
    assert_eq!((statistics.accepted, statistics.written), (count as u64, count as u64));
    assert_eq!(counted(&database), format!("{count}|{count}|0"));
    assert_good(&verify(&database, None).await, count as u64);
}

#[tokio::test]
async fn a_flush_that_takes_too_long_says_how_many_are_left() {
    let database = TestDatabase::seeded().await;
    let caller = head_office().await;
    let proxy = CuttingProxy::start(&database).await;
    proxy.cut();
    let writer = writer_on(&database, &proxy.settings(), AuditSettings::default());
    let running = writer.reserve().await.unwrap();
    record(&writer, &caller, 0..7).await;
    let error = writer.flush(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, StorageError::AuditUnwritten { entries: 7 }), "{error}");
    // A call that ends after all that is counted, not lost in silence.
    running.record(entry(&caller, 8));
    assert_eq!(writer.statistics().dropped, 1);
}
