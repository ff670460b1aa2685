//! Tests of the guard as its callers see it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod accepted;
mod bounds;
mod columns;
mod corpus;
mod generated;
mod hints;
mod policy;
mod refused;
mod reported;
mod scope;
mod support;
mod without_values;
