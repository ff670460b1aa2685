//! A request id for each request, and one line in the log.

use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method};
use retail_domain::ports::{CallerTrace, Tracer as _};
use retail_telemetry::{Telemetry, Traces};
use tracing::{Instrument, Span, debug, info, info_span};
use uuid::Uuid;

use super::client_address::ClientAddress;
use super::{dashboard, health};

const REQUEST_ID: &str = "x-request-id";

/// Longest request id that is taken from a client.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// What nginx, too, calls the status of a request whose client has left.
const CLIENT_LEFT: u16 = 499;

/// Who else hears of a request.
pub(super) struct Watch<'a> {
    /// Counts it.
    pub(super) telemetry: Option<&'a Telemetry>,
    /// Traces it.
    pub(super) traces: Option<&'a Traces>,
}

/// Takes the client's request id if it is harmless, or makes one, and logs the request when it is
/// answered. Neither query strings nor headers are logged: they may hold credentials.
pub(super) async fn log<F>(
    mut request: Request,
    client: ClientAddress,
    watch: Watch<'_>,
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
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let is_probe = health::is_probe(&path);
    let caller = trace_of(request.headers());
    let traced = match watch.traces.filter(|_| !is_probe) {
        Some(traces) => traces.request(method_label(&method), route_label(&path), caller),
        None => Span::none(),
    };
    // Of a trace that begins here, too, so that its lines are found.
    let begun = watch.traces.and_then(|traces| traces.name_of(&traced));
    let begun =
        begun.as_ref().map(|name| CallerTrace { traceparent: &name.traceparent, tracestate: None });
    let trace_id = begun.or(caller).and_then(|trace| trace.trace_id());
    let span = info_span!("http", request_id = %id, trace_id);
    let started = Instant::now();
    let mut counted = watch.telemetry.filter(|_| !is_probe).map(|telemetry| Counted {
        telemetry,
        method: method_label(&method),
        route: route_label(&path),
        status: CLIENT_LEFT,
        started,
    });
    let answer = next(request).instrument(span.clone()).instrument(traced.clone());
    let mut response = answer.await;
    if let Some(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    let _entered = (traced.enter(), span.enter());
    // Probes ask every few seconds; what they find out is logged where it is found.
    if is_probe {
        debug!(path, status = response.status().as_u16(), "probe");
        return response;
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    if let Some(counted) = &mut counted {
        counted.status = status;
    }
    traced.record("http.response.status_code", status);
    if response.status().is_server_error() {
        traced.record("error.type", response.status().as_str());
        traced.record("otel.status_code", "ERROR");
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

/// The trace that a client says its request is part of.
fn trace_of(headers: &HeaderMap) -> Option<CallerTrace<'_>> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    Some(CallerTrace { traceparent: text("traceparent")?, tracestate: text("tracestate") })
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
        _ if dashboard::is_dashboard(path) => "/dashboard",
        _ if path.starts_with("/.well-known/") => "/.well-known",
        _ => "other",
    }
}

fn is_harmless(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= MAX_REQUEST_ID_BYTES
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
