#![doc = include_str!("../README.md")]

mod alarms;
mod catalogue;
mod cgroup;
#[cfg(feature = "export")]
mod export;
#[cfg(any(feature = "export", feature = "notify"))]
mod http_out;
mod instruments;
mod latency;
mod metrics;
mod monitor;
#[cfg(feature = "notify")]
mod notify;
mod process;
mod report;
mod ring;
mod statements;
mod traces;

pub use alarms::{AlarmRule, AlarmState, AlarmTimes, Alarms, Notice, Reading, Severity};
pub use catalogue::{ALL, Kind, Metric, metrics_markdown, names};
#[cfg(feature = "export")]
pub use export::{Destination, Export, ExportError, OtlpProtocol, Signals};
pub use metrics::{MetricsError, Observe, RequestInFlight, Telemetry, TelemetrySettings};
pub use monitor::{
    Current, HttpNow, Latency, Monitor, Peaks, Point, Rates, Summary, SystemNow, ToolRow,
    TransactionsNow,
};
#[cfg(feature = "notify")]
pub use notify::{NotificationCounts, NotifyError, Sender, WebhookKind, WebhookSettings, Webhooks};
pub use process::ProcessSample;
pub use report::{AlarmNow, Fleet, PoolNow, ReportParts, ServerReport};
pub use statements::SlowStatement;
pub use traces::{TraceSettings, Traces};
