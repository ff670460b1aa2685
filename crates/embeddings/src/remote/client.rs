//! HTTP and TLS, and the care that every request and answer needs.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};
use secrecy::{ExposeSecret, SecretString};

use super::failure::{Failure, Kind};
use super::settings::RemoteError;

/// Two clients: one that goes through the proxy that the environment names, one that never does. Neither follows
/// redirects, which would carry a key to wherever the answer says.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    proxied: Client,
    direct: Client,
}

impl Clients {
    /// `needs_tls`: whether any address is `https`, which needs the system's certificate authorities.
    pub(super) fn new(connect_timeout: Duration, needs_tls: bool) -> Result<Self, RemoteError> {
        let tls = tls_config(needs_tls)?;
        let build = |tls: rustls::ClientConfig, proxied: bool| {
            let builder = Client::builder()
                .tls_backend_preconfigured(tls)
                .redirect(Policy::none())
                // Tries are counted here, and nowhere else.
                .retry(reqwest::retry::never())
                .connect_timeout(connect_timeout)
                .referer(false)
                .user_agent(concat!("retail-mcp/", env!("CARGO_PKG_VERSION")));
            let builder = if proxied { builder } else { builder.no_proxy() };
            builder.build().map_err(|error| RemoteError::Tls { reason: error.to_string() })
        };
        Ok(Self { proxied: build(tls.clone(), true)?, direct: build(tls, false)? })
    }

    /// The client for an address: without a proxy on this machine and its link.
    pub(super) fn to(&self, url: &Url) -> &Client {
        if is_local(url) { &self.direct } else { &self.proxied }
    }

    /// The client without a proxy.
    pub(super) fn direct(&self) -> &Client {
        &self.direct
    }
}

fn tls_config(needs_tls: bool) -> Result<rustls::ClientConfig, RemoteError> {
    let mut roots = rustls::RootCertStore::empty();
    if needs_tls {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let reason = match found.errors.first() {
                Some(error) => format!("the system's certificate authorities: {error}"),
                None => {
                    "the system has no certificate authorities; install ca-certificates, or name \
                         a file in SSL_CERT_FILE"
                        .to_owned()
                }
            };
            return Err(RemoteError::Tls { reason });
        }
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .map_err(|error| RemoteError::Tls { reason: error.to_string() })?
    .with_root_certificates(roots)
    .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// An address from the configuration. `carries_secret`: it must be `https`, except on this machine.
pub(super) fn parse_url(
    what: &'static str,
    value: &str,
    carries_secret: bool,
) -> Result<Url, RemoteError> {
    // Not shown where a password or a key could stand in it.
    let shown = if value.contains(['@', '?', '#']) { "…" } else { value };
    let refuse = |reason: &str| {
        Err(RemoteError::Address { what, value: shown.to_owned(), reason: reason.to_owned() })
    };
    let url = match Url::parse(value.trim()) {
        Ok(url) => url,
        Err(error) => return refuse(&error.to_string()),
    };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse("it must begin with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("it must not contain a user or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("it must not have a query or a fragment");
    }
    if carries_secret && url.scheme() == "http" && !is_local(&url) {
        return refuse("a key or a token is only sent over https://");
    }
    Ok(url)
}

/// On this machine, or a neighbour on its link as the metadata service is.
fn is_local(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    if host == "localhost" {
        return true;
    }
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

/// A secret as the value of a header, which no `Debug` shows.
pub(super) fn header_value(
    what: &'static str,
    secret: &SecretString,
) -> Result<HeaderValue, RemoteError> {
    let text = secret.expose_secret().trim();
    if text.is_empty() {
        return Err(RemoteError::Value { what, reason: "is empty" });
    }
    let mut value = HeaderValue::from_str(text).map_err(|_error| RemoteError::Value {
        what,
        reason: "has characters that cannot be sent, perhaps the end of a line",
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A secret as a bearer token, which no `Debug` shows.
pub(super) fn bearer_value(
    what: &'static str,
    secret: &SecretString,
) -> Result<HeaderValue, RemoteError> {
    header_value(what, secret)?;
    let text = format!("Bearer {}", secret.expose_secret().trim());
    header_value(what, &SecretString::from(text))
}

/// The body of an answer, of at most `limit` bytes.
pub(super) async fn read_body(
    whom: &str,
    response: &mut Response,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    let too_long = || {
        Failure::new(Kind::Broken, format!("{whom} sent more than {limit} bytes, and was cut off"))
    };
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| Failure::transport(whom, error))?
    {
        if body.len() + chunk.len() > limit {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[rstest]
    #[case("https://zava.openai.azure.com", true, true)]
    #[case("http://127.0.0.1:8080/v1", true, true)]
    #[case("http://[::1]:8080/v1", true, true)]
    #[case("http://localhost:8080/v1", true, true)]
    #[case("http://embedder.default.svc/v1", true, false)]
    #[case("http://embedder.default.svc/v1", false, true)]
    #[case("http://localhost.example.com/v1", true, false)]
    #[case("https://user:secret@example.com/v1", true, false)]
    #[case("https://example.com/v1?key=secret", true, false)]
    #[case("https://example.com/v1#secret", true, false)]
    #[case("ftp://example.com", false, false)]
    #[case("ftp://me:secret@example.com", false, false)]
    #[case("https://me:secret@example.com:99999", false, false)]
    #[case("example.com/v1?key=secret", false, false)]
    #[case("example.com/v1", false, false)]
    #[case("", false, false)]
    fn an_address_is_checked(#[case] value: &str, #[case] secret: bool, #[case] good: bool) {
        let url = parse_url("endpoint", value, secret);
        assert_eq!(url.is_ok(), good, "{url:?}");
        if let Err(error) = url {
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[rstest]
    #[case("sk-1", true)]
    #[case(" sk-1\n", true)]
    #[case("sk\n1", false)]
    #[case(" ", false)]
    fn a_key_must_fit_into_a_header(#[case] key: &str, #[case] good: bool) {
        let value = header_value("key", &SecretString::from(key));
        assert_eq!(value.is_ok(), good);
        assert!(!format!("{value:?}").contains("sk"), "{value:?}");
    }

    #[tokio::test]
    async fn tls_begins_without_a_process_wide_provider_and_offers_http_2() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let clients = Clients::new(Duration::from_secs(5), false).unwrap();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = vec![0; 1024];
            let length = stream.read(&mut hello).await.unwrap();
            hello.truncate(length);
            hello
        };
        let (answer, hello) = tokio::join!(clients.direct().get(url).send(), server);
        answer.unwrap_err();
        assert_eq!(hello[0], 22, "a handshake");
        assert!(hello.windows(3).any(|part| part == b"\x02h2"));
    }
}
