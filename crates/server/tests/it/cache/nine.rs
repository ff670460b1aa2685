//! Nine identities, two servers on one Redis, all tools, and writes in between: a kept answer is its asker's own, and is
//! over once the servers have heard of a write.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use retail_auth::StoreGrant;
use retail_testkit::{TestDatabase, TestRedis, stores};
use serde_json::{Value, json};

use super::keeping_with;
use crate::support::{Call, PATIENCE, Reply, TestServer, embedder, local_model, run_on, scratch};

const CALLS: usize = 3_000;
const TASKS: u64 = 4;
/// Stock is this often the store's key, and besides it the number of the last write.
const OF_STORE: i64 = 1_000_000;
const STOCK: &str =
    "SELECT store_id, min(stock_level), max(stock_level) FROM retail.inventory GROUP BY store_id";

/// Who calls: two managers of each of four stores, and head office.
struct Identity {
    subject: String,
    /// None: all.
    store_id: Option<i32>,
    grant: StoreGrant,
    /// A token for each server.
    tokens: Vec<String>,
    /// What each list of tables is described as by a server that keeps nothing. Nobody writes to these tables.
    schemas: Vec<String>,
}

struct World {
    database: TestDatabase,
    servers: [TestServer; 2],
    identities: Vec<Identity>,
    requests: Vec<(&'static str, Value)>,
    /// How often each identity has asked for each request so far.
    asked: Mutex<HashMap<(usize, usize), usize>>,
    /// The last write that was committed.
    written: AtomicI64,
    made: AtomicUsize,
    kept: AtomicUsize,
}

const SCHEMAS: [&str; 2] = ["retail.orders", "retail.customers"];

fn requests() -> Vec<(&'static str, Value)> {
    let mut requests = vec![
        ("execute_sales_query", json!({ "postgresql_query": STOCK })),
        ("execute_sales_query", json!({ "postgresql_query": format!("{STOCK} ORDER BY 1") })),
        ("get_product_recommendations", json!({ "type": "trending", "days_back": 365 })),
    ];
    for text in ["hammer", "paint", "outdoor cable"] {
        requests.push(("semantic_search_products", json!({ "query_description": text })));
        requests.push(("hybrid_product_search", json!({ "query": text })));
    }
    for table in SCHEMAS {
        requests.push(("get_multiple_table_schemas", json!({ "table_names": [table] })));
    }
    requests
}

fn identities() -> Vec<Identity> {
    let of = |subject: String, store_id, grant| Identity {
        subject,
        store_id,
        grant,
        tokens: Vec::new(),
        schemas: Vec::new(),
    };
    let mut identities = vec![of("head-office".to_owned(), None, StoreGrant::AllStores)];
    for store in &stores()[..4] {
        for number in 0..2 {
            let subject = format!("manager-{number}-{}", store.id.0);
            identities.push(of(subject, Some(store.id.0), StoreGrant::Store(store.rls_user_id)));
        }
    }
    identities
}

impl World {
    /// One write, which all rows of the stock tell of.
    fn write(&self) {
        let number = self.written.load(Ordering::SeqCst) + 1;
        self.database.psql(&format!(
            "UPDATE retail.inventory SET stock_level = store_id * {OF_STORE} + {number}"
        ));
        self.written.store(number, Ordering::SeqCst);
    }

    async fn call(&self, random: &mut ChaCha8Rng) {
        let who = random.random_range(0..self.identities.len());
        let what = random.random_range(0..self.requests.len());
        let server = random.random_range(0..2);
        self.ask(who, what, server).await;
    }

    /// Asks, and looks at the answer. Gives the number of the write that it tells of, if it tells.
    async fn ask(&self, who: usize, what: usize, server: usize) -> Option<i64> {
        *self.asked.lock().unwrap().entry((who, what)).or_default() += 1;
        let identity = &self.identities[who];
        let (tool, arguments) = &self.requests[what];
        let call = Call::tool(tool, arguments).bearer(&identity.tokens[server]);
        let reply = self.servers[server].send(call).await;
        if *tool == "get_multiple_table_schemas" {
            let place = what + SCHEMAS.len() - self.requests.len();
            assert_eq!(reply.text(), identity.schemas[place], "{}", identity.subject);
            return None;
        }
        let receipt = &reply.answer()["receipt"];
        if receipt["cached"] == true {
            self.kept.fetch_add(1, Ordering::Relaxed);
            let asked = self.asked.lock().unwrap()[&(who, what)];
            assert!(asked > 1, "{} never asked for this: {tool} {arguments}", identity.subject);
        }
        identity.look_at(&reply)
    }
}

impl Identity {
    /// Every number in the answer is of the identity's own store. Gives the write that they tell of.
    fn look_at(&self, reply: &Reply) -> Option<i64> {
        let answer = reply.answer();
        let levels: Vec<i64> = match answer["products"].as_array() {
            Some(products) => {
                // Not every store has every product.
                let levels =
                    products.iter().map(|product| product["stock_level"].as_i64().unwrap());
                levels.filter(|level| *level > 0).collect()
            }
            None => reply
                .rows()
                .iter()
                .flat_map(|row| {
                    let [store, low, high] = [0, 1, 2].map(|place| row[place].as_i64().unwrap());
                    assert!(self.store_id.is_none_or(|own| i64::from(own) == store), "{row:?}");
                    [low, high]
                })
                .collect(),
        };
        let Some(own) = self.store_id else {
            // A product's stock is that of all stores, so each is more than any store's own.
            assert_eq!(answer["receipt"]["acting_store"], "all stores");
            return None;
        };
        for level in &levels {
            assert_eq!(level / OF_STORE, i64::from(own), "{}: {levels:?}", self.subject);
            assert_eq!(level, &levels[0], "of one moment: {levels:?}");
        }
        levels.first().map(|level| level % OF_STORE)
    }
}

/// A database whose catalogue has vectors, which may be written to.
async fn with_vectors() -> TestDatabase {
    let database = TestDatabase::seeded().await;
    let folder = scratch();
    let variables = local_model();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let finished = run_on(&database, folder.path(), &["embed"], &variables);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    database
}

async fn world(redis: &TestRedis) -> World {
    let database = with_vectors().await;
    let url = redis.url();
    let variables = [
        ("CACHE__MODE", "redis"),
        ("CACHE__REDIS_URL", url.as_str()),
        // Room for a part, so that much comes from Redis.
        ("CACHE__MAX_BYTES", "1048576"),
        ("LIMITS__PRINCIPAL_PER_SECOND", "0"),
        ("LIMITS__ADDRESS_PER_SECOND", "0"),
    ];
    let server = || keeping_with(&database, &variables, Some(embedder()));
    let servers = [server().await, server().await];
    let plain = TestServer::new(&database);
    let mut identities = identities();
    for identity in &mut identities {
        let token = |server: &TestServer| server.token_of(&identity.subject, identity.grant, false);
        identity.tokens = servers.iter().map(token).collect();
        let token = token(&plain);
        for table in SCHEMAS {
            let arguments = json!({ "table_names": [table] });
            let call = Call::tool("get_multiple_table_schemas", &arguments).bearer(&token);
            identity.schemas.push(plain.send(call).await.text().to_owned());
        }
    }
    assert_ne!(identities[1].schemas, identities[3].schemas, "they tell stores apart");
    World {
        database,
        servers,
        identities,
        requests: requests(),
        asked: Mutex::default(),
        written: AtomicI64::new(0),
        made: AtomicUsize::new(0),
        kept: AtomicUsize::new(0),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_answer_is_its_askers_own_and_ends_with_a_write() {
    let redis = TestRedis::start();
    let world = Arc::new(world(&redis).await);
    assert_eq!(world.identities.len(), 9);
    world.write();
    let mut tasks = Vec::new();
    for number in 0..TASKS {
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move {
            let mut random = ChaCha8Rng::seed_from_u64(number);
            while world.made.fetch_add(1, Ordering::Relaxed) < CALLS {
                world.call(&mut random).await;
            }
        }));
    }
    let writer = Arc::clone(&world);
    tasks.push(tokio::task::spawn_blocking(move || {
        let mut random = ChaCha8Rng::seed_from_u64(TASKS);
        let mut next = 0;
        while next < CALLS {
            // Between the calls, not by the time: so much is kept on a slow machine as on a fast one.
            if writer.made.load(Ordering::Relaxed) >= next {
                writer.write();
                next += random.random_range(50..500);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }));
    for task in tasks {
        task.await.unwrap();
    }
    world.write();
    let last = world.written.load(Ordering::SeqCst);
    // All who can tell hear of the last write, soon.
    for server in 0..2 {
        for who in 1..world.identities.len() {
            for what in 0..world.requests.len() {
                let started = Instant::now();
                while let Some(told) = world.ask(who, what, server).await {
                    if told == last {
                        break;
                    }
                    assert!(started.elapsed() < PATIENCE, "{told} of {last}: {what} for {who}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
    }
    let kept = world.kept.load(Ordering::Relaxed);
    println!(
        "{kept} of {} answers were kept ones, beside {last} writes",
        world.made.load(Ordering::Relaxed)
    );
    assert!(kept > CALLS / 10 && last > 3, "or nothing was shown: {kept} kept, {last} writes");
}
