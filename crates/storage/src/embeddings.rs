//! The vectors of the products: which models there are, what is missing, and making a model ready.
//!
//! A model goes from *registered* (a name and a number of dimensions) by being filled to *ready* (every
//! product has a vector of its current text, and the index is built). One ready model is *active*: it
//! compares products with each other, where no text of a caller is embedded. Decision 0012 has the reasons.

mod fill;
mod finish;
mod former;
mod index;
mod model;

pub(crate) use model::active_model;

use std::time::Duration;

use retail_domain::EmbeddingModel;

use crate::migrate::AdvisoryLock;

/// How the text of a product is made that a model is given, as migration 0008 makes it.
const TEXT_RECIPE: &str = "name-type-category-description/1";

/// Held while a model is registered or finished. The wait is long, since the other one may build an index
/// of many products.
const EMBEDDINGS_LOCK: AdvisoryLock = AdvisoryLock {
    // "embed" in ASCII.
    key: 0x0065_6d62_6564,
    longest_wait: Duration::from_hours(1),
};

/// A model whose vectors the database keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbeddingModelRecord {
    /// Key of the model in this database.
    pub model_id: i16,
    /// Its name and dimensions.
    pub model: EmbeddingModel,
    /// How the texts were made that it was given.
    pub text_recipe: String,
    /// Whether it can be searched.
    pub is_ready: bool,
    /// Whether products are compared with each other by it.
    pub is_active: bool,
    /// Products with a vector of it.
    pub products: u64,
    /// Of these, products whose text has changed since.
    pub stale: u64,
    /// Products without a vector of it.
    pub missing: u64,
}

impl EmbeddingModelRecord {
    /// A model that has no vector yet.
    pub fn new(model_id: i16, model: EmbeddingModel, text_recipe: impl Into<String>) -> Self {
        Self {
            model_id,
            model,
            text_recipe: text_recipe.into(),
            is_ready: false,
            is_active: false,
            products: 0,
            stale: 0,
            missing: 0,
        }
    }
}

/// The text of a product that a model is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductText {
    /// The product.
    pub product_id: i32,
    /// Its text.
    pub text: String,
    /// Hash of the text and of the way it was made.
    pub text_hash: Vec<u8>,
}
