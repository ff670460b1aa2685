#![doc = include_str!("../README.md")]

mod cache;
mod decorators;
mod entry;
mod envelope;
mod flight;
mod key;
mod kind;
mod local;
#[cfg(feature = "redis")]
mod redis_tier;
mod remote;
mod settings;
mod shared_tier;
mod statistics;

pub use cache::{AnswerCache, AnswerCacheBuilder, Cached};
pub use decorators::{CachedEmbedder, CachedProductSearch, CachedQueryRunner, CachedSchemaCatalog};
pub use key::{Key, KeySpace, Surroundings};
pub use kind::{Audience, Cacheable, Everyone, Kind, OneIdentity};
#[cfg(feature = "redis")]
pub use redis_tier::{RedisSettings, RedisSettingsError, RedisTier};
pub use settings::{CacheSettings, SharedTierSettings};
pub use shared_tier::{SharedTier, TierError};
pub use statistics::{CacheStatistics, KindStatistics};
