//! The shape of a season, and how seasons grow.

use crate::number::as_f64;

/// The seasons that shape a profile: more would keep habits that are over.
const PROFILE_SEASONS: usize = 6;
/// The seasons that growth is measured over: the change from one to the next is mostly chance.
const GROWTH_SEASONS: usize = 4;
/// The least and greatest growth from one season to the next: beyond, it is an event and no trend.
const GROWTH_BOUNDS: (f64, f64) = (0.5, 2.0);
/// How many periods of a season share one step of smoothing: months get their neighbours, weeks
/// three to each side.
const PERIODS_PER_STEP: usize = 16;

/// What part of a season's sum each of its periods has, for seasons that start after the last value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Profile(Vec<f64>);

impl Profile {
    /// The shape of the last seasons.
    ///
    /// Sums divided by sums and not a mean of quotients, nor logarithms: zeros are as good as any
    /// value, and a season with few sales has little say.
    pub(super) fn sharp(values: &[f64], season: usize) -> Self {
        let mut sums = vec![0.0; season];
        for one in values.rchunks_exact(season).take(PROFILE_SEASONS) {
            for (sum, value) in sums.iter_mut().zip(one) {
                *sum += value;
            }
        }
        let total: f64 = sums.iter().sum();
        Self(sums.into_iter().map(|sum| if total > 0.0 { sum / total } else { 0.0 }).collect())
    }

    /// The same, each period averaged with its neighbours: those nearby weigh more, and the first
    /// and last are neighbours too.
    pub(super) fn smooth(values: &[f64], season: usize) -> Self {
        let radius = (season + PERIODS_PER_STEP / 2) / PERIODS_PER_STEP;
        let Self(sharp) = Self::sharp(values, season);
        // The weights 1, 2 … radius + 1 … 2, 1 are those of a mean of means.
        let widths = as_f64(radius + 1).powi(2);
        let smoothed = (0..season).map(|position| {
            let start = position + season - radius;
            let around = sharp.iter().cycle().skip(start).take(2 * radius + 1);
            let weighted = around.zip(0_usize..).map(|(part, offset)| {
                let weight = radius + 1 - offset.abs_diff(radius);
                part * as_f64(weight)
            });
            weighted.sum::<f64>() / widths
        });
        Self(smoothed.collect())
    }

    /// The next season at the level of the last one, with growth.
    pub(super) fn grown(&self, values: &[f64]) -> Vec<f64> {
        let season = self.0.len();
        let level = values.iter().rev().take(season).sum::<f64>() * growth(values, season);
        self.0.iter().map(|part| part * level).collect()
    }

    /// How many times the mean of a season each of its periods has, over and over.
    pub(super) fn indices(&self) -> impl Iterator<Item = f64> {
        let season = as_f64(self.0.len());
        self.0.iter().map(move |part| part * season).cycle()
    }

    /// The number of periods.
    pub(super) fn season(&self) -> usize {
        self.0.len()
    }
}

/// The mean growth from season to season, as a factor.
pub(super) fn growth(values: &[f64], season: usize) -> f64 {
    let sums: Vec<f64> =
        values.rchunks_exact(season).take(GROWTH_SEASONS).map(|one| one.iter().sum()).collect();
    let (Some(&last), Some(&first)) = (sums.first(), sums.last()) else { return 1.0 };
    let steps = as_f64(sums.len() - 1);
    if steps < 1.0 || first <= 0.0 {
        return 1.0;
    }
    (last / first).powf(1.0 / steps).clamp(GROWTH_BOUNDS.0, GROWTH_BOUNDS.1)
}
