//! The whole server, on a real PostgreSQL.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod cancellation;
mod commands;
mod demo;
mod identity;
mod isolation;
mod questions;
mod readiness;
mod stdio;
mod support;
mod trusted_header;
