//! The models that a backtest chooses from.

mod profile;
mod smoothing;

use std::fmt;

use profile::Profile;

/// How a forecast was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Model {
    /// The mean shape of the last seasons, smoothed over neighbouring periods, at the level of the
    /// last season, and growing as the last seasons did.
    SmoothSeasons,
    /// The same without smoothing, for seasons with sharp peaks.
    SharpSeasons,
    /// The smoothed shape at a level and trend from exponential smoothing, for series whose level
    /// has changed lately.
    ExponentialSmoothing,
    /// The value of one season ago, growing as the last seasons did.
    SeasonalNaiveWithGrowth,
    /// The value of one season ago.
    SeasonalNaive,
}

impl Model {
    /// All models, the one to prefer among equals first: what averages most depends least on chance.
    pub(crate) const CANDIDATES: [Self; 5] = [
        Self::SmoothSeasons,
        Self::SharpSeasons,
        Self::ExponentialSmoothing,
        Self::SeasonalNaiveWithGrowth,
        Self::SeasonalNaive,
    ];

    /// A name for machines, which stays as it is.
    pub fn name(self) -> &'static str {
        match self {
            Self::SmoothSeasons => "smooth_seasons",
            Self::SharpSeasons => "sharp_seasons",
            Self::ExponentialSmoothing => "exponential_smoothing",
            Self::SeasonalNaiveWithGrowth => "seasonal_naive_with_growth",
            Self::SeasonalNaive => "seasonal_naive",
        }
    }

    /// What the model does, as part of a sentence.
    pub fn description(self) -> &'static str {
        match self {
            Self::SmoothSeasons => "mean of the last seasons, smoothed, with growth",
            Self::SharpSeasons => "mean of the last seasons with growth",
            Self::ExponentialSmoothing => {
                "mean of the last seasons with exponential smoothing of level and trend"
            }
            Self::SeasonalNaiveWithGrowth => "the value of one season ago with growth",
            Self::SeasonalNaive => "the value of one season ago",
        }
    }

    /// What the model makes of at least two seasons of values: `horizon` finite values of 0 or more.
    pub(crate) fn predict(self, values: &[f64], season: usize, horizon: usize) -> Vec<f64> {
        let latest = values.get(values.len().saturating_sub(season)..).unwrap_or_default();
        let mut points: Vec<f64> = match self {
            Self::SmoothSeasons => Profile::smooth(values, season).grown(values),
            Self::SharpSeasons => Profile::sharp(values, season).grown(values),
            Self::ExponentialSmoothing => {
                let profile = Profile::smooth(values, season);
                smoothing::predict(values, &profile, horizon)
                    .unwrap_or_else(|| profile.grown(values))
            }
            Self::SeasonalNaiveWithGrowth => {
                let growth = profile::growth(values, season);
                latest.iter().map(|value| value * growth).collect()
            }
            Self::SeasonalNaive => latest.to_vec(),
        };
        points.truncate(horizon);
        points
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

#[cfg(test)]
mod tests;
