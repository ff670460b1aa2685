//! Which hosts and which web pages are served.
//!
//! A page that a browser got from elsewhere can reach a server on this machine by giving its own name our
//! address (DNS rebinding). Its requests then carry that name in `Host`, and the page's origin.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::Request;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};
use tracing::info;

use super::refusal::Refusal;

/// The longest request target.
const MAX_URI_BYTES: usize = 8192;

/// Headers of which two could mean one thing to a proxy and another to us.
const ONCE: [&str; 5] =
    ["content-type", "mcp-method", "mcp-name", "mcp-protocol-version", "mcp-session-id"];

/// The hosts and origins that are served.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    hosts: Arc<[Place]>,
    origins: Arc<[(String, Place)]>,
}

/// A host, and its port when only that one is meant.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    host: String,
    port: Option<u16>,
}

impl Gate {
    /// Serves these, written as [`HttpOptions`](retail_mcp_protocol::HttpOptions) wants them. What
    /// cannot be read matches nothing.
    pub(super) fn new(hosts: &[String], origins: &[String]) -> Self {
        Self {
            hosts: hosts.iter().filter_map(|host| Place::parse(host)).collect(),
            origins: origins.iter().filter_map(|origin| parse_origin(origin, true)).collect(),
        }
    }

    /// Whether the request's host and origin are served.
    pub(super) fn check(&self, request: &Request) -> Result<(), Refusal> {
        let checked = self.find_fault(request, false);
        if let Err(refusal) = checked {
            info!(?refusal, "a request is refused; see server.allowed_hosts and allowed_origins");
        }
        checked
    }

    /// The same for those who may ask by our address, whatever it is, as monitoring does. A web page from elsewhere
    /// cannot: it has a name.
    pub(super) fn check_own(&self, request: &Request) -> Result<(), Refusal> {
        self.find_fault(request, true)
    }

    /// The same for pages of our own: what a browser sends for a page comes from no other origin than theirs.
    pub(super) fn check_page(&self, request: &Request) -> Result<(), Refusal> {
        let mut origins = request.headers().get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => {}
            (Some(origin), None) if is_own(origin, request.headers()) => {}
            _ => return Err(Refusal::ForbiddenOrigin),
        }
        self.find_fault_but_origin(request, false)
    }

    fn find_fault(&self, request: &Request, any_address: bool) -> Result<(), Refusal> {
        if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > MAX_URI_BYTES) {
            return Err(Refusal::UriTooLong);
        }
        self.check_origin(request.headers())?;
        self.find_fault_but_origin(request, any_address)
    }

    fn find_fault_but_origin(&self, request: &Request, any_address: bool) -> Result<(), Refusal> {
        if ONCE.iter().any(|name| request.headers().get_all(*name).iter().nth(1).is_some()) {
            return Err(Refusal::DoubledHeader);
        }
        let host = single_host(request.headers())?;
        // RFC 9112, section 3.2.2: a name in the request line counts, and `Host` does not.
        let target = request.uri().authority().map(Authority::as_str);
        for name in target.into_iter().chain([host]) {
            let place = Place::parse(name).ok_or(Refusal::BadHost)?;
            let is_ours = self.hosts.iter().any(|allowed| allowed.allows(&place, None));
            let passes = is_ours || (any_address && place.is_address());
            if !passes {
                return Err(Refusal::UnknownHost);
            }
        }
        Ok(())
    }

    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        for origin in headers.get_all(ORIGIN) {
            let origin = origin.to_str().ok().and_then(|origin| parse_origin(origin, false));
            let is_allowed = origin.is_some_and(|(scheme, place)| {
                self.origins.iter().any(|(allowed_scheme, allowed)| {
                    *allowed_scheme == scheme && allowed.allows(&place, default_port(&scheme))
                })
            });
            if !is_allowed {
                return Err(Refusal::ForbiddenOrigin);
            }
        }
        Ok(())
    }
}

/// Whether an origin is that of the host that is asked for. The scheme is the origin's: which one a proxy in front of us
/// speaks, only the browser knows.
fn is_own(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| parse_origin(origin, false));
    let host = single_host(headers).ok().and_then(Place::parse);
    let (Some((scheme, origin)), Some(mut host)) = (origin, host) else { return false };
    host.port = host.port.or(default_port(&scheme));
    origin == host
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        // An IPv6 address without its brackets, as people write it in a configuration.
        if let Ok(address) = text.parse::<std::net::Ipv6Addr>() {
            return Some(Self { host: format!("[{address}]"), port: None });
        }
        let authority: Authority = text.parse().ok()?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return None;
        }
        let rest = authority.as_str().strip_prefix(authority.host())?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None => None,
        };
        let host = authority.host().to_ascii_lowercase();
        Some(Self { host, port })
    }

    fn is_address(&self) -> bool {
        let bare = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        bare.unwrap_or(&self.host).parse::<IpAddr>().is_ok()
    }

    /// `default_port`: the one that is meant when none is written, where there is one.
    fn allows(&self, other: &Self, default_port: Option<u16>) -> bool {
        self.host == other.host && (self.port.is_none() || self.port == other.port.or(default_port))
    }
}

/// An origin. In a configuration, `:*` stands for any port.
fn parse_origin(text: &str, is_pattern: bool) -> Option<(String, Place)> {
    let (scheme, rest) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    if is_pattern && let Some(host) = rest.strip_suffix(":*") {
        return Some((scheme, Place::parse(host)?));
    }
    let mut place = Place::parse(rest)?;
    // Else a pattern without a port would allow any.
    place.port = place.port.or_else(|| default_port(&scheme));
    Some((scheme, place))
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

fn single_host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map_err(|_| Refusal::BadHost),
        _ => Err(Refusal::BadHost),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use rstest::rstest;

    use super::*;

    fn checked(target: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let own = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let gate = Gate::new(
            &own(&["localhost", "127.0.0.1", "::1", "mcp.example.com:8443"]),
            &own(&["http://localhost:*", "https://chat.example.com", "vscode-file://vscode-app"]),
        );
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        gate.check(&request.body(Body::empty()).unwrap())
    }

    #[rstest]
    #[case("localhost")]
    #[case("LocalHost:8000")]
    #[case("127.0.0.1:8000")]
    #[case("[::1]:8000")]
    #[case("[::1]")]
    #[case("mcp.example.com:8443")]
    fn our_own_names_are_served(#[case] host: &str) {
        assert_eq!(checked("/mcp", &[("host", host)]), Ok(()));
    }

    #[rstest]
    #[case::rebinding("evil.example.com", Refusal::UnknownHost)]
    #[case::rebinding_with_our_port("evil.example.com:8000", Refusal::UnknownHost)]
    #[case::our_name_in_front("localhost.evil.example.com", Refusal::UnknownHost)]
    #[case::our_name_behind("evil-localhost", Refusal::UnknownHost)]
    #[case::other_port("mcp.example.com:80", Refusal::UnknownHost)]
    #[case::no_port("mcp.example.com", Refusal::UnknownHost)]
    #[case::unspecified("0.0.0.0:8000", Refusal::UnknownHost)]
    #[case::another_loopback("127.0.0.2", Refusal::UnknownHost)]
    #[case::a_user("localhost@evil.example.com", Refusal::BadHost)]
    #[case::our_name_as_user("evil@localhost", Refusal::BadHost)]
    #[case::empty("", Refusal::BadHost)]
    #[case::two_names("localhost, evil.example.com", Refusal::BadHost)]
    #[case::no_number("localhost:http", Refusal::BadHost)]
    fn other_names_are_refused(#[case] host: &str, #[case] expected: Refusal) {
        assert_eq!(checked("/mcp", &[("host", host)]), Err(expected));
        // Nor does a good name in the request line help, or hide a bad one.
        assert_eq!(checked("http://localhost/mcp", &[("host", host)]), Err(expected));
    }

    #[test]
    fn the_name_in_the_request_line_counts_too() {
        let host = [("host", "localhost")];
        assert_eq!(checked("http://localhost:8000/mcp", &host), Ok(()));
        assert_eq!(checked("http://evil.example.com/mcp", &host), Err(Refusal::UnknownHost));
    }

    #[test]
    fn there_is_one_host() {
        assert_eq!(checked("/mcp", &[]), Err(Refusal::BadHost));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(checked("/mcp", &twice), Err(Refusal::BadHost));
    }

    #[rstest]
    #[case("http://localhost:5173", true)]
    #[case("http://localhost", true)]
    #[case("https://localhost:5173", false)]
    #[case("https://chat.example.com", true)]
    #[case("https://CHAT.example.com:443", true)]
    #[case("https://chat.example.com:444", false)]
    #[case("http://chat.example.com", false)]
    #[case("https://evil.example.com", false)]
    #[case("https://chat.example.com.evil.example", false)]
    #[case("vscode-file://vscode-app", true)]
    #[case("null", false)]
    #[case("", false)]
    fn a_page_needs_to_be_listed(#[case] origin: &str, #[case] is_served: bool) {
        let result = checked("/mcp", &[("host", "localhost"), ("origin", origin)]);
        assert_eq!(result.is_ok(), is_served, "{result:?}");
        let two = [("host", "localhost"), ("origin", "http://localhost"), ("origin", origin)];
        assert_eq!(checked("/mcp", &two).is_ok(), is_served, "each of two counts");
    }

    #[test]
    fn a_long_address_is_refused() {
        let target = format!("/mcp?{}", "x".repeat(MAX_URI_BYTES));
        assert_eq!(checked(&target, &[("host", "localhost")]), Err(Refusal::UriTooLong));
    }
}
