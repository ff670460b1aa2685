#![doc = include_str!("../README.md")]

mod backtest;
mod error;
mod forecast;
mod history;
mod interval;
mod model;
mod number;
mod request;

pub use backtest::Backtest;
pub use error::ForecastError;
pub use forecast::{Forecast, Point, forecast};
pub use history::{History, LARGEST_VALUE, SEASON_LENGTHS};
pub use model::Model;
pub use request::{Level, Request};
