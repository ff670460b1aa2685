//! The HTTP edge: what stands between the network and the tools.
//!
//! From the outside to the inside: limits of connections, request heads and times ([`serve()`]), the
//! client's address, the log, `Host` and `Origin`, CORS, limits by address, authentication, limits by
//! principal, the body, the tools.

mod admission;
mod body;
mod buckets;
mod client_address;
mod concurrency;
mod connection;
mod connections;
mod cors;
mod gate;
mod health;
mod identity;
pub(crate) mod open_files;
mod refusal;
mod request_log;
mod response_headers;
mod serve;
mod sign_in;
mod step_up;
pub(crate) mod tls;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse as _;
use axum::routing::get;
use http::StatusCode;
use retail_mcp_protocol::HttpOptions;
use tokio_util::sync::CancellationToken;
use tower::util::option_layer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::config::{Config, ServerConfig};
use admission::Admission;
use client_address::Proxies;
use gate::Gate;
use refusal::Refusal;

pub use identity::CredentialSource;
pub use serve::serve;
pub use tls::{Tls, TlsError};

/// The routes of a server: `/mcp`, `/health`, `/ready`, and what clients must know to sign in.
///
/// `draining` makes `/ready` say no; `abort` ends the requests in flight.
pub fn router(
    app: App,
    config: &Config,
    draining: CancellationToken,
    abort: CancellationToken,
) -> Router {
    let server = &config.server;
    let options = options(server, abort);
    let gate = Gate::new(&options.allowed_hosts, &options.allowed_origins);
    let admission = Arc::new(Admission::new(&config.limits, server));
    let sign_in = app.sign_in.map(Arc::new);
    let identities = identity::Identities {
        resolver: app.identities,
        source: app.credentials,
        sign_in: sign_in.clone(),
    };

    // The layer that is added last is the outermost.
    let mut mcp = Router::new().route_service("/mcp", app.mcp.streamable_http_service(options));
    let mut public = Router::new();
    if let Some(sign_in) = sign_in {
        public = sign_in::routes(&sign_in);
        let step_up =
            step_up::StepUp { mcp: app.mcp, sign_in, max_body_bytes: server.max_body_bytes };
        mcp = mcp.layer(from_fn_with_state(step_up, step_up::challenge));
    }
    let mcp = mcp
        .layer(from_fn_with_state(Arc::clone(&admission), admission::by_principal))
        .layer(from_fn_with_state(identities, identity::identify))
        .layer(from_fn_with_state(Arc::clone(&admission), admission::by_failures));
    let guarded = mcp
        .merge(public)
        .fallback(async || Refusal::NotFound.into_response())
        .layer(from_fn_with_state(admission, admission::by_address))
        .layer(option_layer(cors::layer(&server.cors_origins)))
        .layer(from_fn_with_state(gate, gate::check));
    // Probes come from machines that know no name of ours, and must get an answer under load.
    let health = Router::new()
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .with_state(health::Readiness::new(app.health, app.kept_answers, draining));
    for_all(guarded.merge(health), server)
}

/// What all routes have around them.
fn for_all(routes: Router, server: &ServerConfig) -> Router {
    routes
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, server.request_timeout))
        .layer(CatchPanicLayer::custom(|_| Refusal::Panicked.into_response()))
        .layer(from_fn_with_state(server.tls.is_on(), response_headers::add))
        .layer(from_fn(request_log::log))
        .layer(from_fn_with_state(Proxies::new(server), client_address::find))
}

/// What the MCP service itself checks, once more.
fn options(config: &ServerConfig, abort: CancellationToken) -> HttpOptions {
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
    let origins = config.allowed_origins.iter().chain(&config.cors_origins);
    options.allowed_origins.extend(origins.cloned());
    options
}

/// The host part of an address, as it stands in a `Host` header.
fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::config::Sources;

    #[tokio::test]
    async fn a_panic_is_a_neutral_500() {
        let config = Config::load(&Sources::default()).unwrap();
        let broken = get(async || -> StatusCode { panic!("the password is hunter2") });
        let router = for_all(Router::new().route("/", broken), &config.server);
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let request = Request::get("/").extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(response.headers().contains_key("x-request-id"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("hunter2"));
    }
}
