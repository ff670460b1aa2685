//! What a query was taken for.

use retail_domain::{KeywordTerm, ProductWish};
use schemars::JsonSchema;
use serde::Serialize;

/// What was understood from the query.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Understood {
    /// What is wanted, without prices and without what is not wanted.
    wanted: String,
    /// Words of things that are not wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unwanted: Vec<String>,
    /// Least price that the words ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_price: Option<String>,
    /// Highest price that the words ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_price: Option<String>,
    /// Misspellings that were corrected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    corrections: Vec<Term>,
}

/// A word and what was looked for in its place.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Term {
    /// The word of the query.
    asked: String,
    /// The word that was looked for.
    searched: String,
}

impl Term {
    /// The word, or both where another one was looked for.
    pub(super) fn phrase(&self) -> String {
        if self.asked.eq_ignore_ascii_case(&self.searched) {
            self.searched.clone()
        } else {
            format!("{} as {}", self.asked, self.searched)
        }
    }
}

impl From<KeywordTerm> for Term {
    fn from(KeywordTerm { asked, searched }: KeywordTerm) -> Self {
        Self { asked, searched }
    }
}

impl Understood {
    pub(super) fn new(wish: &ProductWish, corrections: Vec<KeywordTerm>) -> Self {
        Self {
            wanted: wish.positive_text().to_owned(),
            unwanted: wish.unwanted().to_vec(),
            min_price: wish.min_price().map(|price| price.to_string()),
            max_price: wish.max_price().map(|price| price.to_string()),
            corrections: corrections.into_iter().map(Term::from).collect(),
        }
    }

    /// Whether there is anything that the query's own words do not show.
    pub(super) fn is_more_than_the_words(&self) -> bool {
        !self.unwanted.is_empty()
            || self.min_price.is_some()
            || self.max_price.is_some()
            || !self.corrections.is_empty()
    }
}
