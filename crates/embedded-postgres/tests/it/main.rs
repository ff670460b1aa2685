//! Tests of the crate against real PostgreSQL servers.
//!
//! The first run on a machine downloads PostgreSQL into `RETAIL_MCP_CACHE_DIR`, or into the default
//! folder when that is not set.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of a test stops it at the first surprise"
)]

mod databases;
mod helper;
mod lifecycle;
mod provision;
mod recovery;
mod standby;
mod support;
