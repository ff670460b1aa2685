#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "in a test a set-up that fails is a failed test"
)]

mod cluster;
mod collector;
mod corpus;
mod database;
mod issuer;
mod pooler;
mod principal;
mod proxy;
mod redis;
mod replica;
mod signature;
mod sql_generator;
mod watched;
mod worlds;

pub use cluster::{cluster, kill_cluster, server_major_version};
pub use collector::{Collector, ReceivedLine, ReceivedSpan};
pub use corpus::{Attack, Benign, Must, attacks, benign};
pub use database::{
    HEAD_OFFICE_PASSWORD, IDENTITY_KEY, QUERY_PASSWORD, SERVICE_PASSWORD, TestDatabase, until,
};
pub use issuer::{Behaviour, KeyKind, Outage, TestIssuer, TestKey, hmac_token, joined_token};
pub use pooler::TestPooler;
pub use principal::{KnownIdentity, head_office, principal, store, stores};
pub use proxy::CuttingProxy;
pub use redis::TestRedis;
pub use replica::TestReplica;
pub use signature::signature;
pub use sql_generator::SqlGenerator;
pub use worlds::other_world;
