//! Redis as the shared tier.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::redis::{
    AsyncConnectionConfig, Cmd, ConnectionInfo, FromRedisValue, IntoConnectionInfo, RedisError,
};
use deadpool_redis::{Manager, Pool, Runtime};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::shared_tier::{SharedTier, TierError};

/// Beyond every deadline of the cache, so that no command waits for ever.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Where Redis is.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://`, `rediss://` (TLS) or `redis+unix://`, with user, password and database where there are any.
    pub url: SecretString,
    /// The password, in place of one in the address.
    pub password: Option<SecretString>,
    /// Most connections.
    pub max_connections: usize,
}

impl RedisSettings {
    /// Up to 16 connections.
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self { url: url.into(), password: None, max_connections: 16 }
    }
}

/// Why [`RedisSettings`] are of no use. It does not name the address, which may hold a password.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RedisSettingsError {
    /// The address cannot be read.
    #[error("the address of Redis is not one")]
    Url,
    /// There may be no connection, or the pool cannot be made for another reason.
    #[error("the pool of Redis connections cannot be made")]
    Pool,
}

/// Redis, over a pool of connections. Nothing is connected before it is needed.
#[derive(Clone)]
pub struct RedisTier {
    pool: Pool,
}

impl RedisTier {
    /// Redis as `settings` say.
    ///
    /// # Errors
    /// [`RedisSettingsError`] for settings that no Redis can suit.
    pub fn new(settings: &RedisSettings) -> Result<Self, RedisSettingsError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(RESPONSE_TIMEOUT))
            .set_response_timeout(Some(RESPONSE_TIMEOUT));
        let mut place: ConnectionInfo = settings
            .url
            .expose_secret()
            .trim()
            .into_connection_info()
            .map_err(|_| RedisSettingsError::Url)?;
        if let Some(password) = &settings.password {
            let with_password =
                place.redis_settings().clone().set_password(password.expose_secret());
            place = place.set_redis_settings(with_password);
        }
        let manager =
            Manager::new_with_config(place, config).map_err(|_| RedisSettingsError::Url)?;
        if settings.max_connections == 0 {
            return Err(RedisSettingsError::Pool);
        }
        let pool = Pool::builder(manager)
            .max_size(settings.max_connections)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|_| RedisSettingsError::Pool)?;
        Ok(Self { pool })
    }

    /// Asks Redis for a sign of life.
    ///
    /// # Errors
    /// [`TierError::Failed`] when there is none.
    pub async fn ping(&self) -> Result<(), TierError> {
        self.run::<String>(&Cmd::ping()).await.map(drop)
    }

    /// Whether Redis refuses to write when it is full, instead of making room.
    ///
    /// # Errors
    /// [`TierError::Failed`] when it does not say.
    pub async fn refuses_when_full(&self) -> Result<bool, TierError> {
        let mut command = Cmd::new();
        command.arg("INFO").arg("memory");
        let told: String = self.run(&command).await?;
        let value =
            |name: &str| told.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let is_bounded = value("maxmemory:").is_some_and(|bytes| bytes != "0");
        Ok(is_bounded && value("maxmemory_policy:") == Some("noeviction"))
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, TierError> {
        let mut connection =
            self.pool.get().await.map_err(|error| TierError::Failed(error.into()))?;
        command.query_async(&mut connection).await.map_err(tier_error)
    }
}

fn tier_error(error: RedisError) -> TierError {
    match error.code() {
        // A list or a hash, say, where a value was looked for: that is no fault of Redis.
        Some("WRONGTYPE") => TierError::NoValue,
        _ => TierError::Failed(error.into()),
    }
}

#[async_trait]
impl SharedTier for RedisTier {
    async fn fetch(&self, name: &str, most_bytes: usize) -> Result<Option<Vec<u8>>, TierError> {
        // Not GET: somebody else may have put something large there.
        let mut command = Cmd::new();
        command.arg("GETRANGE").arg(name).arg(0).arg(most_bytes.saturating_sub(1));
        let bytes: Vec<u8> = self.run(&command).await?;
        // Redis has no word for "not there" here, and we write nothing that is empty.
        Ok((!bytes.is_empty()).then_some(bytes))
    }

    async fn store(
        &self,
        name: &str,
        value: Vec<u8>,
        time_to_live: Duration,
    ) -> Result<(), TierError> {
        let milliseconds = u64::try_from(time_to_live.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut command = Cmd::new();
        command.arg("SET").arg(name).arg(value).arg("PX").arg(milliseconds);
        self.run::<()>(&command).await
    }
}

impl fmt::Debug for RedisTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTier").field("pool", &self.pool.status()).finish()
    }
}
