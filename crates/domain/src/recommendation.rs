//! What goes with a product, a customer or the season, and the evidence for it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{Cents, Freshness, ProductCard};

/// A product, as a caller names it.
///
/// ```
/// use retail_domain::ProductRef;
///
/// assert_eq!(ProductRef::Id(7).to_string(), "product 7");
/// assert_eq!(ProductRef::Sku("HW7".to_owned()).to_string(), "product with the SKU 'HW7'");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum ProductRef {
    /// By its key.
    Id(i32),
    /// By its article number, letter by letter as the catalogue has it.
    Sku(String),
}

impl fmt::Display for ProductRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(product_id) => write!(f, "product {product_id}"),
            Self::Sku(sku) => write!(f, "product with the SKU '{sku}'"),
        }
    }
}

/// What to recommend by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum RecommendationKind {
    /// Products whose description means nearly the same.
    SimilarProducts {
        /// To this product.
        product: ProductRef,
        /// Least cosine similarity, -1 to 1.
        min_similarity: f64,
    },
    /// Products near to what a customer bought, without what they have.
    CustomerBased {
        /// The customer, who must be one of the caller's.
        customer_id: i32,
        /// Purchases of this many days count.
        days_back: u32,
    },
    /// Products that sell better than at the same season a year before.
    Trending {
        /// The season: this many days up to the last day with sales.
        days_back: u32,
    },
    /// Products in the same baskets.
    CrossSell {
        /// As this product.
        product: ProductRef,
        /// Baskets of this many days count.
        days_back: u32,
    },
}

/// A request for recommendations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecommendationRequest {
    /// By what.
    pub kind: RecommendationKind,
    /// Most products in the answer.
    pub max_results: u32,
    /// Only what is on hand in the stores that the caller sees.
    pub in_stock: bool,
}

/// Why a product is recommended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Evidence {
    /// Its description is near to that of the product asked for.
    Similar {
        /// Cosine similarity, -1 to 1.
        similarity: f64,
    },
    /// It is near to what the customer bought.
    NearPurchases {
        /// Cosine similarity to the nearest of the purchases, -1 to 1.
        similarity: f64,
        /// Name of that purchase.
        nearest_purchase: String,
    },
    /// It sells better than at the same season a year before.
    Growth {
        /// Units sold in the period.
        units: i64,
        /// Units sold in the same period a year before.
        units_year_before: i64,
        /// Change of net sales between the two, as money.
        net_sales_change: Cents,
        /// The units as a multiple of those of the year before, both smoothed against small numbers.
        growth: f64,
    },
    /// It lies in the same baskets.
    BoughtTogether {
        /// Baskets with both products.
        baskets: i64,
        /// Baskets with the product asked for.
        baskets_of_product: i64,
        /// How many times more often than if the two had nothing to do with each other.
        lift: f64,
    },
}

/// A product and why it is recommended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The product.
    pub product: ProductCard,
    /// Why.
    pub evidence: Evidence,
}

/// The answer to a [`RecommendationRequest`].
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendations {
    /// The products, best first. Empty when there is no evidence: that is an answer.
    pub items: Arc<[Recommendation]>,
    /// Name of the product that was asked about.
    pub about_product: Option<String>,
    /// First and last day of the sales that count, where sales do.
    pub period: Option<(NaiveDate, NaiveDate)>,
    /// Start of the transaction that read the rows.
    pub as_of: DateTime<Utc>,
    /// Time from the call to the last row.
    pub elapsed: Duration,
    /// Whether it was read for this call.
    pub freshness: Freshness,
}
