//! HTTP/1.1 on one connection that is kept, at as little cost as can be: the client must not be what is measured.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);
const CHUNK: usize = 16 * 1024;

/// A connection, opened when it is first needed.
#[derive(Debug)]
pub(super) struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
    body: Vec<u8>,
}

/// An answer's body.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) session: Option<String>,
    pub(super) body: &'a [u8],
}

impl Answer<'_> {
    /// Whether a tool worked. One that fails is answered with 200 as well. Inside the answer's texts quotes have
    /// backslashes, so this finds the field alone.
    pub(super) fn is_good(&self) -> bool {
        let text = std::str::from_utf8(self.body).unwrap_or_default();
        self.status == 200 && text.contains("\"result\"") && !text.contains("\"isError\":true")
    }

    /// Whether the receipt says that the answer was kept.
    pub(super) fn is_from_cache(&self) -> bool {
        std::str::from_utf8(self.body).is_ok_and(|text| text.contains("\"cached\":true"))
    }
}

impl Connection {
    /// A connection to `host:port`.
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, buffer: Vec::new(), body: Vec::new() }
    }

    /// Sends a request and reads the whole answer.
    pub(super) fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(&self.address)?,
        };
        stream.write_all(request).context("sending")?;
        self.buffer.clear();
        let head = read_head(&mut stream, &mut self.buffer)?;
        self.body.clear();
        self.body.extend_from_slice(self.buffer.get(head.length..).unwrap_or_default());
        if head.is_chunked {
            unchunk(&mut stream, &mut self.body)?;
        } else {
            while self.body.len() < head.content_length {
                fill(&mut stream, &mut self.body)?;
            }
        }
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(Answer { status: head.status, session: head.session, body: &self.body })
    }
}

fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads some more.
fn fill(stream: &mut impl Read, buffer: &mut Vec<u8>) -> Result<()> {
    let old = buffer.len();
    buffer.resize(old + CHUNK, 0);
    let read =
        stream.read(buffer.get_mut(old..).unwrap_or_default()).context("reading an answer")?;
    buffer.truncate(old + read);
    if read == 0 {
        bail!("the connection was closed");
    }
    Ok(())
}

#[derive(Debug, Default, PartialEq)]
struct Head {
    /// Of the head itself, with the empty line.
    length: usize,
    status: u16,
    content_length: usize,
    is_chunked: bool,
    closes: bool,
    session: Option<String>,
}

fn read_head(stream: &mut impl Read, buffer: &mut Vec<u8>) -> Result<Head> {
    loop {
        fill(stream, buffer)?;
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            let length = end + 4;
            return parse_head(buffer.get(..length).unwrap_or_default());
        }
        if buffer.len() > CHUNK {
            bail!("the head of an answer has no end");
        }
    }
}

fn parse_head(bytes: &[u8]) -> Result<Head> {
    let text = std::str::from_utf8(bytes).context("the head of an answer")?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("this is no answer: {first:?}"))?;
    let mut head = Head { length: bytes.len(), status, ..Head::default() };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.content_length = value.parse().context("content-length")?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.is_chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("connection") {
            head.closes = value.eq_ignore_ascii_case("close");
        } else if name.eq_ignore_ascii_case("mcp-session-id") {
            head.session = Some(value.to_owned());
        }
    }
    Ok(head)
}

/// Reads to the last chunk and leaves the chunks' contents.
fn unchunk(stream: &mut impl Read, raw: &mut Vec<u8>) -> Result<()> {
    let mut content = Vec::new();
    let mut at = 0;
    loop {
        let rest = raw.get(at..).unwrap_or_default();
        let Some(line) = find(rest, b"\r\n") else {
            fill(stream, raw)?;
            continue;
        };
        let size = std::str::from_utf8(rest.get(..line).unwrap_or_default())?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
            .with_context(|| format!("the size of a chunk: {size:?}"))?;
        // A line, the content, and a line end.
        while raw.len() < at + line + 2 + size + 2 {
            fill(stream, raw)?;
        }
        content.extend_from_slice(raw.get(at + line + 2..at + line + 2 + size).unwrap_or_default());
        at += line + 2 + size + 2;
        if size == 0 {
            *raw = content;
            return Ok(());
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The JSON in a body that may be a stream of events: the last event's data.
pub(super) fn json_of(body: &[u8]) -> Result<serde_json::Value> {
    let text = std::str::from_utf8(body).context("the body of an answer")?;
    let last = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .rfind(|data| !data.trim().is_empty());
    let json = if text.trim_start().starts_with('{') { text } else { last.unwrap_or(text) };
    serde_json::from_str(json.trim()).with_context(|| format!("this is no JSON: {text:.200}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn answers_are_read_to_their_end_on_one_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nMcp-Session-Id: s\r\n\r\n{\"result\":1}".to_owned(),
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n".to_owned(),
            "HTTP/1.1 429 Too Many\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".to_owned(),
        ];
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let mut request = [0; 2];
                stream.read_exact(&mut request).unwrap();
                // In two parts, as networks do.
                let (one, two) = answer.split_at(answer.len() / 2);
                stream.write_all(one.as_bytes()).unwrap();
                stream.write_all(two.as_bytes()).unwrap();
            }
        });
        let mut connection = Connection::new(&address);
        let answer = connection.exchange(b"hi").unwrap();
        assert_eq!((answer.status, answer.session.as_deref()), (200, Some("s")));
        assert_eq!(connection.exchange(b"hi").unwrap().body, b"hello world");
        assert_eq!(connection.exchange(b"hi").unwrap().status, 429);
        assert!(connection.stream.is_none());
        server.join().unwrap();
    }

    #[test]
    fn success_is_200_with_a_result_that_is_no_error() {
        let good =
            |status, body: &str| Answer { status, session: None, body: body.as_bytes() }.is_good();
        assert!(good(200, r#"{"result":{"isError":false}}"#));
        assert!(good(200, r#"{"result":{"text":"{\"isError\":true}"}}"#));
        assert!(!good(200, r#"{"result":{"isError":true}}"#));
        assert!(!good(200, r#"{"error":{"code":1}}"#));
        assert!(!good(503, r#"{"result":{}}"#));
    }

    #[test]
    fn json_is_found_in_events_too() {
        assert_eq!(json_of(b" {\"a\":1}").unwrap()["a"], 1);
        let events = b"event: message\ndata: {\"a\":1}\n\nevent: message\ndata: {\"a\":2}\n\n";
        assert_eq!(json_of(events).unwrap()["a"], 2);
        assert!(json_of(b"no").is_err());
    }
}
