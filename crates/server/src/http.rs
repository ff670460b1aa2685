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
mod dashboard;
mod edge;
mod gate;
mod health;
mod identity;
pub(crate) mod open_files;
mod operations;
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
use axum::response::IntoResponse as _;
use axum::routing::get;
use retail_domain::ports::SystemClock;
use retail_mcp_protocol::HttpOptions;
use retail_telemetry::AlarmTimes;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::config::{AlertsConfig, Config, ServerConfig};
use crate::readiness::Readiness;
use crate::watch::{Watch, Watchdog, Watched};
use admission::Admission;
use client_address::Proxies;
use edge::{Around, Way};
use gate::Gate;
use operations::{Operations, Operators};
use refusal::Refusal;

pub use edge::Edge;
pub use identity::CredentialSource;
pub use serve::serve;
pub use tls::{Tls, TlsError};

/// What answers at `/mcp`, to probes, to operators, and where clients read how to sign in.
///
/// `draining` makes `/ready` say no; `abort` ends the requests in flight.
pub fn edge(
    app: App,
    config: &Config,
    draining: CancellationToken,
    abort: CancellationToken,
) -> Edge {
    let server = &config.server;
    let options = options(server, abort);
    let sign_in = app.sign_in.map(Arc::new);
    let public = match &sign_in {
        Some(sign_in) => sign_in::routes(sign_in),
        None => Router::new(),
    };
    let step_up = sign_in.clone().map(|sign_in| step_up::StepUp {
        mcp: app.mcp.clone(),
        sign_in,
        max_body_bytes: server.max_body_bytes,
    });
    let readiness = Readiness::new(app.health, app.kept_answers, app.database, draining.clone());
    let watch = Watch::start(Watched {
        telemetry: Arc::clone(&app.telemetry),
        counts: config.telemetry.metrics,
        parts: Arc::clone(&app.observed),
        readiness: readiness.clone(),
        times: alarm_times(&config.alerts),
        webhooks: app.webhooks,
        service: app.service,
    });
    let watchdog = Watchdog {
        telemetry: Arc::clone(&app.telemetry),
        readiness: readiness.clone(),
        every: config.telemetry.watchdog.every,
    };
    let probes = Router::new()
        .route("/health", get(health::alive))
        .route("/startup", get(health::started))
        .route("/ready", get(health::ready))
        .with_state(readiness.clone());
    let operations = Operations {
        telemetry: Arc::clone(&app.telemetry),
        parts: app.observed,
        clock: Arc::new(SystemClock),
        counts: config.telemetry.metrics,
        watch,
    };
    let identities = Arc::new(identity::Identities {
        resolver: app.identities,
        source: app.credentials,
        sign_in: sign_in.clone(),
    });
    let dashboard = dashboard::Dashboard::new(dashboard::Parts {
        operations: operations.clone(),
        readiness,
        identities: Arc::clone(&identities),
        draining,
    });
    let edge = Edge(Arc::new(Way {
        around: Around {
            proxies: Proxies::new(server),
            has_tls: server.tls.is_on(),
            request_timeout: server.request_timeout,
            telemetry: app.telemetry,
            counts: config.telemetry.metrics,
            traces: app.traces,
        },
        probes,
        operators: Operators::new(&config.telemetry.operators),
        operations: operations::routes(operations),
        dashboard,
        gate: Gate::new(&options.allowed_hosts, &options.allowed_origins),
        cors: cors::layer(&server.cors_origins),
        admission: Admission::new(&config.limits, server),
        public: public.fallback(async || Refusal::NotFound.into_response()),
        identities,
        step_up,
        mcp: app.mcp.streamable_http_service(options),
    }));
    if !config.telemetry.watchdog.every.is_zero() {
        watchdog.start(&edge);
    }
    edge
}

fn alarm_times(config: &AlertsConfig) -> AlarmTimes {
    let repeat = (!config.repeat_after.is_zero()).then_some(config.repeat_after);
    AlarmTimes { calm: config.calm, repeat }
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
