//! What is known so far.

use std::ops::RangeInclusive;

use crate::{ForecastError, Request};

/// The largest value of a history. Sums of such values are far from where numbers end.
pub const LARGEST_VALUE: f64 = 1e15;
/// The periods that a season may have: quarters to the weeks of a long year.
pub const SEASON_LENGTHS: RangeInclusive<usize> = 4..=53;
/// The seasons before the first point that a backtest starts from.
const SEASONS_BEFORE_BACKTEST: usize = 2;

/// The values of one series, one for each period.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// One value a period, the oldest first, without gaps: a period without sales is 0. The last
    /// period must be over, or the forecast takes its missing days for a decline. In any unit, each
    /// from 0 to [`LARGEST_VALUE`]. Zeros before the first sale do not count as history.
    pub values: Vec<f64>,
    /// The number of periods after which the pattern repeats: 12 for months, 52 for weeks.
    pub season_length: usize,
}

impl History {
    /// A history with a season of so many periods, one of [`SEASON_LENGTHS`].
    pub fn new(values: Vec<f64>, season_length: usize) -> Self {
        Self { values, season_length }
    }

    /// A value for each month.
    pub fn monthly(values: Vec<f64>) -> Self {
        Self::new(values, 12)
    }

    /// A value for each week.
    pub fn weekly(values: Vec<f64>) -> Self {
        Self::new(values, 52)
    }

    /// The values from the first sale on, when they are enough for the request.
    pub(crate) fn checked(&self, request: Request) -> Result<&[f64], ForecastError> {
        let season = self.season_length;
        if !SEASON_LENGTHS.contains(&season) {
            return Err(ForecastError::SeasonLength { found: season });
        }
        if request.horizon == 0 || request.horizon > season {
            return Err(ForecastError::Horizon { found: request.horizon, most: season });
        }
        let valid = |value: &f64| (0.0..=LARGEST_VALUE).contains(value);
        if let Some((index, &value)) = self.values.iter().enumerate().find(|(_, v)| !valid(v)) {
            return Err(ForecastError::InvalidValue { index, value });
        }
        let first_sale = self.values.iter().position(|&value| value > 0.0);
        let values = first_sale.and_then(|first| self.values.get(first..)).unwrap_or_default();
        let needed = shortest(season, request.horizon);
        if values.len() < needed {
            return Err(ForecastError::HistoryTooShort { needed, found: values.len() });
        }
        // Of the last season alone too: an article that is no longer sold has no forecast.
        for periods in [season, SEASONS_BEFORE_BACKTEST * season] {
            let with_sales = values.iter().rev().take(periods).filter(|&&v| v > 0.0).count();
            if 2 * with_sales < periods {
                return Err(ForecastError::TooSparse { with_sales, periods });
            }
        }
        Ok(values)
    }
}

/// The fewest periods: two seasons to learn from, and after them the horizon once to test on.
pub(crate) fn shortest(season_length: usize, horizon: usize) -> usize {
    SEASONS_BEFORE_BACKTEST * season_length + horizon
}
