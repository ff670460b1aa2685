//! The nearest products, by comparing with every one.

use std::collections::{BTreeMap, BTreeSet};

use retail_domain::Embedding;

/// The vectors of all products, outside the database.
#[derive(Debug, Default)]
pub struct Truth(BTreeMap<i32, Embedding>);

impl Truth {
    /// Adds a product.
    pub fn add(&mut self, product_id: i32, embedding: Embedding) {
        self.0.insert(product_id, embedding);
    }

    /// Only these products.
    pub fn among(&self, product_ids: &[i32]) -> Among<'_> {
        let of = |id: &i32| self.0.get(id).map(|embedding| (*id, embedding));
        Among(product_ids.iter().filter_map(of).collect())
    }
}

/// Some products with their vectors.
#[derive(Debug)]
pub struct Among<'a>(Vec<(i32, &'a Embedding)>);

impl Among<'_> {
    /// The `count` nearest products to a vector.
    pub fn nearest(&self, query: &Embedding, count: usize) -> BTreeSet<i32> {
        let mut all: Vec<(f32, i32)> =
            self.0.iter().map(|(id, embedding)| (cosine(query, embedding), *id)).collect();
        all.sort_unstable_by(|(a, _), (b, _)| b.total_cmp(a));
        all.into_iter().take(count).map(|(_, id)| id).collect()
    }
}

/// The cosine of two vectors of length 1. Here, where it is compiled with optimisation, and not the
/// domain's: there are millions of them.
fn cosine(one: &Embedding, other: &Embedding) -> f32 {
    one.values().iter().zip(other.values()).map(|(a, b)| a * b).sum()
}
