//! The one thing that all parts report to.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{MeterProviderBuilder, SdkMeterProvider};
use prometheus::{Registry, TextEncoder};
use retail_domain::ports::{
    ObservedOperation, ObservedTransaction, OperationObserver, TransactionObserver,
};

use crate::catalogue::{Kind, Metric, names};
use crate::instruments::Instruments;
use crate::monitor::Monitor;
use crate::process::{ProcessProbe, ProcessSample};

/// The method of the calls that the monitor counts.
const TOOLS_CALL: &str = "tools/call";

/// The route of the requests that the monitor counts.
const MCP_ROUTE: &str = "/mcp";

/// Who reports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TelemetrySettings {
    /// Name of the service, as operators know it.
    pub service_name: String,
    /// Its version.
    pub service_version: String,
    /// Which of the servers it is.
    pub instance: String,
}

impl TelemetrySettings {
    /// A server of this version, known as `instance`.
    pub fn new(service_version: impl Into<String>, instance: impl Into<String>) -> Self {
        Self {
            service_name: "retail-mcp".to_owned(),
            service_version: service_version.into(),
            instance: instance.into(),
        }
    }
}

impl TelemetrySettings {
    /// A server of this version, known by the name of its machine: in Kubernetes that of its pod.
    pub fn of_this_host(service_version: impl Into<String>) -> Self {
        Self::new(service_version, crate::process::host_name())
    }
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self::new(env!("CARGO_PKG_VERSION"), "")
    }
}

/// Why there are no metrics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// The reader for Prometheus could not be made.
    #[error("the metrics cannot be set up")]
    SetUp(#[source] opentelemetry_sdk::error::OTelSdkError),
    /// They cannot be sent.
    #[cfg(feature = "export")]
    #[error(transparent)]
    Export(#[from] crate::ExportError),
    /// They could not be written as text.
    #[error("the metrics cannot be written as text")]
    Text(#[source] prometheus::Error),
}

/// Metrics and the performance monitor. All parts of a server share one.
pub struct Telemetry {
    settings: TelemetrySettings,
    started: Instant,
    registry: Registry,
    // It feeds the registry and sends, for as long as it lives.
    provider: SdkMeterProvider,
    meter: Meter,
    instruments: Instruments,
    monitor: Monitor,
    active_requests: Arc<AtomicI64>,
    answers: AtomicU64,
    probe: Arc<Mutex<ProcessProbe>>,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Where the values of a metric are told. See [`Telemetry::gauge`].
pub struct Observe<'a> {
    instrument: &'a dyn AsyncInstrument<f64>,
    labels: &'static [&'static str],
}

impl fmt::Debug for Observe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observe").field("labels", &self.labels).finish_non_exhaustive()
    }
}

impl Observe<'_> {
    /// Tells the value of one series: the values of the metric's labels, in their order.
    pub fn value(&self, value: f64, labels: &[&str]) {
        debug_assert_eq!(labels.len(), self.labels.len(), "{:?}", self.labels);
        let labels: Vec<_> = self
            .labels
            .iter()
            .zip(labels)
            .map(|(name, label)| KeyValue::new(*name, (*label).to_owned()))
            .collect();
        self.instrument.observe(value, &labels);
    }

    /// The same of a count.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    pub fn count(&self, count: u64, labels: &[&str]) {
        self.value(count as f64, labels);
    }
}

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub struct RequestInFlight(Arc<AtomicI64>);

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Telemetry {
    /// Sets the metrics up.
    ///
    /// # Errors
    /// [`MetricsError::SetUp`] when the reader for Prometheus cannot be made.
    pub fn new(settings: &TelemetrySettings) -> Result<Self, MetricsError> {
        Self::with_provider(settings, SdkMeterProvider::builder())
    }

    /// The same, and metrics are sent as well. To be called inside a tokio runtime, which must outlive it.
    ///
    /// # Errors
    /// [`MetricsError::Export`] when a destination cannot be used.
    #[cfg(feature = "export")]
    pub fn sending(
        settings: &TelemetrySettings,
        destinations: &[crate::Destination],
    ) -> Result<Self, MetricsError> {
        let builder = destinations
            .iter()
            .try_fold(SdkMeterProvider::builder(), |builder, to| to.with_metrics(builder))?;
        Self::with_provider(settings, builder)
    }

    fn with_provider(
        settings: &TelemetrySettings,
        provider: MeterProviderBuilder,
    ) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            // Each series would have one more label, of no use to anybody.
            .scope_info_enabled(false)
            .build()
            .map_err(MetricsError::SetUp)?;
        let provider = provider.with_resource(resource(settings)).with_reader(reader).build();
        let meter = provider.meter("retail-mcp");
        let started = Instant::now();
        let telemetry = Self {
            settings: settings.clone(),
            started,
            registry,
            instruments: Instruments::new(&meter),
            meter,
            provider,
            monitor: Monitor::starting_at(started),
            active_requests: Arc::default(),
            answers: AtomicU64::new(0),
            probe: Arc::new(Mutex::new(ProcessProbe::new())),
        };
        telemetry.report_process();
        Ok(telemetry)
    }

    /// Who reports.
    pub fn settings(&self) -> &TelemetrySettings {
        &self.settings
    }

    /// How it goes.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Tells the monitor what the process takes. To be done every few seconds.
    pub fn sample_process(&self) {
        self.monitor.sample(Instant::now(), sample(&self.probe));
    }

    /// A request has come.
    pub fn request_begins(&self) -> RequestInFlight {
        self.active_requests.fetch_add(1, Ordering::Relaxed);
        RequestInFlight(Arc::clone(&self.active_requests))
    }

    /// Requests that are being answered.
    pub fn active_requests(&self) -> u64 {
        u64::try_from(self.active_requests.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Statements of callers that the database answered, since the start.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// A request has been answered. `method` and `route` are of a small set, whatever the client sent.
    pub fn http_request(
        &self,
        method: &'static str,
        route: &'static str,
        status: u16,
        took: Duration,
    ) {
        self.instruments.http(method, route, status, took);
        if route == MCP_ROUTE {
            self.monitor.request(Instant::now(), status);
        }
    }

    /// Asks `tell` for the values of a gauge whenever they are read.
    pub fn gauge(&self, metric: &Metric, tell: impl Fn(&Observe<'_>) + Send + Sync + 'static) {
        debug_assert_eq!(metric.kind, Kind::Gauge);
        let labels = metric.labels;
        // It lives on in the meter.
        let _ = self
            .meter
            .f64_observable_gauge(metric.name)
            .with_unit(metric.unit)
            .with_description(metric.meaning)
            .with_callback(move |instrument| tell(&Observe { instrument, labels }))
            .build();
    }

    /// The same of a counter: `tell` gives counts since the start.
    pub fn counter(&self, metric: &Metric, tell: impl Fn(&Observe<'_>) + Send + Sync + 'static) {
        debug_assert_eq!(metric.kind, Kind::Counter);
        let labels = metric.labels;
        let _ = self
            .meter
            .f64_observable_counter(metric.name)
            .with_unit(metric.unit)
            .with_description(metric.meaning)
            .with_callback(move |instrument| tell(&Observe { instrument, labels }))
            .build();
    }

    /// Sends what is left of the metrics, where they are sent. It blocks.
    pub fn shut_down(&self) {
        // Whoever receives is away: there is nobody to tell.
        let _ = self.provider.shutdown();
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// [`MetricsError::Text`] when a metric has a name or label that the format does not know.
    pub fn prometheus_text(&self) -> Result<String, MetricsError> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(MetricsError::Text)
    }

    fn report_process(&self) {
        let active = Arc::clone(&self.active_requests);
        self.gauge(&names::HTTP_ACTIVE_REQUESTS, move |observe| {
            let active = u64::try_from(active.load(Ordering::Relaxed)).unwrap_or_default();
            observe.count(active, &[]);
        });
        let started = self.started;
        self.gauge(&names::PROCESS_UPTIME, move |observe| {
            observe.value(started.elapsed().as_secs_f64(), &[]);
        });
        let probe = Arc::clone(&self.probe);
        self.counter(&names::PROCESS_CPU_TIME, move |observe| {
            observe.value(sample(&probe).cpu_time.as_secs_f64(), &[]);
        });
        for (metric, read) in [
            (names::PROCESS_CPU_LIMIT, (|s| s.cpu_limit) as fn(ProcessSample) -> f64),
            (names::PROCESS_MEMORY, |s| bytes(s.memory_bytes)),
            (names::PROCESS_MEMORY_LIMIT, |s| bytes(s.memory_limit_bytes)),
        ] {
            let probe = Arc::clone(&self.probe);
            self.gauge(&metric, move |observe| observe.value(read(sample(&probe)), &[]));
        }
    }
}

/// Who reports, as OpenTelemetry says it.
pub(crate) fn resource(settings: &TelemetrySettings) -> Resource {
    Resource::builder_empty()
        .with_service_name(settings.service_name.clone())
        .with_attributes([
            KeyValue::new("service.version", settings.service_version.clone()),
            KeyValue::new("service.instance.id", settings.instance.clone()),
        ])
        .build()
}

fn sample(probe: &Mutex<ProcessProbe>) -> ProcessSample {
    // It keeps nothing that a panic could leave half done.
    probe.lock().unwrap_or_else(PoisonError::into_inner).sample()
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}

impl OperationObserver for Telemetry {
    fn operation_ended(&self, operation: &ObservedOperation) {
        self.instruments.operation(operation);
        if let (TOOLS_CALL, Some(tool)) = (operation.method, operation.tool) {
            self.monitor.call(Instant::now(), tool, operation.error, operation.duration);
        }
    }
}

impl TransactionObserver for Telemetry {
    fn connection_given(&self, pool: &'static str, waited: Duration) {
        self.instruments.wait(pool, waited);
    }

    fn transaction_ended(&self, transaction: &ObservedTransaction<'_>) {
        self.instruments.transaction(transaction);
        self.monitor.transaction(Instant::now(), transaction);
        if transaction.fingerprint.is_some() && transaction.error.is_none() {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use retail_domain::ErrorCode;

    use super::*;
    use crate::catalogue::ALL;

    #[test]
    fn each_metric_is_called_what_the_table_says() {
        let telemetry = Telemetry::new(&TelemetrySettings::new("1.2.3", "server-1")).unwrap();
        let own = [
            "process.",
            "retail.process.",
            "http.server.active_requests", //
        ];
        for metric in
            ALL.iter().filter(|metric| !own.iter().any(|own| metric.name.starts_with(own)))
        {
            let labels = metric.labels;
            match metric.kind {
                Kind::Gauge => telemetry.gauge(metric, move |all| all.value(1.0, labels)),
                Kind::Counter => telemetry.counter(metric, move |all| all.value(1.0, labels)),
                Kind::Histogram => {}
            }
        }
        let took = Duration::from_millis(3);
        let _request = telemetry.request_begins();
        telemetry.http_request("POST", "/mcp", 200, took);
        let mut operation = ObservedOperation::new(TOOLS_CALL, took);
        operation.tool = Some("execute_sales_query");
        operation.error = Some(ErrorCode::QueryFailed);
        telemetry.operation_ended(&operation);
        telemetry.connection_given("stores", took);
        telemetry.transaction_ended(&ObservedTransaction::new("stores", took));
        let text = telemetry.prometheus_text().unwrap();
        for metric in ALL {
            let name = metric.prometheus_name();
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name} {kind} in {text}");
        }
        let sales = "mcp_server_operation_duration_seconds_bucket{error_type=\"query_failed\",\
                     gen_ai_tool_name=\"execute_sales_query\",mcp_method_name=\"tools/call\",le=\"0.0025\"} 0";
        assert!(text.contains(sales), "{text}");
        assert!(text.contains("service_instance_id=\"server-1\""), "{text}");
        assert!(text.contains("http_server_active_requests 1"), "{text}");
    }

    #[test]
    fn the_monitor_hears_of_calls_and_statements() {
        let telemetry = Telemetry::new(&TelemetrySettings::default()).unwrap();
        let took = Duration::from_millis(5);
        let operation = |method, tool| {
            let mut operation = ObservedOperation::new(method, took);
            operation.tool = tool;
            operation
        };
        telemetry.operation_ended(&operation(TOOLS_CALL, Some("execute_sales_query")));
        telemetry.operation_ended(&operation("tools/list", None));
        let mut transaction = ObservedTransaction::new("stores", took);
        transaction.fingerprint = Some("50fde20626009aba");
        telemetry.transaction_ended(&transaction);
        telemetry.sample_process();
        let current = telemetry.monitor().current(Instant::now());
        assert_eq!((current.application.calls, telemetry.answers()), (1, 1));
        assert_eq!(current.slowest_statements[0].fingerprint, "50fde20626009aba");
        assert!(current.system.memory_bytes > 0);
    }
}
