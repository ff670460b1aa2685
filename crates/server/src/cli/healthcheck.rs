//! `retail-mcp healthcheck`: for container health checks, so an image needs no other client.

mod own_tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::print;
use crate::config::Config;

/// Longest wait for the answer: a little more than `/ready` itself takes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer that is read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

pub(super) async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let address = reachable(config.server.listen);
    let answer = tokio::time::timeout(TIMEOUT, ask(address, config.server.tls.is_on()))
        .await
        .with_context(|| format!("{address} does not answer within {} s", TIMEOUT.as_secs()))??;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    print(&format!("{}\n", body.trim()));
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" => Ok(ExitCode::SUCCESS),
        "503" => Ok(ExitCode::FAILURE),
        _ => bail!("{address} is not a retail-mcp server: it answered with status {status:?}"),
    }
}

/// A server that listens on all addresses is asked on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr, has_tls: bool) -> anyhow::Result<String> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("no server answers on {address}"))?;
    if has_tls {
        exchange(own_tls::connect(stream).await?, address).await
    } else {
        exchange(stream, address).await
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
) -> anyhow::Result<String> {
    let request = format!("GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer).await?;
    Ok(answer)
}
