//! What is recorded at the moment it happens.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};
use retail_domain::ErrorCode;
use retail_domain::ports::{ObservedOperation, ObservedTransaction};

use crate::catalogue::{Metric, names};

/// Upper ends of the buckets, in seconds. Those of the HTTP convention, with more below 10 ms, where answers from the
/// cache are, and with the statement limit of 5 s and the request limit of 30 s.
const BUCKETS_S: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The histograms.
#[derive(Debug)]
pub(crate) struct Instruments {
    http: Histogram<f64>,
    operations: Histogram<f64>,
    transactions: Histogram<f64>,
    waits: Histogram<f64>,
}

impl Instruments {
    pub(crate) fn new(meter: &Meter) -> Self {
        let histogram = |metric: &Metric| {
            meter
                .f64_histogram(metric.name)
                .with_unit(metric.unit)
                .with_description(metric.meaning)
                .with_boundaries(BUCKETS_S.to_vec())
                .build()
        };
        Self {
            http: histogram(&names::HTTP_REQUEST_DURATION),
            operations: histogram(&names::MCP_OPERATION_DURATION),
            transactions: histogram(&names::DB_OPERATION_DURATION),
            waits: histogram(&names::DB_CONNECTION_WAIT),
        }
    }

    pub(crate) fn http(
        &self,
        method: &'static str,
        route: &'static str,
        status: u16,
        took: Duration,
    ) {
        self.http.record(
            took.as_secs_f64(),
            &[
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", route),
                KeyValue::new("http.response.status_code", i64::from(status)),
            ],
        );
    }

    pub(crate) fn operation(&self, operation: &ObservedOperation) {
        let mut labels = Vec::with_capacity(3);
        labels.push(KeyValue::new("mcp.method.name", operation.method));
        labels.extend(operation.tool.map(|tool| KeyValue::new("gen_ai.tool.name", tool)));
        labels.extend(operation.error.map(error_type));
        self.operations.record(operation.duration.as_secs_f64(), &labels);
    }

    pub(crate) fn transaction(&self, transaction: &ObservedTransaction<'_>) {
        let mut labels = Vec::with_capacity(3);
        labels.push(KeyValue::new("db.system.name", "postgresql"));
        labels.push(pool(transaction.pool));
        labels.extend(transaction.error.map(error_type));
        self.transactions.record(transaction.duration.as_secs_f64(), &labels);
    }

    pub(crate) fn wait(&self, name: &'static str, waited: Duration) {
        self.waits.record(waited.as_secs_f64(), &[pool(name)]);
    }
}

fn error_type(code: ErrorCode) -> KeyValue {
    KeyValue::new("error.type", code.as_str())
}

fn pool(name: &'static str) -> KeyValue {
    KeyValue::new("db.client.connection.pool.name", name)
}
