//! TLS, and new certificates while the server runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use retail_server::config::TlsConfig;
use retail_server::http::Tls;
use retail_testkit::TestDatabase;
use rustix::process::Signal;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::raw::Raw;
use crate::support::{PATIENCE, Served, TestServer, eventually, run_on, scratch};

const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
static BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12, &rustls::version::TLS13];

/// Writes a new certificate and its key.
fn write_new(folder: &Path) -> (TlsConfig, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let config = TlsConfig {
        cert_file: Some(folder.join("cert.pem")),
        key_file: Some(folder.join("key.pem")),
    };
    std::fs::write(config.cert_file.as_ref().unwrap(), cert.pem()).unwrap();
    std::fs::write(config.key_file.as_ref().unwrap(), signing_key.serialize_pem()).unwrap();
    (config, cert.der().clone())
}

async fn connect(
    address: SocketAddr,
    root: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(REQUEST).await.unwrap();
    let mut buffer = vec![0; 4096];
    let count = stream.read(&mut buffer).await.unwrap();
    String::from_utf8_lossy(&buffer[..count]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_taken_up_and_no_connection_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (config, old) = write_new(folder.path());
    let (cert_file, key_file) =
        (config.cert_file.clone().unwrap(), config.key_file.clone().unwrap());
    let server = TestServer::seeded(&[
        ("SERVER__TLS__CERT_FILE", cert_file.to_str().unwrap()),
        ("SERVER__TLS__KEY_FILE", key_file.to_str().unwrap()),
        ("SERVER__HEADER_TIMEOUT", "500ms"),
    ])
    .await;
    let tls = Tls::load(&config).unwrap().unwrap();
    let address = server.listen_with(Some(Arc::clone(&tls))).await;

    let mut first = connect(address, &old, BOTH).await.unwrap();
    assert_eq!(first.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = ask(&mut first).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age="), "{answer}");
    for version in BOTH {
        let mut stream = connect(address, &old, &[version]).await.unwrap();
        assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200"));
    }

    // A file that is no good changes nothing, and what is in it is not told.
    std::fs::write(&key_file, "-----BEGIN hunter2").unwrap();
    let error = tls.reload().unwrap_err();
    assert!(error.to_string().contains("server.tls.key_file"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    connect(address, &old, BOTH).await.unwrap();

    let (_, new) = write_new(folder.path());
    tls.reload().unwrap();
    connect(address, &old, BOTH).await.unwrap_err();
    let mut second = connect(address, &new, BOTH).await.unwrap();
    assert!(ask(&mut second).await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"), "the old connection lives");

    // Whoever speaks no TLS, or nothing, is cut.
    let mut plain = Raw::connect(address);
    plain.send(REQUEST);
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain.0, &mut rest);
    assert!(!rest.starts_with(b"HTTP"), "{rest:?}");
    assert!(Raw::connect(address).is_closed_within(Duration::from_secs(3)));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, _) = write_new(one.path());
    let (other, _) = write_new(other.path());
    let mixed = TlsConfig { cert_file: one.cert_file, key_file: other.key_file };
    assert!(Tls::load(&mixed).is_err());
    let error = Tls::load(&TlsConfig {
        cert_file: Some("/no/such/cert.pem".into()),
        key_file: Some("/no/such/key.pem".into()),
    })
    .unwrap_err();
    assert!(error.to_string().contains("/no/such/cert.pem"), "{error}");
    assert!(Tls::load(&TlsConfig::default()).unwrap().is_none());
}

#[test]
fn the_program_speaks_tls_and_reads_new_files_at_sighup() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(TestDatabase::seeded());
    let folder = scratch();
    let (config, old) = write_new(folder.path());
    let file = |file: &Option<PathBuf>| file.as_ref().unwrap().to_str().unwrap().to_owned();
    let (cert_file, key_file) = (file(&config.cert_file), file(&config.key_file));
    let tls = [
        ("SERVER__TLS__CERT_FILE", cert_file.as_str()),
        ("SERVER__TLS__KEY_FILE", key_file.as_str()),
    ];
    let server = Served::start(&database, folder.path(), &tls);
    let answers = |root| {
        runtime.block_on(async {
            let mut stream = connect(server.address, root, BOTH).await.ok()?;
            Some(ask(&mut stream).await.starts_with("HTTP/1.1 200"))
        })
    };
    assert_eq!(answers(&old), Some(true));
    let listen = format!("--listen={}", server.address);
    let health = run_on(&database, folder.path(), &["healthcheck", &listen], &tls);
    assert_eq!(health.code, Some(0), "{health:?}");

    std::fs::write(&key_file, "no key").unwrap();
    server.process.signal(Signal::HUP);
    eventually(PATIENCE, "the bad file is reported", || {
        server.process.stderr().contains("the old certificate stays in use")
    });
    assert_eq!(answers(&old), Some(true));
    let (_, new) = write_new(folder.path());
    server.process.signal(Signal::HUP);
    eventually(PATIENCE, "the new one is used", || answers(&new) == Some(true));
}
