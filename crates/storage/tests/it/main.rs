//! The storage crate on a real PostgreSQL.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adopt;
mod catalogue;
mod isolation;
mod migrate;
mod queries;
