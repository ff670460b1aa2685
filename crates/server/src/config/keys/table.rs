//! The keys themselves.

mod alerts;
mod auth;
mod cache;
mod database;
mod embeddings;
mod export;
mod process;
mod server;

use std::sync::LazyLock;
use std::time::Duration;

use super::{Key, Kind};

/// All keys, in the order of the documentation.
pub(in crate::config) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    [
        server::KEYS,
        database::KEYS,
        auth::KEYS,
        embeddings::KEYS,
        cache::KEYS,
        export::KEYS,
        process::KEYS,
        alerts::KEYS,
    ]
    .concat()
});

const fn key(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    meaning: &'static str,
) -> Key {
    Key { path, kind, default, meaning }
}

const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

const fn duration_ms(min: u64, max: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min), max: Duration::from_millis(max) }
}

const MINUTE_MS: u64 = 60_000;
const MIB: i64 = 1_048_576;
