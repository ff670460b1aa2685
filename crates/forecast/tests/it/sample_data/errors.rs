//! The errors of many forecasts together.

use std::thread;

use retail_forecast::{ForecastError, History, Level, Request, forecast};

use crate::series::{Grain, Measure, series};

/// The errors of all forecasts of some series.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    pub(crate) series: usize,
    /// The series with a lower error than the value of one season ago.
    pub(crate) better: usize,
    pub(crate) forecasts: usize,
    /// Forecasts that were not made since over half of the periods had no sales.
    pub(crate) refused: usize,
    /// The sum of what came.
    actual: f64,
    model: f64,
    naive: f64,
    /// What the forecasts themselves stated as their error, each by what came.
    stated: f64,
    points: usize,
    within_80: usize,
    within_95: usize,
}

impl Errors {
    pub(crate) fn wape(&self) -> f64 {
        self.model / self.actual
    }

    pub(crate) fn stated_wape(&self) -> f64 {
        self.stated / self.actual
    }

    pub(crate) fn lower_by(&self) -> f64 {
        1.0 - self.model / self.naive
    }

    pub(crate) fn coverage_80(&self) -> f64 {
        self.within_80 as f64 / self.points as f64
    }

    pub(crate) fn coverage_95(&self) -> f64 {
        self.within_95 as f64 / self.points as f64
    }

    pub(crate) fn head() -> String {
        "| series | forecasts | refused | error | as stated | one season ago | lower by | better series | within 80 % | within 95 % |\n\
         |---|---|---|---|---|---|---|---|---|---|\n"
            .to_owned()
    }

    pub(crate) fn row(&self, name: &str) -> String {
        let percent = |part: f64| format!("{:.1} %", 100.0 * part);
        format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} of {} | {} | {} |",
            self.forecasts,
            self.refused,
            percent(self.wape()),
            percent(self.stated_wape()),
            percent(self.naive / self.actual),
            percent(self.lower_by()),
            self.better,
            self.series,
            percent(self.coverage_80()),
            percent(self.coverage_95()),
        )
    }

    fn add(&mut self, other: &Self) {
        self.series += other.series;
        self.better += other.better;
        self.forecasts += other.forecasts;
        self.refused += other.refused;
        self.actual += other.actual;
        self.model += other.model;
        self.naive += other.naive;
        self.stated += other.stated;
        self.points += other.points;
        self.within_80 += other.within_80;
        self.within_95 += other.within_95;
    }
}

/// Forecasts one series from points in the last two years, each time without what came later.
fn rolling(values: &[f64], grain: Grain) -> Errors {
    let (horizon, step) = match grain {
        Grain::Month => (3, 1),
        Grain::Week => (8, 8),
    };
    let season = grain.season_length();
    let mut errors = Errors { series: 1, ..Errors::default() };
    for origin in (values.len() - 2 * season..=values.len() - horizon).step_by(step) {
        let history = History::new(values[..origin].to_vec(), season);
        let made = |level| forecast(&history, &Request::new(horizon, level));
        let narrow = match made(Level::P80) {
            Err(ForecastError::TooSparse { .. }) => {
                errors.refused += 1;
                continue;
            }
            narrow => narrow.unwrap(),
        };
        let wide = made(Level::P95).unwrap();
        errors.forecasts += 1;
        for (ahead, point) in narrow.points.iter().enumerate() {
            let actual = values[origin + ahead];
            errors.actual += actual;
            errors.model += (point.value - actual).abs();
            errors.naive += (values[origin + ahead - season] - actual).abs();
            errors.stated += narrow.backtest.model_wape * actual;
            errors.points += 1;
            errors.within_80 += usize::from((point.lower..=point.upper).contains(&actual));
            let point = wide.points[ahead];
            errors.within_95 += usize::from((point.lower..=point.upper).contains(&actual));
        }
    }
    errors.better = usize::from(errors.model < errors.naive);
    errors
}

/// The errors of all stores, or of all categories in each.
pub(crate) fn pooled(seed: u64, measure: Measure, grain: Grain, by_category: bool) -> Errors {
    let all = series(seed, measure, grain, by_category);
    let (left, right) = all.split_at(all.len() / 2);
    let sum = |part: &[Vec<f64>]| {
        let mut sum = Errors::default();
        for values in part {
            sum.add(&rolling(values, grain));
        }
        sum
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| sum(right));
        let mut errors = sum(left);
        errors.add(&other.join().unwrap());
        errors
    })
}
