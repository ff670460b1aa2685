//! How much of a model's context a text takes.

/// Estimates the tokens of `text` as bytes / 4, rounded up.
///
/// Tokenisers differ; for English and SQL this is near enough to keep a budget.
///
/// ```
/// assert_eq!(retail_mcp_protocol::token_estimate("order_id:int PK"), 4);
/// ```
pub fn token_estimate(text: &str) -> usize {
    text.len().div_ceil(4)
}
