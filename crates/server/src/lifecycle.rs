//! From listening to the last answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use retail_storage::AuditWriter;
use retail_telemetry::Telemetry;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::ServerConfig;
use crate::http::{self, Edge, Tls, open_files};

/// Longest time for the last entries of the audit log.
const FLUSH_WITHIN: Duration = Duration::from_secs(10);

/// Longest time for the last metrics.
const FLUSH_METRICS_WITHIN: Duration = Duration::from_secs(3);

/// Opens the port.
///
/// # Errors
/// Names the address and the flag, since a port that is taken is the usual reason.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another with --listen"))
}

/// Cancels the token at SIGTERM or SIGINT.
///
/// # Errors
/// When the system gives no signal handlers.
pub(crate) fn stop_at_signal(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("stopping");
        stop.cancel();
    });
    Ok(())
}

/// Writes what is left of the audit log, after the last call. A failure to do so is told only when there is no
/// earlier one.
pub(crate) async fn flush_audit<T>(
    audit: &AuditWriter,
    served: anyhow::Result<T>,
) -> anyhow::Result<T> {
    let flushed = audit.flush(FLUSH_WITHIN).await;
    let value = served?;
    flushed?;
    Ok(value)
}

/// Sends what is left of the metrics, where they are sent.
pub(crate) async fn flush_metrics(telemetry: Arc<Telemetry>) {
    let flush = tokio::task::spawn_blocking(move || telemetry.shut_down());
    // Whoever receives may be away.
    let _ = tokio::time::timeout(FLUSH_METRICS_WITHIN, flush).await;
}

/// Serves until `stop`, then answers what is in flight for at most `grace`, then cuts it.
///
/// # Errors
/// When the TLS files cannot be used.
pub(crate) async fn serve(
    listener: TcpListener,
    edge: Edge,
    config: &ServerConfig,
    stop: CancellationToken,
    abort: CancellationToken,
) -> anyhow::Result<()> {
    open_files::raise_limit(config.max_connections);
    let tls = Tls::load(&config.tls)?;
    if let Some(tls) = &tls {
        tls.reload_at_sighup()?;
    }
    let server = http::serve(listener, edge, config, tls, stop.clone());
    tokio::pin!(server);
    let deadline = async {
        stop.cancelled().await;
        tokio::time::sleep(config.shutdown_grace).await;
    };
    tokio::select! {
        () = &mut server => {}
        () = deadline => {
            let grace_s = config.shutdown_grace.as_secs_f64();
            warn!(grace_s, "requests in flight were cut");
            abort.cancel();
            // Time to say so to the clients.
            let _ = tokio::time::timeout(Duration::from_secs(1), server).await;
        }
    }
    Ok(())
}
