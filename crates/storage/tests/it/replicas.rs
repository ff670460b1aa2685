//! Standbys that answer callers' statements.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use retail_domain::ports::{Clock as _, QueryRunner, SystemClock};
use retail_domain::{Error, ErrorCode, Principal, QueryAnswer, QueryLimits, SqlText};
use retail_storage::{
    IdentityKey, PgQueryRunner, PoolSettings, QueryDatabase, ReplicaSettings, ReplicaState,
    ServiceDatabase,
};
use retail_testkit::{
    IDENTITY_KEY, TestDatabase, TestReplica, head_office, principal, store, stores,
};
use serde_json::{Value, json};

const COUNT: &str = "SELECT count(*) FROM retail.orders";
/// A standby whose log is paused keeps the transactions that it has; this makes a new one.
const WRITE: &str = "UPDATE retail.products SET product_name = product_name WHERE product_id = 1";

struct Bench {
    db: TestDatabase,
    replica: TestReplica,
    service: ServiceDatabase,
    database: Arc<QueryDatabase>,
    runner: PgQueryRunner,
}

impl Bench {
    async fn start(max_lag: Duration) -> Self {
        let db = TestDatabase::seeded().await;
        let replica = TestReplica::start();
        let pool = PoolSettings {
            max_connections: 8,
            acquire_timeout: Duration::from_secs(30),
            ..PoolSettings::default()
        };
        let (settings, logins) = (db.settings(), db.query_logins());
        let replicas = ReplicaSettings { addresses: vec![replica.address()], max_lag };
        let database = QueryDatabase::new(&settings, &logins, IdentityKey::new(IDENTITY_KEY), pool)
            .and_then(|database| {
                database.with_replicas(&settings, &logins, &db.service_login(), pool, &replicas)
            });
        let database = Arc::new(database.unwrap());
        let runner = PgQueryRunner::new(Arc::clone(&database));
        replica.catch_up(&db);
        Self { service: db.service_database(), db, replica, database, runner }
    }

    async fn look(&self) -> ReplicaState {
        self.database.look_at_replicas(&self.service).await.remove(0)
    }

    /// Looks until the standby is used: other tests write on the same server. Gives the time before the last look.
    async fn until_used(&self) -> DateTime<Utc> {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let before = SystemClock.now();
            if self.look().await.is_used {
                return before;
            }
            assert!(Instant::now() < until, "the standby is not used");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn run(&self, who: &Principal, sql: &str) -> Result<QueryAnswer, Error> {
        self.runner.run(who, &SqlText::new(sql).unwrap(), &QueryLimits::default()).await
    }

    async fn value(&self, who: &Principal, sql: &str) -> Value {
        let rows = self.run(who, sql).await.unwrap().rows.to_vec().unwrap();
        rows.into_iter().flatten().next().unwrap()
    }

    fn answers(&self) -> (u64, u64) {
        let statistics = self.database.statistics();
        (statistics.replica_answers, statistics.replica_failures)
    }
}

#[tokio::test]
async fn a_near_standby_answers_each_caller_their_own_rows() {
    let bench = Bench::start(Duration::from_secs(30)).await;
    let first = principal(store("Zava Retail Seattle")).await;
    bench.run(&first, COUNT).await.unwrap();
    assert_eq!(bench.answers(), (0, 0), "nothing is known of the standby yet");
    bench.until_used().await;
    let state = bench.look().await;
    assert!(state.is_used && state.lag.unwrap() < Duration::from_secs(5), "{state:?}");
    // Twice: as new, and as prepared.
    for _ in 0..2 {
        for store in stores() {
            let own = format!("{COUNT} WHERE store_id = {}", store.id.0);
            let expected: i64 = bench.db.psql(&own).parse().unwrap();
            let who = principal(store).await;
            assert_eq!(bench.value(&who, COUNT).await, json!(expected));
        }
        let all: i64 = bench.db.psql(COUNT).parse().unwrap();
        assert_eq!(bench.value(&head_office().await, COUNT).await, json!(all));
    }
    assert_eq!(bench.answers(), (2 * (stores().len() as u64 + 1), 0));
}

#[tokio::test]
async fn the_time_of_an_answer_is_not_later_than_its_data() {
    let bench = Bench::start(Duration::from_secs(30)).await;
    let who = head_office().await;
    let before = bench.until_used().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = bench.run(&who, COUNT).await.unwrap();
    assert_eq!(bench.answers(), (1, 0));
    // Clocks of the same machine; the look is the last that is known.
    assert!(answer.as_of < before + Duration::from_millis(250), "{} {before}", answer.as_of);
}

#[tokio::test]
async fn one_that_is_too_far_behind_is_not_asked() {
    let bench = Bench::start(Duration::from_secs(2)).await;
    let who = head_office().await;
    bench.until_used().await;
    bench.replica.fall_behind(&bench.db);
    bench.db.psql("UPDATE retail.products SET product_name = 'as of now' WHERE product_id = 1");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let state = bench.look().await;
    assert!(!state.is_used, "{state:?}");
    let name = "SELECT product_name FROM retail.products WHERE product_id = 1";
    assert_eq!(bench.value(&who, name).await, json!("as of now"));
    assert_eq!(bench.answers(), (0, 0));

    bench.replica.follow(&bench.db);
    bench.until_used().await;
    assert_eq!(bench.value(&who, name).await, json!("as of now"));
    assert_eq!(bench.answers(), (1, 0));
}

#[tokio::test]
async fn an_idle_primary_makes_no_lag() {
    let bench = Bench::start(Duration::from_secs(2)).await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        bench.until_used().await;
    }
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    bench.run(&head_office().await, COUNT).await.unwrap();
    assert_eq!(bench.answers(), (0, 0), "without a look it is not known to be near");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_dies_the_primary_answers_and_nobody_notices() {
    let bench = Arc::new(Bench::start(Duration::from_secs(30)).await);
    bench.until_used().await;
    let who = head_office().await;
    let expected: i64 = bench.db.psql(COUNT).parse().unwrap();
    let until = Instant::now() + Duration::from_secs(3);
    let mut callers = Vec::new();
    for _ in 0..4 {
        let (bench, who) = (Arc::clone(&bench), who.clone());
        callers.push(tokio::spawn(async move {
            let mut calls = 0;
            while Instant::now() < until {
                assert_eq!(bench.value(&who, COUNT).await, json!(expected));
                calls += 1;
            }
            calls
        }));
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, _) = bench.answers();
    bench.replica.kill();
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
    assert!(before > 0);
    let state = bench.look().await;
    assert_eq!((state.is_used, state.lag), (false, None));
}

/// Without this the call would wait for its whole time, and then fail.
#[tokio::test]
async fn a_statement_on_one_that_hangs_goes_on_at_the_primary() {
    let bench = Bench::start(Duration::from_secs(30)).await;
    bench.until_used().await;
    let who = head_office().await;
    let expected = bench.value(&who, COUNT).await;
    assert_eq!(bench.answers(), (1, 0));
    bench.replica.hang();
    let look = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bench.look().await
    };
    let (answer, state) = tokio::join!(bench.run(&who, COUNT), look);
    bench.replica.go_on();
    assert_eq!(answer.unwrap().rows.to_vec().unwrap(), [[expected]]);
    assert_eq!((bench.answers(), state.is_used), ((1, 1), false));
}

#[tokio::test]
async fn what_a_standby_fails_at_the_primary_does() {
    let bench = Bench::start(Duration::from_secs(30)).await;
    bench.until_used().await;
    // A key that has not come there yet: no alarm, since the primary knows it.
    bench.replica.fall_behind(&bench.db);
    let key = IdentityKey::new([9; IdentityKey::BYTES]);
    let mut admin = bench.db.admin().await;
    admin.rotate_identity_key(&key, Duration::from_mins(5)).await.unwrap();
    bench.database.use_key(key);
    let who = principal(store("Zava Retail Seattle")).await;
    bench.run(&who, COUNT).await.unwrap();
    let statistics = bench.database.statistics();
    assert_eq!((statistics.replica_failures, statistics.identity_refusals), (1, 0));

    // A mistake of the caller's is one there too, and told by the primary.
    let error = bench.run(&who, "SELECT 1 / 0 FROM retail.products").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::QueryFailed);
}

#[tokio::test]
async fn one_that_follows_nobody_any_more_is_not_asked() {
    let bench = Bench::start(Duration::from_secs(30)).await;
    bench.until_used().await;
    bench.replica.promote(&bench.db);
    bench.replica.psql(&bench.db, WRITE);
    let state = bench.look().await;
    assert_eq!((state.is_used, state.lag), (false, None));
}

#[tokio::test]
async fn another_server_is_no_standby() {
    let bench = Bench::start(Duration::from_secs(30)).await;
    let (settings, logins) = (bench.db.settings(), bench.db.query_logins());
    // The primary itself, as a careless configuration may have it.
    let address =
        retail_storage::ServerAddress { host: settings.host.clone(), port: settings.port };
    let replicas = ReplicaSettings { addresses: vec![address], max_lag: Duration::from_secs(30) };
    let (key, pool) = (IdentityKey::new(IDENTITY_KEY), PoolSettings::default());
    let database = QueryDatabase::new(&settings, &logins, key, pool).unwrap();
    let database = database
        .with_replicas(&settings, &logins, &bench.db.service_login(), pool, &replicas)
        .unwrap();
    let states = database.look_at_replicas(&bench.service).await;
    assert!(!states[0].is_used, "{states:?}");
}
