//! Requests of protocol 2026-07-28 and their answers, in memory and over a socket.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::{HeaderMap, HeaderName, Request};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::PATIENCE;

const PROTOCOL: &str = "2026-07-28";

/// One JSON-RPC request: headers and body.
#[derive(Clone)]
pub(crate) struct Call {
    headers: HeaderMap,
    body: Value,
}

impl Call {
    /// A request with all that the newest protocol asks for, and without a credential.
    pub(crate) fn new(method: &str, mut params: Value) -> Self {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": PROTOCOL,
            "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let tool = params["name"].as_str().map(ToOwned::to_owned);
        let call = Self {
            headers: HeaderMap::new(),
            body: json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }),
        }
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", PROTOCOL)
        .header("mcp-method", method);
        match tool {
            Some(tool) => call.header("mcp-name", &tool),
            None => call,
        }
    }

    /// A call of a tool.
    pub(crate) fn tool(name: &str, arguments: &Value) -> Self {
        Self::new("tools/call", json!({ "name": name, "arguments": arguments }))
    }

    /// A call of `execute_sales_query`.
    pub(crate) fn query(sql: &str) -> Self {
        Self::tool("execute_sales_query", &json!({ "postgresql_query": sql }))
    }

    /// Adds a header beside those of the same name.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, value.parse().unwrap());
        self
    }

    /// Adds a value to `_meta`.
    pub(crate) fn meta(mut self, name: &str, value: &str) -> Self {
        self.body["params"]["_meta"][name] = value.into();
        self
    }

    /// Adds a bearer token.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// The request as it comes from `peer`.
    pub(crate) fn into_request(self, peer: SocketAddr) -> Request<Body> {
        let mut request = Request::post("/mcp").body(Body::from(self.body.to_string())).unwrap();
        *request.headers_mut() = self.headers;
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    }

    /// Sends the request over a new connection and leaves the answer unread.
    pub(crate) fn send_to(&self, address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&self.to_bytes()).unwrap();
        stream
    }

    /// The request as it is on a connection.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let body = self.body.to_string();
        let mut text = b"POST /mcp HTTP/1.1\r\n".to_vec();
        for (name, value) in &self.headers {
            write!(text, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        write!(text, "content-length: {}\r\n\r\n{body}", body.len()).unwrap();
        text
    }
}

/// What came back. `body` is null when it was no JSON.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    bytes: Vec<u8>,
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        }
    }

    /// Reads one whole answer from a connection.
    pub(crate) fn read(stream: TcpStream) -> Self {
        Self::read_from(&mut BufReader::new(stream))
    }

    /// Reads one whole answer, and leaves the connection ready for the next.
    pub(crate) fn read_from(reader: &mut impl BufRead) -> Self {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let headers: HeaderMap = lines[1..]
            .iter()
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
            })
            .collect();
        let length: usize = headers["content-length"].to_str().unwrap().parse().unwrap();
        let mut bytes = vec![0; length];
        reader.read_exact(&mut bytes).unwrap();
        Self { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null), bytes }
    }

    /// The body as it came.
    pub(crate) fn plain_text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap()
    }

    /// The result of a request that was answered.
    #[track_caller]
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.body["id"], 7, "{self:?}");
        assert!(self.body["error"].is_null(), "{self:?}");
        &self.body["result"]
    }

    /// The text of a tool's answer, good or bad.
    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        self.result()["content"][0]["text"].as_str().unwrap()
    }

    /// The structured answer of a call that worked.
    #[track_caller]
    pub(crate) fn answer(&self) -> &Value {
        let result = self.result();
        assert_ne!(result["isError"], true, "{result}");
        &result["structuredContent"]
    }

    /// The rows of a query that worked.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Vec<Value>> {
        serde_json::from_value(self.answer()["rows"].clone()).unwrap()
    }

    /// The failure of a tool call that did not work.
    #[track_caller]
    pub(crate) fn failure(&self) -> Value {
        assert_eq!(self.result()["isError"], true, "{self:?}");
        assert!(self.result()["structuredContent"].is_null(), "{self:?}");
        serde_json::from_str(self.text()).unwrap()
    }
}
