//! Why there is no forecast.

use crate::{LARGEST_VALUE, SEASON_LENGTHS};

/// A reason not to make a forecast.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// Fewer periods than two seasons and one backtest take.
    #[error(
        "values has {found} periods since the first sale, and this forecast needs {needed}: two \
         seasons to learn from and the horizon once to test on; give a longer history, or ask for \
         a shorter horizon"
    )]
    HistoryTooShort {
        /// How many periods are needed for this horizon.
        needed: usize,
        /// How many there are from the first sale on.
        found: usize,
    },
    /// Most of the latest periods have no sales, or all that a backtest could compare with.
    #[error(
        "values has sales in only {with_sales} of the {periods} periods that count; ask for \
         months instead of weeks, or for a larger group"
    )]
    TooSparse {
        /// How many periods have sales.
        with_sales: usize,
        /// How many periods were looked at.
        periods: usize,
    },
    /// A value that cannot be a sum of sales.
    #[error("values[{index}] is {value}; give numbers from 0 to {LARGEST_VALUE:e}")]
    InvalidValue {
        /// The position, from 0.
        index: usize,
        /// What is there.
        value: f64,
    },
    /// The horizon is 0 or more than a season.
    #[error("horizon is {found}; ask for 1 to {most} periods")]
    Horizon {
        /// What was asked for.
        found: usize,
        /// The longest horizon of this history.
        most: usize,
    },
    /// The season is too short to have a pattern, or too long to be a year of weeks.
    #[error(
        "season_length is {found}; give {} to {}, such as 12 for months or 52 for weeks",
        SEASON_LENGTHS.start(),
        SEASON_LENGTHS.end()
    )]
    SeasonLength {
        /// What was given.
        found: usize,
    },
}
