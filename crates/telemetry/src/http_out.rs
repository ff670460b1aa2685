//! The HTTP client of all that sends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody vouches for the other side.
    #[error("the system has no certificate authorities; install ca-certificates")]
    NoAuthorities,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// A client for one address. It follows no redirect: a key would go wherever the answer says.
pub(crate) fn client(endpoint: &str, within: Duration) -> Result<reqwest::Client, ClientError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(endpoint.starts_with("https:"))?)
        .redirect(Policy::none())
        .timeout(within)
        .referer(false)
        .user_agent(concat!("retail-mcp/", env!("CARGO_PKG_VERSION")));
    let builder = if is_here(endpoint) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| ClientError::Tls(error.to_string()))
}

/// Whether an address is on this machine, to which no proxy leads.
fn is_here(endpoint: &str) -> bool {
    reqwest::Url::parse(endpoint).is_ok_and(|url| {
        url.host_str().is_some_and(|host| {
            let host = host.trim_matches(['[', ']']);
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        })
    })
}

fn tls(is_needed: bool) -> Result<rustls::ClientConfig, ClientError> {
    let mut roots = rustls::RootCertStore::empty();
    if is_needed {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(ClientError::NoAuthorities);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
