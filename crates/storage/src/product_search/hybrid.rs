//! Search by words and by meaning.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use retail_domain::{
    Embedding, EmbeddingModel, Error, Freshness, FusionWeights, HybridQuery, Principal,
    ProductMatch, ProductMatches, SearchMode,
};
use tokio_postgres::{Client, Row};

use super::cards::{cards, column};
use super::failure::search_failed;
use super::filters::{CATEGORIES, Filters, category_id};
use super::fusion::{Fused, fuse};
use super::keyword::{self, Worded};
use super::lookup::{self, COUNT_PRODUCTS, Lookup};
use super::opened;
use super::registry::{MODELS, ready, registered};
use super::settings::SearchSettings;
use super::sql::Statement;
use super::terms::terms;
use super::vector::{self, Near};
use crate::tenant::TenantTransaction;

/// What the first statements told.
pub(super) struct Prepared {
    lookup: Lookup,
    filters: Filters,
    /// The model to compare by, when there is a vector of it and its products have theirs.
    model: Option<(i16, EmbeddingModel)>,
}

pub(super) async fn search(
    transaction: &mut TenantTransaction,
    principal: &Principal,
    query: &HybridQuery,
    settings: &SearchSettings,
) -> Result<ProductMatches, Error> {
    let length = settings.candidates.max(query.max_results);
    let prepared = prepare(transaction, query, length, settings).await?;
    let weights = match prepared.model {
        Some(_) => query.weights,
        None => FusionWeights::new(0.0, 1.0)?,
    };
    let lists = Lists::new(&prepared, query.embedding.as_ref(), weights, length, settings);
    let (near, worded) = lists.read(transaction.client(), &prepared, settings).await?;
    let fused = fuse(
        &near.iter().map(|near| near.product_id).collect::<Vec<_>>(),
        &worded.iter().map(|worded| worded.product_id).collect::<Vec<_>>(),
        weights,
        settings.rank_constant,
    );
    let mut evidence = Evidence::new(&near, worded);
    let best: Vec<Fused> = fused
        .into_iter()
        .filter(|product| evidence.is_enough(product, settings))
        .take(query.max_results as usize)
        .collect();
    let ids: Vec<i32> = best.iter().map(|product| product.product_id).collect();
    let mut cards = cards(transaction, principal, &ids).await?;
    let matches = best
        .into_iter()
        .filter_map(|product| {
            Some(ProductMatch {
                // None when it went away meanwhile.
                product: cards.remove(&product.product_id)?,
                similarity: evidence.similarity(product.product_id),
                matched_terms: evidence.take_terms(product.product_id),
                semantic_rank: product.semantic_rank,
                keyword_rank: product.keyword_rank,
                score: product.score,
            })
        })
        .collect();
    Ok(ProductMatches {
        matches,
        mode: if prepared.model.is_some() { SearchMode::Hybrid } else { SearchMode::KeywordOnly },
        model: prepared.model.map(|(_, model)| model),
        corrections: prepared.lookup.corrections,
        as_of: DateTime::<Utc>::UNIX_EPOCH,
        elapsed: Duration::ZERO,
        freshness: Freshness::default(),
    })
}

/// Begins the transaction and asks the catalogue for all that the lists need, in one round trip, or in
/// two where a word is misspelt. The catalogue is the chain's; no row of a store is read here.
pub(super) async fn prepare(
    transaction: &mut TenantTransaction,
    query: &HybridQuery,
    length: u32,
    settings: &SearchSettings,
) -> Result<Prepared, Error> {
    let asked = terms(query.wish.positive_text());
    let mut entries = lookup::entries(&asked, query.wish.unwanted());
    let opening =
        transaction.opening(settings.statement_timeout) + &vector::index_settings(settings, length);
    let alternatives = lookup::alternatives(&entries);
    let near_words = lookup::near_words(&entries, settings);
    let client = transaction.client();
    let (begun, models, categories, count, alternatives, near_words) = tokio::join!(
        // First: the others run in its transaction.
        async { (client.simple_query(&opening).await, Instant::now()) },
        client.query_typed(MODELS, &[]),
        client.query_typed(CATEGORIES, &[]),
        client.query_typed(COUNT_PRODUCTS, &[]),
        alternatives.run(client),
        near_words.run(client),
    );
    opened(transaction, begun).await?;
    let failed = |error: tokio_postgres::Error| search_failed(&error);
    let models = registered(&models.map_err(failed)?)?;
    let categories = categories.map_err(failed)?;
    let category = query.filters.category.as_deref();
    let category_id = category.map(|name| category_id(&categories, name)).transpose()?;
    let products = match count.map_err(failed)?.first() {
        Some(row) => column(row, 0)?,
        None => 0,
    };
    let mut rows = alternatives.map_err(failed)?;
    let misspelt = lookup::corrected(&mut entries, &near_words.map_err(failed)?, settings)?;
    if !misspelt.is_empty() {
        rows = run(&lookup::alternatives(&entries), transaction.client()).await?;
    }
    let mut lookup = lookup::read(&asked, &entries, &rows, &misspelt, products, settings)?;
    let filters = Filters::new(query, category_id, std::mem::take(&mut lookup.unwanted));
    let model = query
        .embedding
        .as_ref()
        // Another model's vectors are no reason to refuse: there are the words.
        .and_then(|embedding| ready(&models, embedding.model()).ok())
        .map(|known| (known.model_id, known.model.clone()));
    Ok(Prepared { lookup, filters, model })
}

/// The statements of the two lists. A list of weight 0 has none.
pub(super) struct Lists {
    pub(super) words: Option<Statement>,
    pub(super) meaning: Option<Meaning>,
}

/// The list by meaning, in its two ways.
pub(super) struct Meaning {
    pub(super) by_index: Statement,
    pub(super) of_few: Statement,
    /// Counts what passes, to choose between them. None where everything passes.
    pub(super) count: Option<Statement>,
}

impl Lists {
    pub(super) fn new(
        prepared: &Prepared,
        embedding: Option<&Embedding>,
        weights: FusionWeights,
        length: u32,
        settings: &SearchSettings,
    ) -> Self {
        let Prepared { lookup, filters, model } = prepared;
        let compare = match (model, embedding) {
            (Some((model_id, _)), Some(embedding)) if weights.semantic() > 0.0 => {
                Some((*model_id, embedding))
            }
            _ => None,
        };
        let words = (weights.keyword() > 0.0)
            .then(|| keyword::best(&lookup.terms, filters, compare, length, settings))
            .flatten();
        let meaning = compare.map(|(model_id, embedding)| Meaning {
            by_index: vector::nearest(model_id, embedding, filters, length),
            of_few: vector::nearest_of_few(model_id, embedding, filters, length),
            count: (!filters.is_empty()).then(|| vector::count_passing(filters, settings)),
        });
        Self { words, meaning }
    }

    async fn read(
        &self,
        client: &Client,
        prepared: &Prepared,
        settings: &SearchSettings,
    ) -> Result<(Vec<Near>, Vec<Worded>), Error> {
        let (worded, near) = tokio::join!(run_if(self.words.as_ref(), client), async {
            let Some(meaning) = &self.meaning else { return Ok(Vec::new()) };
            let are_few = match &meaning.count {
                Some(count) => vector::are_few(&run(count, client).await?, settings)?,
                None => false,
            };
            run(if are_few { &meaning.of_few } else { &meaning.by_index }, client).await
        });
        Ok((vector::read(&near?)?, keyword::read(&worded?, &prepared.lookup.terms, settings)?))
    }
}

async fn run(statement: &Statement, client: &Client) -> Result<Vec<Row>, Error> {
    statement.run(client).await.map_err(|error| search_failed(&error))
}

async fn run_if(statement: Option<&Statement>, client: &Client) -> Result<Vec<Row>, Error> {
    match statement {
        Some(statement) => run(statement, client).await,
        None => Ok(Vec::new()),
    }
}

/// Why a product was found.
struct Evidence {
    similarities: HashMap<i32, f64>,
    worded: BTreeMap<i32, Worded>,
}

impl Evidence {
    fn new(near: &[Near], worded: Vec<Worded>) -> Self {
        let mut similarities: HashMap<i32, f64> = worded
            .iter()
            .filter_map(|worded| Some((worded.product_id, worded.similarity?)))
            .collect();
        similarities.extend(near.iter().map(|near| (near.product_id, near.similarity)));
        let worded = worded.into_iter().map(|worded| (worded.product_id, worded)).collect();
        Self { similarities, worded }
    }

    fn similarity(&self, product_id: i32) -> Option<f64> {
        self.similarities.get(&product_id).copied()
    }

    fn take_terms(&mut self, product_id: i32) -> Vec<retail_domain::KeywordTerm> {
        self.worded.remove(&product_id).map(|worded| worded.matched).unwrap_or_default()
    }

    /// Whether a product fits well enough to be an answer. There is always a nearest one, also to what
    /// the chain does not sell. The better its words match, the less similar it need be: a misspelt or
    /// foreign word has a poor vector.
    fn is_enough(&self, product: &Fused, settings: &SearchSettings) -> bool {
        let SearchSettings { min_similarity, min_similarity_with_words, .. } = settings;
        let least = match self.worded.get(&product.product_id) {
            Some(worded) => {
                min_similarity + worded.strength * (min_similarity_with_words - min_similarity)
            }
            None => *min_similarity,
        };
        self.similarity(product.product_id).is_none_or(|similarity| similarity >= least)
    }
}
