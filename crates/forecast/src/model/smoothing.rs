//! Exponential smoothing of what is left without the season.

use augurs_core::Predict;
use augurs_ets::model::{ErrorComponent, ModelType, SeasonalComponent, TrendComponent, Unfit};

use super::profile::Profile;
use crate::number::as_f64;

/// The seasons that level and trend are learnt from: time grows with them, and older ones weigh
/// next to nothing.
const SEASONS: usize = 3;
/// The steps of the search for the best parameters. More take longer and forecast no better.
const MOST_STEPS: usize = 80;
/// Periods with less than this part of a season's mean tell nothing of the level.
const LEAST_INDEX: f64 = 0.02;
/// How many times the mean the level may come to: beyond, the search has gone astray.
const HIGHEST_LEVEL: f64 = 10.0;

/// The profile at a level with a damped trend, or `None` when none fits.
pub(super) fn predict(values: &[f64], profile: &Profile, horizon: usize) -> Option<Vec<f64>> {
    let season = profile.season();
    // Whole seasons, so that the first value belongs to the profile's first period.
    let count = (values.len() / season).min(SEASONS) * season;
    let recent = values.get(values.len() - count..)?;
    let mean = recent.iter().sum::<f64>() / as_f64(count);
    if mean <= 0.0 {
        return None;
    }
    let levels: Vec<f64> = recent
        .iter()
        .zip(profile.indices())
        .map(|(value, index)| if index < LEAST_INDEX { 1.0 } else { value / index / mean })
        .collect();
    // Additive and damped: multiplicative models fail at zeros, undamped trends run away.
    let model_type = ModelType {
        error: ErrorComponent::Additive,
        trend: TrendComponent::Additive,
        season: SeasonalComponent::None,
    };
    // The errors of more steps than one are for reports that nobody reads here, and take a third of
    // the time.
    let fitted =
        Unfit::new(model_type).damped(true).nmse(1).max_iterations(MOST_STEPS).fit(&levels).ok()?;
    let forecast = fitted.predict(horizon, None).ok()?.point;
    if forecast.iter().any(|level| !level.is_finite() || *level > HIGHEST_LEVEL) {
        return None;
    }
    let seasonal = |(level, index): (&f64, f64)| level.max(0.0) * index * mean;
    Some(forecast.iter().zip(profile.indices()).map(seasonal).collect())
}
