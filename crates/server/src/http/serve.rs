//! The loop that takes connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::connection::{self, Connection, Settings, Timeouts};
use super::connections::Connections;
use super::edge::Edge;
use super::tls::Tls;
use crate::config::ServerConfig;

/// Pause after the system gave no connection, so that the loop does not spin while it has none to give.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `edge` until `stop`, then until the last request in flight is answered.
///
/// Speaks HTTP/1.1, with the limits of `config`: on connections, on the size and duration of request
/// heads, on idle connections, and on clients that do not take their answers. With `tls` it speaks that.
pub async fn serve(
    listener: TcpListener,
    edge: Edge,
    config: &ServerConfig,
    tls: Option<Arc<Tls>>,
    stop: CancellationToken,
) {
    let timeouts = Timeouts {
        head: config.header_timeout,
        idle: config.idle_timeout,
        write: config.write_timeout,
    };
    let settings = Arc::new(Settings { edge, http: http_limits(config), tls, stop: stop.clone() });
    let connections = Arc::new(Connections::new(config.max_connections));
    let tasks = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener, &connections) => accepted,
            () = stop.cancelled() => break,
        };
        let room = tokio::select! {
            room = connections.make_room() => room,
            () = stop.cancelled() => break,
        };
        let settings = Arc::clone(&settings);
        let connection = Connection::open(Arc::clone(&connections), timeouts);
        tasks.spawn(async move {
            connection::run(stream, peer, connection, settings).await;
            drop(room);
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// What hyper itself limits. Times are watched over by the connection's own task.
fn http_limits(config: &ServerConfig) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.max_headers(config.max_headers)
        .max_header_size(config.max_header_bytes)
        .header_read_timeout(None)
        .half_close(false);
    http
}

async fn accept(listener: &TcpListener, connections: &Connections) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // The client gave up before it was its turn.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                warn!(%error, "no connection can be taken; the longest idle one is closed");
                connections.close_one();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
