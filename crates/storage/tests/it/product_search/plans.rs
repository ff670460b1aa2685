//! Searches use the indexes.

use std::sync::Arc;

use retail_domain::{FusionWeights, HybridQuery, ProductFilters, ProductWish};
use retail_storage::{PgProductSearch, SearchPlans, SearchSettings};
use retail_testkit::{TestDatabase, head_office, principal, stores};

use crate::embeddings::{embed, fill, model};

/// Copies of the sample products, up to 5,000, each with words of its own and stock in every store.
const MANY: &str = "
    INSERT INTO retail.products (sku, product_name, category_id, type_id, cost, base_price, product_description)
    SELECT sku || '-' || n, product_name || ' no' || n, category_id, type_id, cost, base_price,
           product_description || ' lot' || product_id || 'x' || n
    FROM retail.products, generate_series(2, 12) AS n LIMIT 5000 - (SELECT count(*) FROM retail.products);
    INSERT INTO retail.inventory SELECT store_id, product_id, 1 FROM retail.stores, retail.products
    ON CONFLICT DO NOTHING;
    SELECT retail_mcp.refresh_search_words()";

#[tokio::test]
async fn searches_use_the_indexes_at_5000_products() {
    let database = TestDatabase::seeded().await;
    database.psql(MANY);
    let model = model("many", 384);
    let mut admin = database.admin().await;
    assert_eq!(fill(&mut admin, &model, false).await, 5000);
    let model_id = admin.register_embedding_model(&model).await.unwrap();
    admin.finish_embedding_model(model_id, true).await.unwrap();
    admin.close().await;
    database.psql("VACUUM ANALYZE retail_mcp.product_texts; ANALYZE");
    // With the default breadth PostgreSQL compares all of so few: that is as cheap, and exact.
    let settings = SearchSettings { ef_search: 40, candidates: 20, ..SearchSettings::default() };
    let search = PgProductSearch::with_settings(Arc::new(database.query_database(4)), settings);
    let mut query = HybridQuery {
        wish: ProductWish::parse("query", "secateurs").unwrap(),
        embedding: Some(embed(&model, "secateurs")),
        weights: FusionWeights::default(),
        filters: ProductFilters::default(),
        max_results: 20,
    };
    let index = format!("Index Scan using product_embeddings_{model_id}_hnsw");
    for who in [head_office().await, principal(stores()[0].clone()).await] {
        let SearchPlans { words, meaning, .. } = search.plans(&who, &query).await.unwrap();
        assert!(meaning.contains(&index), "{meaning}");
        assert!(!meaning.contains("Seq Scan"), "{meaning}");
        assert!(words.contains("Bitmap Index Scan on product_texts_document"), "{words}");
        assert!(!words.contains("Seq Scan on product_texts"), "{words}");
    }
    // Few are compared without the index, which would be no help.
    query.filters.in_stock = true;
    query.filters.category = Some("hardware".to_owned());
    let who = principal(stores()[0].clone()).await;
    let few = search.plans(&who, &query).await.unwrap().meaning_of_few;
    assert!(!few.contains("hnsw"), "{few}");
}
