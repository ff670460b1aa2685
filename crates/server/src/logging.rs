//! The log of the process, on standard error: standard output may carry the protocol. And what is sent elsewhere of it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;

use anyhow::Context;
use retail_domain::ports::TRACE_TARGET;
use retail_telemetry::Export;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{Subscriber, error, info, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, reload};

use crate::config::{Config, LogConfig, LogFormat, Sources, TelemetryConfig};
use crate::export;

/// rmcp logs several lines a request at `info`, whole requests at `debug`, and what a client called an
/// unknown method at `warn`; sqlx passes on notices. The record of calls is there at every level: with
/// `drop-and-count` it may be the only one, and its anchors prove the table.
const TARGETS: &str =
    "rmcp=warn,rmcp::service=error,sqlx=warn,opentelemetry=warn,retail_mcp::audit=info";

/// The log while it is written.
pub(crate) struct Logging {
    /// One for the lines that are printed, and one for those that are sent.
    filters: [SetFilter; 2],
    export: Export,
}

type SetFilter = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logging").field("export", &self.export).finish_non_exhaustive()
    }
}

/// Starts logging, and prepares to send what is to be sent. To be called inside a runtime.
///
/// # Errors
/// When the level cannot be read, or a destination cannot be used.
pub(crate) fn start(config: &LogConfig, telemetry: &TelemetryConfig) -> anyhow::Result<Logging> {
    let export = export::start(telemetry)?;
    let (printed, printed_handle) = reload::Layer::new(filter(&config.level)?);
    let (sent, sent_handle) = reload::Layer::new(filter(&config.level)?);
    tracing_subscriber::registry()
        .with(lines(config.format).with_filter(printed))
        .with(export.logs(sent))
        .with(export.spans())
        .try_init()
        .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))?;
    panic::set_hook(Box::new(report_panic));
    let filters: [SetFilter; 2] = [
        Box::new(move |filter| printed_handle.reload(filter)),
        Box::new(move |filter| sent_handle.reload(filter)),
    ];
    Ok(Logging { filters, export })
}

/// Reads the level of the log anew at each SIGHUP, as long as the process lives.
///
/// # Errors
/// When the system gives no signal handler.
pub(crate) fn reread_level_at_sighup(logging: Arc<Logging>, sources: Sources) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let read = Config::load(&sources)
                .map_err(anyhow::Error::from)
                .and_then(|config| logging.set_level(&config.log.level));
            if let Err(error) = read {
                warn!(error = format!("{error:#}"), "the level of the log stays as it is");
            }
        }
    });
    Ok(())
}

impl Logging {
    /// Writes the lines of `level` from now on.
    ///
    /// # Errors
    /// When it cannot be read; nothing changes then.
    pub(crate) fn set_level(&self, level: &str) -> anyhow::Result<()> {
        for set in &self.filters {
            match set(filter(level)?) {
                // Nothing is sent, so nothing filters it.
                Err(error) if error.is_dropped() => {}
                outcome => outcome.context("log.level")?,
            }
        }
        info!(level, "the level of the log was read anew");
        Ok(())
    }

    /// Sends what is left. It blocks for a few seconds at most.
    pub(crate) fn shut_down(&self) {
        self.export.shut_down();
    }
}

/// Spans of traces are no part of the log.
fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(format!("{TARGETS},{level},{TRACE_TARGET}=off")).context("log.level")
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => Box::new(lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr()))),
        LogFormat::Json => Box::new(lines.json()),
    }
}

/// Says where a panic was. Its message is left out: it may hold what a caller sent, or a secret.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string);
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    error!(location, backtrace, "a defect: the program panicked; please report where");
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_logged_with_its_place_and_without_its_message() {
        let lines = Lines::default();
        let written = lines.clone();
        let log = tracing_subscriber::fmt().with_writer(move || written.clone()).finish();
        let before = panic::take_hook();
        panic::set_hook(Box::new(report_panic));
        tracing::subscriber::with_default(log, || {
            let _ = panic::catch_unwind(|| panic!("the password is hunter2"));
        });
        panic::set_hook(before);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("src/logging.rs:"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
