#![doc = include_str!("../README.md")]

mod arguments;
mod audit;
mod call;
mod completions;
mod elicitation;
mod error;
mod handler;
mod http;
mod progress;
mod prompts;
mod replay;
mod resources;
mod server;
mod stdio;
mod tokens;
mod tools;

pub use handler::RetailHandler;
pub use http::{HttpOptions, McpHttpService};
pub use replay::Replayed;
pub use server::{BuildError, RetailMcp, RetailMcpBuilder};
pub use stdio::ServeError;
pub use tokens::token_estimate;
pub use tools::{AnswerReceipt, Drift};
