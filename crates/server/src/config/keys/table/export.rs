//! Where traces, metrics and logs are sent.

use super::{integer, key};
use crate::config::keys::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    key(
        "telemetry.otlp.endpoint",
        Kind::CollectorUrl,
        None,
        "Address of an OpenTelemetry collector, such as `http://collector:4317`, to which traces, metrics and log lines are \
         sent. Not set: nothing is. Without TLS only inside a network that is yours: lines name principals.",
    ),
    key(
        "telemetry.otlp.protocol",
        Kind::Choice(&["grpc", "http/protobuf"]),
        Some("grpc"),
        "How the collector is spoken to: `grpc` (usually port 4317) or `http/protobuf` (4318).",
    ),
    key(
        "telemetry.otlp.headers",
        Kind::Secret,
        None,
        "Headers of each message to it, such as `api-key=…,tenant=…`.",
    ),
    key(
        "telemetry.otlp.headers_file",
        Kind::SecretFile { secret: "telemetry.otlp.headers" },
        None,
        "File with those headers.",
    ),
    key(
        "telemetry.application_insights.connection_string",
        Kind::Secret,
        None,
        "Connection string of an Application Insights resource, to which the same is sent without a collector.",
    ),
    key(
        "telemetry.application_insights.connection_string_file",
        Kind::SecretFile { secret: "telemetry.application_insights.connection_string" },
        None,
        "File with that connection string.",
    ),
    key(
        "telemetry.traces.sample_ratio",
        Kind::Ratio,
        Some("0.1"),
        "Share of the requests that are traced, of those that come without a trace of their own.",
    ),
    key(
        "telemetry.traces.followed_per_second",
        integer(0, 1_000_000),
        Some("10"),
        "The most requests a second that are traced because their caller says that it traces them (`traceparent`), which \
         anybody may say. `0`: callers do not decide.",
    ),
];
