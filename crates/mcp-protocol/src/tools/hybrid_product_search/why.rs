//! Why a product was found.

use retail_domain::ProductMatch;
use schemars::JsonSchema;
use serde::Serialize;

use super::understood::Term;
use crate::tools::products;

/// Why a product is in the answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Why {
    /// Similarity of its meaning in percent; absent where only words were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    similarity_percent: Option<f64>,
    /// The words of the query that it matches, also as a correction or a synonym.
    matched_terms: Vec<Term>,
    /// Its rank by meaning, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    semantic_rank: Option<u32>,
    /// Its rank by words, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    keyword_rank: Option<u32>,
    /// The two ranks fused: 1 is first in both.
    score: f64,
}

impl Why {
    pub(super) fn new(found: &ProductMatch) -> Self {
        Self {
            similarity_percent: found.similarity.map(products::percent),
            matched_terms: found.matched_terms.iter().cloned().map(Term::from).collect(),
            semantic_rank: found.semantic_rank,
            keyword_rank: found.keyword_rank,
            score: (found.score * 1e4).round() / 1e4,
        }
    }

    /// The same in a line: `72.1 % similar; matches box, extention as extension; rank 2 by meaning, 1
    /// by words`.
    pub(super) fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if let Some(percent) = self.similarity_percent {
            parts.push(format!("{percent:.1} % similar"));
        }
        if !self.matched_terms.is_empty() {
            let terms: Vec<String> = self.matched_terms.iter().map(Term::phrase).collect();
            parts.push(format!("matches {}", terms.join(", ")));
        }
        let ranks = match (self.semantic_rank, self.keyword_rank) {
            (Some(meaning), Some(words)) => {
                Some(format!("rank {meaning} by meaning, {words} by words"))
            }
            (Some(meaning), None) => Some(format!("rank {meaning} by meaning")),
            (None, Some(words)) => Some(format!("rank {words} by words")),
            (None, None) => None,
        };
        parts.extend(ranks);
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use retail_domain::KeywordTerm;

    use super::*;

    #[test]
    fn the_line_says_similarity_words_and_ranks() {
        let term = |asked: &str, searched: &str| {
            Term::from(KeywordTerm { asked: asked.to_owned(), searched: searched.to_owned() })
        };
        let why = Why {
            similarity_percent: Some(72.0),
            matched_terms: vec![term("cord", "cord"), term("extention", "extension")],
            semantic_rank: Some(2),
            keyword_rank: Some(1),
            score: 0.99,
        };
        assert_eq!(
            why.sentence(),
            "72.0 % similar; matches cord, extention as extension; rank 2 by meaning, 1 by words"
        );
        let words = Why { similarity_percent: None, semantic_rank: None, ..why };
        assert_eq!(words.sentence(), "matches cord, extention as extension; rank 1 by words");
    }
}
