//! Requests to identity providers: TLS, no redirects, bounded answers.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use super::settings::SettingsError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest time for one answer, to its last byte.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadUrl {
    /// It is no address.
    #[error("is no address")]
    Malformed,
    /// It is neither `https` nor on this machine.
    #[error("must begin with https://, except on this machine")]
    Insecure,
    /// It has a user, a password, a query or a fragment.
    #[error("must have no user, no query and no fragment")]
    Extras,
}

/// An address of a provider.
pub(super) fn parse_url(text: &str) -> Result<Url, BadUrl> {
    let url = Url::parse(text).map_err(|_error| BadUrl::Malformed)?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => return Err(BadUrl::Insecure),
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(BadUrl::Extras);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The clients for all providers: one that goes through the proxy that the environment names, and one for
/// this machine, which never does. Neither follows redirects: an address that was checked stays the address
/// that is asked.
#[derive(Debug, Clone)]
pub(super) struct Http {
    proxied: Client,
    direct: Client,
}

/// Why an answer cannot be used. Names no part of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpFault {
    #[error("{0}")]
    Transport(#[from] reqwest::Error),
    #[error("status {0}")]
    Status(StatusCode),
    #[error("the answer has more than {0} bytes")]
    TooLong(usize),
    #[error("the answer is not the JSON that is expected")]
    NoJson,
}

impl Http {
    /// `needs_tls`: whether any address is `https`, which needs the system's certificate authorities.
    pub(super) fn new(needs_tls: bool) -> Result<Self, SettingsError> {
        let tls = tls_config(needs_tls)?;
        let build = |tls: rustls::ClientConfig, proxied: bool| {
            let builder = Client::builder()
                .tls_backend_preconfigured(tls)
                .redirect(Policy::none())
                .retry(reqwest::retry::never())
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(ANSWER_TIMEOUT)
                .referer(false)
                .user_agent(concat!("retail-mcp/", env!("CARGO_PKG_VERSION")));
            let builder = if proxied { builder } else { builder.no_proxy() };
            builder.build().map_err(|error| SettingsError::Tls { reason: error.to_string() })
        };
        Ok(Self { proxied: build(tls.clone(), true)?, direct: build(tls, false)? })
    }

    /// The document at `url`, of at most `limit` bytes.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: &Url,
        limit: usize,
    ) -> Result<T, HttpFault> {
        read(self.to(url).get(url.clone()), limit).await
    }

    /// A request that sends something to `url`.
    pub(super) fn post(&self, url: &Url) -> RequestBuilder {
        self.to(url).post(url.clone())
    }

    fn to(&self, url: &Url) -> &Client {
        if is_loopback(url) { &self.direct } else { &self.proxied }
    }
}

/// Sends a request, and reads the answer of at most `limit` bytes.
pub(super) async fn read<T: DeserializeOwned>(
    request: RequestBuilder,
    limit: usize,
) -> Result<T, HttpFault> {
    let mut response = request.send().await?;
    if response.status() != StatusCode::OK {
        return Err(HttpFault::Status(response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit {
            return Err(HttpFault::TooLong(limit));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|_error| HttpFault::NoJson)
}

fn tls_config(needs_tls: bool) -> Result<rustls::ClientConfig, SettingsError> {
    let mut roots = rustls::RootCertStore::empty();
    if needs_tls {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let reason = "the system has no certificate authorities; install ca-certificates, or \
                name a file in SSL_CERT_FILE"
                .to_owned();
            return Err(SettingsError::Tls { reason });
        }
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| SettingsError::Tls { reason: error.to_string() })?
    .with_root_certificates(roots)
    .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://login.example.com/tenant/v2.0", Ok(()))]
    #[case("http://127.0.0.1:8080", Ok(()))]
    #[case("http://[::1]:8080", Ok(()))]
    #[case("http://localhost:8080", Ok(()))]
    #[case("http://login.example.com", Err(BadUrl::Insecure))]
    #[case("http://localhost.example.com", Err(BadUrl::Insecure))]
    #[case("http://169.254.169.254/", Err(BadUrl::Insecure))]
    #[case("file:///etc/passwd", Err(BadUrl::Insecure))]
    #[case("https://a:b@login.example.com", Err(BadUrl::Extras))]
    #[case("https://login.example.com/?x=1", Err(BadUrl::Extras))]
    #[case("login.example.com", Err(BadUrl::Malformed))]
    #[case("", Err(BadUrl::Malformed))]
    fn an_address_is_checked(#[case] text: &str, #[case] expected: Result<(), BadUrl>) {
        assert_eq!(parse_url(text).map(drop), expected);
    }
}
