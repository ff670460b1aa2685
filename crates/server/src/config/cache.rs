//! Section `cache`.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

/// Section `cache`: answers that are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheConfig {
    /// Where answers are kept.
    pub mode: CacheMode,
    /// Address of Redis.
    pub redis_url: Option<SecretString>,
    /// Its password. None: the one in the address, or none.
    pub redis_password: Option<SecretString>,
    /// Key of names and seals in Redis, 64 hexadecimal digits. None: derived from the identity key.
    pub key: Option<SecretString>,
    /// Memory for answers.
    pub max_bytes: u64,
    /// How long vectors of search texts are kept.
    #[serde(with = "humantime_serde")]
    pub embeddings_ttl: Duration,
    /// How long what searches found is kept.
    #[serde(with = "humantime_serde")]
    pub search_ttl: Duration,
    /// How long recommendations are kept.
    #[serde(with = "humantime_serde")]
    pub recommendations_ttl: Duration,
    /// How long answers to statements are kept.
    #[serde(with = "humantime_serde")]
    pub queries_ttl: Duration,
    /// How long descriptions of tables are kept.
    #[serde(with = "humantime_serde")]
    pub schemas_ttl: Duration,
    /// How old an answer may be that is given though the data have changed.
    #[serde(with = "humantime_serde")]
    pub max_stale: Duration,
    /// Milliseconds between two questions for the versions of the data.
    pub version_poll_ms: u64,
}

/// Where answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheMode {
    /// Nowhere.
    Off,
    /// In this process.
    Memory,
    /// In this process, and in Redis for all servers.
    Redis,
}

impl CacheMode {
    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}
