//! A proxy in front of PostgreSQL that can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use retail_storage::{DatabaseSettings, TlsMode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use crate::TestDatabase;

/// Passes bytes on, until it is told to cut. Ends with the test's runtime.
#[derive(Debug)]
pub struct CuttingProxy {
    address: SocketAddr,
    database: String,
    is_cut: watch::Sender<bool>,
    /// Connections of this number and before lose their next answer.
    losing: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
}

impl CuttingProxy {
    /// A proxy in front of a test's database.
    pub async fn start(database: &TestDatabase) -> Self {
        let upstream = database.settings();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("an address"),
            database: database.name.clone(),
            is_cut: watch::Sender::new(false),
            losing: Arc::default(),
            connections: Arc::default(),
        };
        let is_cut = proxy.is_cut.clone();
        let (losing, connections) = (Arc::clone(&proxy.losing), Arc::clone(&proxy.connections));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut cut = is_cut.subscribe();
                if *cut.borrow() {
                    continue;
                }
                let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
                let (upstream, losing) = (upstream.clone(), Arc::clone(&losing));
                tokio::spawn(async move {
                    tokio::select! {
                        () = pass(client, &upstream, number, &losing) => {}
                        _ = cut.wait_for(|cut| *cut) => {}
                    }
                });
            }
        });
        proxy
    }

    /// How to reach the database through it.
    pub fn settings(&self) -> DatabaseSettings {
        DatabaseSettings {
            tls: TlsMode::Disable,
            ..DatabaseSettings::new("127.0.0.1", self.address.port(), &self.database)
        }
    }

    /// Closes all connections and takes no more: the database is down.
    pub fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    /// The database is back.
    pub fn mend(&self) {
        self.is_cut.send_replace(false);
    }

    /// Each connection that is there now gets its next statement to the database, and closes instead of
    /// passing the answer back.
    pub fn lose_answers(&self) {
        self.losing.store(self.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn pass(client: TcpStream, upstream: &DatabaseSettings, number: u64, losing: &AtomicU64) {
    if upstream.host.starts_with('/') {
        let socket = format!("{}/.s.PGSQL.{}", upstream.host, upstream.port);
        if let Ok(upstream) = UnixStream::connect(socket).await {
            both_ways(client, upstream, number, losing).await;
        }
    } else if let Ok(upstream) = TcpStream::connect((upstream.host.as_str(), upstream.port)).await {
        both_ways(client, upstream, number, losing).await;
    }
}

async fn both_ways(
    client: TcpStream,
    upstream: impl AsyncRead + AsyncWrite,
    number: u64,
    losing: &AtomicU64,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_upstream, mut to_upstream) = tokio::io::split(upstream);
    let answers = async {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from_upstream.read(&mut bytes).await {
            let answer = bytes.get(..count).unwrap_or_default();
            if number <= losing.load(Ordering::SeqCst) || to_client.write_all(answer).await.is_err()
            {
                break;
            }
        }
    };
    tokio::select! {
        () = answers => {}
        _ = tokio::io::copy(&mut from_client, &mut to_upstream) => {}
    }
}
