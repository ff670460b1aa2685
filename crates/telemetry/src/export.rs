//! Sends traces, metrics and logs to a collector, or to Azure Monitor.
//!
//! Each signal goes out in batches from a thread of its own. What does not fit into its queue while the receiver is away
//! is left out: nobody waits for telemetry.

mod http_client;
mod metric;

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
    WithTonicConfig as _,
};
use opentelemetry_sdk::logs::{LoggerProviderBuilder, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SdkTracerProvider, TracerProviderBuilder};
use retail_domain::ports::TRACE_TARGET;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::{Metadata, Subscriber, debug};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::Filter;
use tracing_subscriber::registry::LookupSpan;

use self::http_client::Client;
use crate::TelemetrySettings;
use crate::traces::Traces;

/// Longest time for one message to a receiver.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Longest time for the last messages.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

/// How OTLP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// gRPC, usually on port 4317.
    Grpc,
    /// HTTP with protocol buffers, usually on port 4318.
    HttpProtobuf,
}

/// Who receives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Destination {
    /// A collector, or whoever else takes OTLP.
    Otlp {
        /// Its address, such as `http://collector:4317`, without the paths of the signals.
        endpoint: String,
        /// How it is spoken to.
        protocol: OtlpProtocol,
        /// Headers of each message, such as its key.
        headers: Vec<(String, SecretString)>,
    },
    /// Azure Monitor.
    ApplicationInsights {
        /// The connection string of the Application Insights resource.
        connection_string: SecretString,
    },
}

/// What is sent besides metrics, which [`Telemetry::sending`](crate::Telemetry::sending) sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signals {
    /// Spans of traced calls.
    pub traces: bool,
    /// The lines of the log.
    pub logs: bool,
}

/// Why nothing can be sent. Names no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The address or a header cannot be used.
    #[error("telemetry cannot be sent by OTLP: {0}")]
    Otlp(String),
    /// The connection string cannot be used. It is not repeated: it has a key.
    #[error("the connection string of Application Insights cannot be used")]
    ConnectionString,
    /// There is no TLS.
    #[error("telemetry cannot be sent by TLS: {0}")]
    Tls(String),
}

impl From<ExporterBuildError> for ExportError {
    fn from(error: ExporterBuildError) -> Self {
        Self::Otlp(error.to_string())
    }
}

/// Sends spans and log lines until [`shut_down`](Self::shut_down).
pub struct Export {
    spans: Option<SdkTracerProvider>,
    logs: Option<SdkLoggerProvider>,
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").finish_non_exhaustive()
    }
}

impl Export {
    /// Prepares to send. Connects to nobody. To be called inside a tokio runtime, which must outlive it.
    ///
    /// # Errors
    /// When a destination cannot be used.
    pub fn start(
        service: &TelemetrySettings,
        destinations: &[Destination],
        signals: Signals,
    ) -> Result<Self, ExportError> {
        let resource = || crate::metrics::resource(service);
        let spans = (signals.traces && !destinations.is_empty()).then(|| {
            let builder = SdkTracerProvider::builder().with_resource(resource());
            destinations.iter().try_fold(builder, with_spans).map(TracerProviderBuilder::build)
        });
        let logs = (signals.logs && !destinations.is_empty()).then(|| {
            let builder = SdkLoggerProvider::builder().with_resource(resource());
            destinations.iter().try_fold(builder, with_logs).map(LoggerProviderBuilder::build)
        });
        Ok(Self { spans: spans.transpose()?, logs: logs.transpose()? })
    }

    /// The layer for spans. None where they are not sent.
    pub fn spans<S>(&self) -> Option<impl Layer<S> + Send + Sync + use<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        self.spans.as_ref().map(Traces::layer)
    }

    /// The layer for lines of the log, of those that `filter` lets through. None where they are not sent. Only lines of
    /// the server's own crates are sent: those of what sends them would have no end.
    pub fn logs<S, F>(&self, filter: F) -> Option<impl Layer<S> + Send + Sync + use<S, F>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
        F: Filter<S> + Send + Sync + 'static,
    {
        let provider = self.logs.as_ref()?;
        Some(OpenTelemetryTracingBridge::new(provider).with_filter(filter.and(filter_fn(is_own))))
    }

    /// Sends what is left, within a few seconds. It blocks, and the runtime must still turn.
    pub fn shut_down(&self) {
        // Whoever receives is away, or slow: there is nobody to tell.
        if let Some(spans) = &self.spans {
            let _ = spans.shutdown_with_timeout(FLUSH_WITHIN);
        }
        if let Some(logs) = &self.logs {
            let _ = logs.shutdown_with_timeout(FLUSH_WITHIN);
        }
    }
}

/// Crates of this project are called `retail-…`.
fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.is_event()
        && metadata.target().starts_with("retail_")
        && metadata.target() != TRACE_TARGET
}

fn with_spans(
    builder: TracerProviderBuilder,
    destination: &Destination,
) -> Result<TracerProviderBuilder, ExportError> {
    Ok(match destination {
        Destination::Otlp { endpoint, protocol: OtlpProtocol::Grpc, headers } => {
            let exporter = SpanExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .with_timeout(SEND_WITHIN)
                .with_tls_config(tls_of(endpoint))
                .with_metadata(metadata(headers)?);
            builder.with_batch_exporter(exporter.build()?)
        }
        Destination::Otlp { endpoint, protocol: OtlpProtocol::HttpProtobuf, headers } => {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_endpoint(path(endpoint, "traces"))
                .with_timeout(SEND_WITHIN)
                .with_http_client(Client::new(endpoint)?)
                .with_headers(exposed(headers));
            builder.with_batch_exporter(exporter.build()?)
        }
        Destination::ApplicationInsights { connection_string } => {
            builder.with_batch_exporter(application_insights(connection_string)?)
        }
    })
}

fn with_logs(
    builder: LoggerProviderBuilder,
    destination: &Destination,
) -> Result<LoggerProviderBuilder, ExportError> {
    Ok(match destination {
        Destination::Otlp { endpoint, protocol: OtlpProtocol::Grpc, headers } => {
            let exporter = LogExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .with_timeout(SEND_WITHIN)
                .with_tls_config(tls_of(endpoint))
                .with_metadata(metadata(headers)?);
            builder.with_batch_exporter(exporter.build()?)
        }
        Destination::Otlp { endpoint, protocol: OtlpProtocol::HttpProtobuf, headers } => {
            let exporter = LogExporter::builder()
                .with_http()
                .with_endpoint(path(endpoint, "logs"))
                .with_timeout(SEND_WITHIN)
                .with_http_client(Client::new(endpoint)?)
                .with_headers(exposed(headers));
            builder.with_batch_exporter(exporter.build()?)
        }
        Destination::ApplicationInsights { connection_string } => {
            builder.with_batch_exporter(application_insights(connection_string)?)
        }
    })
}

fn application_insights(
    connection_string: &SecretString,
) -> Result<opentelemetry_application_insights::Exporter<Client>, ExportError> {
    let text = connection_string.expose_secret();
    // Its region is in the string, so TLS is prepared in any case but on this machine.
    let endpoint = text
        .split(';')
        .find_map(|part| part.trim().strip_prefix("IngestionEndpoint="))
        .unwrap_or("https://");
    let exporter = opentelemetry_application_insights::Exporter::new_from_connection_string(
        text,
        Client::new(endpoint)?,
    )
    .map_err(|_| ExportError::ConnectionString)?;
    Ok(exporter.with_retry_notify(|error, wait| {
        let (error, wait_s) = (error as &dyn std::error::Error, wait.as_secs_f64());
        debug!(error, wait_s, "Application Insights takes nothing");
    }))
}

fn path(endpoint: &str, signal: &str) -> String {
    format!("{}/v1/{signal}", endpoint.trim_end_matches('/'))
}

/// The system's authorities, where TLS is asked for.
fn tls_of(endpoint: &str) -> ClientTlsConfig {
    let tls = ClientTlsConfig::new();
    if endpoint.starts_with("https:") { tls.with_native_roots() } else { tls }
}

fn exposed(headers: &[(String, SecretString)]) -> std::collections::HashMap<String, String> {
    headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect()
}

fn metadata(headers: &[(String, SecretString)]) -> Result<MetadataMap, ExportError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let unfit = || ExportError::Otlp(format!("the header {name:?} cannot be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let value = HeaderValue::from_str(value.expose_secret()).map_err(|_| unfit())?;
        map.insert(key, value);
    }
    Ok(MetadataMap::from_headers(map))
}
