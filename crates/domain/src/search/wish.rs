//! What a customer's words ask for.

mod negations;
mod prices;
#[cfg(test)]
mod tests;
mod vocabulary;
mod words;

use serde::Serialize;

use self::negations::take_negations;
use self::prices::take_prices;
use self::words::Words;
use crate::{Cents, Error, ErrorCode};

/// A search text, taken apart.
///
/// Words and vectors both fail at "under $20" and "not electric": a vector of "not electric" is near to
/// electric things. So these are taken out of the text and become conditions.
///
/// Only what is surely a price or a negation is taken: "under 2 inch", "under sink", "non-slip",
/// "cordless" and "without drilling" stay in the text.
///
/// ```
/// use retail_domain::{Cents, ProductWish};
///
/// let wish = ProductWish::parse("query", "hedge trimmer under $80, but not electric")?;
/// assert_eq!(wish.positive_text(), "hedge trimmer");
/// assert_eq!(wish.unwanted(), ["electric"]);
/// assert_eq!(wish.max_price(), Some(Cents(7999)));
/// # Ok::<(), retail_domain::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProductWish {
    text: String,
    positive_text: String,
    unwanted: Vec<String>,
    min_price: Option<Cents>,
    max_price: Option<Cents>,
}

impl ProductWish {
    /// Longest accepted text, in characters. The reference's.
    pub const MAX_CHARS: usize = 500;

    /// Reads a search text.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when it is empty, longer than [`Self::MAX_CHARS`], has control
    /// characters, holds no letter and no digit, says nothing but what a product must not be or cost, or
    /// asks for a price above and below that of any product. The message names the argument `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Error> {
        let refuse = |what: &str, hint: &str| {
            Err(Error::new(ErrorCode::InvalidArgument, format!("{field} {what}")).with_hint(hint))
        };
        let trimmed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if trimmed.is_empty() {
            return refuse("is empty", "say what the product is or does");
        }
        if trimmed.chars().count() > Self::MAX_CHARS {
            return refuse("is longer than 500 characters", "describe the product in a sentence");
        }
        if trimmed.chars().any(char::is_control) {
            return refuse("has control characters", "send plain text");
        }
        if !trimmed.chars().any(char::is_alphanumeric) {
            return refuse("has no letter and no digit", "say what the product is or does");
        }
        let mut words = Words::new(&trimmed);
        // Prices first: "not over $20" negates nothing else.
        let prices = take_prices(&mut words);
        let unwanted = take_negations(&mut words);
        if let (Some(min), Some(max)) = (prices.min, prices.max)
            && min > max
        {
            return refuse(
                "asks for prices that no product has both of",
                "name one price, or a range from the lower to the higher",
            );
        }
        if !words.says_something() {
            return refuse(
                "does not say what the product is",
                "say what it is or does, besides what it must not be or cost; \
                 execute_sales_query can list products by category and price",
            );
        }
        let positive_text = words.rest();
        Ok(Self {
            text: trimmed,
            positive_text,
            unwanted,
            min_price: prices.min,
            max_price: prices.max,
        })
    }

    /// The whole text, with single spaces.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is wanted, without prices and without what is not wanted. Never empty.
    pub fn positive_text(&self) -> &str {
        &self.positive_text
    }

    /// What a product must not be, in lower case: a word each, or two or three that count only
    /// together, as in "plastic handle". Empty when the text wants nothing else.
    pub fn unwanted(&self) -> &[String] {
        &self.unwanted
    }

    /// Least list price that the text asks for: a cent above the amount of "over", the amount of
    /// "at least".
    pub fn min_price(&self) -> Option<Cents> {
        self.min_price
    }

    /// Highest list price that the text asks for: a cent below the amount of "under", the amount of
    /// "up to".
    pub fn max_price(&self) -> Option<Cents> {
        self.max_price
    }
}
