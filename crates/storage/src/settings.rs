//! Where the database is and who logs in.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio_postgres::NoTls;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StorageError;

/// Longest wait for a connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// When the connection is encrypted.
///
/// Where it is, the server's certificate and name are always checked; there is no mode that
/// encrypts towards whoever answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TlsMode {
    /// Never.
    Disable,
    /// Except on a Unix socket and on loopback.
    #[default]
    ExceptLocal,
    /// Always.
    Require,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Host name, IP address, or the folder of a Unix socket (starts with `/`).
    pub host: String,
    /// TCP port; on a socket, the number in its file name.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// When to encrypt.
    pub tls: TlsMode,
    /// PEM file of certificate authorities; none means the system's.
    pub tls_root_cert: Option<PathBuf>,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
    /// A pooler that gives each transaction any of its connections, such as PgBouncer with
    /// `pool_mode = transaction`. Callers' statements go through it; all else goes to the database itself.
    pub pooler: Option<ServerAddress>,
}

/// Where a pooler or a standby is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Host name, IP address, or the folder of a Unix socket (starts with `/`).
    pub host: String,
    /// TCP port; on a socket, the number in its file name.
    pub port: u16,
}

/// A role and its password.
#[derive(Clone)]
pub struct Login {
    /// Role name.
    pub user: String,
    /// Password; none where the server asks for none.
    pub password: Option<SecretString>,
}

impl Login {
    /// A role with its password.
    pub fn new(user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self { user: user.into(), password: Some(password.into()) }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({})", self.user)
    }
}

/// How a query connection is encrypted.
#[derive(Clone)]
pub(crate) enum Tls {
    Off(NoTls),
    On(Box<MakeRustlsConnect>),
}

impl ServerAddress {
    /// Reads `host`, `host:port`, an address such as `[::1]:5432`, or the folder of a socket with or without a port. None
    /// for other texts.
    ///
    /// ```
    /// use retail_storage::ServerAddress;
    ///
    /// let replica = ServerAddress::parse("replica-1.example.com", 5432).unwrap();
    /// assert_eq!((replica.host.as_str(), replica.port), ("replica-1.example.com", 5432));
    /// assert_eq!(ServerAddress::parse("[::1]:5433", 5432).unwrap().port, 5433);
    /// assert!(ServerAddress::parse("replica:many", 5432).is_none());
    /// ```
    pub fn parse(text: &str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let is_host = |c: char| !c.is_whitespace() && !"@?#".contains(c);
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None => default_port,
        };
        (!host.is_empty() && host.chars().all(is_host))
            .then(|| Self { host: host.to_owned(), port })
    }
}

impl DatabaseSettings {
    /// A database on a host, with the default of all else.
    pub fn new(host: impl Into<String>, port: u16, database: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            database: database.into(),
            tls: TlsMode::default(),
            tls_root_cert: None,
            application_name: "retail-mcp".to_owned(),
            pooler: None,
        }
    }

    /// Whether the database is on this machine, as far as its address says so.
    pub fn is_local(&self) -> bool {
        self.host.starts_with('/')
            || self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    fn encrypts(&self) -> bool {
        match self.tls {
            TlsMode::Disable => false,
            TlsMode::ExceptLocal => !self.is_local(),
            TlsMode::Require => true,
        }
    }

    pub(crate) fn sqlx_options(&self, login: &Login) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass()
            .port(self.port)
            .database(&self.database)
            .username(&login.user)
            .application_name(&self.application_name);
        let options = if self.host.starts_with('/') {
            options.socket(&self.host)
        } else {
            options.host(&self.host)
        };
        let options = match &login.password {
            Some(password) => options.password(password.expose_secret()),
            None => options,
        };
        if !self.encrypts() {
            return options.ssl_mode(PgSslMode::Disable);
        }
        let options = options.ssl_mode(PgSslMode::VerifyFull);
        match &self.tls_root_cert {
            Some(file) => options.ssl_root_cert(file),
            None => options,
        }
    }

    /// The settings under which callers' statements reach the database.
    pub(crate) fn for_callers(&self) -> Self {
        let mut settings = self.clone();
        if let Some(pooler) = &self.pooler {
            settings.host.clone_from(&pooler.host);
            settings.port = pooler.port;
        }
        settings
    }

    /// The settings under which a standby is reached.
    pub(crate) fn at(&self, address: &ServerAddress) -> Self {
        Self { host: address.host.clone(), port: address.port, pooler: None, ..self.clone() }
    }

    pub(crate) fn query_config(&self, login: &Login) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .dbname(&self.database)
            .user(&login.user)
            .application_name(&self.application_name)
            .connect_timeout(CONNECT_TIMEOUT)
            .ssl_mode(if self.encrypts() {
                tokio_postgres::config::SslMode::Require
            } else {
                tokio_postgres::config::SslMode::Disable
            });
        if let Some(password) = &login.password {
            config.password(password.expose_secret());
        }
        config
    }

    pub(crate) fn query_tls(&self) -> Result<Tls, StorageError> {
        if !self.encrypts() {
            return Ok(Tls::Off(NoTls));
        }
        let mut roots = RootCertStore::empty();
        match &self.tls_root_cert {
            Some(file) => {
                let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
                    StorageError::Certificates { path: file.clone(), source }
                };
                let certificates =
                    CertificateDer::pem_file_iter(file).map_err(|error| failed(error.into()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| failed(error.into()))?;
                    roots.add(certificate).map_err(|error| failed(error.into()))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(StorageError::Certificates {
                path: self
                    .tls_root_cert
                    .clone()
                    .unwrap_or_else(|| PathBuf::from("the system's certificate store")),
                source: "it holds no certificate".into(),
            });
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| StorageError::Setting(format!("TLS cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Tls::On(Box::new(MakeRustlsConnect::new(config))))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/tmp/run", TlsMode::ExceptLocal, false)]
    #[case("127.0.0.1", TlsMode::ExceptLocal, false)]
    #[case("::1", TlsMode::ExceptLocal, false)]
    #[case("db.example.com", TlsMode::ExceptLocal, true)]
    #[case("10.0.0.5", TlsMode::ExceptLocal, true)]
    #[case("db.example.com", TlsMode::Disable, false)]
    #[case("localhost", TlsMode::Require, true)]
    fn encryption_follows_mode_and_host(
        #[case] host: &str,
        #[case] tls: TlsMode,
        #[case] expected: bool,
    ) {
        let settings = DatabaseSettings { tls, ..DatabaseSettings::new(host, 5432, "zava") };
        assert_eq!(settings.encrypts(), expected);
    }

    #[test]
    fn debug_hides_the_password() {
        let login = Login::new("u", "hunter2");
        assert_eq!(format!("{login:?}"), "Login(u)");
    }
}
