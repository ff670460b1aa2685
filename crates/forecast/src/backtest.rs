//! What each model would have forecast in the past, and how wrong it would have been.

use crate::{ForecastError, Model, history::shortest, number::as_f64};

/// The most points in the past to forecast from. Each costs one fit of every model.
const MOST_FOLDS: usize = 8;
/// How much worse than the best a model may be to count as equal: with few folds the best is best by
/// chance.
const TIE: f64 = 1.1;

/// How well the model forecast periods whose values are known.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Backtest {
    /// The weighted absolute percentage error of the model, as a part of 1: the sum of all absolute
    /// errors divided by the sum of all actual values. The model was chosen by it, so errors to
    /// come tend to be somewhat larger.
    pub model_wape: f64,
    /// The same error of the value of one season ago.
    pub seasonal_naive_wape: f64,
    /// How many points in the past were forecast from, evenly over the last season.
    pub folds: usize,
    /// How many periods were forecast from each.
    pub horizon: usize,
}

impl Backtest {
    /// How much lower the model's error is than that of the value of one season ago, as a part of 1.
    pub fn improvement(&self) -> f64 {
        if self.seasonal_naive_wape > 0.0 {
            1.0 - self.model_wape / self.seasonal_naive_wape
        } else {
            0.0
        }
    }
}

/// One forecast of the past, and what came.
#[derive(Debug, Clone)]
pub(crate) struct Fold {
    pub(crate) predicted: Vec<f64>,
    pub(crate) actual: Vec<f64>,
}

impl Fold {
    fn absolute_error(&self) -> f64 {
        self.predicted.iter().zip(&self.actual).map(|(p, a)| (p - a).abs()).sum()
    }
}

/// The model that was best, its error, and its folds.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) model: Model,
    pub(crate) backtest: Backtest,
    pub(crate) folds: Vec<Fold>,
}

/// Tries all models on the past.
///
/// # Errors
///
/// [`ForecastError::TooSparse`] when there were no sales in any period that was forecast.
pub(crate) fn choose(
    values: &[f64],
    season: usize,
    horizon: usize,
) -> Result<Chosen, ForecastError> {
    let origins = origins(values.len(), season, horizon);
    let tried = Model::CANDIDATES.map(|model| {
        let folds: Vec<Fold> = origins
            .iter()
            .filter_map(|&origin| {
                let actual = values.get(origin..origin + horizon)?.to_vec();
                let predicted = model.predict(values.get(..origin)?, season, horizon);
                Some(Fold { predicted, actual })
            })
            .collect();
        let error: f64 = folds.iter().map(Fold::absolute_error).sum();
        (model, folds, error)
    });
    let error_of = |wanted: Model| {
        tried.iter().find(|(model, ..)| *model == wanted).map_or(f64::INFINITY, |tried| tried.2)
    };
    let naive = error_of(Model::SeasonalNaive);
    let best = tried.iter().map(|tried| tried.2).fold(f64::INFINITY, f64::min);
    let sold: f64 =
        tried.iter().take(1).flat_map(|(_, folds, _)| folds).flat_map(|f| &f.actual).sum();
    let chosen = tried.into_iter().find(|tried| tried.2 <= (best * TIE).min(naive));
    match chosen {
        Some((model, folds, error)) if sold > 0.0 => {
            let backtest = Backtest {
                model_wape: error / sold,
                seasonal_naive_wape: naive / sold,
                folds: folds.len(),
                horizon,
            };
            Ok(Chosen { model, backtest, folds })
        }
        _ => Err(ForecastError::TooSparse { with_sales: 0, periods: origins.len() * horizon }),
    }
}

/// The lengths of history to forecast from, the longest first: evenly over the last season, each
/// with the horizon after it, and two seasons before it.
fn origins(length: usize, season: usize, horizon: usize) -> Vec<usize> {
    let Some(spare) = length.checked_sub(shortest(season, horizon)) else { return Vec::new() };
    let span = spare.min(season - 1);
    let folds = MOST_FOLDS.min(span + 1);
    let gaps = (folds - 1).max(1);
    (0..folds).map(|fold| length - horizon - (span * fold + gaps / 2) / gaps).collect()
}

/// The mean of squares, 0 without values.
pub(crate) fn mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), v| (sum + v * v, count + 1));
    if count == 0 { 0.0 } else { sum / as_f64(count) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::origins;

    #[rstest]
    #[case::one_fold(27, 12, 3, &[24])]
    #[case::as_many_as_fit(29, 12, 3, &[26, 25, 24])]
    #[case::over_the_last_season(82, 12, 3, &[79, 77, 76, 74, 73, 71, 70, 68])]
    #[case::weeks(260, 52, 8, &[252, 245, 237, 230, 223, 216, 208, 201])]
    #[case::too_short(26, 12, 3, &[])]
    fn folds_are_even_and_leave_two_seasons(
        #[case] length: usize,
        #[case] season: usize,
        #[case] horizon: usize,
        #[case] expected: &[usize],
    ) {
        assert_eq!(origins(length, season, horizon), expected);
    }
}
