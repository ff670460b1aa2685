//! Finding products.

use async_trait::async_trait;

use crate::{
    Error, HybridQuery, Principal, ProductMatches, RecommendationRequest, Recommendations,
    SemanticQuery,
};

/// Finds products of the chain, under the caller's identity: stock, baskets and customers are those
/// that the caller may see.
///
/// All methods fail with [`Overloaded`](crate::ErrorCode::Overloaded),
/// [`QueryTimeout`](crate::ErrorCode::QueryTimeout) or
/// [`Unavailable`](crate::ErrorCode::Unavailable) as [`QueryRunner`](super::QueryRunner) does, and with
/// [`EmbeddingsNotReady`](crate::ErrorCode::EmbeddingsNotReady) when the catalogue has no complete
/// vectors of the model that they need; the hint names the command that makes them.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait ProductSearch: Send + Sync {
    /// Products whose description means what the vector means, nearest first.
    ///
    /// # Errors
    /// See the trait.
    async fn semantic(
        &self,
        principal: &Principal,
        query: &SemanticQuery,
    ) -> Result<ProductMatches, Error>;

    /// Products by words and by meaning, their two ranks fused. Without a vector, by words alone.
    ///
    /// # Errors
    /// See the trait; [`InvalidArgument`](crate::ErrorCode::InvalidArgument) for a category that
    /// there is not.
    async fn hybrid(
        &self,
        principal: &Principal,
        query: &HybridQuery,
    ) -> Result<ProductMatches, Error>;

    /// Products that go with a product, a customer or the season.
    ///
    /// # Errors
    /// See the trait; [`NotFound`](crate::ErrorCode::NotFound) for a product or a customer that the
    /// caller does not see.
    async fn recommend(
        &self,
        principal: &Principal,
        request: &RecommendationRequest,
    ) -> Result<Recommendations, Error>;
}
