//! The HTTP edge.

mod health;
mod identity;
mod request_log;
mod sign_in;
mod step_up;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use http::StatusCode;
use retail_mcp_protocol::HttpOptions;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::config::ServerConfig;

pub use identity::CredentialSource;

/// The routes of a server: `/mcp`, `/health`, `/ready`, and what clients must know to sign in.
///
/// `draining` makes `/ready` say no; `abort` ends the requests in flight.
pub fn router(
    app: App,
    config: &ServerConfig,
    draining: CancellationToken,
    abort: CancellationToken,
) -> Router {
    let mut options = HttpOptions {
        max_body_bytes: config.max_body_bytes,
        shutdown: abort,
        ..HttpOptions::default()
    };
    options.allowed_hosts.extend(config.allowed_hosts.iter().cloned());
    // A client that reaches a named, non-loopback address may use that address as the host.
    if !config.listen.ip().is_unspecified() {
        options.allowed_hosts.push(host_of(config.listen));
    }
    options.allowed_origins.extend(config.allowed_origins.iter().cloned());

    let sign_in = app.sign_in.map(Arc::new);
    let identities = identity::Identities {
        resolver: app.identities,
        source: app.credentials,
        sign_in: sign_in.clone(),
    };
    let mut mcp = Router::new().route_service("/mcp", app.mcp.streamable_http_service(options));
    let mut public = Router::new();
    if let Some(sign_in) = sign_in {
        public = sign_in::routes(&sign_in);
        let step_up =
            step_up::StepUp { mcp: app.mcp, sign_in, max_body_bytes: config.max_body_bytes };
        mcp = mcp.layer(middleware::from_fn_with_state(step_up, step_up::challenge));
    }
    // The outer layer: what is below knows who calls.
    let mcp = mcp.layer(middleware::from_fn_with_state(identities, identity::identify));
    let health = Router::new()
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .with_state(health::Readiness::new(app.health, draining));
    Router::new()
        .merge(mcp)
        .merge(health)
        .merge(public)
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, config.request_timeout))
        .layer(middleware::from_fn(request_log::log))
}

/// The host part of an address, as it stands in a `Host` header.
fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}
