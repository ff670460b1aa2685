//! Who sends a request. Nobody passes without a principal, and there is no default one.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use retail_auth::{TrustedPeers, www_authenticate};
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{Error, ErrorCode};
use serde_json::json;
use tracing::{info, warn};

/// Where a request shows who is calling.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// `Authorization: Bearer …`
    BearerToken,
    /// `x-rls-user-id`, from these peers alone.
    TrustedHeader(TrustedPeers),
}

#[derive(Clone)]
pub(super) struct Identities {
    pub(super) resolver: Arc<dyn IdentityResolver>,
    pub(super) source: CredentialSource,
}

/// Puts the principal into the request, or answers 401.
pub(super) async fn identify(
    State(identities): State<Identities>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let credential = match identities.source.credential(request.headers(), peer) {
        Ok(Some(credential)) => credential,
        Ok(None) => return refuse(None),
        Err(error) => return refuse(Some(&error)),
    };
    match identities.resolver.resolve(&credential).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(error) => refuse(Some(&error)),
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
fn refuse(error: Option<&Error>) -> Response {
    let missing = Error::new(ErrorCode::Unauthenticated, "authentication is required");
    let shown = error.unwrap_or(&missing);
    let status = match shown.code() {
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::Overloaded | ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let cause = error.and_then(std::error::Error::source).map(ToString::to_string);
    if status.is_server_error() {
        warn!(status = status.as_u16(), error = %shown, cause, "a caller could not be identified");
    } else {
        info!(status = status.as_u16(), error = %shown, cause, "a caller was not identified");
    }
    let body = Json(json!({
        "code": shown.code(),
        "message": shown.public_message(),
        "hint": shown.hint(),
        "retryable": shown.is_retryable(),
    }));
    let mut response = (status, body).into_response();
    if status == StatusCode::UNAUTHORIZED
        && let Ok(challenge) = HeaderValue::from_str(&www_authenticate(error))
    {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
