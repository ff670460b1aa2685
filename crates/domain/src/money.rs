//! Amounts of money.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode};

/// An amount in cents of the chain's currency. `Display` writes `12.30`, as PostgreSQL writes a `numeric(10,2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(pub i64);

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

impl FromStr for Cents {
    type Err = Error;

    /// Reads `12`, `12.3` or `12.30`, with or without a minus sign.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            Error::new(ErrorCode::InvalidArgument, "an amount is not like 12.30")
                .with_hint("write it with at most two decimals and no currency sign")
        };
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, cents) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(cents) || cents.len() > 2 {
            return Err(refuse());
        }
        let tens = if cents.len() == 1 { 10 } else { 1 };
        let whole: i64 = whole.parse().map_err(|_| refuse())?;
        let cents: i64 = cents.parse().map_err(|_| refuse())?;
        let total = whole
            .checked_mul(100)
            .and_then(|whole| whole.checked_add(cents * tens))
            .ok_or_else(refuse)?;
        Ok(Self(if negative { -total } else { total }))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("12", 1200, "12.00")]
    #[case("12.3", 1230, "12.30")]
    #[case("-0.05", -5, "-0.05")]
    fn reads_and_writes(#[case] text: &str, #[case] cents: i64, #[case] written: &str) {
        let amount: Cents = text.parse().unwrap();
        assert_eq!(amount, Cents(cents));
        assert_eq!(amount.to_string(), written);
    }

    #[rstest]
    #[case("")]
    #[case("$1")]
    #[case("1.234")]
    #[case("1e3")]
    #[case("99999999999999999999")]
    fn refuses(#[case] text: &str) {
        assert!(text.parse::<Cents>().is_err());
    }
}
