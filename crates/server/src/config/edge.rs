//! Section `limits`, and what belongs to the edge of section `server`.

use std::path::PathBuf;

use serde::Deserialize;

/// Section `limits`: how much one address, one principal and all together may ask for. 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests a second from one client address.
    pub address_per_second: u32,
    /// How many of them may come at once.
    pub address_burst: u32,
    /// Failed authentications a minute from one client address.
    pub failures_per_minute: u32,
    /// How many of them may come at once.
    pub failures_burst: u32,
    /// Requests a second of one principal.
    pub principal_per_second: u32,
    /// How many of them may come at once.
    pub principal_burst: u32,
    /// Requests that are worked on at once.
    pub max_concurrent: usize,
    /// The share of one principal in them.
    pub principal_max_concurrent: usize,
}

/// Section `server.tls`. Without its files the server speaks plain HTTP.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate chain, a PEM file.
    pub cert_file: Option<PathBuf>,
    /// Its private key, a PEM file.
    pub key_file: Option<PathBuf>,
}

impl TlsConfig {
    /// Whether clients are served by TLS.
    pub fn is_on(&self) -> bool {
        self.cert_file.is_some() && self.key_file.is_some()
    }
}

/// The header in which proxies write the client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, which nearly all proxies know.
    XForwardedFor,
    /// `Forwarded`, of RFC 7239.
    Forwarded,
}
