//! Whether the values fit each other.

mod auth;

use std::time::Duration;

use secrecy::ExposeSecret;

use super::keys::is_safe_address;
use super::{AuthMode, CacheMode, Config, ConfigError, Fault, Provider, SslMode};

/// What the process is about to do with the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Everything on this machine: a database of its own, unless one is named.
    Demo,
    /// MCP over HTTP.
    Serve,
    /// MCP over standard input and output. Who asks is said by a flag.
    Stdio,
    /// Change the schema or load data: `migrate`, `seed`.
    Maintain,
}

pub(super) fn validate(config: &Config, purpose: Purpose) -> Result<(), ConfigError> {
    let mut faults = Faults { config, list: Vec::new() };
    let database = &config.database;

    if purpose != Purpose::Demo && database.host.is_none() {
        faults.add(
            "database.host",
            "must be set: name your PostgreSQL here or in RETAIL_MCP__DATABASE__HOST, or run \
             `retail-mcp demo`, which brings its own",
        );
    }
    if purpose == Purpose::Maintain && database.admin_user.is_none() {
        faults.add("database.admin_user", "must be set: it names the role that owns the schema");
    }
    if database.ssl_root_cert.is_some() && database.ssl_mode == SslMode::Disable {
        faults.add("database.ssl_root_cert", "is not read with database.ssl_mode = \"disable\"");
    }
    validate_embeddings(&mut faults);
    validate_cache(&mut faults);
    validate_webhooks(&mut faults);
    if matches!(purpose, Purpose::Serve | Purpose::Demo) {
        validate_http(&mut faults, purpose);
        validate_edge(&mut faults, purpose);
    }
    if faults.list.is_empty() { Ok(()) } else { Err(ConfigError::Faults(faults.list)) }
}

fn validate_embeddings(faults: &mut Faults<'_>) {
    let Config { server, embeddings, .. } = faults.config;
    let provider = embeddings.provider();
    let is_service = matches!(provider, Provider::AzureOpenai | Provider::Openai);
    if is_service && embeddings.timeout >= server.request_timeout {
        faults.add(
            "embeddings.timeout",
            "must be shorter than server.request_timeout, or a search could not go on by words alone",
        );
    }
    if provider == Provider::AzureOpenai && embeddings.azure.endpoint.is_none() {
        faults.add(
            "embeddings.azure.endpoint",
            "must be set with embeddings.provider = \"azure-openai\"",
        );
    }
    if provider != Provider::Local && embeddings.model_dir.is_some() {
        faults.add("embeddings.model_dir", "is read with embeddings.provider = \"local\" alone");
    }
}

fn validate_cache(faults: &mut Faults<'_>) {
    let cache = &faults.config.cache;
    if cache.mode == CacheMode::Redis && cache.redis_url.is_none() {
        faults.add(
            "cache.redis_url",
            "must be set with cache.mode = \"redis\", such as redis://127.0.0.1:6379",
        );
    }
    let is_key = |text: &str| {
        let text = text.trim();
        text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if cache.key.as_ref().is_some_and(|key| !is_key(key.expose_secret())) {
        faults.add("cache.key", "must be 64 hexadecimal digits; `openssl rand -hex 32` makes them");
    }
}

fn validate_webhooks(faults: &mut Faults<'_>) {
    let every = faults.config.telemetry.watchdog.every;
    if !every.is_zero() && every < Duration::from_secs(1) {
        faults.add("telemetry.watchdog.every", "must be 0s (never) or at least 1s");
    }
    for (name, webhook) in &faults.config.alerts.webhooks {
        let key = format!("alerts.webhooks.{name}.url");
        // Not repeated: whoever reads it can write there.
        match webhook.url.as_ref().map(|url| is_safe_address(url.expose_secret())) {
            Some(true) => {}
            Some(false) => {
                faults.add(&key, "must be an https address, or an http one on this machine");
            }
            None => faults.add(&key, "must be set"),
        }
    }
}

fn validate_http(faults: &mut Faults<'_>, purpose: Purpose) {
    let Config { server, query, auth, audit, .. } = faults.config;
    if server.request_timeout <= query.statement_timeout {
        faults.add(
            "server.request_timeout",
            "must be longer than query.statement_timeout, or a slow query could not report itself",
        );
    }
    if audit.wait >= server.request_timeout {
        faults.add(
            "audit.wait",
            "must be shorter than server.request_timeout, or a call that cannot be recorded could not say so",
        );
    }
    if purpose == Purpose::Serve && auth.mode.is_none() {
        faults.add(
            "auth.mode",
            "must be set to oidc, trusted-header or dev-token: nobody is served without an identity",
        );
    }
    if auth.mode == Some(AuthMode::TrustedHeader)
        && !server.listen.ip().to_canonical().is_loopback()
        && auth.trusted_header.proxies.is_empty()
    {
        faults.add(
            "auth.trusted_header.proxies",
            format!(
                "must list your proxies, since server.listen = {} can be reached from other machines; \
                 or listen on 127.0.0.1",
                server.listen
            ),
        );
    }
    if auth.mode == Some(AuthMode::Oidc) {
        auth::validate(faults);
    }
}

fn validate_edge(faults: &mut Faults<'_>, purpose: Purpose) {
    let Config { server, limits, auth, .. } = faults.config;
    let is_dev_token = match auth.mode {
        Some(mode) => mode == AuthMode::DevToken,
        // Which uses them.
        None => purpose == Purpose::Demo,
    };
    if is_dev_token
        && !server.listen.ip().to_canonical().is_loopback()
        && !auth.dev_token.allow_remote
    {
        faults.add(
            "server.listen",
            format!(
                "{} can be reached from other machines, and development tokens are not meant for that: \
                 choose another auth.mode, listen on 127.0.0.1, or, for a trial in a closed network, set \
                 auth.dev_token.allow_remote = true",
                server.listen
            ),
        );
    }
    if server.tls.cert_file.is_some() && server.tls.key_file.is_none() {
        faults.add("server.tls.key_file", "must be set with server.tls.cert_file");
    }
    if server.tls.key_file.is_some() && server.tls.cert_file.is_none() {
        faults.add("server.tls.cert_file", "must be set with server.tls.key_file");
    }
    if limits.max_concurrent != 0 && limits.principal_max_concurrent > limits.max_concurrent {
        faults.add(
            "limits.principal_max_concurrent",
            "must not be more than limits.max_concurrent, or one principal could take all of it",
        );
    }
}

struct Faults<'a> {
    config: &'a Config,
    list: Vec<Fault>,
}

impl Faults<'_> {
    /// Adds a fault, with the origin of the key when somebody set it.
    fn add(&mut self, key: &str, reason: impl Into<String>) {
        let set =
            self.config.effective().iter().find(|value| value.key == key && value.value.is_some());
        let origin = set.map(|value| value.origin.clone());
        self.list.push(Fault::new(key, origin, reason));
    }
}
