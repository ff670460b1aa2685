//! What is searched for.

use serde::Serialize;

use crate::{Cents, Embedding, Error, ErrorCode, ProductWish};

/// A search by meaning alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SemanticQuery {
    /// The meaning that is searched for.
    pub embedding: Embedding,
    /// Most products in the answer.
    pub max_results: u32,
    /// Least cosine similarity of a product, -1 to 1.
    pub min_similarity: f64,
}

/// A search by words and by meaning.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HybridQuery {
    /// What the customer wants, as understood from their words.
    pub wish: ProductWish,
    /// The meaning of [`ProductWish::positive_text`]. None when there is no embedder now.
    pub embedding: Option<Embedding>,
    /// How much each rank counts.
    pub weights: FusionWeights,
    /// What every product of the answer must be, besides what the wish says.
    pub filters: ProductFilters,
    /// Most products in the answer.
    pub max_results: u32,
}

/// How much the rank by meaning and the rank by words count in a fused rank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FusionWeights {
    semantic: f64,
    keyword: f64,
}

impl FusionWeights {
    /// Two weights from 0 to 1, of which one is above 0.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for any other.
    pub fn new(semantic: f64, keyword: f64) -> Result<Self, Error> {
        for (name, weight) in [("semantic_weight", semantic), ("keyword_weight", keyword)] {
            // Written so that NaN fails as well.
            if !(0.0..=1.0).contains(&weight) {
                return Err(Error::new(
                    ErrorCode::InvalidArgument,
                    format!("{name} must be a number from 0 to 1"),
                ));
            }
        }
        if semantic + keyword <= 0.0 {
            let message = "semantic_weight and keyword_weight are both 0";
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("leave both out for the usual weights"));
        }
        Ok(Self { semantic, keyword })
    }

    /// The weight of the rank by meaning.
    pub fn semantic(self) -> f64 {
        self.semantic
    }

    /// The weight of the rank by words.
    pub fn keyword(self) -> f64 {
        self.keyword
    }
}

impl Default for FusionWeights {
    /// The reference's: 0.7 by meaning, 0.3 by words.
    fn default() -> Self {
        Self { semantic: 0.7, keyword: 0.3 }
    }
}

/// What every product found must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProductFilters {
    /// Name of its category, in any case.
    pub category: Option<String>,
    /// Least list price.
    pub min_price: Option<Cents>,
    /// Highest list price.
    pub max_price: Option<Cents>,
    /// On hand in the caller's store, or in any store for head office.
    pub in_stock: bool,
}
