//! The storage crate on a real PostgreSQL.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adopt;
mod again;
mod audit;
mod catalogue;
mod corpus;
mod customers;
mod data_versions;
mod embeddings;
mod identity_grants;
mod interleaved;
mod isolation;
mod limits;
mod migrate;
mod peers;
mod pooler;
mod posture;
mod product_search;
mod product_texts;
mod queries;
mod recommendations;
mod replicas;
mod rollups;
mod server_reports;
mod signature;
mod support;
mod two_worlds;
mod unguarded;
