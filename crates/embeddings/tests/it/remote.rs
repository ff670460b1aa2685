//! [`retail_embeddings::OpenAiEmbedder`] against services on this machine that misbehave.

mod answers;
mod breaker;
mod entra;
mod requests;
mod retries;
mod secrets;
mod support;
