//! The task of one connection: TLS, then HTTP/1.1, watched over.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, Response};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use tracing::debug;

use super::guarded_io::GuardedIo;
use super::request_body::RequestBody;
use super::{Connection, Phase};
use crate::http::edge::Edge;
use crate::http::tls::Tls;

/// How long the rest of a request that was refused is read, so that the client sees the answer: a socket
/// that is closed with bytes unread takes the answer along.
const LINGER: Duration = Duration::from_secs(1);

/// How much of it.
const LINGER_BYTES: u64 = 1_048_576;

/// What all connections of a server share.
pub(in crate::http) struct Settings {
    /// Who answers.
    pub(in crate::http) edge: Edge,
    /// Limits of request heads.
    pub(in crate::http) http: http1::Builder,
    /// Encryption, where it is on.
    pub(in crate::http) tls: Option<Arc<Tls>>,
    /// No more requests.
    pub(in crate::http) stop: CancellationToken,
}

/// Serves one connection to its end.
pub(in crate::http) async fn run(
    stream: TcpStream,
    peer: SocketAddr,
    connection: Arc<Connection>,
    settings: Arc<Settings>,
) {
    // Answers are written whole; to wait for more would only delay them.
    let _ = stream.set_nodelay(true);
    let end = Ended(Arc::clone(&connection));
    match settings.tls.as_ref().map(|tls| tls.acceptor()) {
        None => serve(stream, peer, connection, &settings).await,
        Some(acceptor) => {
            let handshake = timeout(connection.timeouts.head, acceptor.accept(stream));
            let accepted = tokio::select! {
                accepted = handshake => accepted,
                () = connection.close.notified() => return,
                () = settings.stop.cancelled() => return,
            };
            match accepted {
                Ok(Ok(stream)) => serve(stream, peer, connection, &settings).await,
                Ok(Err(error)) => debug!(%peer, %error, "the TLS handshake failed"),
                Err(_) => debug!(%peer, "the TLS handshake took too long"),
            }
        }
    }
    drop(end);
}

/// Takes the connection off the books however its task ends.
struct Ended(Arc<Connection>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.ended();
    }
}

async fn serve<S>(stream: S, peer: SocketAddr, connection: Arc<Connection>, settings: &Settings)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = {
        let connection = Arc::clone(&connection);
        let edge = settings.edge.clone();
        service_fn(move |request| {
            Box::pin(answer(edge.clone(), request, peer, Arc::clone(&connection)))
        })
    };
    let io = TokioIo::new(GuardedIo::new(stream, Arc::clone(&connection)));
    let mut http = settings.http.serve_connection(io, service);
    let mut timer = pin!(sleep_until(Instant::now() + connection.timeouts.head));
    let mut close = pin!(connection.close.notified());
    let mut stop = pin!(settings.stop.cancelled());
    let mut draining = false;
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(ended) = http.poll_without_shutdown(cx) {
            return Poll::Ready(Outcome::Ended(ended));
        }
        let asked = close.as_mut().poll(cx).is_ready();
        if asked {
            close.set(connection.close.notified());
            // To be woken by the next one; one that is there already finds the same state.
            let _ = close.as_mut().poll(cx);
        }
        let stopped = !draining && stop.as_mut().poll(cx).is_ready();
        draining |= stopped;
        if (asked && connection.may_be_closed()) || stopped {
            let is_late = asked && connection.is_stalled();
            if is_late || connection.phase() == Phase::Head {
                return Poll::Ready(Outcome::Cut("it makes room"));
            }
            // Closes at once when it is idle, and after the answer when it is not.
            Pin::new(&mut http).graceful_shutdown();
            if let Poll::Ready(ended) = http.poll_without_shutdown(cx) {
                return Poll::Ready(Outcome::Ended(ended));
            }
        }
        while let Some(deadline) = connection.deadline() {
            if deadline <= Instant::now() {
                return Poll::Ready(Outcome::Cut("it took too long"));
            }
            // An earlier timer looks again when it fires.
            if deadline < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            if timer.as_mut().poll(cx).is_pending() {
                break;
            }
        }
        Poll::Pending
    })
    .await;
    match outcome {
        Outcome::Cut(why) => debug!(%peer, phase = ?connection.phase(), why, "cut a connection"),
        Outcome::Ended(ended) => {
            if let Err(error) = ended {
                debug!(%peer, %error, "a connection ended with an error");
            }
            let stream = http.into_parts().io.into_inner();
            tokio::select! {
                () = linger(stream) => {}
                () = connection.close.notified() => {}
            }
        }
    }
}

enum Outcome {
    Ended(hyper::Result<()>),
    Cut(&'static str),
}

/// Says that nothing more comes, and reads what the client still sends, for a while.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let rest = async {
        stream.shutdown().await?;
        let mut rest = stream.take(LINGER_BYTES);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
    };
    let _ = timeout(LINGER, rest).await;
}

async fn answer(
    edge: Edge,
    request: Request<Incoming>,
    peer: SocketAddr,
    connection: Arc<Connection>,
) -> Result<Response<Tracked>, Infallible> {
    connection.request_began();
    let in_flight = InFlight(Arc::clone(&connection));
    let expects = request.headers().contains_key(EXPECT);
    let (head, body) = request.into_parts();
    let body = RequestBody::new(body);
    let mut request = Request::from_parts(head, Body::new(body.clone()));
    request.extensions_mut().insert(ConnectInfo(peer));
    request.extensions_mut().insert(connection);
    let mut response = edge.oneshot(request).await?;
    // A client that waits for our word before it sends its body shall not get it now.
    if !body.is_end_stream() && (expects || !body.read_rest().await) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Tracked { body, _in_flight: in_flight }))
}

/// A request that is being answered.
struct InFlight(Arc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.answer_ended();
    }
}

/// The body of an answer. When it is over, so is the request.
struct Tracked {
    body: Body,
    _in_flight: InFlight,
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
