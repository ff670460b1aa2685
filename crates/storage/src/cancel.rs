//! Asks PostgreSQL to stop what runs on a connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::CancelToken;
use tokio_postgres::tls::MakeTlsConnect;

use crate::DatabaseSettings;
use crate::settings::Tls;

/// Why a request to cancel was not delivered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CancelError {
    #[error("no connection for the request")]
    Connect(#[source] io::Error),
    #[error("no TLS for the request")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the request was not sent")]
    Send(#[from] tokio_postgres::Error),
}

/// Delivers the request over a connection of its own.
///
/// As libpq does, it closes only after the other side has, which means that the request was heeded. PgBouncer 1.18
/// crashes where the client closes first.
pub(crate) async fn cancel(
    token: &CancelToken,
    settings: &DatabaseSettings,
    tls: &Tls,
) -> Result<(), CancelError> {
    let DatabaseSettings { host, port, .. } = settings;
    if host.starts_with('/') {
        let socket = format!("{host}/.s.PGSQL.{port}");
        let stream = UnixStream::connect(socket).await.map_err(CancelError::Connect)?;
        send(token, host, stream, tls).await
    } else {
        let stream = TcpStream::connect((host.as_str(), *port)).await;
        send(token, host, stream.map_err(CancelError::Connect)?, tls).await
    }
}

async fn send<S>(token: &CancelToken, host: &str, stream: S, tls: &Tls) -> Result<(), CancelError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = ClosedLast(stream);
    match tls {
        Tls::Off(tls) => token.cancel_query_raw(stream, *tls).await?,
        Tls::On(tls) => {
            let mut tls = tls.as_ref().clone();
            let connect = MakeTlsConnect::<ClosedLast<S>>::make_tls_connect(&mut tls, host)
                .map_err(|error| CancelError::Tls(error.into()))?;
            token.cancel_query_raw(stream, connect).await?;
        }
    }
    Ok(())
}

/// A stream that shuts down when the other side has.
struct ClosedLast<S>(S);

impl<S: AsyncRead + Unpin> AsyncRead for ClosedLast<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClosedLast<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut bytes = [0; 64];
            let mut buf = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.0).poll_read(cx, &mut buf)) {
                // With TLS, there may be something left of the handshake.
                Ok(()) if !buf.filled().is_empty() => {}
                // A connection that was reset is closed as well.
                Ok(()) | Err(_) => return Pin::new(&mut self.0).poll_shutdown(cx),
            }
        }
    }
}
