//! The ways to search that are compared, each as a tool would do it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use retail_domain::ports::{Embedder, ProductSearch};
use retail_domain::{
    Embedding, FusionWeights, HybridQuery, Principal, ProductFilters, ProductMatch, ProductMatches,
    ProductWish, SemanticQuery,
};

use crate::labels::LabelledQuery;
use crate::report::{Hit, Outcome, RECALL_AT, Run};

/// The least similarity of the tool for search by meaning, when nobody sets it.
const MIN_SIMILARITY: f64 = 0.3;

/// A way to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum System {
    /// Hybrid search with all weight on words.
    Keyword,
    /// Search by meaning of the text as it is.
    Vector,
    /// Search by meaning of the text without prices and without what is not wanted, as the tool does.
    VectorOfWish,
    /// Hybrid search with all weight on meaning: prices and refusals are conditions.
    MeaningAlone,
    /// Hybrid search as it comes.
    Hybrid,
    /// Hybrid search with these weights.
    Weighted(FusionWeights),
}

impl System {
    /// Those that are compared, hybrid search last.
    pub const ALL: [Self; 5] =
        [Self::Keyword, Self::Vector, Self::VectorOfWish, Self::MeaningAlone, Self::Hybrid];

    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Vector => "vector",
            Self::VectorOfWish => "vector, parsed",
            Self::MeaningAlone => "hybrid 1/0",
            Self::Hybrid => "**hybrid**",
            Self::Weighted(_) => "weighted",
        }
    }
}

/// Asks every query, one after the other.
///
/// # Errors
/// The first error of the search.
pub async fn run(
    system: System,
    search: &dyn ProductSearch,
    principal: &Principal,
    vectors: &QueryVectors,
    queries: &[LabelledQuery],
) -> Result<Run> {
    let mut outcomes = Vec::with_capacity(queries.len());
    for query in queries {
        let answer = ask(system, search, principal, vectors, &query.text)
            .await
            .with_context(|| format!("{} {:?}", query.id, query.text))?;
        let hits = answer.matches.iter().map(|found| hit(found, Some(query))).collect();
        outcomes.push(Outcome { query: query.clone(), hits });
    }
    Ok(Run { name: system.name(), outcomes })
}

/// Asks one query.
///
/// # Errors
/// That of the search.
pub async fn ask(
    system: System,
    search: &dyn ProductSearch,
    principal: &Principal,
    vectors: &QueryVectors,
    text: &str,
) -> Result<ProductMatches> {
    let max_results = u32::try_from(RECALL_AT)?;
    let wish = ProductWish::parse("query", text)?;
    let by_meaning = |embedded: &str| -> Result<SemanticQuery> {
        let embedding = vectors.of(embedded)?;
        Ok(SemanticQuery { embedding, max_results, min_similarity: MIN_SIMILARITY })
    };
    let hybrid = |weights: FusionWeights| -> Result<HybridQuery> {
        Ok(HybridQuery {
            embedding: Some(vectors.of(wish.positive_text())?),
            wish: wish.clone(),
            weights,
            filters: ProductFilters::default(),
            max_results,
        })
    };
    Ok(match system {
        System::Vector => search.semantic(principal, &by_meaning(wish.text())?).await?,
        System::VectorOfWish => {
            search.semantic(principal, &by_meaning(wish.positive_text())?).await?
        }
        System::Keyword => {
            search.hybrid(principal, &hybrid(FusionWeights::new(0.0, 1.0)?)?).await?
        }
        System::MeaningAlone => {
            search.hybrid(principal, &hybrid(FusionWeights::new(1.0, 0.0)?)?).await?
        }
        System::Hybrid => search.hybrid(principal, &hybrid(FusionWeights::default())?).await?,
        System::Weighted(weights) => search.hybrid(principal, &hybrid(weights)?).await?,
    })
}

/// A product of an answer, with its grade for a query, if there is one.
pub fn hit(found: &ProductMatch, query: Option<&LabelledQuery>) -> Hit {
    let rank = |rank: Option<u32>| rank.map_or("-".to_owned(), |rank| rank.to_string());
    let similarity = found
        .similarity
        .map_or(String::new(), |similarity| format!(", similarity {similarity:.3}"));
    let terms: Vec<String> = found
        .matched_terms
        .iter()
        .map(|term| {
            if term.asked == term.searched {
                term.asked.clone()
            } else {
                format!("{}={}", term.asked, term.searched)
            }
        })
        .collect();
    Hit {
        sku: found.product.sku.clone(),
        name: found.product.name.clone(),
        grade: query.and_then(|query| query.grades.get(&found.product.sku)).copied().unwrap_or(0),
        why: format!(
            "score {:.3}, meaning {}, words {}{similarity} {}",
            found.score,
            rank(found.semantic_rank),
            rank(found.keyword_rank),
            terms.join(" ")
        ),
    }
}

/// The vectors of all texts that are asked, made once.
#[derive(Debug)]
pub struct QueryVectors(BTreeMap<String, Embedding>);

impl QueryVectors {
    /// Embeds these texts, and what is left of each without prices and refusals.
    ///
    /// # Errors
    /// When a text is none that can be searched for, or the model fails.
    pub async fn of_texts(embedder: &dyn Embedder, texts: &[&str]) -> Result<Self> {
        let mut all = Vec::new();
        for text in texts {
            let wish = ProductWish::parse("query", text)?;
            all.push(wish.text().to_owned());
            all.push(wish.positive_text().to_owned());
        }
        all.sort();
        all.dedup();
        let vectors = embedder.embed(&all).await?;
        Ok(Self(all.into_iter().zip(vectors).collect()))
    }

    /// The vector of a text.
    ///
    /// # Errors
    /// When it was not embedded.
    pub fn of(&self, text: &str) -> Result<Embedding> {
        self.0.get(text).cloned().with_context(|| format!("no vector of {text:?}"))
    }
}
