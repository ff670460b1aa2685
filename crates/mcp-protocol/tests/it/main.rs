//! The MCP server as clients see it, over HTTP and over a pair of streams.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that panics fails its test"
)]

mod asking;
mod audit;
mod cancellation;
mod completions;
mod direct;
mod http_protocol;
mod identity;
mod logging;
mod prompts;
mod reading_given_up;
mod reading_support;
mod recommendations;
mod resources;
mod search;
mod search_support;
mod streams;
mod support;
mod tools;
