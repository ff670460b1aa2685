//! Streamable HTTP, as a tower service to mount in any router.

mod direct;
mod json_rpc;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use retail_domain::Principal;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::server::Shared;
use crate::{RetailHandler, RetailMcp};
use direct::DirectCall;
use json_rpc::Fault;

/// The tower service of [`RetailMcp::streamable_http_service`]. Cheap to clone.
#[derive(Clone)]
pub struct McpHttpService(Arc<Inner>);

struct Inner {
    rmcp: StreamableHttpService<RetailHandler, NeverSessionManager>,
    max_body_bytes: usize,
    // For calls that do not go through rmcp.
    shared: Arc<Shared>,
    allowed_hosts: Vec<String>,
    shutdown: CancellationToken,
}

/// How the HTTP service treats requests before it reads them.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Accepted `Host` values, `name` (any port) or `name:port`.
    ///
    /// An empty list accepts none. The single entry `*` turns the check off, for a server behind a
    /// proxy that checks. Default: `localhost`, `127.0.0.1` and `::1`.
    pub allowed_hosts: Vec<String>,
    /// Accepted `Origin` values, `scheme://name:port` or `scheme://name:*`.
    ///
    /// Browsers send one, other clients do not. A request without one passes; an empty list refuses
    /// each request that has one. Default: `http` and `https` on loopback, any port.
    pub allowed_origins: Vec<String>,
    /// Longest accepted request body, in bytes. Default: 256 KiB.
    pub max_body_bytes: usize,
    /// Cancels the requests in flight when it is cancelled. Drain first, then cancel.
    pub shutdown: CancellationToken,
}

impl Default for HttpOptions {
    fn default() -> Self {
        let loopback = ["localhost", "127.0.0.1", "[::1]"];
        Self {
            allowed_hosts: loopback.map(str::to_owned).to_vec(),
            allowed_origins: loopback
                .iter()
                .flat_map(|host| [format!("http://{host}:*"), format!("https://{host}:*")])
                .collect(),
            max_body_bytes: 256 * 1024,
            shutdown: CancellationToken::new(),
        }
    }
}

impl RetailMcp {
    /// The service for `/mcp`.
    ///
    /// A layer in front must put a [`retail_domain::Principal`] into the request's extensions; a
    /// request without one is refused, whatever it asks. The service keeps no state between
    /// requests and issues no session id, so any replica can answer any request. A client that
    /// drops its connection cancels its tool call.
    pub fn streamable_http_service(&self, options: HttpOptions) -> McpHttpService {
        let (allowed_hosts, shutdown) = (options.allowed_hosts.clone(), options.shutdown.clone());
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(options.max_body_bytes)
            .with_allowed_origins(options.allowed_origins)
            .enforce_origin_validation()
            .with_cancellation_token(options.shutdown);
        let config = match options.allowed_hosts.as_slice() {
            [any] if any == "*" => config.disable_allowed_hosts(),
            // rmcp reads an empty list as "any host". An entry that is no host matches nothing.
            [] => config.with_allowed_hosts([""]),
            hosts => config.with_allowed_hosts(hosts),
        };
        let handler = RetailHandler::per_request(self.shared());
        let sessions = Arc::new(NeverSessionManager::default());
        McpHttpService(Arc::new(Inner {
            rmcp: StreamableHttpService::new(move || Ok(handler.clone()), sessions, config),
            max_body_bytes: options.max_body_bytes,
            shared: self.shared(),
            allowed_hosts,
            shutdown,
        }))
    }
}

impl fmt::Debug for McpHttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHttpService").finish_non_exhaustive()
    }
}

type McpResponse = Response<BoxBody<Bytes, Infallible>>;

impl<B> Service<Request<B>> for McpHttpService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = McpResponse;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<McpResponse, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match Limited::new(body, inner.max_body_bytes).collect().await {
                Ok(body) => body.to_bytes(),
                Err(error) if error.is::<LengthLimitError>() => {
                    return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"));
                }
                Err(_) => {
                    return Ok(plain(StatusCode::BAD_REQUEST, "the body could not be read"));
                }
            };
            if let Some(principal) = parts.extensions.get::<Principal>()
                && let Some(call) = DirectCall::read(&parts, &body, &inner.allowed_hosts)
            {
                let abort = inner.shutdown.cancelled();
                return Ok(call.make(&inner.shared, &parts, principal, abort).await);
            }
            if parts.method == Method::POST
                && is_json(&parts.headers)
                && let Some(fault) = Fault::find(&body)
            {
                return Ok(refusal(&fault));
            }
            let mut rmcp = inner.rmcp.clone();
            rmcp.call(Request::from_parts(parts, Full::new(body))).await
        })
    }
}

/// The id that a layer in front gave the request.
pub(crate) fn request_id(parts: &Parts) -> Option<&str> {
    parts.headers.get("x-request-id").and_then(|id| id.to_str().ok())
}

/// Anything else is refused for its type.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok()?.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn refusal(fault: &Fault) -> McpResponse {
    let mut response = plain(StatusCode::BAD_REQUEST, fault.to_json().to_string());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> McpResponse {
    let mut response = Response::new(Full::new(text.into()).boxed());
    *response.status_mut() = status;
    response
}
