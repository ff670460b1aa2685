//! `retail-mcp serve`

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::access::DatabaseAccess;
use crate::app::App;
use crate::config::{AuthMode, Config};
use crate::embedding::{self, Use};
use crate::{http, lifecycle, local};

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    if config.auth.mode == Some(AuthMode::DevToken) && !config.server.listen.ip().is_loopback() {
        warn!(
            address = %config.server.listen,
            "development tokens are for development, and this address can be reached from elsewhere"
        );
    }
    let stop = CancellationToken::new();
    let abort = CancellationToken::new();
    lifecycle::stop_at_signal(stop.clone())?;
    let access = DatabaseAccess::from_config(&config.database)?;
    let data_dir = local::data_dir(config.data_dir.as_deref());
    // Before anything is served, so that a model file that is not good is known at once.
    let embedder = embedding::start(&config.embeddings, Use::Searching).await?;
    let app = App::new(config, access, &data_dir, embedder)?;
    app.check_posture().await?;
    let audit = Arc::clone(&app.audit);
    let router = http::router(app, &config.server, stop.clone(), abort.clone());
    let listener = lifecycle::listen(config.server.listen).await?;
    info!(address = %listener.local_addr()?, "serving MCP at /mcp");
    let served =
        lifecycle::serve(listener, router, stop, abort, config.server.shutdown_grace).await;
    lifecycle::flush_audit(&audit, served).await
}
