#![doc = include_str!("../README.md")]

mod catalogue;
#[cfg(feature = "export")]
mod export;
mod instruments;
mod latency;
mod metrics;
mod monitor;
mod process;
mod ring;
mod statements;
mod traces;

pub use catalogue::{ALL, Kind, Metric, metrics_markdown, names};
#[cfg(feature = "export")]
pub use export::{Destination, Export, ExportError, OtlpProtocol, Signals};
pub use metrics::{MetricsError, Observe, RequestInFlight, Telemetry, TelemetrySettings};
pub use monitor::{Current, Latency, Monitor, Peaks, Rates, Summary, SystemNow, ToolRow};
pub use process::ProcessSample;
pub use statements::SlowStatement;
pub use traces::{TraceSettings, Traces};
