//! The ports answer as without the cache, and say how old the answer is.

mod fakes;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use retail_cache::{CachedEmbedder, CachedProductSearch, CachedQueryRunner, CachedSchemaCatalog};
use retail_domain::ports::{Embedder, MockEmbedder, ProductSearch, QueryRunner, SchemaCatalog};
use retail_domain::{
    Embedding, EmbeddingModel, Error, ErrorCode, Freshness, QueryLimits, RecommendationKind,
    RecommendationRequest, RetailTable, SqlText, TableGroup, TableGroups, VersionVector,
};
use retail_testkit::TestRedis;
use rstest::rstest;
use sha2::{Digest, Sha256};

use self::fakes::{
    Counting, found, hybrid_query, query_answer, recommended, schema, semantic_query,
};
use crate::support::{Count, INVENTORY, SALES, World, eventually, manager, nine};

fn sql(text: &str) -> SqlText {
    SqlText::new(text).unwrap()
}

/// Waits until everything that was read is in Redis.
async fn all_written(world: &World) {
    eventually("the writes end", || {
        let statistics = world.cache.statistics();
        statistics.kinds.values().all(|kind| kind.writes == kind.loads).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_answer_is_the_same_from_memory_and_from_redis() {
    let redis = TestRedis::start();
    let (first, caller) = (World::on(&redis), manager().await);
    let second = first.another(&redis);
    let limits = QueryLimits::default();
    for (world, is_cached) in [(&first, false), (&first, true), (&second, true), (&second, true)] {
        world.clock.forward(Duration::from_secs(1));
        let inner = Arc::new(Counting::default());
        let queries = CachedQueryRunner::new(Arc::clone(&inner) as _, world.cache.clone());
        let search = CachedProductSearch::new(Arc::clone(&inner) as _, world.cache.clone());
        let catalog = CachedSchemaCatalog::new(Arc::clone(&inner) as _, world.cache.clone());
        let embedder = CachedEmbedder::new(Arc::clone(&inner) as _, world.cache.clone());

        let answer = queries.run(&caller, &sql("SELECT retail.orders"), &limits).await.unwrap();
        assert_eq!(answer.freshness.cached, is_cached);
        let expected = query_answer("retail.orders");
        let (freshness, elapsed) = (answer.freshness, answer.elapsed);
        assert_eq!(answer, retail_domain::QueryAnswer { freshness, elapsed, ..expected });

        let answer = search.semantic(&caller, &semantic_query(3)).await.unwrap();
        assert_eq!((answer.freshness.cached, &answer.matches), (is_cached, &found(3).matches));
        let (freshness, elapsed) = (answer.freshness, answer.elapsed);
        assert_eq!(answer, retail_domain::ProductMatches { freshness, elapsed, ..found(3) });

        let answer = search.hybrid(&caller, &hybrid_query(2)).await.unwrap();
        assert_eq!((answer.freshness.cached, &answer.matches), (is_cached, &found(2).matches));

        for (kind, most) in [(trending(), 4), (similar(), 1)] {
            let request = RecommendationRequest { kind, max_results: most, in_stock: false };
            let answer = search.recommend(&caller, &request).await.unwrap();
            assert_eq!(answer.freshness.cached, is_cached);
            let (freshness, elapsed) = (answer.freshness, answer.elapsed);
            let expected = recommended(most);
            assert_eq!(answer, retail_domain::Recommendations { freshness, elapsed, ..expected });
        }

        let schemas = catalog.describe(&caller, &[RetailTable::Orders]).await.unwrap();
        assert_eq!(*schemas, [schema(RetailTable::Orders)]);

        let vectors = embedder.embed(&["pump".to_owned()]).await.unwrap();
        assert_eq!(vectors, [fakes::vector("pump")]);
        assert_eq!(inner.calls.get(), if is_cached { 0 } else { 7 });
        all_written(&first).await;
    }
}

fn trending() -> RecommendationKind {
    RecommendationKind::Trending { days_back: 30 }
}

fn similar() -> RecommendationKind {
    RecommendationKind::SimilarProducts {
        product: retail_domain::ProductRef::Id(7),
        min_similarity: 0.5,
    }
}

#[tokio::test]
async fn callers_pages_and_limits_are_answers_of_their_own() {
    let (world, inner) = (World::new(), Arc::new(Counting::default()));
    let queries = CachedQueryRunner::new(Arc::clone(&inner) as _, world.cache.clone());
    let [ann, bob, ..] = &nine().await[..] else { panic!("nine") };
    let orders = sql("SELECT retail.orders");
    let usual = QueryLimits::default();
    let fewer = QueryLimits { max_rows: 1, ..usual };
    let slower = QueryLimits { statement_timeout: Duration::from_secs(9), ..usual };
    let page = |page: &str| Some(page.to_owned());
    for _ in 0..2 {
        queries.run(ann, &orders, &usual).await.unwrap();
        queries.run(bob, &orders, &usual).await.unwrap();
        queries.run(ann, &orders, &fewer).await.unwrap();
        queries.run(ann, &orders, &slower).await.unwrap();
        queries.run(ann, &sql("SELECT retail.orders "), &usual).await.unwrap();
        queries.run_page(ann, &orders, page("2"), &usual).await.unwrap();
        queries.run_page(ann, &orders, page("3"), &usual).await.unwrap();
    }
    assert_eq!(inner.calls.get(), 6, "a space at the end makes no other statement");
}

#[rstest]
#[case::time("now()", 2)]
#[case::sales("retail.orders", 1)]
#[tokio::test]
async fn what_reads_no_table_is_run_each_time(#[case] read: &str, #[case] calls: u64) {
    let (world, inner) = (World::new(), Arc::new(Counting::default()));
    let queries = CachedQueryRunner::new(Arc::clone(&inner) as _, world.cache.clone());
    for _ in 0..2 {
        let statement = sql(&format!("SELECT {read}"));
        queries.run(&manager().await, &statement, &QueryLimits::default()).await.unwrap();
    }
    assert_eq!(inner.calls.get(), calls);
}

const CATALOGUE: TableGroups = TableGroups::NONE.with(TableGroup::Catalogue);
const CUSTOMERS: TableGroups = TableGroups::NONE.with(TableGroup::Customers);
const STORES: TableGroups = TableGroups::NONE.with(TableGroup::Stores);

#[rstest]
#[case("retail.inventory", INVENTORY, true)]
#[case("retail.inventory", STORES, true)]
#[case("retail.inventory", SALES, false)]
// A customer is seen where they have ordered.
#[case("retail.customers", SALES, true)]
#[case("retail.customers", CUSTOMERS, true)]
#[case("retail.customers", CATALOGUE, false)]
#[case("retail.products", INVENTORY, false)]
#[case("other.weather", CATALOGUE, true)]
#[tokio::test]
async fn a_query_is_over_when_a_table_behind_it_changes(
    #[case] table: &str,
    #[case] written: TableGroups,
    #[case] is_over: bool,
) {
    let (world, inner) = (World::new(), Arc::new(Counting::default()));
    let queries = CachedQueryRunner::new(Arc::clone(&inner) as _, world.cache.clone());
    let (caller, statement) = (manager().await, sql(&format!("SELECT {table}")));
    let limits = QueryLimits::default();
    queries.run(&caller, &statement, &limits).await.unwrap();
    world.versions.bump(written);
    let answer = queries.run(&caller, &statement, &limits).await.unwrap();
    assert_eq!((answer.freshness.cached, answer.freshness.stale), (true, is_over));
    // Past the minute for which a stale answer is given.
    world.clock.forward(Duration::from_mins(2));
    if !is_over {
        assert!(queries.run(&caller, &statement, &limits).await.unwrap().freshness.cached);
    }
}

#[rstest]
#[case::search_and_stock(INVENTORY, true, false, false)]
#[case::search_and_sales(SALES, false, false, true)]
#[tokio::test]
async fn searches_are_never_stale_and_recommendations_may_be(
    #[case] written: TableGroups,
    #[case] search_is_read_anew: bool,
    #[case] similar_is_fresh_after_sales: bool,
    #[case] is_sales: bool,
) {
    let (world, inner) = (World::new(), Arc::new(Counting::default()));
    let search = CachedProductSearch::new(Arc::clone(&inner) as _, world.cache.clone());
    let caller = manager().await;
    let ask = async |kind| {
        let request = RecommendationRequest { kind, max_results: 1, in_stock: false };
        search.recommend(&caller, &request).await.unwrap().freshness
    };
    search.semantic(&caller, &semantic_query(1)).await.unwrap();
    ask(trending()).await;
    ask(similar()).await;
    world.versions.bump(written);
    let found = search.semantic(&caller, &semantic_query(1)).await.unwrap().freshness;
    assert_eq!((found.cached, found.stale), (!search_is_read_anew, false));
    let age = Duration::ZERO;
    assert_eq!(ask(trending()).await, Freshness::kept(age, true));
    let stale = !is_sales || similar_is_fresh_after_sales;
    assert_eq!(ask(similar()).await, Freshness::kept(age, stale));
}

#[tokio::test]
async fn what_an_embedder_makes_is_for_everyone_and_by_model() {
    let world = World::new();
    let calls = Count::default();
    let embedder = |name: &str| {
        let model = Arc::new(EmbeddingModel { name: name.to_owned(), dimensions: 2 });
        let mut inner = MockEmbedder::new();
        inner.expect_model().return_const(Arc::clone(&model));
        let calls = calls.clone();
        inner.expect_embed().returning(move |texts| {
            calls.up();
            texts
                .iter()
                .map(|text| {
                    Embedding::new(
                        Arc::clone(&model),
                        vec![1.0, f32::from(u8::try_from(text.len()).unwrap())],
                    )
                })
                .collect()
        });
        CachedEmbedder::new(Arc::new(inner), world.cache.clone())
    };
    let (one, other) = (embedder("one"), embedder("other"));
    let texts = ["pump", "saw", "pump"].map(ToOwned::to_owned);
    let vectors = one.embed(&texts).await.unwrap();
    assert_eq!((calls.get(), vectors.len()), (1, 3), "several texts are one call");
    assert_eq!(vectors[0], vectors[2]);
    assert_ne!(vectors[0], vectors[1]);
    assert_eq!(one.embed(&texts[1..2]).await.unwrap()[0], vectors[1]);
    world.versions.bump(TableGroups::ALL);
    world.versions.set(None);
    one.embed(&texts[..1]).await.unwrap();
    assert_eq!(calls.get(), 1, "no table changes it");
    assert_eq!(other.embed(&texts[..1]).await.unwrap()[0].model().name, "other");
    assert_eq!(calls.get(), 2);
    let many = vec!["text".to_owned(); 17];
    one.embed(&many).await.unwrap();
    one.embed(&many).await.unwrap();
    assert_eq!(calls.get(), 4, "a catalogue goes past the cache");
    assert!(one.embed(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_embedder_that_answers_too_little_is_an_error() {
    let world = World::new();
    let mut inner = MockEmbedder::new();
    let model = Arc::new(EmbeddingModel { name: "m".to_owned(), dimensions: 2 });
    inner.expect_model().return_const(model);
    inner.expect_embed().returning(|_| Ok(Vec::new()));
    let embedder = CachedEmbedder::new(Arc::new(inner), world.cache.clone());
    let error = embedder.embed(&["a".to_owned()]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
}

#[tokio::test]
async fn an_error_keeps_its_statement_for_the_audit_log() {
    let (world, caller) = (World::new(), manager().await);
    let queries = CachedQueryRunner::new(Arc::new(Counting::default()), world.cache.clone());
    let (broken, limits) = (sql("SELECT broken"), QueryLimits::default());
    let calls = (0..3).map(|_| queries.run(&caller, &broken, &limits));
    for answer in join_all(calls).await {
        let error: Error = answer.unwrap_err();
        assert_eq!(error.code(), ErrorCode::QueryFailed);
        assert_eq!(error.statement().unwrap().fingerprint, "broken");
    }
}

/// Servers of two releases share Redis. When this fails because of a kind, raise its `format`; when it fails for all,
/// raise the format of keys or of envelopes.
#[tokio::test]
async fn the_written_forms_are_those_of_their_format() {
    let redis = TestRedis::start();
    let (world, caller) = (World::on(&redis), manager().await);
    world.versions.set(Some(VersionVector::first(uuid::Uuid::from_u128(1))));
    let inner = Arc::new(Counting::default());
    let queries = CachedQueryRunner::new(Arc::clone(&inner) as _, world.cache.clone());
    let search = CachedProductSearch::new(Arc::clone(&inner) as _, world.cache.clone());
    let catalog = CachedSchemaCatalog::new(Arc::clone(&inner) as _, world.cache.clone());
    let embedder = CachedEmbedder::new(Arc::clone(&inner) as _, world.cache.clone());
    queries.run(&caller, &sql("SELECT retail.orders"), &QueryLimits::default()).await.unwrap();
    search.semantic(&caller, &semantic_query(3)).await.unwrap();
    search.hybrid(&caller, &hybrid_query(2)).await.unwrap();
    let request = RecommendationRequest { kind: trending(), max_results: 4, in_stock: false };
    search.recommend(&caller, &request).await.unwrap();
    catalog.describe(&caller, &[RetailTable::Orders]).await.unwrap();
    embedder.embed(&["pump".to_owned()]).await.unwrap();
    all_written(&world).await;
    let mut names = redis.names();
    names.sort();
    let forms: Vec<String> = names
        .iter()
        .map(|name| {
            let digest = hex::encode(Sha256::digest(redis.value(name)));
            let (kind, key) = name.rsplit_once(':').unwrap();
            format!("{kind} {} {}", &key[..8], &digest[..8])
        })
        .collect();
    assert_eq!(
        forms,
        [
            "retail-mcp:embedding 5931c33f 71c2c3b0",
            "retail-mcp:hybrid_search f3526871 f226e5fd",
            "retail-mcp:query e45150c0 ea1b0f27",
            "retail-mcp:recommendations f0deb121 c6a65d5f",
            "retail-mcp:schemas 1f336e96 bc5a6bf2",
            "retail-mcp:semantic_search 121fc655 9d8b0388",
        ]
    );
}
