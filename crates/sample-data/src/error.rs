//! What can go wrong before the first row is made.

use chrono::NaiveDate;

/// A reason why a data set cannot be made or verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a scale.
    #[error("invalid scale {text:?}: {reason}; use \"tiny\", \"full\" or a factor such as \"10x\"")]
    InvalidScale {
        /// The text that was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The last day is too soon after the first for a meaningful data set.
    #[error("the last order date {until} is before {earliest}, the earliest one possible")]
    UntilTooEarly {
        /// The date that was asked for.
        until: NaiveDate,
        /// The first date that is allowed.
        earliest: NaiveDate,
    },
    /// The last day is so late that row numbers could leave the 32-bit range.
    #[error("the last order date {until} is after {latest}, the latest one possible")]
    UntilTooLate {
        /// The date that was asked for.
        until: NaiveDate,
        /// The last date that is allowed.
        latest: NaiveDate,
    },
    /// A catalogue file is not TOML of the expected shape.
    #[error("cannot parse the catalogue file {file}")]
    ParseCatalogue {
        /// The file's name.
        file: String,
        /// The parser's message, with line and column.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The catalogue parses but breaks a rule.
    #[error("invalid catalogue: {reason}")]
    InvalidCatalogue {
        /// The rule, with the name of the file or product.
        reason: String,
    },
    /// The data set has too few orders to measure shares and seasons in it.
    #[error(
        "a data set of {orders} orders is too small to verify: chance hides the targets below \
         {minimum} orders; verify a larger one, such as \"full\""
    )]
    TooSmallToVerify {
        /// How many orders the data set has.
        orders: u64,
        /// How many are needed.
        minimum: u64,
    },
}
