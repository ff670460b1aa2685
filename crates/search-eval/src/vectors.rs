//! Vectors of products: those of the real model, or synthetic ones for catalogues that are too large.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel};
use retail_embeddings::{LocalEmbedder, LocalModelOptions};
use retail_sample_data::Catalogue;
use retail_storage::ProductText;
use retail_wheels::default_data_root;

/// How long the noise is that makes a synthetic vector of a base product's real one, whose length is 1.
///
/// The mean cosine of the two is then 0.91, as [`Vectors::Synthetic`] says.
const NOISE: f64 = 0.45;

/// The model, loaded as the server does.
///
/// # Errors
/// When its files cannot be had.
pub async fn local_embedder() -> Result<Arc<LocalEmbedder>> {
    let options = LocalModelOptions::new(default_data_root());
    let start = tokio::task::spawn_blocking(move || LocalEmbedder::start(&options));
    Ok(Arc::new(start.await?.context("loading the local model")?))
}

/// Where the vectors of products come from.
#[derive(Debug)]
pub enum Vectors {
    /// The real model.
    Real(Arc<LocalEmbedder>),
    /// For each variant of a product, the product's real vector with noise of its own, the same in
    /// each run. A catalogue of variants has such clusters with the real model, too.
    Synthetic(Synthetic),
}

/// The real vectors of the chain's products, and which of them each product is a variant of.
#[derive(Debug)]
pub struct Synthetic {
    model: Arc<EmbeddingModel>,
    /// By the number of a product, from 1, the index of its base's vector.
    base_of: Vec<usize>,
    base: Vec<Embedding>,
}

impl Vectors {
    /// Synthetic vectors of a scaled catalogue.
    ///
    /// # Errors
    /// When the model fails.
    pub async fn synthetic(embedder: &LocalEmbedder, catalogue: &Catalogue) -> Result<Self> {
        let mut texts = Vec::new();
        let mut index_of = BTreeMap::new();
        let mut base_of = vec![0];
        for product in catalogue.products() {
            let base = product.sku.split('-').next().unwrap_or_default();
            if product.sku == base {
                index_of.insert(base, texts.len());
                let name = |id: i32| usize::try_from(id - 1).unwrap_or(usize::MAX);
                let category = catalogue.categories().get(name(product.category_id));
                let kind = catalogue.types().get(name(product.type_id));
                texts.push(format!(
                    "{}. {}, {}. {}",
                    product.name,
                    kind.map_or("", |kind| &kind.name),
                    category.map_or("", |category| &category.name),
                    product.description
                ));
            }
            base_of.push(index_of.get(base).copied().context("a variant before its product")?);
        }
        let base = embedder.embed(&texts).await?;
        Ok(Self::Synthetic(Synthetic { model: embedder.model(), base_of, base }))
    }

    /// The model that they are said to be of.
    pub fn model(&self) -> Arc<EmbeddingModel> {
        match self {
            Self::Real(embedder) => embedder.model(),
            Self::Synthetic(synthetic) => Arc::clone(&synthetic.model),
        }
    }

    /// The vectors of these products, in their order.
    ///
    /// # Errors
    /// When the model fails.
    pub async fn of(&self, products: &[ProductText]) -> Result<Vec<Embedding>> {
        match self {
            Self::Real(embedder) => {
                let texts: Vec<String> = products.iter().map(|text| text.text.clone()).collect();
                Ok(embedder.embed(&texts).await?)
            }
            Self::Synthetic(synthetic) => {
                products.iter().map(|text| synthetic.vector(text.product_id)).collect()
            }
        }
    }
}

impl Synthetic {
    fn vector(&self, product_id: i32) -> Result<Embedding> {
        let base = usize::try_from(product_id)
            .ok()
            .and_then(|id| self.base_of.get(id))
            .and_then(|index| self.base.get(*index))
            .context("a product that the catalogue does not have")?;
        let mut numbers = Numbers(u64::from(product_id.unsigned_abs()));
        let noise: Vec<f64> = base.values().iter().map(|_| numbers.next()).collect();
        let length = noise.iter().map(|value| value * value).sum::<f64>().sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "vectors are single precision")]
        let mixed = base
            .values()
            .iter()
            .zip(&noise)
            .map(|(value, noise)| (f64::from(*value) + NOISE * noise / length) as f32);
        Ok(Embedding::new(Arc::clone(&self.model), mixed.collect())?)
    }
}

/// Even numbers from -1 to 1, the same for the same seed (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let upper = u32::try_from(mixed >> 32).unwrap_or_default();
        f64::from(upper) / f64::from(u32::MAX) * 2.0 - 1.0
    }
}
