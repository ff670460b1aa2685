//! What is asked for.

/// How often the truth is to lie within the interval of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// In 80 of 100 cases.
    P80,
    /// In 95 of 100 cases.
    P95,
}

impl Level {
    /// The level as a part of 1: 0.80 or 0.95.
    pub fn fraction(self) -> f64 {
        match self {
            Self::P80 => 0.80,
            Self::P95 => 0.95,
        }
    }

    /// How many standard deviations of a normal distribution lie to either side of its mean.
    pub(crate) fn normal_quantile(self) -> f64 {
        match self {
            Self::P80 => 1.281_551_565_544_600_4,
            Self::P95 => 1.959_963_984_540_054,
        }
    }
}

/// How far to look ahead, and how sure to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The number of periods to forecast, from 1 to one season.
    pub horizon: usize,
    /// How often the truth is to lie within the interval.
    pub level: Level,
}

impl Request {
    /// A request for so many periods.
    pub fn new(horizon: usize, level: Level) -> Self {
        Self { horizon, level }
    }
}
