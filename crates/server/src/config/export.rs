//! Parts of section `telemetry` about where things are sent.

use secrecy::SecretString;
use serde::Deserialize;

/// Section `telemetry.otlp`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// Address of a collector. None: nothing is sent by OTLP.
    pub endpoint: Option<String>,
    /// How it is spoken to.
    pub protocol: OtlpProtocolName,
    /// Headers of each message, `name=value,name=value`.
    pub headers: Option<SecretString>,
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum OtlpProtocolName {
    /// gRPC.
    #[serde(rename = "grpc")]
    Grpc,
    /// HTTP with protocol buffers.
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

/// Section `telemetry.application_insights`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationInsightsConfig {
    /// Connection string of the resource. None: nothing is sent there.
    pub connection_string: Option<SecretString>,
}

/// Section `telemetry.traces`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesConfig {
    /// Share of the requests without a trace of their own.
    pub sample_ratio: f64,
    /// The most requests a second whose caller decided.
    pub followed_per_second: u32,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Spans of traced calls.
    Traces,
    /// All metrics.
    Metrics,
    /// Lines of the log.
    Logs,
}
