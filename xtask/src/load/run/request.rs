//! Requests as bytes, made before anything is measured.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::scenario::SERIAL;

/// The newest protocol, without sessions.
pub(super) const LATEST: &str = "2026-07-28";
/// The protocol that other servers are asked in.
pub(super) const WITH_SESSION: &str = "2025-06-18";
/// As many digits as [`SERIAL`] becomes, so that each request is as long as the next.
const DIGITS: usize = 10;

/// Where requests go, and what all of them carry.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// `host:port`
    pub(super) address: String,
    /// The path of the URL.
    pub(super) path: String,
    /// More headers, such as `Authorization: Bearer …`.
    pub(super) headers: Vec<String>,
    /// The session, with those who keep one; `Some("")` for the protocol of sessions without one.
    pub(super) session: Option<String>,
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    bytes: Vec<u8>,
    /// Where numbers stand that no two requests share.
    serials: Vec<usize>,
}

impl Request {
    /// The bytes, with this number in the places for one.
    pub(super) fn bytes(&mut self, serial: u64) -> &[u8] {
        if !self.serials.is_empty() {
            let text = format!("{serial:0DIGITS$}");
            for at in &self.serials {
                if let Some(place) = self.bytes.get_mut(*at..*at + DIGITS) {
                    place.copy_from_slice(text.as_bytes().get(..DIGITS).unwrap_or_default());
                }
            }
        }
        &self.bytes
    }
}

impl Endpoint {
    /// Of a URL such as `http://127.0.0.1:5000/mcp`.
    pub(super) fn of_url(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("http://").context("the URL must begin with http://")?;
        let (address, path) = rest.split_once('/').unwrap_or((rest, "mcp"));
        let address =
            if address.contains(':') { address.to_owned() } else { format!("{address}:80") };
        Ok(Self { address, path: format!("/{path}"), headers: Vec::new(), session: None })
    }

    /// A call of a tool, with a header of the caller's own.
    pub(super) fn call(&self, tool: &str, arguments: &Value, caller: Option<&str>) -> Request {
        let mut params = json!({ "name": tool, "arguments": arguments });
        let mut headers: Vec<String> = caller.map(str::to_owned).into_iter().collect();
        if self.session.is_none() {
            headers.push("Mcp-Method: tools/call".to_owned());
            headers.push(format!("Mcp-Name: {tool}"));
            if let Some(params) = params.as_object_mut() {
                params.insert("_meta".to_owned(), meta());
            }
        }
        self.post(
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }),
            &headers,
        )
    }

    /// Any message.
    pub(super) fn post(&self, message: &Value, headers: &[String]) -> Request {
        let Self { address, path, .. } = self;
        let body = message.to_string().replace(SERIAL, &"0".repeat(DIGITS));
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n",
            body.len()
        );
        let version = if self.session.is_some() { WITH_SESSION } else { LATEST };
        let session = self.session.iter().filter(|session| !session.is_empty());
        let own = [format!("Mcp-Protocol-Version: {version}")]
            .into_iter()
            .chain(session.map(|session| format!("Mcp-Session-Id: {session}")));
        for header in own.chain(self.headers.iter().cloned()).chain(headers.iter().cloned()) {
            head.push_str(&header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        // The places of the numbers, in the text as it was before they became zeros.
        let mut serials = Vec::new();
        let mut at = head.len();
        for part in message.to_string().split(SERIAL) {
            at += part.len();
            serials.push(at);
            at += DIGITS;
        }
        serials.pop();
        Request { bytes: (head + &body).into_bytes(), serials }
    }
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": LATEST,
        "io.modelcontextprotocol/clientInfo": { "name": "load", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// Arguments with a value in each place for one.
pub(super) fn filled(arguments: &Map<String, Value>, name: &str, value: &str) -> Value {
    fn fill(template: &Value, place: &str, value: &str) -> Value {
        match template {
            Value::String(text) => Value::String(text.replace(place, value)),
            Value::Array(all) => all.iter().map(|one| fill(one, place, value)).collect(),
            Value::Object(all) => Value::Object(
                all.iter().map(|(key, one)| (key.clone(), fill(one, place, value))).collect(),
            ),
            other => other.clone(),
        }
    }
    fill(&Value::Object(arguments.clone()), &format!("{{{name}}}"), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: &mut Request, serial: u64) -> String {
        String::from_utf8(request.bytes(serial).to_vec()).unwrap()
    }

    #[test]
    fn a_url_has_an_address_and_a_path() {
        let endpoint = Endpoint::of_url("http://127.0.0.1:5000/mcp/x").unwrap();
        assert_eq!(
            (endpoint.address.as_str(), endpoint.path.as_str()),
            ("127.0.0.1:5000", "/mcp/x")
        );
        let endpoint = Endpoint::of_url("http://localhost").unwrap();
        assert_eq!((endpoint.address.as_str(), endpoint.path.as_str()), ("localhost:80", "/mcp"));
        assert!(Endpoint::of_url("https://localhost").is_err());
    }

    #[test]
    fn every_serial_is_replaced_and_the_length_stays() {
        let endpoint = Endpoint::of_url("http://a:1/mcp").unwrap();
        let arguments = json!({ "a": "x {n}", "b": "{n}ü{n}" });
        let mut request = endpoint.call("t", &arguments, Some("Authorization: Bearer y"));
        for serial in [7, 1_234_567_890] {
            let text = text(&mut request, serial);
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
            assert!(head.contains("Authorization: Bearer y") && head.contains("Mcp-Name: t"));
            let message: Value = serde_json::from_str(body).unwrap();
            let arguments = &message["params"]["arguments"];
            assert_eq!(arguments["a"], format!("x {serial:010}"));
            assert_eq!(arguments["b"], format!("{serial:010}ü{serial:010}"));
        }
    }

    #[test]
    fn a_session_is_told_and_the_old_protocol_has_no_meta() {
        let mut endpoint = Endpoint::of_url("http://a:1/mcp").unwrap();
        endpoint.session = Some("s1".to_owned());
        let text = text(&mut endpoint.call("t", &json!({}), None), 0);
        assert!(text.contains("Mcp-Session-Id: s1\r\n") && text.contains(WITH_SESSION), "{text}");
        assert!(!text.contains("_meta") && !text.contains("Mcp-Name"), "{text}");
    }

    #[test]
    fn values_are_filled_in_at_any_depth() {
        let Value::Object(template) = json!({ "a": ["{v}", 1], "b": { "c": "<{v}>" } }) else {
            panic!("an object");
        };
        assert_eq!(filled(&template, "v", "\""), json!({ "a": ["\"", 1], "b": { "c": "<\">" } }));
    }
}
