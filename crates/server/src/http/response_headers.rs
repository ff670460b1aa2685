//! Headers of every answer, for clients that are browsers.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// What answers say unless their route says otherwise.
const DEFAULTS: [(HeaderName, &str); 5] = [
    // Answers are for one caller.
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
];

const EVENT_STREAM: &[u8] = b"text/event-stream";

/// A year, as is usual.
const HSTS: &str = "max-age=31536000";

/// Adds the headers. `has_tls`: whether clients come by TLS.
pub(super) fn add(headers: &mut HeaderMap, has_tls: bool) {
    // A stream of events says `no-cache`, which lets others keep it as long as they ask again.
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(EVENT_STREAM)) {
        headers.remove(CACHE_CONTROL);
    }
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if has_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_comes_as_events_is_kept_by_nobody_either() {
        for (kind, expected) in [("text/event-stream", "no-store"), ("text/html", "no-cache")] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            add(&mut headers, false);
            assert_eq!(headers[CACHE_CONTROL], expected, "{kind}");
        }
    }
}
