//! From the arguments to what is asked for.

use retail_domain::{Error, ErrorCode, ProductRef, RecommendationKind};

use super::{Arguments, Kind};
use crate::tools::products;

impl Arguments {
    /// Checks that the call names what its type needs, and nothing that it does not.
    pub(super) fn asked(self) -> Result<RecommendationKind, Error> {
        let Self { kind, customer_id, days_back, .. } = self;
        let needs_product = matches!(kind, Kind::SimilarProducts | Kind::CrossSell);
        let names_product = self.product_id.is_some() || self.sku.is_some();
        if !needs_product && names_product {
            return Err(not_used(kind, "product_id and sku", "similar_products or cross_sell"));
        }
        if kind != Kind::CustomerBased && customer_id.is_some() {
            return Err(not_used(kind, "customer_id", "customer_based"));
        }
        match kind {
            Kind::Trending => Ok(RecommendationKind::Trending { days_back }),
            Kind::CustomerBased => match customer_id {
                Some(customer_id) => {
                    Ok(RecommendationKind::CustomerBased { customer_id, days_back })
                }
                None => Err(missing(kind, "'customer_id'")
                    .with_hint("find the customer with execute_sales_query first")),
            },
            Kind::SimilarProducts | Kind::CrossSell => {
                let product = match (self.product_id, self.sku) {
                    (Some(product_id), None) => ProductRef::Id(product_id),
                    (None, Some(sku)) => ProductRef::Sku(products::name(
                        "sku",
                        &sku,
                        "give the sku of a product as hybrid_product_search has it",
                    )?),
                    (Some(_), Some(_)) => {
                        let message = "'product_id' and 'sku' are both given";
                        return Err(Error::new(ErrorCode::InvalidArgument, message)
                            .with_hint("give one of the two"));
                    }
                    (None, None) => {
                        return Err(missing(kind, "'product_id' or 'sku'")
                            .with_hint("find the product with hybrid_product_search first"));
                    }
                };
                let min_similarity = self.similarity_threshold;
                Ok(if kind == Kind::CrossSell {
                    RecommendationKind::CrossSell { product, days_back }
                } else {
                    RecommendationKind::SimilarProducts { product, min_similarity }
                })
            }
        }
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::SimilarProducts => "similar_products",
        Kind::CustomerBased => "customer_based",
        Kind::Trending => "trending",
        Kind::CrossSell => "cross_sell",
    }
}

fn missing(kind: Kind, what: &str) -> Error {
    let message = format!("type {} needs {what}", name_of(kind));
    Error::new(ErrorCode::InvalidArgument, message)
}

fn not_used(kind: Kind, what: &str, by: &str) -> Error {
    let message = format!("type {} takes no {what}", name_of(kind));
    Error::new(ErrorCode::InvalidArgument, message)
        .with_hint(format!("leave it out, or use type {by}"))
}
