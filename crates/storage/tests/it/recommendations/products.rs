//! Products that are near to a product.

use std::collections::BTreeMap;
use std::sync::Arc;

use retail_domain::ports::ProductSearch;
use retail_domain::{
    Embedding, ErrorCode, Evidence, ProductRef, RecommendationKind, RecommendationRequest,
};
use retail_storage::{Admin, PgProductSearch, SearchSettings};
use retail_testkit::{TestDatabase, head_office, principal, store};

use super::{ask, request, search, told};
use crate::embeddings::{embedded, model};

/// Vectors on an arc: products whose ids are near have vectors that are near. Gives each.
pub(super) async fn on_an_arc(
    database: &TestDatabase,
    admin: &mut Admin,
) -> BTreeMap<i32, Embedding> {
    let model = Arc::new(model("arc", 2));
    let model_id = admin.register_embedding_model(&model).await.unwrap();
    let texts = admin.next_missing_texts(model_id, 0, 10_000, true).await.unwrap();
    let batch: Vec<_> = texts
        .into_iter()
        .map(|text| {
            // Uneven, so that no two are equally far from a third.
            let angle = f64::from(text.product_id).powf(0.7) * 0.05;
            let values = vec![angle.cos() as f32, angle.sin() as f32];
            (text, Embedding::new(Arc::clone(&model), values).unwrap())
        })
        .collect();
    admin.put_embeddings(model_id, &batch).await.unwrap();
    admin.finish_embedding_model(model_id, true).await.unwrap();
    assert!(batch.len() > 400, "{}", database.name);
    batch.into_iter().map(|(text, embedding)| (text.product_id, embedding)).collect()
}

fn nearest(vectors: &BTreeMap<i32, Embedding>, to: i32) -> Vec<(i32, f64)> {
    let own = &vectors[&to];
    let mut found: Vec<(i32, f64)> = vectors
        .iter()
        .filter(|(id, _)| **id != to)
        .map(|(id, vector)| (*id, f64::from(own.cosine(vector).unwrap())))
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

#[tokio::test]
async fn the_nearest_products_are_found_and_the_product_itself_is_not() {
    let (database, mut admin, _) = embedded(&model("other", 8)).await;
    // The active model counts, and no other.
    let vectors = on_an_arc(&database, &mut admin).await;
    let queries = search(&database);
    let caller = principal(store("Zava Retail Everett")).await;
    for product_id in [1, 30, 200, 400] {
        let expected = nearest(&vectors, product_id);
        let kind = RecommendationKind::SimilarProducts {
            product: ProductRef::Id(product_id),
            min_similarity: -1.0,
        };
        let answer = ask(&queries, &caller, kind).await.unwrap();
        let found = told(&answer);
        assert_eq!(found.len(), 10);
        for ((id, evidence), expected) in found.iter().zip(&expected) {
            let Evidence::Similar { similarity } = evidence else { panic!("{evidence:?}") };
            // Single precision: near neighbours may change places.
            assert!((similarity - expected.1).abs() < 1e-5, "{found:?} {expected:?}");
            assert_ne!(*id, product_id);
        }
        assert!(answer.period.is_none());
        let name = database.psql(&format!(
            "SELECT product_name FROM retail.products WHERE product_id = {product_id}"
        ));
        assert_eq!(answer.about_product.as_deref(), Some(name.trim()));
    }
    let far = nearest(&vectors, 30);
    let kind = RecommendationKind::SimilarProducts {
        product: ProductRef::Id(30),
        min_similarity: far[4].1 - 1e-6,
    };
    let found = told(&ask(&queries, &caller, kind).await.unwrap());
    assert!((5..10).contains(&found.len()), "{found:?}");
    assert!(found.iter().all(|(_, evidence)| matches!(evidence,
        Evidence::Similar { similarity } if *similarity >= far[4].1 - 1e-6)));
}

#[tokio::test]
async fn similar_products_may_have_to_be_on_hand() {
    let (database, _, _) = embedded(&model("one", 8)).await;
    let queries = search(&database);
    let everett = store("Zava Retail Everett");
    let id = everett.id;
    // Four products are left in this store, and every one in the others.
    database.psql(&format!(
        "UPDATE retail.inventory SET stock_level = 7;
         UPDATE retail.inventory SET stock_level = 0
         WHERE store_id = {id} AND product_id NOT IN (11, 22, 33, 44)"
    ));
    let kind =
        RecommendationKind::SimilarProducts { product: ProductRef::Id(11), min_similarity: -1.0 };
    let request = RecommendationRequest { in_stock: true, ..request(kind, 10) };
    let answer = queries.recommend(&principal(everett).await, &request).await.unwrap();
    let mut found: Vec<i32> = told(&answer).into_iter().map(|(id, _)| id).collect();
    found.sort_unstable();
    assert_eq!(found, [22, 33, 44]);
    assert!(answer.items.iter().all(|item| item.product.stock.units == 7));
    let all = queries.recommend(&head_office().await, &request).await.unwrap();
    assert_eq!(all.items.len(), 10);
}

#[tokio::test]
async fn without_vectors_the_command_that_makes_them_is_named() {
    let database = TestDatabase::seeded().await;
    let queries = search(&database);
    let kind =
        RecommendationKind::SimilarProducts { product: ProductRef::Id(1), min_similarity: 0.0 };
    let error = ask(&queries, &head_office().await, kind.clone()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::EmbeddingsNotReady);
    assert!(error.hint().unwrap().contains("retail-mcp embed"), "{error:?}");
    // A product that came after the fill.
    let mut admin = database.admin().await;
    on_an_arc(&database, &mut admin).await;
    database.psql("DELETE FROM retail_mcp.product_embeddings WHERE product_id = 1");
    let error = ask(&queries, &head_office().await, kind).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::EmbeddingsNotReady);
    let kind = RecommendationKind::SimilarProducts {
        product: ProductRef::Id(987_654),
        min_similarity: 0.0,
    };
    let error = ask(&queries, &head_office().await, kind).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
}

/// The walk of the index would end before it has met them.
#[tokio::test]
async fn where_little_is_in_stock_all_of_it_is_compared() {
    let (database, mut admin, _) = embedded(&model("other", 8)).await;
    let vectors = on_an_arc(&database, &mut admin).await;
    let in_stock = [40, 150, 260, 410];
    database.psql(
        "UPDATE retail.inventory SET stock_level = 0;
         UPDATE retail.inventory SET stock_level = 3 WHERE product_id IN (40, 150, 260, 410)",
    );
    database.psql("ANALYZE");
    let kind =
        RecommendationKind::SimilarProducts { product: ProductRef::Id(1), min_similarity: -1.0 };
    let request = RecommendationRequest { in_stock: true, ..request(kind, 3) };
    let short_walk =
        SearchSettings { ef_search: 1, max_scan_tuples: 1, ..SearchSettings::default() };
    let expected: Vec<i32> = nearest(&vectors, 1)
        .into_iter()
        .map(|(id, _)| id)
        .filter(|id| in_stock.contains(id))
        .take(3)
        .collect();
    for (exact_up_to, is_exact) in [(4, true), (3, false)] {
        let settings = SearchSettings { exact_up_to, ..short_walk.clone() };
        let queries =
            PgProductSearch::with_settings(Arc::new(database.query_database(4)), settings);
        let answer = queries.recommend(&head_office().await, &request).await.unwrap();
        let found: Vec<i32> = told(&answer).into_iter().map(|(id, _)| id).collect();
        assert_eq!(found == expected, is_exact, "{exact_up_to}: {found:?}");
    }
}

/// An article number is no word of a text: it is taken as it is.
#[tokio::test]
async fn a_product_is_found_by_its_sku_whatever_that_is() {
    let (database, _, _) = embedded(&model("one", 8)).await;
    let queries = search(&database);
    for sku in ["HW/1.5-(a) & 'b'", "not electric", "under $20", "the", "10", "%", "ÄÖ 漢字"] {
        let quoted = sku.replace('\'', "''");
        database
            .psql(&format!("UPDATE retail.products SET sku = '{quoted}' WHERE product_id = 11"));
        let by = |product| RecommendationKind::SimilarProducts { product, min_similarity: -1.0 };
        let by_id = ask(&queries, &head_office().await, by(ProductRef::Id(11))).await.unwrap();
        let by_sku = by(ProductRef::Sku(sku.to_owned()));
        let by_sku = ask(&queries, &head_office().await, by_sku).await.unwrap();
        assert_eq!((by_sku.about_product, by_sku.items), (by_id.about_product, by_id.items));
    }
    let kinds = [
        RecommendationKind::SimilarProducts {
            product: ProductRef::Sku("NOSUCH".to_owned()),
            min_similarity: 0.0,
        },
        RecommendationKind::CrossSell {
            product: ProductRef::Sku("NOSUCH".to_owned()),
            days_back: 30,
        },
    ];
    for kind in kinds {
        let error = ask(&queries, &head_office().await, kind).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound);
        assert_eq!(error.to_string(), "there is no product with the SKU 'NOSUCH'");
    }
}
