//! Answers of the edge to what it does not let in. They say nothing of what was asked.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use retail_domain::ErrorCode;
use serde_json::json;

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is no `Host`, there are two, or it cannot be read.
    BadHost,
    /// A header that must be there once is there twice.
    DoubledHeader,
    /// The host is none of ours.
    UnknownHost,
    /// The web page that asks is from elsewhere.
    ForbiddenOrigin,
    /// The request target is too long.
    UriTooLong,
    /// There is no such path.
    NotFound,
    /// The body is not as HTTP says.
    BadBody,
    /// The body is longer than allowed.
    BodyTooLong,
    /// The body came too slowly.
    BodyTooSlow,
    /// One address or principal asks more often than it may.
    TooMany(Duration),
    /// Others have taken all there is.
    Busy,
    /// A defect on our side.
    Panicked,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::BadHost | Self::DoubledHeader | Self::BadBody => StatusCode::BAD_REQUEST,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::ForbiddenOrigin => StatusCode::FORBIDDEN,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(self) -> ErrorCode {
        match self {
            Self::BadHost
            | Self::DoubledHeader
            | Self::UriTooLong
            | Self::BadBody
            | Self::BodyTooLong
            | Self::BodyTooSlow => ErrorCode::InvalidArgument,
            Self::UnknownHost | Self::ForbiddenOrigin => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::TooMany(_) | Self::Busy => ErrorCode::Overloaded,
            Self::Panicked => ErrorCode::Internal,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::BadHost => "the request must have one Host header",
            Self::DoubledHeader => "a header is there twice that must be there once",
            Self::UnknownHost => "this host is not served here",
            Self::ForbiddenOrigin => "this origin may not call the server",
            Self::UriTooLong => "the address is too long",
            Self::NotFound => "there is nothing at this address",
            Self::BadBody => "the body could not be read",
            Self::BodyTooLong => "the body is too long",
            Self::BodyTooSlow => "the body did not arrive in time",
            Self::TooMany(_) => "too many requests",
            Self::Busy => "the server is busy",
            Self::Panicked => "the server could not do this; the cause is in its log",
        }
    }

    fn hint(self) -> Option<&'static str> {
        match self {
            Self::TooMany(_) | Self::Busy => Some("try again after the time in Retry-After"),
            _ => None,
        }
    }

    /// When to come again, in whole seconds.
    fn retry_after(self) -> Option<u64> {
        match self {
            Self::TooMany(wait) => Some(wait.as_millis().div_ceil(1000).try_into().unwrap_or(1)),
            Self::Busy => Some(1),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({
            "code": self.code(),
            "message": self.message(),
            "hint": self.hint(),
            "retryable": self.code().is_retryable(),
        }));
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
