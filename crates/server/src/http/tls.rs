//! TLS for clients, with certificates that can be replaced while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;
use tracing::{error, info};

use crate::config::TlsConfig;

/// The certificate chain and key of the server. New connections use what was read last.
#[derive(Debug)]
pub struct Tls {
    cert_file: PathBuf,
    key_file: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

/// Why TLS files cannot be used. Never holds what is in them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file of the certificate chain cannot be read, or is no PEM.
    #[error("server.tls.cert_file: cannot read certificates from {}: {reason}", file.display())]
    Certificates {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file of the key cannot be read, or is no PEM.
    #[error("server.tls.key_file: cannot read a private key from {}: {reason}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The two do not fit each other, or are of no kind that is known.
    #[error("server.tls: certificate and key cannot be used together")]
    Unusable(#[source] rustls::Error),
}

impl Tls {
    /// Reads the files; none when the configuration names none.
    ///
    /// # Errors
    /// As [`TlsError`] says.
    pub fn load(config: &TlsConfig) -> Result<Option<Arc<Self>>, TlsError> {
        let (Some(cert_file), Some(key_file)) = (&config.cert_file, &config.key_file) else {
            return Ok(None);
        };
        let current = RwLock::new(read(cert_file, key_file)?);
        Ok(Some(Arc::new(Self {
            cert_file: cert_file.clone(),
            key_file: key_file.clone(),
            current,
        })))
    }

    /// Reads the files anew. Connections that are open keep what they have; when the new files are no
    /// good, so do new ones.
    ///
    /// # Errors
    /// As [`TlsError`] says.
    pub fn reload(&self) -> Result<(), TlsError> {
        let new = read(&self.cert_file, &self.key_file)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// Reads the files anew at each SIGHUP, as long as the process lives.
    ///
    /// # Errors
    /// When the system gives no signal handler.
    pub fn reload_at_sighup(self: &Arc<Self>) -> std::io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let tls = Arc::clone(self);
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                match tls.reload() {
                    Ok(()) => info!("took up the new TLS certificate"),
                    Err(error) => error!(
                        error = &error as &dyn std::error::Error,
                        "the new TLS files are no good; the old certificate stays in use"
                    ),
                }
            }
        });
        Ok(())
    }

    /// What makes TLS of a new connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current))
    }
}

fn read(cert_file: &Path, key_file: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates = certificates(cert_file)?;
    let key = PrivateKeyDer::from_pem_file(key_file)
        .map_err(|error| TlsError::Key { file: key_file.to_owned(), reason: reason(&error) })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The certificate chain in a PEM file.
///
/// # Errors
/// [`TlsError::Certificates`] also when there is none in it.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error: &pem::Error| TlsError::Certificates {
        file: file.to_owned(),
        reason: reason(error),
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(file)
        .map_err(|error| wrong(&error))?
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(&error))?;
    if chain.is_empty() { Err(wrong(&pem::Error::NoItemsFound)) } else { Ok(chain) }
}

/// Some of these errors quote the file, and the file may be a key.
fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "there is none in it".to_owned(),
        _ => "it is not valid PEM".to_owned(),
    }
}
