//! Found products in memory and as bytes, without what differs from call to call.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use retail_domain::{
    EmbeddingModel, Freshness, KeywordTerm, ProductMatch, ProductMatches, Recommendation,
    Recommendations, SearchMode, TableGroups,
};
use serde::{Deserialize, Serialize};

use crate::decorators::weigh;

/// A [`ProductMatches`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptMatches {
    matches: Arc<[ProductMatch]>,
    mode: SearchMode,
    model: Option<EmbeddingModel>,
    corrections: Vec<KeywordTerm>,
    as_of: DateTime<Utc>,
    elapsed: Duration,
}

impl From<ProductMatches> for KeptMatches {
    fn from(found: ProductMatches) -> Self {
        let ProductMatches { matches, mode, model, corrections, as_of, elapsed, freshness: _ } =
            found;
        Self { matches, mode, model, corrections, as_of, elapsed }
    }
}

impl KeptMatches {
    /// The answer for a call that began at `started`.
    pub(super) fn answer(&self, freshness: Freshness, started: Instant) -> ProductMatches {
        ProductMatches {
            matches: Arc::clone(&self.matches),
            mode: self.mode,
            model: self.model.clone(),
            corrections: self.corrections.clone(),
            as_of: self.as_of,
            elapsed: if freshness.cached { started.elapsed() } else { self.elapsed },
            freshness,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.matches.iter().map(weigh::product_match).sum::<usize>()
            + weigh::optional(self.model.as_ref().map(|model| model.name.as_str()))
            + weigh::terms(&self.corrections)
    }
}

/// A [`Recommendations`], and what it was read from.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptRecommendations {
    pub(super) depends_on: TableGroups,
    items: Arc<[Recommendation]>,
    about_product: Option<String>,
    period: Option<(NaiveDate, NaiveDate)>,
    as_of: DateTime<Utc>,
    elapsed: Duration,
}

impl KeptRecommendations {
    pub(super) fn new(found: Recommendations, depends_on: TableGroups) -> Self {
        let Recommendations { items, about_product, period, as_of, elapsed, freshness: _ } = found;
        Self { depends_on, items, about_product, period, as_of, elapsed }
    }

    /// The answer for a call that began at `started`.
    pub(super) fn answer(&self, freshness: Freshness, started: Instant) -> Recommendations {
        Recommendations {
            items: Arc::clone(&self.items),
            about_product: self.about_product.clone(),
            period: self.period,
            as_of: self.as_of,
            elapsed: if freshness.cached { started.elapsed() } else { self.elapsed },
            freshness,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.items.iter().map(weigh::recommendation).sum::<usize>()
            + weigh::optional(self.about_product.as_deref())
    }
}
