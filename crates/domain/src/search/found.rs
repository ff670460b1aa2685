//! What a search found, and why.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Cents, EmbeddingModel, Freshness};

/// A product as a customer is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductCard {
    /// Key of the product.
    pub product_id: i32,
    /// Article number.
    pub sku: String,
    /// Name.
    pub name: String,
    /// Name of its category.
    pub category: String,
    /// Name of its product type.
    pub product_type: String,
    /// Description.
    pub description: String,
    /// List price.
    pub price: Cents,
    /// What the chain pays. None for callers without [`Scope::Costs`](crate::Scope::Costs).
    pub cost: Option<Cents>,
    /// Part of the price that is margin, in hundredths of a percent. None as with the cost.
    pub gross_margin_basis_points: Option<i32>,
    /// What is on hand, as far as the caller sees.
    pub stock: StockOnHand,
}

/// Units of a product in the stores that the caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockOnHand {
    /// Units, over those stores.
    pub units: i64,
    /// How many of those stores have at least one.
    pub stores: u32,
}

/// One term of a search that a product's words match.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeywordTerm {
    /// The word that was asked for.
    pub asked: String,
    /// The word that was looked for: another one for a misspelling or a synonym.
    pub searched: String,
}

/// A product and why it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductMatch {
    /// The product.
    pub product: ProductCard,
    /// Cosine similarity to what was asked, -1 to 1. None where only words were compared.
    pub similarity: Option<f64>,
    /// The words that it matches. Empty in a search by meaning alone.
    pub matched_terms: Vec<KeywordTerm>,
    /// Its rank by meaning, from 1; None when it was not among those.
    pub semantic_rank: Option<u32>,
    /// Its rank by words, from 1; None when it was not among those.
    pub keyword_rank: Option<u32>,
    /// What it was sorted by: the similarity, or the fused rank scaled so that 1 is first in both.
    pub score: f64,
}

/// How a search was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SearchMode {
    /// By meaning.
    Semantic,
    /// By words and by meaning.
    Hybrid,
    /// By words alone, because there was no vector or no catalogue of vectors.
    KeywordOnly,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductMatches {
    /// The products, best first. Empty when nothing fits: that is an answer.
    pub matches: Arc<[ProductMatch]>,
    /// How it was done.
    pub mode: SearchMode,
    /// The model whose vectors were compared.
    pub model: Option<EmbeddingModel>,
    /// Misspellings that were corrected.
    pub corrections: Vec<KeywordTerm>,
    /// Start of the transaction that read the rows.
    pub as_of: DateTime<Utc>,
    /// Time from the call to the last row.
    pub elapsed: Duration,
    /// Whether it was read for this call.
    pub freshness: Freshness,
}
