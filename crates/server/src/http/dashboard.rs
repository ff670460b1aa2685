//! The operators' page: how all servers do, live, for who signs in with a token that has `retail.admin`.
//!
//! The token is kept in a cookie that scripts cannot read, and is looked at for each request, as one in a header is. What
//! is shown is sent as server-sent events; the page asks nobody else.

mod events;
mod session;
mod snapshot;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{
    ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use retail_domain::{Principal, Scope};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::identity::Identities;
use super::operations::Operations;
use super::refusal::Refusal;
use crate::readiness::Readiness;
use crate::watch::Watch;

pub(super) use session::came_by_tls;

const PAGE: &str = include_str!("dashboard/page.html");
const SIGN_IN: &str = include_str!("dashboard/sign_in.html");
const STYLE: &str = include_str!("dashboard/style.css");
const SCRIPT: &str = include_str!("dashboard/script.js");
const CHARTS: &str = include_str!("dashboard/charts.js");

/// Where in [`SIGN_IN`] it is said why somebody is not let in.
const PROBLEM: &str = "<!-- problem -->";

/// Pages that are open at once.
const MAX_STREAMS: usize = 32;

/// Nothing from elsewhere, and no script or style in the page itself.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Whether an address is of the operators' page.
pub(super) fn is_dashboard(path: &str) -> bool {
    path == "/dashboard" || path.starts_with("/dashboard/")
}

/// The page and what it shows.
#[derive(Clone)]
pub(super) struct Dashboard(Arc<Inner>);

/// What it is made of.
pub(super) struct Parts {
    pub(super) operations: Operations,
    pub(super) readiness: Readiness,
    pub(super) identities: Arc<Identities>,
    pub(super) draining: CancellationToken,
}

struct Inner {
    parts: Parts,
    streams: Arc<Semaphore>,
}

/// Why somebody is not let in.
enum Outside {
    /// They show no token.
    Unknown,
    /// The token is not good, or not for this.
    NotGood(&'static str),
    /// They have to come later.
    Later(Response),
}

impl Dashboard {
    pub(super) fn new(parts: Parts) -> Self {
        let streams = Arc::new(Semaphore::new(MAX_STREAMS));
        Self(Arc::new(Inner { parts, streams }))
    }

    pub(super) fn watch(&self) -> &Watch {
        &self.0.parts.operations.watch
    }

    /// Whether a credential that was an operator's still is.
    async fn is_operator(&self, credential: &HeaderMap, peer: SocketAddr) -> bool {
        let identified = self.0.parts.identities.identify(credential, peer).await;
        identified.is_ok_and(|principal| principal.has_scope(Scope::Admin))
    }

    /// Answers a request whose body was read. `is_secret`: whether the connection is encrypted. `identify` says whose credential
    /// it is.
    pub(super) async fn answer<F>(
        &self,
        request: Request,
        peer: SocketAddr,
        is_secret: bool,
        identify: F,
    ) -> Response
    where
        F: AsyncFnOnce(HeaderMap) -> Result<Principal, Response>,
    {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str()) {
            (&Method::GET, "/dashboard/style.css") => text("text/css; charset=utf-8", STYLE),
            (&Method::GET, "/dashboard/script.js") => {
                text("text/javascript; charset=utf-8", SCRIPT)
            }
            (&Method::GET, "/dashboard/charts.js") => {
                text("text/javascript; charset=utf-8", CHARTS)
            }
            (&Method::GET, "/dashboard") => match operator(request.headers(), identify).await {
                Ok(_) => html(StatusCode::OK, PAGE.to_owned()),
                Err(outside) => ask_to_sign_in(outside),
            },
            (&Method::GET, "/dashboard/events") => {
                match operator(request.headers(), identify).await {
                    Ok((_, credential)) => events::stream(self, credential, peer),
                    Err(Outside::Later(response)) => response,
                    Err(_) => StatusCode::UNAUTHORIZED.into_response(),
                }
            }
            (&Method::POST, "/dashboard/sign-in") => sign_in(request, is_secret, identify).await,
            (&Method::POST, "/dashboard/sign-out") => go_to_page(&session::forget()),
            (_, "/dashboard/sign-in" | "/dashboard/sign-out") => not_allowed("POST"),
            (_, "/dashboard" | "/dashboard/events") => not_allowed("GET"),
            _ => Refusal::NotFound.into_response(),
        }
    }
}

/// The operator whose token the headers have.
async fn operator<F>(headers: &HeaderMap, identify: F) -> Result<(Principal, HeaderMap), Outside>
where
    F: AsyncFnOnce(HeaderMap) -> Result<Principal, Response>,
{
    let credential = session::credential(headers).ok_or(Outside::Unknown)?;
    let principal =
        identify(credential.clone()).await.map_err(|response| match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                Outside::NotGood("The token is not valid, or has expired.")
            }
            _ => Outside::Later(response),
        })?;
    if principal.has_scope(Scope::Admin) {
        Ok((principal, credential))
    } else {
        Err(Outside::NotGood(
            "The token is not an operator's: it does not have the scope retail.admin.",
        ))
    }
}

async fn sign_in<F>(request: Request, is_secret: bool, identify: F) -> Response
where
    F: AsyncFnOnce(HeaderMap) -> Result<Principal, Response>,
{
    // The edge has read it, and bounded it.
    let Ok(body) = to_bytes(request.into_body(), usize::MAX).await else {
        return Refusal::BadBody.into_response();
    };
    let form = session::token_of_form(&body);
    let headers = match form.and_then(|token| session::bearer(&token)) {
        Ok(headers) => headers,
        Err(problem) => return ask_to_sign_in(Outside::NotGood(problem)),
    };
    match operator(&headers, identify).await {
        Ok((principal, _)) => {
            info!(subject = principal.subject(), "an operator signed in to the dashboard");
            match session::remember(&headers, is_secret) {
                Some(cookie) => go_to_page(&cookie),
                None => ask_to_sign_in(Outside::NotGood(session::TOO_LONG)),
            }
        }
        Err(outside) => ask_to_sign_in(outside),
    }
}

fn ask_to_sign_in(outside: Outside) -> Response {
    match outside {
        // No failure: so everybody begins.
        Outside::Unknown => html(StatusCode::OK, SIGN_IN.replace(PROBLEM, "")),
        Outside::NotGood(problem) => {
            let problem = format!("<p class=\"problem\" role=\"alert\">{problem}</p>");
            html(StatusCode::UNAUTHORIZED, SIGN_IN.replace(PROBLEM, &problem))
        }
        Outside::Later(response) => response,
    }
}

fn go_to_page(cookie: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("/dashboard"));
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

fn not_allowed(method: &'static str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, method)]).into_response()
}

fn html(status: StatusCode, page: String) -> Response {
    let mut response = (status, Body::from(page)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    // Without its referrer a form would not say from which origin it comes.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

fn text(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind)], text).into_response()
}
