//! Taking over a database that the reference system made.

use std::sync::Arc;

use retail_storage::{MigrateOptions, PgQueryRunner};
use retail_testkit::{TestDatabase, head_office, principal, stores};

use crate::isolation::{connect, first_row};

/// The former system's schema, policies and a few rows, as its generator makes them.
pub(crate) const FORMER: &str = include_str!("former_system.sql");

fn rows(database: &TestDatabase) -> String {
    database.psql(
        "SELECT md5(string_agg(t, '|' ORDER BY t)) FROM (
            SELECT s::text AS t FROM retail.stores s UNION ALL SELECT c::text FROM retail.customers c
            UNION ALL SELECT p::text FROM retail.products p UNION ALL SELECT o::text FROM retail.orders o
            UNION ALL SELECT i::text FROM retail.order_items i
            UNION ALL SELECT v::text FROM retail.inventory v
            UNION ALL SELECT e::text FROM retail.product_description_embeddings e) AS everything",
    )
}

#[tokio::test]
async fn a_former_database_is_adopted_without_touching_its_rows() {
    let database = TestDatabase::empty();
    database.psql(FORMER);
    let before = rows(&database);
    let mut admin = database.admin().await;
    let options = MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    let report = admin.migrate(&options).await.unwrap();
    assert!(report.adopted);
    assert_eq!(rows(&database), before);
    // Again, with the flag and without.
    assert!(!admin.migrate(&options).await.unwrap().adopted);
    assert_eq!(admin.migrate(&TestDatabase::migrate_options()).await.unwrap().applied, 0);
    assert_eq!(rows(&database), before);

    let runner = PgQueryRunner::new(Arc::new(database.query_database(2)));
    for store in stores() {
        let id = store.id;
        let row = first_row(
            &runner,
            &principal(store).await,
            "SELECT min(store_id), max(store_id), count(*) FROM retail.orders",
        )
        .await;
        assert_eq!(row[..2], [id.0, id.0]);
        assert_eq!(row[2], 2);
    }
    let all = first_row(&runner, &head_office().await, "SELECT count(*) FROM retail.orders").await;
    assert_eq!(all[0], 16);
}

/// The former policies believed a setting. They must not widen what our roles see.
#[tokio::test]
async fn the_former_policies_no_longer_open_the_door() {
    let database = TestDatabase::empty();
    database.psql(FORMER);
    let mut admin = database.admin().await;
    let options = MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    admin.migrate(&options).await.unwrap();
    let client = connect(&database, &database.query_logins().stores).await;
    client
        .simple_query("SET app.current_rls_user_id = '00000000-0000-0000-0000-000000000000'")
        .await
        .unwrap();
    for table in ["orders", "order_items", "inventory", "customers"] {
        let seen = client.simple_query(&format!("SELECT 1 FROM retail.{table}")).await;
        assert!(seen.is_err(), "{table} can be read by setting a setting");
    }
}

/// The former system's own login goes on seeing what its own policies show.
#[tokio::test]
async fn the_former_login_keeps_its_policies() {
    let database = TestDatabase::empty();
    // Roles belong to the cluster, so another test may have made it.
    database.psql(
        "DO $$ BEGIN CREATE ROLE store_manager LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    );
    database.psql(FORMER);
    database.psql("GRANT ALL ON ALL TABLES IN SCHEMA retail TO store_manager");
    let options = MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    let report = database.admin().await.migrate(&options).await.unwrap();
    assert!(report.notes[0].contains("store_manager"), "{:?}", report.notes);
    let seen = database.psql(
        "SET ROLE store_manager;
         SET app.current_rls_user_id = 'f47ac10b-58cc-4372-a567-0e02b2c3d479';
         SELECT count(*), count(DISTINCT store_id) FROM retail.orders",
    );
    assert_eq!(seen.trim().lines().last().unwrap(), "2|1");
}

/// The former system's vectors are of one model, and are searched at once by an embedder of it.
#[tokio::test]
async fn the_former_vectors_are_taken_over() {
    let database = TestDatabase::empty();
    database.psql(FORMER);
    let mut admin = database.admin().await;
    let options = MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    let report = admin.migrate(&options).await.unwrap();
    assert!(report.notes.iter().any(|note| note.contains("text-embedding-3-small")), "{report:?}");
    let records = admin.embedding_models().await.unwrap();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record.model.to_string(), "text-embedding-3-small (1536 dimensions)");
    assert!(record.is_ready && record.is_active, "{record:?}");
    assert_eq!((record.products, record.stale), (1, 0));
    let same = database.psql(
        "SELECT e.embedding = f.description_embedding FROM retail_mcp.product_embeddings e
         JOIN retail.product_description_embeddings f USING (product_id)",
    );
    assert_eq!(same.trim(), "t");
    database.psql("UPDATE retail.products SET product_description = 'Changed.'");
    assert_eq!(admin.embedding_models().await.unwrap()[0].stale, 1);
    // Again: what has become stale stays so.
    admin.migrate(&options).await.unwrap();
    assert_eq!(admin.embedding_models().await.unwrap()[0].stale, 1);
}

/// A product without a vector would never be found, so the model is not ready; the rest is kept.
#[tokio::test]
async fn former_vectors_with_a_gap_are_not_ready() {
    let database = TestDatabase::empty();
    database.psql(FORMER);
    database.psql(
        "INSERT INTO retail.products (sku, product_name, category_id, type_id, cost, base_price,
             product_description) VALUES ('HTHM001601', 'Sledge Hammer', 1, 1, 20, 30, 'Heavy.');
         INSERT INTO retail.product_description_embeddings VALUES (2, NULL)",
    );
    let mut admin = database.admin().await;
    let options = MigrateOptions { adopt: true, ..TestDatabase::migrate_options() };
    let report = admin.migrate(&options).await.unwrap();
    assert!(report.notes.iter().any(|note| note.contains("1 products have")), "{report:?}");
    let record = &admin.embedding_models().await.unwrap()[0];
    assert!(!record.is_ready && !record.is_active && record.products == 1, "{record:?}");
    database.psql(
        "UPDATE retail.product_description_embeddings SET description_embedding =
             array_fill(0.2, ARRAY[1536])::public.vector WHERE product_id = 2",
    );
    admin.migrate(&options).await.unwrap();
    assert!(admin.embedding_models().await.unwrap()[0].is_active);
}
