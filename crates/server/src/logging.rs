//! The log of the process, on standard error: standard output may carry the protocol.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io;
use std::panic::{self, PanicHookInfo};

use anyhow::Context;
use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

/// rmcp logs several lines a request at `info`, whole requests at `debug`, and what a client called an
/// unknown method at `warn`; sqlx passes on notices. The record of calls is there at every level: with
/// `drop-and-count` it may be the only one, and its anchors prove the table.
const TARGETS: &str = "rmcp=warn,rmcp::service=error,sqlx=warn,retail_mcp::audit=info";

/// Starts logging.
///
/// # Errors
/// When the level cannot be read.
pub(crate) fn start(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{TARGETS},{}", config.level)).context("log.level")?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match config.format {
        LogFormat::Text => {
            subscriber.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init()
        }
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))?;
    panic::set_hook(Box::new(report_panic));
    Ok(())
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
