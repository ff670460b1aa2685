//! Models, their vectors, and switching between them.

use std::sync::Arc;

use retail_domain::{Embedding, EmbeddingModel};
use retail_sql_guard::{Guard, GuardPolicy};
use retail_storage::{Admin, LoadRecord, ProductText, RETAIL_GUARD_POLICY, StorageError};
use retail_testkit::TestDatabase;
use rstest::rstest;

use crate::isolation::connect;

pub(crate) fn model(name: &str, dimensions: u32) -> EmbeddingModel {
    EmbeddingModel { name: name.to_owned(), dimensions }
}

/// A vector that depends on the text alone, and points anywhere.
pub(crate) fn embed(model: &EmbeddingModel, text: &str) -> Embedding {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let values = (0..model.dimensions).map(|_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        #[expect(clippy::cast_precision_loss, reason = "any number will do")]
        let value = (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5;
        value
    });
    Embedding::new(Arc::new(model.clone()), values.collect()).unwrap()
}

/// Fills what is missing, as `retail-mcp embed` does. Gives how many were put.
pub(crate) async fn fill(admin: &mut Admin, model: &EmbeddingModel, all: bool) -> usize {
    let model_id = admin.register_embedding_model(model).await.unwrap();
    let (mut after, mut put) = (0, 0);
    loop {
        let texts = admin.next_missing_texts(model_id, after, 100, all).await.unwrap();
        let Some(last) = texts.last() else { return put };
        after = last.product_id;
        put += texts.len();
        let batch: Vec<_> = texts
            .into_iter()
            .map(|text| {
                let embedding = embed(model, &text.text);
                (text, embedding)
            })
            .collect();
        admin.put_embeddings(model_id, &batch).await.unwrap();
    }
}

/// A database whose products have vectors of a model that is ready and active.
pub(crate) async fn embedded(model: &EmbeddingModel) -> (TestDatabase, Admin, i16) {
    let database = TestDatabase::seeded().await;
    let mut admin = database.admin().await;
    fill(&mut admin, model, false).await;
    let model_id = admin.register_embedding_model(model).await.unwrap();
    admin.finish_embedding_model(model_id, true).await.unwrap();
    (database, admin, model_id)
}

fn count(database: &TestDatabase, sql: &str) -> usize {
    database.psql(sql).trim().parse().unwrap()
}

#[tokio::test]
async fn a_fill_goes_on_where_it_stopped() {
    let database = TestDatabase::seeded().await;
    let products = count(&database, "SELECT count(*) FROM retail.products");
    let model = model("one", 8);
    let mut admin = database.admin().await;
    let model_id = admin.register_embedding_model(&model).await.unwrap();
    assert_eq!(admin.register_embedding_model(&model).await.unwrap(), model_id, "known already");
    let texts = admin.next_missing_texts(model_id, 0, 100, false).await.unwrap();
    assert_eq!(texts.len(), 100);
    let batch: Vec<_> =
        texts.iter().map(|text| (text.clone(), embed(&model, &text.text))).collect();
    admin.put_embeddings(model_id, &batch).await.unwrap();
    admin.close().await;

    let mut admin = database.admin().await;
    let left = admin.count_missing_embeddings(model_id, false).await.unwrap();
    assert_eq!(left, products as u64 - 100);
    assert_eq!(fill(&mut admin, &model, false).await, products - 100);
    assert_eq!(admin.count_missing_embeddings(model_id, false).await.unwrap(), 0);
    let records = admin.embedding_models().await.unwrap();
    assert_eq!((records[0].products, records[0].stale), (products as u64, 0));
    assert!(!records[0].is_ready);
    admin.finish_embedding_model(model_id, true).await.unwrap();
    let records = admin.embedding_models().await.unwrap();
    assert!(records[0].is_ready && records[0].is_active);
    // What was put is what is kept.
    let kept = database.psql(&format!(
        "SELECT embedding FROM retail_mcp.product_embeddings WHERE product_id = {}",
        texts[99].product_id
    ));
    let kept: Vec<f32> = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept, batch[99].1.values());
}

#[tokio::test]
async fn a_vector_is_stale_when_its_text_changes() {
    let model = model("one", 8);
    let (database, mut admin, model_id) = embedded(&model).await;
    database
        .psql("UPDATE retail.products SET base_price = 1, sku = sku || 'X' WHERE product_id < 9");
    assert_eq!(admin.count_missing_embeddings(model_id, false).await.unwrap(), 0);
    database.psql("UPDATE retail.products SET product_description = 'New.' WHERE product_id = 7");
    assert_eq!(admin.count_missing_embeddings(model_id, false).await.unwrap(), 1);
    assert_eq!(admin.embedding_models().await.unwrap()[0].stale, 1);
    // A new product has no vector at all.
    database.psql(
        "INSERT INTO retail.products (product_id, sku, product_name, category_id, type_id, cost,
             base_price, product_description)
         SELECT 900001, 'NEW1', 'Novel thing', category_id, type_id, 1, 2, 'It is new'
         FROM retail.product_types LIMIT 1",
    );
    let record = admin.embedding_models().await.unwrap().remove(0);
    assert_eq!((record.missing, record.stale), (1, 1));
    database.psql("DELETE FROM retail.products WHERE product_id = 900001");
    let texts = admin.next_missing_texts(model_id, 0, 100, false).await.unwrap();
    assert_eq!(texts.iter().map(|text| text.product_id).collect::<Vec<_>>(), [7]);
    assert!(texts[0].text.ends_with(". New."), "{texts:?}");
    assert_eq!(fill(&mut admin, &model, false).await, 1);
    assert_eq!(admin.embedding_models().await.unwrap()[0].stale, 0);
    // A change that no trigger saw, as logical replication makes them.
    database.psql(
        "SET session_replication_role = replica;
         UPDATE retail.products SET product_name = 'Unseen' WHERE product_id = 8",
    );
    assert_eq!(fill(&mut admin, &model, false).await, 1);
}

#[tokio::test]
async fn a_forced_fill_is_of_every_product() {
    let model = model("one", 8);
    let (database, mut admin, model_id) = embedded(&model).await;
    let products = count(&database, "SELECT count(*) FROM retail.products");
    assert_eq!(admin.count_missing_embeddings(model_id, false).await.unwrap(), 0);
    assert_eq!(admin.count_missing_embeddings(model_id, true).await.unwrap(), products as u64);
    assert_eq!(fill(&mut admin, &model, true).await, products);
}

#[tokio::test]
async fn a_vector_of_another_model_is_refused() {
    let database = TestDatabase::seeded().await;
    let mut admin = database.admin().await;
    let one = model("one", 8);
    let model_id = admin.register_embedding_model(&one).await.unwrap();
    let texts = admin.next_missing_texts(model_id, 0, 2, false).await.unwrap();
    for other in [model("two", 8), model("one", 9)] {
        let batch =
            [(texts[0].clone(), embed(&one, "right")), (texts[1].clone(), embed(&other, "wrong"))];
        let error = admin.put_embeddings(model_id, &batch).await.unwrap_err();
        assert!(matches!(error, StorageError::OtherEmbeddingModel { .. }), "{error}");
    }
    assert_eq!(count(&database, "SELECT count(*) FROM retail_mcp.product_embeddings"), 0);
    let batch = [(texts[0].clone(), embed(&one, "right"))];
    let error = admin.put_embeddings(model_id + 1, &batch).await.unwrap_err();
    assert!(matches!(error, StorageError::UnknownEmbeddingModel { .. }), "{error}");
}

/// A product that was deleted while its text was embedded is no reason to lose the others.
#[tokio::test]
async fn a_product_that_is_gone_is_left_out() {
    let database = TestDatabase::seeded().await;
    let mut admin = database.admin().await;
    let one = model("one", 8);
    let model_id = admin.register_embedding_model(&one).await.unwrap();
    let mut texts = admin.next_missing_texts(model_id, 0, 1, false).await.unwrap();
    texts.push(ProductText { product_id: 987_654, text: "gone".to_owned(), text_hash: vec![1] });
    let batch: Vec<_> =
        texts.into_iter().map(|text| (text.clone(), embed(&one, &text.text))).collect();
    admin.put_embeddings(model_id, &batch).await.unwrap();
    assert_eq!(count(&database, "SELECT count(*) FROM retail_mcp.product_embeddings"), 1);
}

#[tokio::test]
async fn a_model_with_gaps_is_not_made_ready_and_the_former_stays() {
    let one = model("one", 8);
    let (database, mut admin, _) = embedded(&one).await;
    let two = model("two", 16);
    let two_id = admin.register_embedding_model(&two).await.unwrap();
    let refused = async |admin: &mut Admin, expected: u64| {
        match admin.finish_embedding_model(two_id, true).await.unwrap_err() {
            StorageError::EmbeddingsMissing { missing, .. } => assert_eq!(missing, expected),
            error => panic!("{error}"),
        }
        let records = admin.embedding_models().await.unwrap();
        assert_eq!(
            records.iter().map(|r| (r.is_ready, r.is_active)).collect::<Vec<_>>(),
            [(true, true), (false, false)]
        );
    };
    let products = count(&database, "SELECT count(*) FROM retail.products");
    refused(&mut admin, products as u64).await;
    fill(&mut admin, &two, false).await;
    database.psql("UPDATE retail.products SET product_name = 'Stale' WHERE product_id = 3");
    refused(&mut admin, 1).await;
    fill(&mut admin, &two, false).await;
    admin.finish_embedding_model(two_id, false).await.unwrap();
    let records = admin.embedding_models().await.unwrap();
    assert!(records[0].is_active && records[1].is_ready && !records[1].is_active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_sees_one_model_or_the_other_while_they_are_switched() {
    let one = model("one", 8);
    let (database, mut admin, one_id) = embedded(&one).await;
    let two = model("two", 8);
    fill(&mut admin, &two, false).await;
    let two_id = admin.register_embedding_model(&two).await.unwrap();
    let client = connect(&database, &database.query_logins().stores).await;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switched = Arc::clone(&done);
    let reader = tokio::spawn(async move {
        let mut seen = std::collections::BTreeSet::new();
        while !switched.load(std::sync::atomic::Ordering::Relaxed) {
            let sql =
                "SELECT model_id FROM retail_mcp.embedding_models WHERE is_active AND is_ready";
            let rows = client.query(sql, &[]).await.unwrap();
            assert_eq!(rows.len(), 1, "a reader sees {} active models", rows.len());
            seen.insert(rows[0].get::<_, i16>(0));
        }
        seen
    });
    for _ in 0..10 {
        admin.finish_embedding_model(two_id, true).await.unwrap();
        admin.finish_embedding_model(one_id, true).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(reader.await.unwrap().into_iter().collect::<Vec<_>>(), [one_id, two_id]);
}

/// Two runs of `retail-mcp embed` that end at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_may_be_finished_twice_at_once() {
    let one = model("one", 64);
    let database = TestDatabase::seeded().await;
    let mut admins = [database.admin().await, database.admin().await];
    fill(&mut admins[0], &one, false).await;
    let model_id = admins[0].register_embedding_model(&one).await.unwrap();
    let [mut first, mut second] = admins;
    for round in 0..5 {
        database
            .psql(&format!("DROP INDEX IF EXISTS retail_mcp.product_embeddings_{model_id}_hnsw"));
        let (first, second) = tokio::join!(
            first.finish_embedding_model(model_id, true),
            second.finish_embedding_model(model_id, true)
        );
        assert!(first.is_ok() && second.is_ok(), "round {round}: {first:?} {second:?}");
    }
    // The lock is given back.
    let locks = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    assert_eq!(count(&database, locks), 0);
}

/// Whoever counts the words and whoever brings new ones do not get in each other's way.
#[tokio::test]
async fn words_are_counted_while_products_come() {
    let database = TestDatabase::seeded().await;
    let writer = connect(&database, &database.superuser()).await;
    writer
        .batch_execute(
            "BEGIN; UPDATE retail.products SET product_name = 'Zorbific' WHERE product_id = 7",
        )
        .await
        .unwrap();
    let counter = connect(&database, &database.superuser()).await;
    let counting = counter.batch_execute("SELECT retail_mcp.refresh_search_words()");
    let writing = async {
        // Until the one who counts waits.
        let waits = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                     WHERE NOT l.granted AND d.datname = current_database()";
        for _ in 0..1000 {
            if writer.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        writer.batch_execute("COMMIT").await
    };
    let (refreshed, written) = tokio::join!(counting, writing);
    refreshed.unwrap();
    written.unwrap();
    let words = "SELECT products FROM retail_mcp.search_words WHERE word = 'zorbific'";
    assert_eq!(count(&database, words), 1);
}

/// What a query role finds is what the vectors say, by the index where pgvector has one.
#[rstest]
#[case(384, "USING hnsw (((embedding)::vector(384)) vector_cosine_ops)")]
#[case(3072, "USING hnsw (((embedding)::halfvec(3072)) halfvec_cosine_ops)")]
#[case(5000, "")]
#[tokio::test]
async fn each_size_of_vector_is_searched(#[case] dimensions: u32, #[case] index: &str) {
    let one = model("one", dimensions);
    let (database, mut admin, model_id) = embedded(&one).await;
    let two_id = admin.register_embedding_model(&model("two", 8)).await.unwrap();
    fill(&mut admin, &model("two", 8), false).await;
    admin.finish_embedding_model(two_id, false).await.unwrap();
    let definition = database.psql(&format!(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'product_embeddings_{model_id}_hnsw'"
    ));
    assert!(definition.contains(index) && definition.trim().is_empty() == index.is_empty());

    let asked = embed(&one, "what is asked");
    let mut expected = Vec::new();
    let ids = database.psql("SELECT product_id FROM retail.products");
    let texts = admin.next_missing_texts(model_id, 0, 1000, true).await.unwrap();
    assert_eq!(texts.len(), ids.lines().count());
    for text in texts {
        let cosine = asked.cosine(&embed(&one, &text.text)).unwrap();
        expected.push((text.product_id, 1.0 - f64::from(cosine)));
    }
    expected.sort_by(|a, b| a.1.total_cmp(&b.1));

    let client = connect(&database, &database.query_logins().stores).await;
    client
        .batch_execute(
            "BEGIN READ ONLY; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
             SET LOCAL enable_sort = off;
             SET LOCAL hnsw.ef_search = 200; SET LOCAL hnsw.iterative_scan = strict_order",
        )
        .await
        .unwrap();
    let sql = format!(
        "SELECT e.product_id, retail_mcp.distance_{model_id}(e.embedding, $1)
         FROM retail_mcp.product_embeddings e WHERE e.model_id = {model_id}
         ORDER BY retail_mcp.distance_{model_id}(e.embedding, $1) LIMIT 10"
    );
    let plan = client.query(&format!("EXPLAIN {sql}"), &[&asked.values()]).await;
    let plan: String = plan.unwrap().iter().map(|row| row.get::<_, String>(0) + "\n").collect();
    let uses_index = plan.contains(&format!("Index Scan using product_embeddings_{model_id}_hnsw"));
    assert_eq!(uses_index, !index.is_empty(), "{plan}");
    let rows = client.query(&sql, &[&asked.values()]).await.unwrap();
    let found: Vec<(i32, f64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found.1 - expected.1).abs() < 1e-3, "{found:?} {expected:?}");
    }
    assert_eq!(found[0].0, expected[0].0);
    // Between two kept vectors, the nearest to a product is itself.
    let sql = format!(
        "SELECT e.product_id FROM retail_mcp.product_embeddings e WHERE e.model_id = {model_id}
         ORDER BY retail_mcp.distance_between_{model_id}(e.embedding,
             (SELECT o.embedding FROM retail_mcp.product_embeddings o
              WHERE o.model_id = {model_id} AND o.product_id = 5)) LIMIT 1"
    );
    let rows = client.query(&sql, &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, i32>(0), 5);
}

#[tokio::test]
async fn a_dropped_model_leaves_nothing() {
    let one = model("one", 8);
    let (database, mut admin, model_id) = embedded(&one).await;
    admin.drop_embedding_model(model_id).await.unwrap();
    let left = database.psql(
        "SELECT count(*) FROM retail_mcp.product_embeddings
         UNION ALL SELECT count(*) FROM retail_mcp.embedding_models
         UNION ALL SELECT count(*) FROM pg_proc WHERE proname ~ '^distance_'
         UNION ALL SELECT count(*) FROM pg_class WHERE relname ~ '_hnsw$'",
    );
    assert_eq!(left.lines().collect::<Vec<_>>(), ["0"; 4]);
    let error = admin.drop_embedding_model(model_id).await.unwrap_err();
    assert!(matches!(error, StorageError::UnknownEmbeddingModel { .. }), "{error}");
}

/// Other products have no vectors, so nothing may say that they have.
#[tokio::test]
async fn a_load_makes_no_model_ready() {
    let one = model("one", 8);
    let (database, mut admin, _) = embedded(&one).await;
    let record = LoadRecord { seed: 1, scale: "tiny".to_owned(), until: retail_testkit::until() };
    admin.load(std::iter::empty(), &record, true, &mut |_, _| {}).await.unwrap();
    let records = admin.embedding_models().await.unwrap();
    assert!(!records[0].is_ready && !records[0].is_active && records[0].products == 0);
    assert_eq!(count(&database, "SELECT count(*) FROM retail_mcp.search_words"), 0);
    let indexes = "SELECT count(*) FROM pg_class WHERE relname ~ '_hnsw$'";
    assert_eq!(count(&database, indexes), 0);
    assert!(!database.query_database(2).posture().await.unwrap().must_refuse());
}

/// The search's own statements have what they need; callers' gain nothing by it.
#[tokio::test]
async fn the_search_has_its_functions_and_callers_cannot_name_them() {
    let one = model("one", 4);
    let (database, _, model_id) = embedded(&one).await;
    let posture = database.query_database(2).posture().await.unwrap();
    assert!(!posture.must_refuse(), "{posture}");
    for login in [database.query_logins().stores, database.query_logins().head_office] {
        let client = connect(&database, &login).await;
        let sql = "SELECT ts_rank(document, q) FROM retail_mcp.product_texts,
                       websearch_to_tsquery('english', 'hammer or saw') q
                   WHERE document @@ q AND document @@ (to_tsquery('english', 'hammer | saw') || q)";
        assert!(!client.query(sql, &[]).await.unwrap().is_empty());
        for table in ["search_words", "search_synonyms", "embedding_models"] {
            let sql = format!("SELECT * FROM retail_mcp.{table} LIMIT 1");
            assert_eq!(client.query(&sql, &[]).await.unwrap().len(), 1, "{table}");
        }
        for refused in [
            "SELECT '[1]'::public.vector",
            "SELECT retail_mcp.refresh_search_words()",
            "SELECT * FROM retail_mcp.product_text_source",
            "DELETE FROM retail_mcp.search_words",
        ] {
            let sql = format!("BEGIN READ WRITE; {refused}");
            let error = client.batch_execute(&sql).await.unwrap_err();
            client.batch_execute("ROLLBACK").await.unwrap();
            assert_eq!(error.code().unwrap().code(), "42501", "{refused}");
        }
    }
    let guard = Guard::new(GuardPolicy::from_toml(RETAIL_GUARD_POLICY).unwrap());
    for sql in [
        "SELECT * FROM retail_mcp.product_texts",
        "SELECT * FROM retail_mcp.search_words",
        "SELECT word FROM search_words",
        "SELECT * FROM retail_mcp.embedding_models",
        &format!("SELECT retail_mcp.distance_{model_id}(NULL, ARRAY[1, 2, 3, 4]::real[])"),
    ] {
        assert!(guard.check(sql).is_err(), "{sql}");
    }
}
