//! Answers that are kept: the cache that the configuration names, in front of the ports.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use retail_cache::{
    AnswerCache, CacheSettings, CacheStatistics, CachedEmbedder, CachedProductSearch,
    CachedQueryRunner, CachedSchemaCatalog, KeySpace, RedisSettings, RedisTier, Surroundings,
};
use retail_domain::ports::{DataVersions, Embedder, ProductSearch, QueryRunner, SchemaCatalog};
use retail_storage::{
    IdentityKey, PgDataVersions, PgProductSearch, PgQueryRunner, PgSchemaCatalog, SCHEMA_VERSION,
    ServiceDatabase,
};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use serde::Serialize;

use crate::config::{CacheConfig, CacheMode, Config, EmbeddingsConfig};

/// Longest wait for a sign of life from Redis.
const PING_WITHIN: Duration = Duration::from_millis(250);

/// Whose key this is, so that it is like no other that is derived from the identity key.
const KEY_PURPOSE: &str = "retail-mcp answer cache v1";

/// The ports that tools ask.
pub(crate) struct Ports {
    pub(crate) query_runner: Arc<dyn QueryRunner>,
    pub(crate) product_search: Arc<dyn ProductSearch>,
    pub(crate) schema_catalog: Arc<dyn SchemaCatalog>,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
}

/// The same, of the database.
pub(crate) struct Sources {
    pub(crate) query_runner: PgQueryRunner,
    pub(crate) product_search: PgProductSearch,
    pub(crate) schema_catalog: PgSchemaCatalog,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
}

/// Whether answers are kept, where, and whether that works.
#[derive(Clone)]
pub struct KeptAnswers {
    mode: CacheMode,
    /// None where nothing is kept.
    cache: Option<Cache>,
}

#[derive(Clone)]
struct Cache {
    answers: AnswerCache,
    versions: Arc<dyn DataVersions>,
    redis: Option<RedisTier>,
}

/// What `/ready` says of the cache. A call is answered without it, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheHealth {
    /// `off`, `memory` or `redis`.
    pub mode: &'static str,
    /// Whether it helps less than it could.
    pub degraded: bool,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'static str>,
}

impl KeptAnswers {
    /// Puts the cache in front of the ports. Redis may be down.
    ///
    /// # Errors
    /// When the address of Redis or the key cannot be used.
    pub(crate) fn in_front_of(
        sources: Sources,
        config: &Config,
        identity_key: &IdentityKey,
        service: &Arc<ServiceDatabase>,
    ) -> anyhow::Result<(Self, Ports)> {
        let Sources { query_runner, product_search, schema_catalog, embedder } = sources;
        let mode = config.cache.mode;
        if mode == CacheMode::Off {
            let ports = Ports {
                query_runner: Arc::new(query_runner),
                product_search: Arc::new(product_search),
                schema_catalog: Arc::new(schema_catalog),
                embedder,
            };
            return Ok((Self { mode, cache: None }, ports));
        }
        let surroundings = Surroundings {
            schema_version: SCHEMA_VERSION.to_string(),
            policy_version: format!(
                "{}|{:?}|{:?}|{}",
                env!("CARGO_PKG_VERSION"),
                query_runner.guard_policy(),
                product_search.settings(),
                embedding(&config.embeddings)
            ),
            locale: String::new(),
        };
        let database = &config.database;
        let read_lag =
            if database.replicas.is_empty() { Duration::ZERO } else { database.replica_max_lag };
        let cache = Cache::new(&config.cache, &surroundings, identity_key, service, read_lag)?;
        let answers = || cache.answers.clone();
        let ports = Ports {
            query_runner: Arc::new(CachedQueryRunner::new(Arc::new(query_runner), answers())),
            product_search: Arc::new(CachedProductSearch::new(Arc::new(product_search), answers())),
            schema_catalog: Arc::new(CachedSchemaCatalog::new(Arc::new(schema_catalog), answers())),
            embedder: embedder.map(|embedder| {
                Arc::new(CachedEmbedder::new(embedder, answers())) as Arc<dyn Embedder>
            }),
        };
        Ok((Self { mode, cache: Some(cache) }, ports))
    }

    /// How the cache does.
    pub async fn health(&self) -> CacheHealth {
        let problem = match &self.cache {
            None => None,
            Some(cache) if cache.versions.current().is_none() => {
                Some("whether the data have changed is not known: answers are read anew")
            }
            Some(_) => self.redis_problem().await,
        };
        CacheHealth { mode: self.mode.as_str(), degraded: problem.is_some(), problem }
    }

    /// What is wrong with Redis, where it is used.
    pub async fn redis_problem(&self) -> Option<&'static str> {
        let cache = self.cache.as_ref()?;
        let redis = cache.redis.as_ref()?;
        if !tokio::time::timeout(PING_WITHIN, redis.ping()).await.is_ok_and(|pong| pong.is_ok()) {
            return Some("Redis does not answer: servers share no answers");
        }
        let statistics = cache.answers.statistics();
        if statistics.lookup_breaker_is_open {
            return Some("Redis is left alone for a while: lookups failed");
        }
        statistics.write_breaker_is_open.then_some("Redis is not written to: writes fail")
    }

    /// The same, and what will go wrong with it.
    pub(crate) async fn redis_outlook(&self) -> Option<&'static str> {
        if let Some(problem) = self.redis_problem().await {
            return Some(problem);
        }
        let redis = self.cache.as_ref()?.redis.as_ref()?;
        let refuses = redis.refuses_when_full().await.unwrap_or_default();
        refuses.then_some(
            "it refuses to write when it is full: set maxmemory-policy to allkeys-lru or allkeys-lfu",
        )
    }

    /// How often it helped. None where nothing is kept.
    pub fn statistics(&self) -> Option<CacheStatistics> {
        self.cache.as_ref().map(|cache| cache.answers.statistics())
    }

    /// Where answers are kept.
    pub fn mode(&self) -> CacheMode {
        self.mode
    }
}

impl Cache {
    fn new(
        config: &CacheConfig,
        surroundings: &Surroundings,
        identity_key: &IdentityKey,
        service: &Arc<ServiceDatabase>,
        read_lag: Duration,
    ) -> anyhow::Result<Self> {
        let redis = match config.mode {
            CacheMode::Redis => Some(redis(config)?),
            CacheMode::Off | CacheMode::Memory => None,
        };
        let secret = match (&redis, &config.key) {
            // Of this process alone.
            (None, _) => random_key(),
            (Some(_), None) => identity_key.derived(KEY_PURPOSE),
            (Some(_), Some(key)) => key_of(key)?,
        };
        let poll = Duration::from_millis(config.version_poll_ms);
        let versions: Arc<dyn DataVersions> =
            PgDataVersions::start_behind(Arc::clone(service), poll, read_lag);
        let mut answers =
            AnswerCache::builder(KeySpace::new(&secret, surroundings), Arc::clone(&versions))
                .settings(settings(config));
        if let Some(redis) = &redis {
            answers = answers.shared_tier(Arc::new(redis.clone()));
        }
        Ok(Self { answers: answers.build(), versions, redis })
    }
}

fn redis(config: &CacheConfig) -> anyhow::Result<RedisTier> {
    let url = config.redis_url.clone().context("cache.redis_url must be set")?;
    let settings =
        RedisSettings { password: config.redis_password.clone(), ..RedisSettings::new(url) };
    RedisTier::new(&settings).context("cache.redis_url")
}

fn settings(config: &CacheConfig) -> CacheSettings {
    CacheSettings {
        max_bytes: config.max_bytes,
        max_stale: config.max_stale,
        times_to_live: [
            ("query", config.queries_ttl),
            ("semantic_search", config.search_ttl),
            ("hybrid_search", config.search_ttl),
            ("recommendations", config.recommendations_ttl),
            ("schemas", config.schemas_ttl),
            ("embedding", config.embeddings_ttl),
        ]
        .into(),
        ..CacheSettings::default()
    }
}

fn key_of(text: &SecretString) -> anyhow::Result<SecretBox<[u8; 32]>> {
    let mut key = SecretBox::new(Box::new([0; 32]));
    let digits = text.expose_secret().trim();
    // The error does not repeat the text.
    hex::decode_to_slice(digits, secrecy::ExposeSecretMut::expose_secret_mut(&mut key))
        .map_err(|_| anyhow::anyhow!("cache.key must be 64 hexadecimal digits"))?;
    Ok(key)
}

fn random_key() -> SecretBox<[u8; 32]> {
    let mut key = Box::new([0_u8; 32]);
    rand::fill(&mut key[..]);
    SecretBox::new(key)
}

/// Where vectors come from: a service may give others under the same name of a model.
fn embedding(config: &EmbeddingsConfig) -> String {
    let EmbeddingsConfig {
        provider: _,
        model,
        dimensions,
        model_dir: _,
        timeout: _,
        azure,
        openai,
    } = config;
    format!(
        "{:?}|{model:?}|{dimensions:?}|{:?}|{:?}|{:?}|{}|{}",
        config.provider(),
        azure.endpoint,
        azure.deployment,
        azure.api_version,
        openai.base_url,
        openai.send_dimensions
    )
}

impl fmt::Debug for KeptAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptAnswers").field("mode", &self.mode).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources as Settings;

    #[tokio::test]
    async fn each_kind_has_the_time_that_is_configured() {
        let variables = [
            ("RETAIL_MCP__CACHE__QUERIES_TTL", "1s"),
            ("RETAIL_MCP__CACHE__SEARCH_TTL", "2s"),
            ("RETAIL_MCP__CACHE__RECOMMENDATIONS_TTL", "3s"),
            ("RETAIL_MCP__CACHE__SCHEMAS_TTL", "4s"),
            ("RETAIL_MCP__CACHE__EMBEDDINGS_TTL", "5s"),
        ];
        let config = Config::load(&Settings::default().with_environment(variables)).unwrap();
        let settings = settings(&config.cache);
        let seconds: Vec<(&str, u64)> =
            settings.times_to_live.iter().map(|(kind, time)| (*kind, time.as_secs())).collect();
        assert_eq!(
            seconds,
            [
                ("embedding", 5),
                ("hybrid_search", 2),
                ("query", 1),
                ("recommendations", 3),
                ("schemas", 4),
                ("semantic_search", 2)
            ]
        );
    }

    #[test]
    fn keys_are_as_given_and_are_not_repeated() {
        let key = key_of(&"0f".repeat(32).into()).unwrap();
        assert_eq!(*key.expose_secret(), [15; 32]);
        let error = key_of(&"hunter2".into()).unwrap_err();
        assert!(!format!("{error:#}").contains("hunter2"));
        assert_ne!(random_key().expose_secret(), random_key().expose_secret());
    }
}
