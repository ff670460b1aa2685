//! `retail-mcp serve`

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access::DatabaseAccess;
use crate::app::App;
use crate::config::{AuthMode, Config};
use crate::embedding::{self, Use};
use crate::{http, lifecycle, local, watch};

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let server = &config.server;
    if !server.listen.ip().to_canonical().is_loopback() {
        if config.auth.mode == Some(AuthMode::DevToken) {
            warn!(
                address = %server.listen,
                "development tokens are for development, and this address can be reached from elsewhere"
            );
        }
        if !server.tls.is_on() {
            warn!(
                address = %server.listen,
                "tokens and answers cross the network unencrypted unless a proxy in front of this address \
                 speaks TLS; or set server.tls.cert_file and server.tls.key_file"
            );
        }
    }
    let stop = CancellationToken::new();
    let abort = CancellationToken::new();
    lifecycle::stop_at_signal(stop.clone())?;
    watch::guard_runtime(config.telemetry.watchdog.abort_after);
    let access = DatabaseAccess::from_config(&config.database)?;
    let data_dir = local::data_dir(config.data_dir.as_deref());
    // Before anything is served, so that a model file that is not good is known at once.
    let embedder = embedding::start(config, Use::Searching).await?;
    let app = App::new(config, access, &data_dir, embedder)?;
    tokio::try_join!(app.check_posture(), app.check_connections(&config.database))?;
    let (audit, telemetry) = (Arc::clone(&app.audit), Arc::clone(&app.telemetry));
    let edge = http::edge(app, config, stop.clone(), abort.clone());
    let listener = lifecycle::listen(config.server.listen).await?;
    info!(address = %listener.local_addr()?, "serving MCP at /mcp");
    let outcome = lifecycle::serve(listener, edge, &config.server, stop, abort).await;
    lifecycle::flush_metrics(telemetry).await;
    lifecycle::flush_audit(&audit, outcome).await
}
