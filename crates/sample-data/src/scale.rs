//! How large the data set is.

use std::{fmt, str::FromStr};

use crate::Error;

/// Customers at scale `1x`.
const FULL_CUSTOMERS: f64 = 50_000.0;
/// Customers at scale `tiny`.
const TINY_CUSTOMERS: u32 = 400;
/// Orders at scale `tiny`, as a part of those at `1x`.
const TINY_ORDER_FACTOR: f64 = 0.01;
/// The smallest factor: below it some stores would have no rows.
const MIN_FACTOR: f64 = 0.01;
/// The largest factor: above it row numbers could leave the 32-bit range.
const MAX_FACTOR: f64 = 100.0;

/// The size of a data set: [`Scale::FULL`] has 50,000 customers and about 200,000 orders.
///
/// ```
/// use retail_sample_data::Scale;
///
/// assert_eq!("full".parse::<Scale>()?, Scale::Factor(1.0));
/// assert_eq!("0.5x".parse::<Scale>()?.to_string(), "0.5x");
/// # Ok::<(), retail_sample_data::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Scale {
    /// 400 customers and about 2,000 orders: loads in well under a second, for tests.
    Tiny,
    /// This many times the full size, from 0.01 to 100.
    Factor(f64),
}

impl Scale {
    /// The full size, the same as `Factor(1.0)`.
    pub const FULL: Self = Self::Factor(1.0);

    /// The number of customers.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a checked factor gives 500 to 5,000,000 customers"
    )]
    pub(crate) fn customers(self) -> u32 {
        match self {
            Self::Tiny => TINY_CUSTOMERS,
            Self::Factor(factor) => (factor * FULL_CUSTOMERS).round() as u32,
        }
    }

    /// The number of orders, as a multiple of the full size's.
    pub(crate) fn order_factor(self) -> f64 {
        match self {
            Self::Tiny => TINY_ORDER_FACTOR,
            Self::Factor(factor) => factor,
        }
    }

    /// Checks the factor's range, which a caller can set past [`FromStr`].
    pub(crate) fn validate(self) -> Result<(), Error> {
        match self {
            Self::Factor(factor) if !(MIN_FACTOR..=MAX_FACTOR).contains(&factor) => {
                Err(Error::InvalidScale {
                    text: self.to_string(),
                    reason: "the factor must be from 0.01 to 100",
                })
            }
            Self::Tiny | Self::Factor(_) => Ok(()),
        }
    }
}

impl FromStr for Scale {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |reason| Error::InvalidScale { text: text.to_owned(), reason };
        let lower = text.trim().to_ascii_lowercase();
        match lower.as_str() {
            "tiny" => return Ok(Self::Tiny),
            "full" => return Ok(Self::FULL),
            _ => {}
        }
        let number =
            lower.strip_suffix('x').ok_or_else(|| invalid("a factor must end with \"x\""))?;
        let factor: f64 =
            number.parse().map_err(|_| invalid("the part before \"x\" is not a number"))?;
        let scale = Self::Factor(factor);
        scale.validate().map_err(|_| invalid("the factor must be from 0.01 to 100"))?;
        Ok(scale)
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tiny => f.write_str("tiny"),
            Self::Factor(1.0) => f.write_str("full"),
            Self::Factor(factor) => write!(f, "{factor}x"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::Scale;

    #[rstest]
    #[case("tiny", Scale::Tiny, "tiny")]
    #[case(" FULL ", Scale::FULL, "full")]
    #[case("1x", Scale::FULL, "full")]
    #[case("10x", Scale::Factor(10.0), "10x")]
    #[case("0.5X", Scale::Factor(0.5), "0.5x")]
    fn parses_and_prints(#[case] text: &str, #[case] scale: Scale, #[case] printed: &str) {
        assert_eq!(text.parse::<Scale>().unwrap(), scale);
        assert_eq!(scale.to_string(), printed);
        assert_eq!(printed.parse::<Scale>().unwrap(), scale);
    }

    #[rstest]
    #[case("", "must end with")]
    #[case("10", "must end with")]
    #[case("huge", "must end with")]
    #[case("x", "not a number")]
    #[case("1,5x", "not a number")]
    #[case("0x", "from 0.01 to 100")]
    #[case("-1x", "from 0.01 to 100")]
    #[case("101x", "from 0.01 to 100")]
    #[case("nanx", "from 0.01 to 100")]
    #[case("infx", "from 0.01 to 100")]
    fn refuses_with_a_reason_and_the_allowed_forms(#[case] text: &str, #[case] reason: &str) {
        let message = text.parse::<Scale>().unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
        assert!(message.contains("\"tiny\", \"full\""), "{message}");
    }

    #[test]
    fn sizes() {
        assert_eq!(Scale::Tiny.customers(), 400);
        assert_eq!(Scale::FULL.customers(), 50_000);
        assert_eq!(Scale::Factor(10.0).customers(), 500_000);
    }
}
