//! The configuration: built-in defaults, then a file, then the environment, then flags.
//!
//! One table (`keys/table.rs`) says which keys there are, what each may hold and what it means. The loader,
//! `retail-mcp config` and `docs/configuration.md` all read that table.

mod alerts;
mod aliases;
mod auth;
mod cache;
mod edge;
mod embeddings;
mod error;
mod export;
mod keys;
mod layers;
mod loader;
mod reference;
mod sections;
mod sources;
mod validate;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use alerts::{AlertsConfig, WatchdogConfig, WebhookConfig};
pub use auth::{
    AuthConfig, AuthMode, DelegationConfig, DevTokenConfig, IssuerConfig, RuleConfig,
    TrustedHeaderConfig,
};
pub use cache::{CacheConfig, CacheMode};
pub use edge::{LimitsConfig, ProxyHeader, TlsConfig};
pub use embeddings::{AzureAuth, AzureConfig, EmbeddingsConfig, OpenAiConfig, Provider};
pub use error::{ConfigError, Fault};
pub use export::{ApplicationInsightsConfig, OtlpConfig, OtlpProtocolName, Signal, TracesConfig};
pub use reference::reference_markdown;
pub use sections::{
    AuditConfig, AuditPolicyName, DatabaseConfig, LogConfig, LogFormat, QueryConfig, ServerConfig,
    SslMode, TelemetryConfig,
};
pub use sources::Sources;
pub use validate::Purpose;

/// The configuration of one process.
///
/// Each value has the right type and is within its bounds. Whether the values fit each other and
/// what the process is about to do is what [`validate`](Self::validate) answers.
///
/// ```
/// use retail_server::config::{Config, Purpose, Sources};
///
/// let sources = Sources::default()
///     .with_environment([("RETAIL_MCP__QUERY__MAX_ROWS", "50")])
///     .with_flag("--listen", "server.listen", "127.0.0.1:9000");
/// let config = Config::load(&sources)?;
/// assert_eq!(config.query.max_rows, 50);
/// assert_eq!(config.server.listen.port(), 9000);
/// assert!(config.validate(Purpose::Serve).is_err(), "no database is named");
/// # Ok::<(), retail_server::config::ConfigError>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where and how the server listens.
    pub server: ServerConfig,
    /// How much callers may ask for.
    pub limits: LimitsConfig,
    /// The PostgreSQL database.
    pub database: DatabaseConfig,
    /// Limits of one query.
    pub query: QueryConfig,
    /// How callers prove who they are.
    pub auth: AuthConfig,
    /// What turns texts into vectors.
    pub embeddings: EmbeddingsConfig,
    /// Answers that are kept.
    pub cache: CacheConfig,
    /// The record of calls.
    pub audit: AuditConfig,
    /// Who reads metrics.
    pub telemetry: TelemetryConfig,
    /// Who is told when something is wrong.
    pub alerts: AlertsConfig,
    /// The log.
    pub log: LogConfig,
    /// Folder of the embedded cluster and of keys. None: a folder in the user's cache folder.
    pub data_dir: Option<PathBuf>,
    #[serde(skip)]
    effective: Vec<EffectiveValue>,
}

/// One key, what it is set to, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EffectiveValue {
    /// The key, for example `server.listen`.
    pub key: String,
    /// The value as text, a secret as `***`, none when it is not set.
    pub value: Option<String>,
    /// `default`, `file F`, `environment V` or `flag --F`.
    pub origin: String,
}

impl Config {
    /// Loads the configuration from `sources`.
    ///
    /// # Errors
    /// [`ConfigError::ReadFile`] and [`ConfigError::ParseFile`] when the file cannot be used,
    /// [`ConfigError::Faults`] with every unknown key and every value that is no good.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        loader::load(sources)
    }

    /// Whether the values fit each other and `purpose`.
    ///
    /// # Errors
    /// [`ConfigError::Faults`] with all faults, not only the first.
    pub fn validate(&self, purpose: Purpose) -> Result<(), ConfigError> {
        validate::validate(self, purpose)
    }

    /// The value of each key as it was loaded, and where it came from. Secrets are `***`.
    pub fn effective(&self) -> &[EffectiveValue] {
        &self.effective
    }
}
