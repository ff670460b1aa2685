//! Two servers on one Redis, callers who differ in one thing each, and writes in between: nobody is ever given what
//! another read, or what is older than it may be.

mod truth;

use std::sync::{Arc, Mutex};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use retail_cache::{
    AnswerCache, CacheSettings, CachedEmbedder, CachedProductSearch, CachedQueryRunner,
    CachedSchemaCatalog,
};
use retail_domain::ports::{
    DataVersions, Embedder, InMemoryVersions, ProductSearch, QueryRunner, SchemaCatalog,
};
use retail_domain::{Freshness, Principal, QueryLimits, SqlText, TableGroups, VersionVector};
use retail_testkit::TestRedis;

use self::truth::{Truth, Witness};
use crate::support::{nine, settings, space, tier};

/// Lookups in all; 1 million in the long mode.
const LOOKUPS: &str = "RETAIL_CACHE_LOOKUPS";
const USUAL_LOOKUPS: u64 = 50_000;
const TASKS: u64 = 8;
const REQUESTS: u64 = 12;
const KINDS: u64 = 6;

struct Server {
    versions: Arc<InMemoryVersions>,
    /// Held while it hears of the versions, so that they never go back.
    hearing: Mutex<()>,
    cache: AnswerCache,
    queries: CachedQueryRunner,
    search: CachedProductSearch,
    catalog: CachedSchemaCatalog,
    embedder: CachedEmbedder,
}

impl Server {
    fn new(redis: &TestRedis, truth: &Arc<Truth>) -> Self {
        let versions = Arc::new(InMemoryVersions::starting_at(truth.versions()));
        // Room for a part of what is asked for, so that much comes from Redis.
        let settings = CacheSettings { max_bytes: 400_000, ..settings() };
        let cache = AnswerCache::builder(space(), Arc::clone(&versions) as _)
            .settings(settings)
            .shared_tier(tier(redis))
            .build();
        Self {
            versions,
            hearing: Mutex::new(()),
            queries: CachedQueryRunner::new(Arc::clone(truth) as _, cache.clone()),
            search: CachedProductSearch::new(Arc::clone(truth) as _, cache.clone()),
            catalog: CachedSchemaCatalog::new(Arc::clone(truth) as _, cache.clone()),
            embedder: CachedEmbedder::new(Arc::clone(truth) as _, cache.clone()),
            cache,
        }
    }

    fn hears_of_writes(&self, truth: &Truth) {
        let _hearing = self.hearing.lock().unwrap();
        self.versions.set(Some(truth.versions()));
    }

    /// Asks for something, and what the answer says of who read it, what and when.
    async fn ask(&self, kind: u64, request: u64, caller: &Principal) -> (Witness, Freshness) {
        match kind {
            0 => {
                let sql = SqlText::new(&truth::statement(request)).unwrap();
                let limits = QueryLimits::default();
                let answer = self.queries.run(caller, &sql, &limits).await.unwrap();
                let witness = answer.next_cursor.as_deref().unwrap();
                (Witness::read(witness), answer.freshness)
            }
            1 => {
                let query = truth::semantic_query(request);
                let found = self.search.semantic(caller, &query).await.unwrap();
                (Witness::read(&found.matches[0].product.sku), found.freshness)
            }
            2 => {
                let query = truth::hybrid_query(request);
                let found = self.search.hybrid(caller, &query).await.unwrap();
                (Witness::read(&found.matches[0].product.sku), found.freshness)
            }
            3 => {
                let asked = truth::recommendation(request);
                let found = self.search.recommend(caller, &asked).await.unwrap();
                (Witness::read(found.about_product.as_deref().unwrap()), found.freshness)
            }
            4 => {
                let tables = truth::tables(request);
                let schemas = self.catalog.describe(caller, &tables).await.unwrap();
                (Witness::read(&schemas[0].purpose), Freshness::default())
            }
            _ => {
                let text = format!("text {request}");
                let vectors = self.embedder.embed(std::slice::from_ref(&text)).await.unwrap();
                assert_eq!(vectors, [truth::vector(&text)]);
                (Witness::of_everyone(request), Freshness::default())
            }
        }
    }
}

/// What an answer of a kind must at least be as new as.
fn behind(kind: u64, request: u64) -> TableGroups {
    match kind {
        0 => TableGroups::behind(truth::table(request)),
        1 | 2 => TableGroups::behind_all(["products", "inventory"]),
        3 => TableGroups::behind_all(["products", "inventory", "orders"]),
        4 => TableGroups::behind_all(
            truth::tables(request).iter().map(|table| table.qualified_name()),
        ),
        _ => TableGroups::NONE,
    }
}

struct Choices(ChaCha8Rng);

impl Choices {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }
}

async fn look_up(
    number: u64,
    lookups: u64,
    truth: Arc<Truth>,
    servers: Arc<[Server; 2]>,
    callers: Arc<[Principal]>,
) {
    let mut choices = Choices(ChaCha8Rng::seed_from_u64(number));
    for _ in 0..lookups {
        let server = &servers[usize::try_from(choices.below(2)).unwrap()];
        match choices.below(100) {
            // A write, of which each server hears soon.
            0 => truth.write(choices.below(32)),
            1..=4 => server.hears_of_writes(&truth),
            5 => server.versions.set(None),
            _ => {}
        }
        let caller = usize::try_from(choices.below(9)).unwrap();
        // Some are asked for more than others.
        let request = choices.below(REQUESTS).min(choices.below(REQUESTS));
        let kind = choices.below(KINDS);
        let known: Option<VersionVector> = server.versions.current();
        let (witness, freshness) = server.ask(kind, request, &callers[caller]).await;
        let what = format!("kind {kind}, request {request}, caller {caller}: {witness:?}");
        assert_eq!(witness.request, request, "{what}");
        if let Some(read_by) = witness.caller {
            assert_eq!(read_by, caller, "another's answer! {what}");
        }
        if let (Some(known), Some(read)) = (known, witness.versions)
            && !freshness.stale
        {
            assert!(read.covers(&known, behind(kind, request)), "too old: {known:?} {what}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_given_anothers_answer_or_one_that_is_too_old() {
    let redis = TestRedis::start();
    let callers: Arc<[Principal]> = nine().await.into();
    let truth = Arc::new(Truth::new(Arc::clone(&callers)));
    let servers = Arc::new([Server::new(&redis, &truth), Server::new(&redis, &truth)]);
    let lookups = std::env::var(LOOKUPS).map_or(USUAL_LOOKUPS, |number| number.parse().unwrap());
    let tasks: Vec<_> = (0..TASKS)
        .map(|number| {
            let (truth, servers, callers) =
                (Arc::clone(&truth), Arc::clone(&servers), Arc::clone(&callers));
            tokio::spawn(look_up(number, lookups / TASKS, truth, servers, callers))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for server in servers.iter() {
        let statistics = server.cache.statistics();
        let total = |count: fn(&retail_cache::KindStatistics) -> u64| {
            statistics.kinds.values().map(count).sum::<u64>()
        };
        println!(
            "{} from memory, {} from Redis, {} stale, {} read, {} rejected, {} outdated",
            total(|kind| kind.local_hits),
            total(|kind| kind.shared_hits),
            total(|kind| kind.stale_hits),
            total(|kind| kind.loads),
            total(|kind| kind.rejected_poisoned + kind.rejected_truncated + kind.rejected_format),
            total(|kind| kind.shared_outdated),
        );
        // Or nothing was shown.
        assert_eq!(statistics.kinds.len() as u64, KINDS);
        assert!(total(|kind| kind.local_hits) > lookups / 20);
        assert!(total(|kind| kind.shared_hits) > lookups / 100);
        assert!(total(|kind| kind.stale_hits) > 0);
        assert!(total(|kind| kind.shared_outdated) > 0);
        assert_eq!(total(|kind| kind.rejected_poisoned), 0);
    }
    assert!(truth.versions().versions.iter().all(|version| *version > 10), "all was written to");
}
