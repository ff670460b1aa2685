#![doc = include_str!("../README.md")]

mod catalogue;
mod instruments;
mod latency;
mod metrics;
mod monitor;
mod process;
mod ring;
mod statements;

pub use catalogue::{ALL, Kind, Metric, metrics_markdown, names};
pub use metrics::{MetricsError, Observe, RequestInFlight, Telemetry, TelemetrySettings};
pub use monitor::{Current, Latency, Monitor, Peaks, Rates, Summary, SystemNow, ToolRow};
pub use process::ProcessSample;
pub use statements::SlowStatement;
