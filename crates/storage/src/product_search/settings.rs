//! What a search weighs and where it stops.

use std::time::Duration;

/// The constants of the product search, in one place, so that an evaluation can set each.
///
/// [`Default`] holds the values that won on the labelled set of `cargo xtask search-eval`; docs/search.md
/// has the table.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchSettings {
    /// Longest time of one statement of a search or a recommendation. The whole may take five seconds
    /// more.
    pub statement_timeout: Duration,

    /// Most products in the list by words and in the list by meaning, before the two are fused. Raised
    /// to the number of results asked for.
    pub candidates: u32,
    /// The constant of reciprocal rank fusion, above -1: the higher, the less the first places differ.
    pub rank_constant: f64,

    /// Least cosine similarity, -1 to 1, of a product that a hybrid search found by meaning alone.
    pub min_similarity: f64,
    /// Least cosine similarity of a product that has every word that was asked in its name. In between,
    /// the better the words match, the lower it is.
    pub min_similarity_with_words: f64,
    /// Least part of what was asked, 0 to 1 and weighed by rarity, that a product found by words must
    /// match.
    pub min_coverage: f64,

    /// How much a word counts in a product's name, in its type and category, and in its description.
    pub field_weights: [f32; 3],
    /// How much a synonym counts against the word itself, 0 to 1.
    pub synonym_weight: f64,
    /// How much the correction of a misspelt word counts against the word itself, 0 to 1.
    pub correction_weight: f64,

    /// How much a word that the catalogue does not have counts in what was asked, 0 to 1. The higher,
    /// the sooner a search for what is not sold finds nothing.
    pub unknown_weight: f64,

    /// Least number of letters of a word whose spelling is corrected.
    pub min_corrected_letters: usize,
    /// Words of at least this many letters may have two mistakes; shorter ones have one.
    pub two_mistakes_from: usize,

    /// Breadth of the search of the HNSW index: candidates kept, 1 to 1000. Raised to the length of the
    /// list. The cost grows with it nearly in proportion.
    pub ef_search: u32,
    /// Where filters throw candidates away, the search of the index goes on until the list is full or
    /// this many vectors were looked at.
    pub max_scan_tuples: u32,
    /// A filter that leaves no more products than this is answered by comparing all of them, without
    /// the index: that is exact, and about as fast.
    pub exact_up_to: u32,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            statement_timeout: Duration::from_secs(5),
            candidates: 100,
            rank_constant: 60.0,
            min_similarity: 0.38,
            min_similarity_with_words: 0.0,
            min_coverage: 0.5,
            field_weights: [1.0, 0.6, 0.3],
            synonym_weight: 0.8,
            correction_weight: 0.9,
            unknown_weight: 1.0,
            min_corrected_letters: 4,
            two_mistakes_from: 8,
            ef_search: 1_000,
            max_scan_tuples: 50_000,
            exact_up_to: 5_000,
        }
    }
}
