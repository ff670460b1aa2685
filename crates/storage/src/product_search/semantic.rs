//! Search by meaning alone.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use retail_domain::{
    Error, Freshness, Principal, ProductMatch, ProductMatches, SearchMode, SemanticQuery,
};

use super::cards::cards;
use super::failure::search_failed;
use super::filters::Filters;
use super::registry::{MODELS, ready, registered};
use super::settings::SearchSettings;
use super::{opened, vector};
use crate::tenant::TenantTransaction;

pub(super) async fn search(
    transaction: &mut TenantTransaction,
    principal: &Principal,
    query: &SemanticQuery,
    settings: &SearchSettings,
) -> Result<ProductMatches, Error> {
    let opening = transaction.opening(settings.statement_timeout)
        + &vector::index_settings(settings, query.max_results);
    let client = transaction.client();
    let (begun, models) = tokio::join!(
        async { (client.simple_query(&opening).await, Instant::now()) },
        client.query_typed(MODELS, &[]),
    );
    opened(transaction, begun).await?;
    let models = registered(&models.map_err(|error| search_failed(&error))?)?;
    let model = ready(&models, query.embedding.model())?;
    let nearest =
        vector::nearest(model.model_id, &query.embedding, &Filters::default(), query.max_results);
    let rows = nearest.run(transaction.client()).await.map_err(|error| search_failed(&error))?;
    let mut nearest = vector::read(&rows)?;
    nearest.retain(|near| near.similarity >= query.min_similarity);
    let ids: Vec<i32> = nearest.iter().map(|near| near.product_id).collect();
    let mut cards = cards(transaction, principal, &ids).await?;
    let matches = (1..)
        .zip(nearest)
        .filter_map(|(rank, near)| {
            Some(ProductMatch {
                product: cards.remove(&near.product_id)?,
                similarity: Some(near.similarity),
                matched_terms: Vec::new(),
                semantic_rank: Some(rank),
                keyword_rank: None,
                score: near.similarity,
            })
        })
        .collect();
    Ok(ProductMatches {
        matches,
        mode: SearchMode::Semantic,
        model: Some(model.model.clone()),
        corrections: Vec::new(),
        as_of: DateTime::<Utc>::UNIX_EPOCH,
        elapsed: Duration::ZERO,
        freshness: Freshness::default(),
    })
}
