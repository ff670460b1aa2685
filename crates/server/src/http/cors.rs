//! Calls from web pages of other origins, where the operator lists them.

use std::time::Duration;

use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Browsers ask again after this long.
const MAX_AGE: Duration = Duration::from_hours(1);

/// Headers that MCP clients send. `x-rls-user-id` is none of them: a proxy sets it, never a page.
const SENT: [HeaderName; 11] = [
    ACCEPT,
    AUTHORIZATION,
    CONTENT_TYPE,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("mcp-method"),
    HeaderName::from_static("mcp-name"),
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-retail-store"),
    HeaderName::from_static("x-retail-view-reason"),
];

/// Headers of answers that a page may read.
const SHOWN: [HeaderName; 5] = [
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    HeaderName::from_static("mcp-protocol-version"),
    HeaderName::from_static("mcp-session-id"),
    HeaderName::from_static("x-request-id"),
];

/// Answers for these origins; none when there are none.
pub(super) fn layer(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    if origins.is_empty() {
        return None;
    }
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers(SENT)
            .expose_headers(SHOWN)
            .max_age(MAX_AGE),
    )
}
