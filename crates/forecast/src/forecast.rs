//! The forecast itself.

use crate::{
    Backtest, ForecastError, History, Model, Request, backtest, interval::Widths, number::as_f64,
};

/// What one period may come to, in the unit of the history.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Point {
    /// The expected value, 0 or more.
    pub value: f64,
    /// Where the interval starts, 0 or more.
    pub lower: f64,
    /// Where the interval ends.
    pub upper: f64,
}

/// How a series may go on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Forecast {
    /// The model that did best in the backtest.
    pub model: Model,
    /// One point for each period after the history, the next one first.
    pub points: Vec<Point>,
    /// How wrong the model would have been in the past.
    pub backtest: Backtest,
}

/// Forecasts the periods after a history.
///
/// All models forecast the last season from up to eight points in the past; the best makes the
/// forecast, and its errors make the intervals. The same history always gives the same forecast.
///
/// # Errors
///
/// [`ForecastError::HistoryTooShort`] with fewer periods than two seasons and the horizon,
/// [`ForecastError::TooSparse`] when over half of the last season, or of the last two, has no sales;
/// [`ForecastError::InvalidValue`], [`ForecastError::Horizon`] and [`ForecastError::SeasonLength`]
/// when an argument is out of range.
pub fn forecast(history: &History, request: &Request) -> Result<Forecast, ForecastError> {
    let values = history.checked(*request)?;
    let season = history.season_length;
    let horizon = request.horizon;
    let chosen = backtest::choose(values, season, horizon)?;
    let mean = values.iter().rev().take(season).sum::<f64>() / as_f64(season);
    let widths = Widths::new(&chosen.folds, mean);
    let points = chosen.model.predict(values, season, horizon);
    let points = points.into_iter().enumerate().map(|(step, value)| {
        let width = widths.around(value, request.level, step, horizon);
        Point { value, lower: (value - width).max(0.0), upper: value + width }
    });
    Ok(Forecast { model: chosen.model, points: points.collect(), backtest: chosen.backtest })
}
