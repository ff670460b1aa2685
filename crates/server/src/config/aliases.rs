//! Variables of the Python reference server that are understood here too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ::config::ValueKind;

use super::keys::Key;

/// One variable of the reference and the key that it sets.
pub(super) struct Alias {
    /// The variable.
    pub(super) variable: &'static str,
    /// The key that it sets, or sets a part of.
    pub(super) key: &'static str,
    /// How its value becomes the key's.
    pub(super) conversion: Conversion,
}

/// How the value of a variable becomes a value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    /// As it is.
    Verbatim,
    /// A TCP port. Kubernetes sets `POSTGRES_PORT=tcp://10.0.0.1:5432` in each pod when there is a
    /// service named `postgres`: such a value is nobody's setting and is passed over.
    Port,
    /// A number of seconds becomes a time.
    Seconds,
    /// A level of Python's logging becomes one of ours.
    PythonLevel,
    /// As it is, but `<ENDPOINT_URL>` and the like are places to fill in and no values.
    FilledIn,
    /// The address part of `server.listen`.
    ListenHost,
    /// The port part of `server.listen`, like [`Port`](Self::Port).
    ListenPort,
}

const fn alias(variable: &'static str, key: &'static str, conversion: Conversion) -> Alias {
    Alias { variable, key, conversion }
}

/// All aliases. Of two that set the same, the first wins.
pub(super) const ALIASES: &[Alias] = &[
    alias("MCP_SERVER_HOST", "server.listen", Conversion::ListenHost),
    alias("MCP_SERVER_PORT", "server.listen", Conversion::ListenPort),
    alias("PORT", "server.listen", Conversion::ListenPort),
    alias("POSTGRES_DB_HOST", "database.host", Conversion::Verbatim),
    alias("POSTGRES_HOST", "database.host", Conversion::Verbatim),
    alias("POSTGRES_DB_PORT", "database.port", Conversion::Port),
    alias("POSTGRES_PORT", "database.port", Conversion::Port),
    alias("POSTGRES_DB", "database.name", Conversion::Verbatim),
    alias("POSTGRES_USER", "database.admin_user", Conversion::Verbatim),
    alias("POSTGRES_PASSWORD", "database.admin_password", Conversion::Verbatim),
    alias("POSTGRES_PASSWORD_FILE", "database.admin_password_file", Conversion::Verbatim),
    alias("POSTGRES_APPLICATION_NAME", "database.application_name", Conversion::Verbatim),
    alias("POSTGRES_MAX_CONNECTIONS", "database.pool_max_connections", Conversion::Verbatim),
    alias("POSTGRES_COMMAND_TIMEOUT", "query.statement_timeout", Conversion::Seconds),
    alias("AZURE_OPENAI_ENDPOINT", "embeddings.azure.endpoint", Conversion::FilledIn),
    alias("EMBEDDING_MODEL_DEPLOYMENT_NAME", "embeddings.azure.deployment", Conversion::FilledIn),
    alias("EMBEDDING_DEPLOYMENT_NAME", "embeddings.azure.deployment", Conversion::FilledIn),
    alias(
        "AZURE_OPENAI_EMBEDDING_DEPLOYMENT_NAME",
        "embeddings.azure.deployment",
        Conversion::FilledIn,
    ),
    alias("AZURE_OPENAI_API_KEY", "embeddings.azure.api_key", Conversion::FilledIn),
    alias("AZURE_OPENAI_KEY", "embeddings.azure.api_key", Conversion::FilledIn),
    alias("AZURE_TENANT_ID", "embeddings.azure.tenant_id", Conversion::FilledIn),
    alias("AZURE_CLIENT_ID", "embeddings.azure.client_id", Conversion::FilledIn),
    alias("AZURE_CLIENT_SECRET", "embeddings.azure.client_secret", Conversion::FilledIn),
    alias(
        "AZURE_FEDERATED_TOKEN_FILE",
        "embeddings.azure.federated_token_file",
        Conversion::FilledIn,
    ),
    alias("AZURE_AUTHORITY_HOST", "embeddings.azure.authority_host", Conversion::FilledIn),
    alias("IDENTITY_ENDPOINT", "embeddings.azure.identity_endpoint", Conversion::FilledIn),
    alias("IDENTITY_HEADER", "embeddings.azure.identity_header", Conversion::FilledIn),
    alias("REDIS_URL", "cache.redis_url", Conversion::Verbatim),
    alias("REDIS_PASSWORD", "cache.redis_password", Conversion::Verbatim),
    alias("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp.endpoint", Conversion::Verbatim),
    alias("OTEL_EXPORTER_OTLP_PROTOCOL", "telemetry.otlp.protocol", Conversion::Verbatim),
    alias("OTEL_EXPORTER_OTLP_HEADERS", "telemetry.otlp.headers", Conversion::Verbatim),
    alias("OTEL_TRACES_SAMPLER_ARG", "telemetry.traces.sample_ratio", Conversion::Verbatim),
    alias(
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "telemetry.application_insights.connection_string",
        Conversion::FilledIn,
    ),
    alias("TEAMS_WEBHOOK_URL", "alerts.webhooks.teams.url", Conversion::FilledIn),
    alias("SLACK_WEBHOOK_URL", "alerts.webhooks.slack.url", Conversion::FilledIn),
    alias("LOG_LEVEL", "log.level", Conversion::PythonLevel),
];

/// Variables of the reference that are left unread, and why. For the documentation.
pub(super) const UNREAD: &[(&str, &str)] = &[(
    "POSTGRES_MIN_CONNECTIONS",
    "connections are opened when they are needed, so there is no least number",
)];

impl Alias {
    /// The value for the key, or none when the variable says nothing. `current` is the value of the
    /// key so far.
    ///
    /// Quotes around the whole value are dropped, as the reference does: `docker --env-file` keeps
    /// them.
    pub(super) fn convert(
        &self,
        key: &Key,
        text: &str,
        current: Option<&str>,
    ) -> Option<ValueKind> {
        let text = unquoted(text);
        if text.is_empty() {
            return None;
        }
        let is_service_link = text.starts_with("tcp://");
        match self.conversion {
            Conversion::Port | Conversion::ListenPort if is_service_link => None,
            Conversion::FilledIn if text.starts_with('<') && text.ends_with('>') => None,
            Conversion::Verbatim | Conversion::Port | Conversion::FilledIn => {
                Some(key.kind.value_of(text))
            }
            Conversion::Seconds => Some(seconds(text).into()),
            Conversion::PythonLevel => Some(level(text).into()),
            Conversion::ListenHost => Some(with_host(text, current).into()),
            Conversion::ListenPort => Some(with_port(text, current).into()),
        }
    }

    /// What the documentation says about the conversion.
    pub(super) fn note(&self) -> &'static str {
        match self.conversion {
            Conversion::Verbatim => "",
            Conversion::FilledIn => {
                "a place to fill in, such as `<ENDPOINT_URL>`, counts as not set"
            }
            Conversion::Port => "a Kubernetes service link (`tcp://…`) is passed over",
            Conversion::Seconds => "a number of seconds",
            Conversion::PythonLevel => "Python's names of levels, such as `WARNING`",
            Conversion::ListenHost => "the address; the port stays",
            Conversion::ListenPort => {
                "the port; the address stays; a Kubernetes service link (`tcp://…`) is passed over"
            }
        }
    }
}

fn unquoted(text: &str) -> &str {
    let inside = |quote| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// A text that is no number is kept, so that the check of the key reports it.
fn seconds(text: &str) -> String {
    match text.trim().parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => {
            format!("{:.0}ms", seconds * 1000.0)
        }
        _ => text.to_owned(),
    }
}

fn level(text: &str) -> String {
    match text.to_ascii_uppercase().as_str() {
        "NOTSET" => "trace".to_owned(),
        "DEBUG" | "INFO" | "ERROR" => text.to_ascii_lowercase(),
        "WARN" | "WARNING" => "warn".to_owned(),
        "CRITICAL" | "FATAL" => "error".to_owned(),
        _ => text.to_owned(),
    }
}

fn address(current: Option<&str>) -> SocketAddr {
    let fallback = SocketAddr::from((Ipv4Addr::LOCALHOST, 8000));
    current.and_then(|text| text.parse().ok()).unwrap_or(fallback)
}

/// What is no address gives no socket address either, and the check of the key reports it.
fn with_host(host: &str, current: Option<&str>) -> String {
    let mut listen = address(current);
    let parsed = match host {
        "localhost" => Ok(IpAddr::from(Ipv4Addr::LOCALHOST)),
        host => host.parse(),
    };
    match parsed {
        Ok(host) => {
            listen.set_ip(host);
            listen.to_string()
        }
        Err(_) => format!("{host}:{}", listen.port()),
    }
}

fn with_port(port: &str, current: Option<&str>) -> String {
    let mut listen = address(current);
    match port.parse() {
        Ok(port) => {
            listen.set_port(port);
            listen.to_string()
        }
        Err(_) => format!("{}:{port}", listen.ip()),
    }
}
