//! Nine identities over four connections, while clients give up, backends are killed and the key is
//! rotated: every answer is its caller's own, and no connection keeps anything of its last caller.
//!
//! `RETAIL_TEST_INTERLEAVED_STATEMENTS` sets how many statements run; the default keeps the tests
//! quick.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use retail_domain::ports::{HealthProbe, QueryRunner};
use retail_domain::{Error, ErrorCode, Principal, QueryLimits, SqlText};
use retail_storage::{IdentityKey, PgHealthProbe, PgQueryRunner, PoolSettings, QueryDatabase};
use retail_testkit::{IDENTITY_KEY, TestDatabase, head_office, principal, stores};
use serde_json::Value;

const DEFAULT_STATEMENTS: usize = 3_000;
const WORKERS: usize = 12;

/// The last column of each tells of foreign rows where the caller is a store: `{id}` is its key.
const QUESTIONS: [&str; 5] = [
    "SELECT count(*), sum(order_id), count(*) FILTER (WHERE store_id <> {id}) FROM retail.orders",
    "SELECT sum(quantity), sum(total_amount), count(*) FILTER (WHERE store_id <> {id})
     FROM retail.order_items",
    "SELECT sum(stock_level), count(*), count(*) FILTER (WHERE store_id <> {id})
     FROM retail.inventory",
    "SELECT min(store_name), count(*), count(*) FILTER (WHERE store_id <> {id}) FROM retail.stores",
    "SELECT count(*), sum(customer_id), 0 FROM retail.customers",
];

/// What a transaction sets, and a connection must not keep.
const SETTINGS: [&str; 7] = [
    "app.current_rls_user_id",
    "app.rls_signature",
    "role",
    "row_security",
    "search_path",
    "statement_timeout",
    "default_transaction_read_only",
];

/// A setting of ours that was never set is unknown, and one that was rolled back is empty.
async fn settings_of_an_idle_connection(database: &QueryDatabase) -> Result<Vec<String>, Error> {
    let settings = database.idle_settings(&SETTINGS).await?;
    Ok(settings.into_iter().map(Option::unwrap_or_default).collect())
}

struct Caller {
    principal: Principal,
    /// A question and its answer.
    questions: Vec<(SqlText, Vec<Value>)>,
}

async fn first_row(runner: &PgQueryRunner, who: &Principal, sql: &SqlText) -> Vec<Value> {
    let answer = runner.run(who, sql, &QueryLimits::default()).await.unwrap();
    answer.rows.to_vec().unwrap().remove(0)
}

/// Each caller's answers, read while nothing disturbs them.
async fn callers(runner: &PgQueryRunner) -> Vec<Caller> {
    let mut callers = Vec::new();
    for store in stores().into_iter().map(Some).chain([None]) {
        let id = store.as_ref().map_or(0, |store| store.id.0);
        let principal = match store {
            Some(store) => principal(store).await,
            None => head_office().await,
        };
        let mut questions = Vec::new();
        for question in QUESTIONS {
            let sql = SqlText::new(&question.replace("{id}", &id.to_string())).unwrap();
            let row = first_row(runner, &principal, &sql).await;
            assert!(
                id == 0 || row.last() == Some(&0.into()),
                "{principal:?} sees foreign rows: {sql:?}"
            );
            questions.push((sql, row));
        }
        callers.push(Caller { principal, questions });
    }
    // Else a mixed-up identity would go unnoticed.
    let answers = callers.iter().flat_map(|caller| &caller.questions);
    let different: HashSet<String> = answers.map(|(_, row)| format!("{row:?}")).collect();
    assert_eq!(different.len(), 9 * QUESTIONS.len(), "two callers have the same answer");
    callers
}

#[derive(Default)]
struct Tally {
    started: AtomicUsize,
    answered: AtomicUsize,
    left: AtomicUsize,
    failed: AtomicUsize,
    checked_connections: AtomicUsize,
}

/// One client after the other asks as somebody, and now and then does not wait for the answer.
async fn work(
    seed: u64,
    statements: usize,
    callers: Arc<Vec<Caller>>,
    database: Arc<QueryDatabase>,
    clean: Arc<Vec<String>>,
    tally: Arc<Tally>,
) {
    let mut random = StdRng::seed_from_u64(seed);
    let runner = PgQueryRunner::new(Arc::clone(&database));
    while tally.started.fetch_add(1, Ordering::Relaxed) < statements {
        let caller = callers.choose(&mut random).unwrap();
        let (sql, expected) = caller.questions.choose(&mut random).unwrap();
        let patience = if random.random_ratio(1, 20) {
            Duration::from_micros(random.random_range(0..4_000))
        } else {
            Duration::from_mins(1)
        };
        let limits = QueryLimits::default();
        let call = runner.run(&caller.principal, sql, &limits);
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(answer)) => {
                assert_eq!(
                    answer.rows.to_vec().unwrap().first(),
                    Some(expected),
                    "{:?}: {sql:?}",
                    caller.principal
                );
                tally.answered.fetch_add(1, Ordering::Relaxed);
            }
            // A backend was killed, or connections were scarce for a while.
            Ok(Err(error)) => {
                assert!(
                    matches!(error.code(), ErrorCode::Unavailable | ErrorCode::Overloaded),
                    "{error} {:?}",
                    std::error::Error::source(&error)
                );
                tally.failed.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {
                tally.left.fetch_add(1, Ordering::Relaxed);
            }
        }
        if let Ok(settings) = settings_of_an_idle_connection(&database).await {
            assert_eq!(settings, *clean, "a connection kept something of its last caller");
            tally.checked_connections.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Kills a backend and rotates the key, again and again.
async fn disturb(database: &TestDatabase, pool: &QueryDatabase, done: &AtomicBool) -> (u32, u32) {
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE usename LIKE 'retail_query%' AND datname = current_database()
                ORDER BY random() LIMIT 1";
    let mut admin = database.admin().await;
    let (mut kills, mut rotations) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        database.psql(kill);
        kills += 1;
        if kills % 3 == 0 {
            rotations += 1;
            let mut key = IDENTITY_KEY;
            key[..4].copy_from_slice(&u32::to_be_bytes(rotations));
            let key = IdentityKey::new(key);
            admin.rotate_identity_key(&key, Duration::from_secs(10)).await.unwrap();
            // For a moment the former key signs on, as it does in servers that have not looked yet.
            tokio::time::sleep(Duration::from_millis(100)).await;
            pool.use_key(key);
        }
    }
    (kills, rotations)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interleaved_callers_see_their_own_rows_whatever_happens() {
    let statements = std::env::var("RETAIL_TEST_INTERLEAVED_STATEMENTS")
        .map_or(DEFAULT_STATEMENTS, |number| number.parse().unwrap());
    let database = TestDatabase::seeded().await;
    let settings = PoolSettings {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(30),
        max_statements_per_caller: 4,
        ..PoolSettings::default()
    };
    let pool = QueryDatabase::new(
        &database.settings(),
        &database.query_logins(),
        IdentityKey::new(IDENTITY_KEY),
        settings,
    );
    let pool = Arc::new(pool.unwrap());
    let clean = Arc::new(settings_of_an_idle_connection(&pool).await.unwrap());
    let callers = Arc::new(callers(&PgQueryRunner::new(Arc::clone(&pool))).await);
    let (tally, done) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let mut workers = tokio::task::JoinSet::new();
    for seed in 0..WORKERS as u64 {
        let (callers, pool) = (Arc::clone(&callers), Arc::clone(&pool));
        let (clean, tally) = (Arc::clone(&clean), Arc::clone(&tally));
        workers.spawn(work(seed, statements, callers, pool, clean, tally));
    }
    let stop = async {
        while let Some(worker) = workers.join_next().await {
            worker.unwrap();
        }
        done.store(true, Ordering::Relaxed);
    };
    let ((), (kills, rotations)) = tokio::join!(stop, disturb(&database, &pool, &done));

    let read = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    let (answered, left) = (read(&tally.answered), read(&tally.left));
    let (failed, checked) = (read(&tally.failed), read(&tally.checked_connections));
    let statistics = pool.statistics();
    println!(
        "{statements} statements: {answered} answered, {left} left by their client, {failed} failed; \
         {kills} backends killed, {rotations} key rotations, {checked} connections checked; \
         {statistics:?}"
    );
    assert_eq!(answered + left + failed, statements);
    assert!(answered > statements / 2 && left > 0 && failed > 0 && kills > 0 && rotations > 0);
    assert_eq!((statistics.identity_changes, statistics.identity_refusals), (0, 0));
    // Healthy at the end, and with all of its places.
    let probe = PgHealthProbe::new(Arc::clone(&pool));
    let mut looks = 0;
    // The first look may meet the connection that was killed last.
    while !probe.check().await.is_ready() {
        looks += 1;
        assert!(looks < 10, "the pool does not recover");
    }
    let runner = PgQueryRunner::new(pool);
    for caller in callers.iter() {
        for (sql, expected) in &caller.questions {
            assert_eq!(first_row(&runner, &caller.principal, sql).await, *expected);
        }
    }
}
