//! The data set as its users see it.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "row numbers and counts, which are positive and far below 2^52"
)]

mod bytes;
mod integrity;
mod shares;
mod support;
