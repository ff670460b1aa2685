//! The sections of the configuration as types.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use retail_auth::PeerNetwork;
use secrecy::SecretString;
use serde::Deserialize;

use super::alerts::WatchdogConfig;
use super::edge::{ProxyHeader, TlsConfig};
use super::export::{ApplicationInsightsConfig, OtlpConfig, Signal, TracesConfig};

/// Section `server`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port of the HTTP server.
    pub listen: SocketAddr,
    /// Values of `Host` that are served besides loopback names.
    pub allowed_hosts: Vec<String>,
    /// Values of `Origin` that are served.
    pub allowed_origins: Vec<String>,
    /// The longest request body, in bytes.
    pub max_body_bytes: usize,
    /// The longest time for one request.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// The longest request head, in bytes.
    pub max_header_bytes: usize,
    /// The most headers of a request.
    pub max_headers: usize,
    /// The longest time for a request head, and for a TLS handshake.
    #[serde(with = "humantime_serde")]
    pub header_timeout: Duration,
    /// The longest wait for a connection's next request.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// The longest time for a request body.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// The longest time in which a client takes nothing of its answer.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// The most connections.
    pub max_connections: usize,
    /// Reverse proxies that say where a client is.
    pub proxies: Vec<PeerNetwork>,
    /// Where they say it.
    pub proxy_header: ProxyHeader,
    /// Web origins that may call from a browser.
    pub cors_origins: Vec<String>,
    /// Section `server.tls`.
    #[serde(default)]
    pub tls: TlsConfig,
    /// How long requests may finish after a stop signal.
    #[serde(with = "humantime_serde")]
    pub shutdown_grace: Duration,
}

/// Section `database`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Host name, address, or folder of a Unix socket. None: `demo` runs an embedded cluster.
    pub host: Option<String>,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// Host, address or socket folder of a pooler in transaction mode. None: no pooler.
    pub pooler_host: Option<String>,
    /// Its TCP port.
    pub pooler_port: u16,
    /// Standbys that answer callers' statements: host and perhaps port.
    pub replicas: Vec<String>,
    /// The longest that one may be behind and still answer.
    #[serde(with = "humantime_serde")]
    pub replica_max_lag: Duration,
    /// How the connection is encrypted.
    pub ssl_mode: SslMode,
    /// Certificate authorities of the database server, a PEM file. None: those of the system.
    pub ssl_root_cert: Option<PathBuf>,
    /// Its password. None: the database asks for none.
    pub query_password: Option<SecretString>,
    /// Its password.
    pub head_office_password: Option<SecretString>,
    /// Password of the server's own role.
    pub service_password: Option<SecretString>,
    /// The role that owns the schema: for `migrate` and `seed` alone.
    pub admin_user: Option<String>,
    /// Its password.
    pub admin_password: Option<SecretString>,
    /// File of the key that signs identities for the database.
    pub identity_key_file: Option<PathBuf>,
    /// The key itself.
    pub identity_key: Option<SecretString>,
    /// Name of the connections in `pg_stat_activity`.
    pub application_name: String,
    /// The most connections, those of stores and of head office together.
    pub pool_max_connections: usize,
    /// Servers that share the database, this one among them.
    pub servers: usize,
    /// How often it is looked whether the database is still fit. Zero: never.
    #[serde(with = "humantime_serde")]
    pub posture_every: Duration,
    /// The longest wait for a free connection.
    #[serde(with = "humantime_serde")]
    pub pool_acquire_timeout: Duration,
    /// The most statements that one caller may have running.
    pub max_statements_per_caller: usize,
    /// The most statements that each connection keeps prepared.
    pub max_prepared_statements: usize,
}

/// How a connection to PostgreSQL is encrypted. The names are libpq's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SslMode {
    /// Never.
    Disable,
    /// When the server offers it.
    Prefer,
    /// Always, without a check of the certificate.
    Require,
    /// Always, and the certificate must be good for the host's name.
    VerifyFull,
}

/// Section `query`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryConfig {
    /// The most rows of one answer.
    pub max_rows: usize,
    /// The most bytes of one answer.
    pub max_bytes: usize,
    /// The most bytes of one row.
    pub max_row_bytes: usize,
    /// The highest cost that the planner may expect.
    pub max_plan_cost: u64,
    /// The longest time for one statement.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// Time zone of the company's days.
    pub time_zone: String,
}

/// Section `audit`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// What becomes of a call that cannot be recorded.
    pub policy: AuditPolicyName,
    /// Places for entries that are not written yet.
    pub queue_entries: usize,
    /// The longest wait for a place.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
}

/// What becomes of a call that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditPolicyName {
    /// It is not made.
    Block,
    /// It is made, and counted.
    DropAndCount,
}

/// Section `telemetry`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Whether calls and statements are counted.
    pub metrics: bool,
    /// Where operators ask from.
    pub operators: Vec<PeerNetwork>,
    /// What is sent to collectors and to Azure Monitor.
    pub signals: Vec<Signal>,
    /// Section `telemetry.otlp`.
    pub otlp: OtlpConfig,
    /// Section `telemetry.application_insights`.
    #[serde(default)]
    pub application_insights: ApplicationInsightsConfig,
    /// Section `telemetry.traces`.
    pub traces: TracesConfig,
    /// Section `telemetry.watchdog`.
    pub watchdog: WatchdogConfig,
}

/// Section `log`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Which lines are written: a level, or a filter such as `info,retail_storage=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
