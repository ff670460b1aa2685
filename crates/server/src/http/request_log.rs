//! A request id for each request, and one line in the log.

use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method};
use retail_telemetry::Telemetry;
use tracing::{Instrument, debug, info, info_span};
use uuid::Uuid;

use super::client_address::ClientAddress;
use super::health;

const REQUEST_ID: &str = "x-request-id";

/// Longest request id that is taken from a client.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// What nginx, too, calls the status of a request whose client has left.
const CLIENT_LEFT: u16 = 499;

/// Takes the client's request id if it is harmless, or makes one, and logs the request when it is
/// answered. Neither query strings nor headers are logged: they may hold credentials.
pub(super) async fn log<F>(
    mut request: Request,
    client: ClientAddress,
    telemetry: Option<&Telemetry>,
    next: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let id = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_harmless(id))
        .map_or_else(|| Uuid::new_v4().to_string(), ToOwned::to_owned);
    // Both kinds of id are plain ASCII.
    let header = HeaderValue::from_str(&id).ok();
    if let Some(header) = &header {
        request.headers_mut().insert(REQUEST_ID, header.clone());
    }
    let span = info_span!("http", request_id = %id);
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let started = Instant::now();
    let mut counted = telemetry.filter(|_| !health::is_probe(&path)).map(|telemetry| Counted {
        telemetry,
        method: method_label(&method),
        route: route_label(&path),
        status: CLIENT_LEFT,
        started,
    });
    let mut response = next(request).instrument(span.clone()).await;
    if let Some(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    let _entered = span.enter();
    // Probes ask every few seconds; what they find out is logged where it is found.
    if health::is_probe(&path) {
        debug!(path, status = response.status().as_u16(), "probe");
        return response;
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    if let Some(counted) = &mut counted {
        counted.status = status;
    }
    info!(
        method = %method,
        path,
        client = %client.0,
        status,
        duration_s = took.as_secs_f64(),
        "request"
    );
    response
}

/// A request that is counted when this is dropped, by its answer or because its client left.
struct Counted<'a> {
    telemetry: &'a Telemetry,
    method: &'static str,
    route: &'static str,
    status: u16,
    started: Instant,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.telemetry.http_request(self.method, self.route, self.status, took);
    }
}

/// The method, as far as it is one of those that we serve.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        // So says OpenTelemetry's convention.
        _ => "_OTHER",
    }
}

/// The route: a client may ask for paths without end.
fn route_label(path: &str) -> &'static str {
    match path {
        "/mcp" => "/mcp",
        "/metrics" => "/metrics",
        "/monitor/current" => "/monitor/current",
        "/monitor/summary" => "/monitor/summary",
        _ if path.starts_with("/.well-known/") => "/.well-known",
        _ => "other",
    }
}

fn is_harmless(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_REQUEST_ID_BYTES
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
