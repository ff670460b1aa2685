//! What a collector keeps, in the form that tests look at.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

/// A span. Ids are hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// Its trace.
    pub trace_id: String,
    /// Itself.
    pub span_id: String,
    /// The span that it is part of; empty for none.
    pub parent_id: String,
    /// What it is called.
    pub name: String,
    /// `Server`, `Client` or `Internal`.
    pub kind: String,
    /// What is said of it.
    pub attributes: BTreeMap<String, String>,
    /// Traces of the spans that it is linked to.
    pub links: Vec<String>,
    /// Whether it says that it failed.
    pub is_error: bool,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReceivedLine {
    /// The trace that it was written in; empty for none.
    pub trace_id: String,
    /// `INFO` and so on.
    pub severity: String,
    /// Its text.
    pub body: String,
    /// Its fields.
    pub attributes: BTreeMap<String, String>,
}

impl From<Span> for ReceivedSpan {
    fn from(span: Span) -> Self {
        let kind = format!("{:?}", span.kind());
        let is_error = span.status.as_ref().is_some_and(|status| status.code == 2);
        debug_assert_ne!(kind, format!("{:?}", SpanKind::Unspecified));
        Self {
            trace_id: hex::encode(&span.trace_id),
            span_id: hex::encode(&span.span_id),
            parent_id: hex::encode(&span.parent_span_id),
            name: span.name,
            kind,
            attributes: attributes(span.attributes),
            links: span.links.iter().map(|link| hex::encode(&link.trace_id)).collect(),
            is_error,
        }
    }
}

impl From<LogRecord> for ReceivedLine {
    fn from(line: LogRecord) -> Self {
        Self {
            trace_id: hex::encode(&line.trace_id),
            severity: line.severity_text,
            body: text(line.body),
            attributes: attributes(line.attributes),
        }
    }
}

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    all.into_iter().map(|one| (one.key, text(one.value))).collect()
}

fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}
