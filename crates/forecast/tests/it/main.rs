//! Forecasts as callers see them, also of the sample data.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts, and positions in a series, which are positive and far below 2^52"
)]

#[cfg(test)]
mod properties;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sample_data;
#[cfg(test)]
mod series;
