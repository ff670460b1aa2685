//! One caller with one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a manager may ask many times a day.
const SQL: &str = "SELECT date_trunc('month', order_date) AS month, count(*) FROM retail.orders \
                   GROUP BY 1 ORDER BY 1 DESC LIMIT 12";

/// A caller.
#[derive(Debug)]
pub(super) struct Client {
    address: String,
    request: Vec<u8>,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A caller with this token.
    pub(super) fn new(address: &str, token: &str) -> Self {
        let version = "2026-07-28";
        let body = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": "execute_sales_query",
                "arguments": { "postgresql_query": SQL },
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": version,
                    "io.modelcontextprotocol/clientInfo": { "name": "load", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        })
        .to_string();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
             Mcp-Protocol-Version: {version}\r\nMcp-Method: tools/call\r\nMcp-Name: execute_sales_query\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { address: address.to_owned(), request: request.into_bytes(), connection: None }
    }

    /// Calls the tool once: the answer, and how long it took.
    pub(super) fn call(&mut self) -> Result<(Answer, Duration)> {
        let started = Instant::now();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.address)?,
        };
        connection.get_mut().write_all(&self.request).context("sending a call")?;
        let answer = read_answer(&mut connection)?;
        if answer.stays_open {
            self.connection = Some(connection);
        }
        Ok((answer, started.elapsed()))
    }

    /// Calls the tool once, and fails unless it worked.
    pub(super) fn good_call(&mut self) -> Result<Duration> {
        let (answer, took) = self.call()?;
        if !answer.is_good() {
            bail!("a call failed with status {}: {}", answer.status, answer.body);
        }
        Ok(took)
    }
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    stays_open: bool,
    body: String,
}

impl Answer {
    /// Whether the tool worked. A tool that fails is answered with 200 as well.
    pub(super) fn is_good(&self) -> bool {
        self.status == 200 && !self.body.contains("\"isError\":true")
    }
}

fn connect(address: &str) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).context("connecting")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

/// Reads one whole answer.
pub(super) fn read_answer(connection: &mut impl BufRead) -> Result<Answer> {
    let mut line = String::new();
    connection.read_line(&mut line).context("reading an answer")?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("this is no answer: {line:?}"))?;
    let (mut length, mut stays_open) = (0, true);
    loop {
        line.clear();
        connection.read_line(&mut line).context("reading an answer")?;
        let header = line.trim_end().to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().context("content-length")?,
            Some(("connection", "close")) => stays_open = false,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = String::new();
    connection.take(length).read_to_string(&mut body).context("reading a body")?;
    Ok(Answer { status, stays_open, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_to_its_end() {
        let mut bytes: &[u8] =
            b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\
                                 connection: close\r\ncontent-length: 0\r\n\r\n";
        let first = read_answer(&mut bytes).unwrap();
        assert_eq!((first.status, first.stays_open, first.body.as_str()), (429, true, "{}"));
        let second = read_answer(&mut bytes).unwrap();
        assert_eq!((second.status, second.stays_open), (200, false));
        assert!(read_answer(&mut bytes).is_err());
    }
}
