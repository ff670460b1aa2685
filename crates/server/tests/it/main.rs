//! The whole server, on a real PostgreSQL.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and what it measured is worth a line"
)]

mod alarms;
mod analytics;
mod answers;
mod audit;
mod cache;
mod cancellation;
mod commands;
mod dashboard;
mod demo;
mod demo_search;
mod doctor;
mod edge;
mod embed;
mod faults;
mod identity;
mod isolation;
mod keys;
mod oidc;
mod operations;
mod questions;
mod readiness;
mod replicas;
mod search;
mod secrets;
mod stdio;
mod support;
mod ten_thousand_calls;
mod tracing;
mod trusted_header;
mod watchdog;
