//! all-MiniLM-L6-v2 in this process, on the CPU: no service, no key, no text that leaves the machine.

mod embedder;
mod error;
mod files;
mod network;
mod worker;

pub use embedder::LocalEmbedder;
pub use error::LocalModelError;
pub use files::{LocalModel, LocalModelOptions};

/// The name of the model, as [`EmbeddingModel::name`](retail_domain::EmbeddingModel::name) has it.
pub const MODEL_NAME: &str = "all-MiniLM-L6-v2";

/// Numbers in each of its vectors.
pub const DIMENSIONS: u32 = 384;

/// Word pieces of a text that count, with the two marks around them; what follows is cut off.
pub const MAX_TOKENS: usize = 256;
