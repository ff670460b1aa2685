//! HTTP for exporters, which run on threads without a runtime.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use reqwest::redirect::Policy;
use tokio::runtime::Handle;

use super::{ExportError, SEND_WITHIN};

/// Longest answer that is read: receivers say in it what they did not take.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Sends on the runtime on which it was made.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

impl Client {
    pub(super) fn new(endpoint: &str) -> Result<Self, ExportError> {
        let runtime = Handle::try_current()
            .map_err(|_| ExportError::Otlp("there is no runtime to send on".to_owned()))?;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(endpoint.starts_with("https:"))?)
            // A key would go wherever the answer says.
            .redirect(Policy::none())
            .timeout(SEND_WITHIN)
            .referer(false)
            .user_agent(concat!("retail-mcp/", env!("CARGO_PKG_VERSION")));
        let builder = if is_here(endpoint) { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|error| ExportError::Tls(error.to_string()))?;
        Ok(Self { http, runtime })
    }
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

fn tls(is_needed: bool) -> Result<rustls::ClientConfig, ExportError> {
    let mut roots = rustls::RootCertStore::empty();
    if is_needed {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            let none = "the system has no certificate authorities; install ca-certificates";
            return Err(ExportError::Tls(none.to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ExportError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let mut answer = http.execute(request).await?;
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                *headers = std::mem::take(answer.headers_mut());
            }
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                    return Err::<_, HttpError>("the answer is too long".into());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(response.body(Bytes::from(body))?)
        });
        sent.await?
    }
}
