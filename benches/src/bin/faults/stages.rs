//! What is set up, and what is done to it.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use retail_testkit::{TestDatabase, TestPooler, TestRedis, TestReplica, cluster, kill_cluster};

use crate::callers::Callers;
use crate::client::Client;
use crate::server::{self, Keys, Server};
use crate::world::World;

/// How long what can be taken away is away.
const AWAY: Duration = Duration::from_secs(3);
/// How old an answer from a standby may be.
const MAX_LAG: Duration = Duration::from_secs(2);
/// How old an answer may be where none comes from a standby: the versions are asked each half second, which may take a while.
const PROMPT: Duration = Duration::from_secs(1);

/// What is broken.
pub(crate) struct Props {
    database: TestDatabase,
    redis: Option<TestRedis>,
    replica: Option<TestReplica>,
    pooler: Option<TestPooler>,
}

impl Props {
    fn redis(&mut self) -> &mut TestRedis {
        self.redis.as_mut().expect("a stage with Redis")
    }

    fn replica(&self) -> &TestReplica {
        self.replica.as_ref().expect("a stage with a standby")
    }
}

/// One thing that goes wrong.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// Makes it, and ends it.
    pub(crate) make: fn(&mut Props),
}

/// Servers with what they need, and what is done to that.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    has_redis: bool,
    has_replica: bool,
    has_pooler: bool,
    servers: usize,
    pub(crate) faults: Vec<Fault>,
}

/// A stage at work.
pub(crate) struct Scene {
    // They end in this order.
    pub(crate) callers: Callers,
    _servers: Vec<Server>,
    _keys: Keys,
    pub(crate) props: Props,
}

/// A server that keeps answers in memory.
const PLAIN: Stage = Stage {
    name: "one server",
    has_redis: false,
    has_replica: false,
    has_pooler: false,
    servers: 1,
    faults: Vec::new(),
};

/// All stages.
pub(crate) fn all() -> [Stage; 4] {
    [with_redis(), Stage { faults: of_postgresql(), ..PLAIN }, with_standby(), with_pooler()]
}

fn fault(name: &'static str, make: fn(&mut Props)) -> Fault {
    Fault { name, make }
}

fn with_redis() -> Stage {
    let faults = vec![
        fault("Redis is killed and comes back empty", |props| {
            props.redis().kill();
            sleep(AWAY);
            props.redis().restart();
        }),
        fault("Redis hangs", |props| {
            props.redis().pause();
            sleep(AWAY);
            props.redis().resume();
        }),
        fault("Redis is flushed all the time", |props| repeat(|| props.redis().flush())),
        fault("Redis is full", |props| {
            props.redis().config_set("maxmemory", "1");
            sleep(AWAY);
            props.redis().config_set("maxmemory", "0");
        }),
        fault("Redis becomes a read-only copy of nothing", |props| {
            props.redis().command(&["REPLICAOF", "127.0.0.1", "1"]);
            sleep(AWAY);
            props.redis().command(&["REPLICAOF", "NO", "ONE"]);
        }),
        fault("values in Redis are cut and bent", |props| repeat(|| bend(props.redis()))),
        fault("values in Redis are exchanged", |props| repeat(|| exchange(props.redis()))),
    ];
    Stage { name: "two servers that share Redis", has_redis: true, servers: 2, faults, ..PLAIN }
}

fn of_postgresql() -> Vec<Fault> {
    vec![
        fault("PostgreSQL is restarted", |_| {
            cluster().restart(AWAY).expect("PostgreSQL starts again");
        }),
        fault("PostgreSQL is killed and recovers", |_| {
            kill_cluster();
            cluster().restart(AWAY).expect("PostgreSQL starts again");
        }),
        fault("all connections to PostgreSQL are ended", |props| {
            props.database.psql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
        }),
    ]
}

fn with_standby() -> Stage {
    let faults = vec![
        fault("the standby falls behind", |props| {
            props.replica().fall_behind(&props.database);
            sleep(AWAY + MAX_LAG);
            props.replica().follow(&props.database);
        }),
        fault("the standby hangs", |props| {
            props.replica().hang();
            sleep(AWAY);
            props.replica().go_on();
        }),
        fault("the standby is killed", |props| {
            props.replica().kill();
            props.replica().restart(AWAY);
        }),
    ];
    Stage { name: "one server with a standby", has_replica: true, faults, ..PLAIN }
}

fn with_pooler() -> Stage {
    let faults = vec![fault("PgBouncer is restarted", |props| {
        props.pooler.as_mut().expect("a stage with a pooler").restart();
    })];
    Stage { name: "one server behind PgBouncer", has_pooler: true, faults, ..PLAIN }
}

impl Stage {
    /// Sets it up and lets everybody ask.
    pub(crate) async fn build(&self, binary: &Path) -> Result<Scene> {
        let database = TestDatabase::seeded().await;
        let world = Arc::new(World::new(&database).await?);
        let redis = self.has_redis.then(TestRedis::start);
        let replica = self.has_replica.then(TestReplica::start);
        let pooler = self.has_pooler.then(|| TestPooler::start(&database, 8));
        let mut settings = vec![("CACHE__MODE", "memory".to_owned())];
        if let Some(redis) = &redis {
            settings.push(("CACHE__MODE", "redis".to_owned()));
            settings.push(("CACHE__REDIS_URL", redis.url()));
        }
        if let Some(replica) = &replica {
            replica.catch_up(&database);
            let address = replica.address();
            let address = format!("{}:{}", address.host, address.port);
            settings.push(("DATABASE__REPLICAS", address));
            settings.push(("DATABASE__REPLICA_MAX_LAG", format!("{}s", MAX_LAG.as_secs())));
        }
        let place = pooler.as_ref().map_or_else(|| database.settings(), |p| p.settings(&database));
        let keys = Keys::new()?;
        let mut servers = Vec::new();
        for _ in 0..self.servers {
            let server = Server::start(binary, &keys, &place, &settings).await?;
            let standbys = server::standbys(&Client::new(server.address)).await?;
            anyhow::ensure!(standbys == self.has_replica.then_some(1), "standbys: {standbys:?}");
            servers.push(server);
        }
        // A kept answer of a standby may be as old as both allow together.
        let may_be_old = if self.has_replica { MAX_LAG + PROMPT } else { PROMPT };
        let callers = Callers::start(&world, &servers, &keys, may_be_old)?;
        let props = Props { database, redis, replica, pooler };
        Ok(Scene { callers, _servers: servers, _keys: keys, props })
    }
}

/// Does it all the time, for a while.
fn repeat(mut what: impl FnMut()) {
    let begun = Instant::now();
    while begun.elapsed() < AWAY {
        what();
        sleep(Duration::from_millis(20));
    }
}

/// Cuts every other value, and changes one bit of the rest.
fn bend(redis: &TestRedis) {
    for (number, name) in redis.names().iter().enumerate() {
        let Some(mut value) = redis.value_if_any(name) else { continue };
        let middle = value.len() / 2;
        if number % 2 == 0 {
            value.truncate(middle);
        } else if let Some(byte) = value.get_mut(middle) {
            *byte ^= 1;
        }
        redis.put(name, &value);
    }
}

/// Puts each value under the next one's name.
fn exchange(redis: &TestRedis) {
    let names = redis.names();
    let values: Vec<_> = names.iter().map(|name| redis.value_if_any(name)).collect();
    for (name, value) in names.iter().cycle().skip(1).zip(values) {
        if let Some(value) = value {
            redis.put(name, &value);
        }
    }
}
