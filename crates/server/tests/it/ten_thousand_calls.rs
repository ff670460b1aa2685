//! Ten thousand calls by nine identities that share connections, to the server and to the database, while
//! clients go away and the provider changes its keys.

use std::collections::HashMap;
use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use retail_domain::ports::{Clock as _, SystemClock};
use retail_testkit::{KeyKind, TestDatabase, TestIssuer, stores};
use serde_json::json;

use crate::support::{Call, PATIENCE, Reply, TestServer, access_to, run_on, scratch};

const CALLS: usize = 10_000;
const CONNECTIONS: u64 = 4;
/// From here on callers have tokens by new keys, while the old ones are good too.
const ROTATED_AT: usize = CALLS / 2;
/// From here on the provider knows the new keys alone.
const WITHDRAWN_AT: usize = CALLS * 3 / 4;
const RESOURCE: &str = "https://mcp.zava.example/mcp";

/// Who calls. None of the stores is head office.
struct Identity {
    subject: String,
    store_id: Option<i32>,
}

/// What the client saw of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    Answered,
    /// It went away without the answer.
    GivenUp,
    /// It went away in the middle of the request, so that there was no call.
    Unsent,
}

struct World {
    issuer: TestIssuer,
    address: SocketAddr,
    identities: Vec<Identity>,
    tokens: Mutex<Vec<String>>,
    next: AtomicUsize,
}

impl World {
    fn sign(issuer: &TestIssuer, identities: &[Identity]) -> Mutex<Vec<String>> {
        let tokens = identities.iter().enumerate().map(|(number, identity)| {
            let mut claims = issuer.claims(RESOURCE, SystemClock.now().timestamp());
            claims["sub"] = json!(identity.subject);
            issuer.sign(KeyKind::ALL[number % KeyKind::ALL.len()], &claims)
        });
        Mutex::new(tokens.collect())
    }

    /// New keys beside the old ones, and tokens by the new ones.
    fn rotate(&self) {
        let mut keys = self.issuer.rotate();
        keys.extend(KeyKind::ALL.map(|kind| self.issuer.key(kind)));
        self.issuer.publish(keys);
        let new = Self::sign(&self.issuer, &self.identities).into_inner().unwrap();
        *self.tokens.lock().unwrap_or_else(PoisonError::into_inner) = new;
    }

    fn withdraw(&self) {
        self.issuer.publish(KeyKind::ALL.map(|kind| self.issuer.key(kind)).to_vec());
    }

    /// Calls over one connection, opened anew after each that is given up, until all calls are made.
    fn call(&self, stream: u64) -> Vec<(usize, usize, Seen)> {
        let mut random = ChaCha8Rng::seed_from_u64(stream);
        let mut connection: Option<BufReader<TcpStream>> = None;
        let mut seen = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            match number {
                ROTATED_AT => self.rotate(),
                WITHDRAWN_AT => self.withdraw(),
                CALLS.. => return seen,
                _ => {}
            }
            let who = random.random_range(0..self.identities.len());
            let token = self.tokens.lock().unwrap_or_else(PoisonError::into_inner)[who].clone();
            let sql = match random.random_range(0..3) {
                0 => "SELECT DISTINCT store_id FROM retail.inventory".to_owned(),
                1 => {
                    "SELECT store_id FROM retail.orders ORDER BY order_id DESC LIMIT 20".to_owned()
                }
                _ => format!(
                    "SELECT i.store_id FROM retail.order_items i JOIN retail.orders USING (order_id)
                     WHERE i.order_id % 2 = {}",
                    random.random_range(0..2)
                ),
            };
            let request = Call::query(&sql)
                .bearer(&token)
                .header("x-request-id", &format!("call-{number}"))
                .to_bytes();
            let mut open = connection.take().unwrap_or_else(|| {
                let stream = TcpStream::connect(self.address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                BufReader::new(stream)
            });
            let what = match random.random_range(0..100) {
                0..2 => {
                    open.get_mut().write_all(&request[..request.len() - 9]).unwrap();
                    Seen::Unsent
                }
                2..15 => {
                    open.get_mut().write_all(&request).unwrap();
                    std::thread::sleep(Duration::from_micros(random.random_range(0..15_000)));
                    Seen::GivenUp
                }
                _ => {
                    open.get_mut().write_all(&request).unwrap();
                    let reply = Reply::read_from(&mut open);
                    assert_own_rows(&self.identities[who], &reply);
                    connection = Some(open);
                    Seen::Answered
                }
            };
            seen.push((number, who, what));
        }
    }
}

/// A manager got rows, all of them its store's; head office got several stores'.
#[track_caller]
fn assert_own_rows(identity: &Identity, reply: &Reply) {
    let rows = reply.rows();
    assert!(!rows.is_empty(), "{reply:?}");
    match identity.store_id {
        Some(own) => {
            assert!(rows.iter().all(|row| row[0] == own), "{}: {rows:?}", identity.subject);
        }
        None => assert!(rows.iter().any(|row| row[0] != rows[0][0]), "{rows:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_anothers_rows_and_each_call_is_recorded_once() {
    let database = TestDatabase::seeded().await;
    let issuer = TestIssuer::start().await;
    let mut identities: Vec<Identity> = stores()
        .iter()
        .map(|store| Identity {
            subject: format!("manager-{}", store.id.0),
            store_id: Some(store.id.0),
        })
        .collect();
    identities.push(Identity { subject: "head-office".to_owned(), store_id: None });
    assert_eq!(identities.len(), 9);
    let server = server(&database, &issuer, &identities);
    let world = World {
        address: server.listen().await,
        tokens: World::sign(&issuer, &identities),
        issuer,
        identities,
        next: AtomicUsize::new(0),
    };

    let seen: Vec<_> = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let world = &world;
            let callers: Vec<_> =
                (0..CONNECTIONS).map(|stream| scope.spawn(move || world.call(stream))).collect();
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
        })
    });
    assert_eq!(seen.len(), CALLS);
    assert_eq!(
        world.issuer.requests("/jwks"),
        2,
        "keys are fetched at first, and once more when they change"
    );
    // Calls that were given up may be going on.
    server.draining.cancel();
    drop(server.edge);
    server.audit.flush(PATIENCE).await.unwrap();

    let entries = assert_recorded(&database, &world, &seen);
    assert_chained(&database, entries);
}

fn server(database: &TestDatabase, issuer: &TestIssuer, identities: &[Identity]) -> TestServer {
    let mut variables = vec![
        ("AUTH__MODE".to_owned(), "oidc".to_owned()),
        ("AUTH__RESOURCE".to_owned(), RESOURCE.to_owned()),
        ("AUTH__ISSUERS__TEST__ISSUER".to_owned(), issuer.url().to_owned()),
        ("AUTH__ISSUERS__TEST__AUDIENCES".to_owned(), RESOURCE.to_owned()),
        ("AUTH__ISSUERS__TEST__ALGORITHMS".to_owned(), "RS256,ES256,EdDSA".to_owned()),
        // As many connections to the database as to the server, so that identities meet there too.
        ("DATABASE__POOL_MAX_CONNECTIONS".to_owned(), CONNECTIONS.to_string()),
        ("LIMITS__PRINCIPAL_PER_SECOND".to_owned(), "0".to_owned()),
        ("LIMITS__ADDRESS_PER_SECOND".to_owned(), "0".to_owned()),
    ];
    for identity in identities {
        let rule = format!("AUTH__RULES__{}", identity.subject.replace('-', "_").to_uppercase());
        variables.push((format!("{rule}__CLAIM"), "sub".to_owned()));
        variables.push((format!("{rule}__VALUE"), identity.subject.clone()));
        variables.push(match identity.store_id {
            Some(id) => (format!("{rule}__STORES"), id.to_string()),
            None => (format!("{rule}__ALL_STORES"), "true".to_owned()),
        });
    }
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    TestServer::with(access_to(database), &variables)
}

/// Compares what clients saw with the log, and says how many entries it has.
fn assert_recorded(database: &TestDatabase, world: &World, seen: &[(usize, usize, Seen)]) -> usize {
    let text = database.psql(
        "SELECT concat_ws(' ', request_id, subject, coalesce(store_id, 0), issuer, outcome)
         FROM retail_mcp.audit_log",
    );
    let mut entries: HashMap<&str, &str> = HashMap::new();
    for line in text.lines() {
        let (id, entry) = line.split_once(' ').unwrap();
        let earlier = entries.insert(id, entry);
        assert_eq!(earlier, None, "{id} is there twice");
    }
    let count_of = |range: Range<usize>, what: Seen| {
        seen.iter().filter(|(number, _, seen)| range.contains(number) && *seen == what).count()
    };
    let mut given_up_outcomes: HashMap<&str, usize> = HashMap::new();
    let recorded = entries.len();
    for (number, who, seen) in seen {
        let identity = &world.identities[*who];
        let entry = entries.remove(format!("call-{number}").as_str());
        let principal = format!(
            "{} {} {} ",
            identity.subject,
            identity.store_id.unwrap_or(0),
            world.issuer.url()
        );
        assert!(
            entry.is_none_or(|entry| entry.starts_with(&principal)),
            "call-{number}: {entry:?}"
        );
        let outcome = entry.and_then(|entry| entry.strip_prefix(&principal));
        match seen {
            Seen::Answered => assert_eq!(outcome, Some("ok"), "call-{number}"),
            Seen::Unsent => assert_eq!(outcome, None, "call-{number}"),
            Seen::GivenUp => {
                *given_up_outcomes.entry(outcome.unwrap_or("not begun")).or_default() += 1;
            }
        }
    }
    assert!(entries.is_empty(), "nobody made these calls: {entries:?}");
    println!(
        "{recorded} entries: {} calls answered before the keys changed, {} after; given up: {given_up_outcomes:?}; \
         {} requests broken off",
        count_of(0..ROTATED_AT, Seen::Answered),
        count_of(ROTATED_AT..CALLS, Seen::Answered),
        count_of(0..CALLS, Seen::Unsent),
    );
    assert!(given_up_outcomes.contains_key("cancelled"), "no client went away in time");
    recorded
}

/// The chain of hashes is whole, and is not without one of its entries.
fn assert_chained(database: &TestDatabase, entries: usize) {
    let scratch = scratch();
    let verify = || run_on(database, scratch.path(), &["audit", "verify"], &[]);
    let good = verify();
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.stdout.starts_with(&format!("good: {entries} entries")), "{}", good.stdout);
    database.psql(
        "ALTER TABLE retail_mcp.audit_log DISABLE TRIGGER ALL;
         DELETE FROM retail_mcp.audit_log WHERE seq = 5000",
    );
    let bad = verify();
    assert_eq!(bad.code, Some(1), "{bad:?}");
    assert!(bad.stdout.starts_with("not good: entry 5000 was removed"), "{}", bad.stdout);
}
