//! Who sends a request. Nobody passes without a principal, and there is no default one.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use retail_auth::{Challenge, TrustedPeers};
use retail_domain::ports::{ActingStore, Credential, IdentityResolver};
use retail_domain::{Error, ErrorCode, Principal};
use serde_json::json;
use tracing::{info, warn};

use crate::oidc::SignIn;

/// Where a request shows who is calling.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// `Authorization: Bearer …`
    BearerToken,
    /// `x-rls-user-id`, from these peers alone.
    TrustedHeader(TrustedPeers),
}

pub(super) struct Identities {
    pub(super) resolver: Arc<dyn IdentityResolver>,
    pub(super) source: CredentialSource,
    /// What a caller without a good token is told.
    pub(super) sign_in: Option<Arc<SignIn>>,
}

/// Names the one store that the caller wants to act for.
const ACTING_STORE: &str = "x-retail-store";
/// Says why, which head office must.
const VIEW_REASON: &str = "x-retail-view-reason";

impl Identities {
    /// The principal, or the answer to a request that shows none.
    pub(super) async fn identify(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Principal, Response> {
        let refused = |error: &Error| refuse(Some(error), self.sign_in.as_deref());
        let credential = match self.source.credential(headers, peer) {
            Ok(Some(credential)) => credential,
            Ok(None) => return Err(refuse(None, self.sign_in.as_deref())),
            Err(error) => return Err(refused(&error)),
        };
        let acting_store = acting_store(headers).map_err(|error| refused(&error))?;
        let credential = credential.acting_for(acting_store);
        self.resolver.resolve(&credential).await.map_err(|error| refused(&error))
    }
}

/// The store that the caller wants to act for.
fn acting_store(headers: &HeaderMap) -> Result<Option<ActingStore>, Error> {
    let wrong = |message: String| Error::new(ErrorCode::InvalidArgument, message);
    let once = |name| match single(headers, name) {
        Ok(value) => Ok(value.map(ToOwned::to_owned)),
        Err(_) => Err(wrong(format!("{name} must be sent once, in ASCII"))),
    };
    match (once(ACTING_STORE)?, once(VIEW_REASON)?) {
        (Some(store), reason) => Ok(Some(ActingStore { store, reason })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(wrong(format!("{VIEW_REASON} goes with {ACTING_STORE}"))),
    }
}

impl CredentialSource {
    /// The credential in the headers; none when there is none of the right kind.
    fn credential(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
    ) -> Result<Option<Credential>, Error> {
        match self {
            Self::BearerToken => {
                let Some(value) = single(headers, AUTHORIZATION.as_str())? else {
                    return Ok(None);
                };
                // RFC 9110, section 11.1: the scheme is case-insensitive.
                let token = value.split_once(' ').and_then(|(scheme, token)| {
                    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
                });
                Ok(token.map(Credential::bearer_token))
            }
            Self::TrustedHeader(peers) => match single(headers, "x-rls-user-id")? {
                Some(value) => peers.credential(peer.ip(), value).map(Some),
                None => Ok(None),
            },
        }
    }
}

/// The one value of a header. Two of them are refused: proxies differ in which one they mean.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Error> {
    let mut values = headers.get_all(name).iter();
    let (first, second) = (values.next(), values.next());
    match (first.map(HeaderValue::to_str), second) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(Error::new(
            ErrorCode::Unauthenticated,
            format!("{name} must be sent once, in ASCII"),
        )),
    }
}

/// The answer to a request without a good credential.
fn refuse(error: Option<&Error>, sign_in: Option<&SignIn>) -> Response {
    let missing = Error::new(ErrorCode::Unauthenticated, "authentication is required");
    let shown = error.unwrap_or(&missing);
    let status = match shown.code() {
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::InvalidArgument => StatusCode::BAD_REQUEST,
        ErrorCode::Overloaded | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let cause = error.and_then(std::error::Error::source).map(ToString::to_string);
    if status.is_server_error() {
        warn!(status = status.as_u16(), error = %shown, cause, "a caller could not be identified");
    } else {
        info!(status = status.as_u16(), error = %shown, cause, "a caller was refused");
    }
    let mut response = failure(status, shown);
    if status == StatusCode::UNAUTHORIZED {
        let challenge = match error {
            Some(error) => Challenge::new().invalid_token(error),
            None => Challenge::new(),
        };
        let challenge = match sign_in {
            Some(sign_in) => sign_in.first(challenge),
            None => challenge,
        };
        add_challenge(&mut response, &challenge);
    }
    response
}

/// An answer with an error as callers see it.
pub(super) fn failure(status: StatusCode, error: &Error) -> Response {
    let body = Json(json!({
        "code": error.code(),
        "message": error.public_message(),
        "hint": error.hint(),
        "retryable": error.is_retryable(),
    }));
    let mut response = (status, body).into_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Adds `WWW-Authenticate`.
pub(super) fn add_challenge(response: &mut Response, challenge: &Challenge) {
    if let Ok(value) = HeaderValue::from_str(&challenge.to_string()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}
