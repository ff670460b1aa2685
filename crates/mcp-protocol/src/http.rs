//! Streamable HTTP, as a tower service to mount in any router.

use std::sync::Arc;

use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio_util::sync::CancellationToken;

use crate::{RetailHandler, RetailMcp};

/// The tower service of [`RetailMcp::streamable_http_service`].
pub type McpHttpService = StreamableHttpService<RetailHandler, NeverSessionManager>;

/// How the HTTP service treats requests before it reads them.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Accepted `Host` values, `name` (any port) or `name:port`.
    ///
    /// An empty list accepts none. The single entry `*` turns the check off, for a server behind a
    /// proxy that checks. Default: `localhost`, `127.0.0.1` and `::1`.
    pub allowed_hosts: Vec<String>,
    /// Accepted `Origin` values, `scheme://name:port` or `scheme://name:*`.
    ///
    /// Browsers send one, other clients do not. A request without one passes; an empty list refuses
    /// each request that has one. Default: `http` and `https` on loopback, any port.
    pub allowed_origins: Vec<String>,
    /// Longest accepted request body, in bytes. Default: 256 KiB.
    pub max_body_bytes: usize,
    /// Cancels the requests in flight when it is cancelled. Drain first, then cancel.
    pub shutdown: CancellationToken,
}

impl Default for HttpOptions {
    fn default() -> Self {
        let loopback = ["localhost", "127.0.0.1", "[::1]"];
        Self {
            allowed_hosts: loopback.map(str::to_owned).to_vec(),
            allowed_origins: loopback
                .iter()
                .flat_map(|host| [format!("http://{host}:*"), format!("https://{host}:*")])
                .collect(),
            max_body_bytes: 256 * 1024,
            shutdown: CancellationToken::new(),
        }
    }
}

impl RetailMcp {
    /// The service for `/mcp`.
    ///
    /// A layer in front must put a [`retail_domain::Principal`] into the request's extensions; a
    /// request without one is refused, whatever it asks. The service keeps no state between
    /// requests and issues no session id, so any replica can answer any request. A client that
    /// drops its connection cancels its tool call.
    pub fn streamable_http_service(&self, options: HttpOptions) -> McpHttpService {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(options.max_body_bytes)
            .with_allowed_origins(options.allowed_origins)
            .enforce_origin_validation()
            .with_cancellation_token(options.shutdown);
        let config = match options.allowed_hosts.as_slice() {
            [any] if any == "*" => config.disable_allowed_hosts(),
            // rmcp reads an empty list as "any host". An entry that is no host matches nothing.
            [] => config.with_allowed_hosts([""]),
            hosts => config.with_allowed_hosts(hosts),
        };
        let handler = RetailHandler::per_request(self.shared());
        StreamableHttpService::new(
            move || Ok(handler.clone()),
            Arc::new(NeverSessionManager::default()),
            config,
        )
    }
}
