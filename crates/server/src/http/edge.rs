//! The way of a request through the edge.
//!
//! One function after the other, and not a stack of layers: each layer of axum puts the rest of the way into boxes of its
//! own and moves it through them, which took more time than what the layers did.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use http::{HeaderMap, StatusCode};
use retail_domain::{Error, ErrorCode, Principal, Scope};
use retail_mcp_protocol::McpHttpService;
use retail_telemetry::{Notice, Telemetry, Traces};
use tokio::time::timeout;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;

use super::admission::{Admission, Authenticating};
use super::client_address::{ClientAddress, Proxies};
use super::dashboard::{self, Dashboard};
use super::gate::Gate;
use super::identity::{Identities, failure};
use super::operations::{self, Operators};
use super::refusal::Refusal;
use super::request_log::Watch;
use super::step_up::StepUp;
use super::{health, request_log, response_headers};
use crate::watch::{OwnCall, OwnCaller};

/// The address of the MCP service.
const MCP: &str = "/mcp";

/// Answers all requests of a server. A tower service, cheap to clone.
///
/// A request must have [`ConnectInfo<SocketAddr>`] in its extensions.
#[derive(Clone)]
pub struct Edge(pub(super) Arc<Way>);

/// An [`Edge`] that does not keep itself alive.
pub(crate) struct WeakEdge(Weak<Way>);

impl WeakEdge {
    /// The edge, while somebody serves it.
    pub(crate) fn upgrade(&self) -> Option<Edge> {
        self.0.upgrade().map(Edge)
    }
}

impl Edge {
    /// For who asks it from inside.
    pub(crate) fn downgrade(&self) -> WeakEdge {
        WeakEdge(Arc::downgrade(&self.0))
    }

    /// Looks at all alarms now, and gives what was told of them. `at` and `now` are the same moment. Otherwise they are
    /// looked at every ten seconds.
    pub fn look_at_alarms(&self, at: Instant, now: DateTime<Utc>) -> Vec<Notice> {
        self.0.dashboard.watch().look(at, now)
    }
}

/// What stands on the way, in the order in which a request meets it.
pub(super) struct Way {
    pub(super) around: Around,
    /// Routes of probes: they come from machines that know no name of ours, and must get an answer under load.
    pub(super) probes: Router,
    pub(super) operators: Operators,
    /// Routes for operators.
    pub(super) operations: Router,
    /// The operators' page.
    pub(super) dashboard: Dashboard,
    pub(super) gate: Gate,
    pub(super) cors: Option<CorsLayer>,
    pub(super) admission: Admission,
    /// Routes without authentication.
    pub(super) public: Router,
    pub(super) identities: Arc<Identities>,
    pub(super) step_up: Option<StepUp>,
    pub(super) mcp: McpHttpService,
}

/// What all routes have around them.
pub(super) struct Around {
    pub(super) proxies: Proxies,
    /// Whether clients come by TLS.
    pub(super) has_tls: bool,
    pub(super) request_timeout: Duration,
    pub(super) telemetry: Arc<Telemetry>,
    /// Whether requests are counted.
    pub(super) counts: bool,
    pub(super) traces: Option<Arc<Traces>>,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
struct Peer {
    /// Of the connection.
    socket: SocketAddr,
    client: ClientAddress,
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").finish_non_exhaustive()
    }
}

impl Service<Request> for Edge {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let way = Arc::clone(&self.0);
        Box::pin(async move {
            let route = async |request, peer| way.route(request, peer).await;
            Ok(way.around.answer(request, route).await)
        })
    }
}

impl Around {
    async fn answer<F>(&self, request: Request, route: F) -> Response
    where
        F: AsyncFnOnce(Request, Peer) -> Response,
    {
        let Some(&ConnectInfo(socket)) = request.extensions().get::<ConnectInfo<SocketAddr>>()
        else {
            return Refusal::Panicked.into_response();
        };
        let client = self.proxies.client_of(socket.ip(), request.headers());
        let answer = async |request| {
            let answer =
                pin!(AssertUnwindSafe(route(request, Peer { socket, client })).catch_unwind());
            let mut response = match timeout(self.request_timeout, answer).await {
                Ok(Ok(response)) => response,
                Ok(Err(_)) => Refusal::Panicked.into_response(),
                Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
            };
            response_headers::add(response.headers_mut(), self.has_tls);
            response
        };
        let _in_flight =
            (!health::is_probe(request.uri().path())).then(|| self.telemetry.request_begins());
        let watch = Watch {
            telemetry: self.counts.then_some(&*self.telemetry),
            traces: self.traces.as_deref(),
        };
        request_log::log(request, client, watch, answer).await
    }
}

impl Way {
    async fn route(&self, request: Request, peer: Peer) -> Response {
        if health::is_probe(request.uri().path()) {
            let detail = self.is_from_operator(&request, peer);
            let mut request = request;
            request.extensions_mut().insert(health::Detail(detail));
            return by(&self.probes, request).await;
        }
        if operations::is_operations(request.uri().path()) {
            return self.operations(request, peer).await.unwrap_or_else(|refused| refused);
        }
        if dashboard::is_dashboard(request.uri().path()) {
            return self.dashboard(request, peer).await.unwrap_or_else(|refused| refused);
        }
        if let Err(refusal) = self.gate.check(&request) {
            return refusal.into_response();
        }
        match &self.cors {
            None => self.guarded(request, peer).await,
            Some(cors) => {
                let guarded = service_fn(async |request: Request| {
                    Ok::<_, Infallible>(self.guarded(request, peer).await)
                });
                cors.layer(guarded).oneshot(request).await.unwrap_or_else(|never| match never {})
            }
        }
    }

    /// Whether a request comes from where operators are.
    fn is_from_operator(&self, request: &Request, peer: Peer) -> bool {
        !self.around.proxies.include(peer.socket.ip())
            && self.operators.include(peer.socket.ip(), request.headers())
            && self.gate.check_own(request).is_ok()
    }

    /// Answers operators: those who ask from where operators are, and those whose token says that they are.
    async fn operations(&self, request: Request, peer: Peer) -> Result<Response, Response> {
        if self.is_from_operator(&request, peer) {
            return Ok(by(&self.operations, request).await);
        }
        let refused = |refusal: Refusal| refusal.into_response();
        self.gate.check(&request).map_err(refused)?;
        self.admission.by_address(peer.client).map_err(refused)?;
        let (who, principal) = self.identify(request.headers(), peer).await?;
        let admitted = self.admission.admit(who, &principal, request).await;
        let (request, _kept) = admitted.map_err(refused)?;
        if principal.has_scope(Scope::Admin) {
            return Ok(by(&self.operations, request).await);
        }
        let error = Error::new(ErrorCode::Forbidden, "this is for operators").with_hint(
            "ask from an address in telemetry.operators, or with a token that has retail.admin",
        );
        Err(failure(StatusCode::FORBIDDEN, &error))
    }

    /// The operators' page, for who shows a token that says so.
    async fn dashboard(&self, request: Request, peer: Peer) -> Result<Response, Response> {
        let refused = |refusal: Refusal| refusal.into_response();
        self.gate.check_page(&request).map_err(refused)?;
        self.admission.by_address(peer.client).map_err(refused)?;
        // Nobody knows yet who it is.
        let request = self.admission.form(peer.client, request).await.map_err(refused)?;
        let is_secret = self.around.has_tls || dashboard::came_by_tls(request.headers());
        // Who it is, by the credential that it finds in the request.
        let identify = async |credential: HeaderMap| {
            let (who, principal) = self.identify(&credential, peer).await?;
            let nothing = Request::new(Body::empty());
            // What is shown goes on for minutes, and has limits of its own.
            self.admission.admit(who, &principal, nothing).await.map_err(refused)?;
            Ok(principal)
        };
        Ok(self.dashboard.answer(request, peer.socket, is_secret, identify).await)
    }

    /// Who sends a request, and its place among those that are looked at.
    async fn identify(
        &self,
        headers: &HeaderMap,
        peer: Peer,
    ) -> Result<(Authenticating, Principal), Response> {
        let refused = |refusal: Refusal| refusal.into_response();
        let who = self.admission.authenticate(peer.client, headers).await.map_err(refused)?;
        match self.identities.identify(headers, peer.socket).await {
            Ok(principal) => Ok((who, principal)),
            Err(response) => {
                if response.status() == StatusCode::UNAUTHORIZED {
                    self.admission.failed(&who);
                }
                Err(response)
            }
        }
    }

    async fn guarded(&self, request: Request, peer: Peer) -> Response {
        let is_own = request.extensions().get::<OwnCall>().is_some();
        if !is_own && let Err(refusal) = self.admission.by_address(peer.client) {
            return refusal.into_response();
        }
        if request.uri().path() == MCP {
            self.mcp(request, peer).await.unwrap_or_else(|refused| refused)
        } else {
            by(&self.public, request).await
        }
    }

    /// The answer of the MCP service, or of what stands before it.
    async fn mcp(&self, request: Request, peer: Peer) -> Result<Response, Response> {
        let (who, principal) = match request.extensions().get::<OwnCall>() {
            // From inside: what others at our own address did is not held against it.
            Some(&own) => {
                let principal = OwnCaller::principal(own).await;
                let refused = |error| failure(StatusCode::INTERNAL_SERVER_ERROR, &error);
                (Authenticating::of_ourselves(), principal.map_err(refused)?)
            }
            None => self.identify(request.headers(), peer).await?,
        };
        let admitted = self.admission.admit(who, &principal, request).await;
        let (mut request, _kept) = admitted.map_err(Refusal::into_response)?;
        if let Some(step_up) = &self.step_up {
            request = step_up.check(&principal, request).await?;
        }
        request.extensions_mut().insert(principal);
        let response = self.mcp.clone().call(request).await;
        Ok(response.unwrap_or_else(|never| match never {}).map(Body::new))
    }
}

async fn by(routes: &Router, request: Request) -> Response {
    routes.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use retail_telemetry::TelemetrySettings;

    use super::*;
    use crate::config::{Config, Sources};

    async fn answered(
        request_timeout: Duration,
        route: impl AsyncFnOnce(Request, Peer) -> Response,
    ) -> Response {
        let config = Config::load(&Sources::default()).unwrap();
        let proxies = Proxies::new(&config.server);
        let telemetry = Arc::new(Telemetry::new(&TelemetrySettings::default()).unwrap());
        let around = Around {
            proxies,
            has_tls: false,
            request_timeout,
            telemetry,
            counts: true,
            traces: None,
        };
        let peer = SocketAddr::from(([127, 0, 0, 1], 9));
        let request = Request::get("/").extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
        around.answer(request, route).await
    }

    #[tokio::test]
    async fn a_panic_is_a_neutral_500() {
        let panic = async |_: Request, _: Peer| -> Response { panic!("the password is hunter2") };
        let response = answered(Duration::from_secs(10), panic).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(response.headers().contains_key("x-request-id"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], "internal");
        assert!(!body.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_a_504() {
        let never = async |_: Request, _: Peer| std::future::pending::<Response>().await;
        let response = answered(Duration::from_millis(10), never).await;
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert!(response.headers().contains_key("x-request-id"));
    }
}
