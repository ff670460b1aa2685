//! A tool call in its plain form, without rmcp.
//!
//! rmcp starts a service with tasks and channels of its own for each request, and keeps answers as trees. That costs
//! more than the rest of the way to the database (docs/decisions/0016). So a call that is beyond doubt is read, made and
//! answered here. All others go to rmcp, which knows the whole protocol and words the refusals; so does one whose caller
//! wants to be told of its progress. The answers of both are the same, as `tests/it/direct.rs` shows.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use retail_domain::ports::CallerTrace;
use retail_domain::{ErrorCode, Principal};
use rmcp::model::{
    ClientCapabilities, ErrorData, Implementation, JsonObject, ProtocolVersion, ResultType,
};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{McpResponse, is_json, plain};
use crate::call::{Call, Failed};
use crate::elicitation::{self, Said};
use crate::error;
use crate::server::{Shared, protocol_versions};
use crate::tools::{CallOutcome, Picture};

const METHOD: &str = "tools/call";
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const MCP_METHOD: HeaderName = HeaderName::from_static("mcp-method");
const MCP_NAME: HeaderName = HeaderName::from_static("mcp-name");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const PARAMETERS: &str = "mcp-param-";

/// A tool call that needs nothing of rmcp.
#[derive(Debug)]
pub(super) struct DirectCall<'a> {
    id: Id<'a>,
    tool: Cow<'a, str>,
    traceparent: Option<Cow<'a, str>>,
    tracestate: Option<Cow<'a, str>>,
    arguments: JsonObject,
    /// From 2026-07-28 a result says that it is one.
    has_result_type: bool,
    /// Whether the client can ask its user.
    can_ask: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Params<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    arguments: Option<JsonObject>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    protocol_version: Option<Cow<'a, str>>,
    #[serde(rename = "io.modelcontextprotocol/clientInfo")]
    client_info: Option<Implementation>,
    #[serde(rename = "io.modelcontextprotocol/clientCapabilities")]
    client_capabilities: Option<ClientCapabilities>,
    #[serde(borrow)]
    traceparent: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tracestate: Option<Cow<'a, str>>,
    /// Said by nobody here to anybody.
    #[serde(rename = "baggage")]
    _baggage: Option<IgnoredAny>,
}

/// Versions of the protocol, as far as they differ here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    /// Before 2026-07-28: a client has said at first who it is.
    Handshake,
    /// Each request says all.
    PerRequest,
}

impl<'a> DirectCall<'a> {
    /// The call, if it is one without any doubt. `hosts` are the accepted values of `Host`.
    pub(super) fn read(parts: &Parts, body: &'a [u8], hosts: &[String]) -> Option<Self> {
        let headers = &parts.headers;
        let is_plain = parts.method == Method::POST
            && is_json(headers)
            && accepts_both(headers)
            // In such a request the address is what counts, and not `Host`.
            && parts.uri.authority().is_none()
            && host_is_listed(headers, hosts)
            && !headers.contains_key(ORIGIN)
            && !headers.contains_key(SESSION);
        if !is_plain {
            return None;
        }
        let message: Message<'_> = serde_json::from_slice(body).ok()?;
        let Params { name, arguments, meta } = message.params;
        let id_is_good = matches!(message.id.get().as_bytes(), [b'"', ..])
            || message.id.get().parse::<i64>().is_ok();
        let is_call = message.jsonrpc == "2.0" && message.method == METHOD && id_is_good;
        let era = era(headers, &name, meta.as_ref()).filter(|_| is_call)?;
        let can_ask = meta
            .as_ref()
            .and_then(|meta| meta.client_capabilities.as_ref())
            .is_some_and(elicitation::offers_forms);
        let (traceparent, tracestate) =
            meta.map(|meta| (meta.traceparent, meta.tracestate)).unwrap_or_default();
        Some(Self {
            traceparent,
            tracestate,
            id: Id(message.id),
            tool: name,
            arguments: arguments.unwrap_or_default(),
            has_result_type: era == Era::PerRequest,
            can_ask,
        })
    }

    /// Makes the call, and answers it.
    pub(super) async fn make(
        self,
        shared: &Shared,
        parts: &Parts,
        principal: &Principal,
        abort: impl Future<Output = ()>,
    ) -> McpResponse {
        let request_id = super::request_id(parts);
        let trace = self
            .traceparent
            .as_deref()
            .map(|traceparent| CallerTrace { traceparent, tracestate: self.tracestate.as_deref() });
        let call = Call { principal, tool: &self.tool, request_id, trace };
        let result_type = self.has_result_type.then_some(ResultType::COMPLETE);
        let body = match call.make(shared, self.arguments, abort).await {
            Ok(outcome) => self.id.answered(&Answer::new(result_type, &outcome)),
            Err(Failed::UnknownTool) => self.id.refused(&error::unknown_tool()),
            // Nobody else can give it up: a client that leaves drops all this.
            Err(Failed::Error(failure)) if failure.code() == ErrorCode::Cancelled => {
                return plain(StatusCode::SERVICE_UNAVAILABLE, "the server is stopping");
            }
            Err(Failed::Error(failure)) => {
                let asking =
                    self.can_ask.then(|| Said::default().asking_answer(&failure)).flatten();
                match (asking, error::to_response(&failure, request_id)) {
                    (Some(asking), _) => self.id.answered(&asking),
                    (None, Ok(mut result)) => {
                        result.result_type = result_type;
                        self.id.answered(&result)
                    }
                    (None, Err(error)) => self.id.refused(&error),
                }
            }
        };
        let Ok(body) = body else {
            // Nothing in it can fail to be written.
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be written");
        };
        let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// The id of a request, as it was sent.
#[derive(Debug, Clone, Copy)]
struct Id<'a>(&'a RawValue);

#[derive(Serialize)]
struct Answered<'a, R> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    result: &'a R,
}

#[derive(Serialize)]
struct Refused<'a> {
    jsonrpc: &'static str,
    id: &'a RawValue,
    error: &'a ErrorData,
}

impl Id<'_> {
    fn answered(self, result: &impl Serialize) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Answered { jsonrpc: "2.0", id: self.0, result })
    }

    fn refused(self, error: &ErrorData) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Refused { jsonrpc: "2.0", id: self.0, error })
    }
}

/// What rmcp's `CallToolResult` looks like for a good answer, without a tree in it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    result_type: Option<ResultType>,
    content: Content<'a>,
    structured_content: &'a RawValue,
    is_error: bool,
}

/// The text, and the picture if there is one.
#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text((Text<'a>,)),
    Pictured((Text<'a>, Image<'a>)),
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Image<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    data: &'a str,
    mime_type: &'static str,
}

impl<'a> Answer<'a> {
    fn new(result_type: Option<ResultType>, outcome: &'a CallOutcome) -> Self {
        let text = Text { kind: "text", text: &outcome.text };
        let content = match &outcome.picture {
            None => Content::Text((text,)),
            Some(Picture { mime_type, base64 }) => {
                Content::Pictured((text, Image { kind: "image", data: base64, mime_type }))
            }
        };
        Self { result_type, content, structured_content: &outcome.structured, is_error: false }
    }
}

/// What the version of the protocol is, said in the header and perhaps in the body. None where it is not one of ours, or
/// the request has not what that version asks for.
fn era(headers: &HeaderMap, tool: &str, meta: Option<&Meta<'_>>) -> Option<Era> {
    let says_all = meta.is_some_and(|meta| meta.client_capabilities.is_some());
    let version_in_body = meta.and_then(|meta| meta.protocol_version.as_deref());
    let version = match single(headers, &PROTOCOL_VERSION) {
        // 2025-03-26 has no such header.
        Single::None => ProtocolVersion::V_2025_03_26.as_str(),
        Single::One(version) => version,
        Single::Unclear => return None,
    };
    let is_ours = protocol_versions().iter().any(|known| known.as_str() == version);
    let era = if version < ProtocolVersion::V_2026_07_28.as_str() {
        let says_nothing = meta.is_none_or(|meta| meta.client_info.is_none());
        (says_nothing && !says_all && version_in_body.is_none()).then_some(Era::Handshake)
    } else {
        let is_whole = says_all
            && version_in_body == Some(version)
            && single(headers, &MCP_METHOD) == Single::One(METHOD)
            && single(headers, &MCP_NAME) == Single::One(tool)
            && !headers.keys().any(|name| name.as_str().starts_with(PARAMETERS));
        is_whole.then_some(Era::PerRequest)
    };
    era.filter(|_| is_ours)
}

/// Both types, each by itself and without a weight.
fn accepts_both(headers: &HeaderMap) -> bool {
    let (mut json, mut events) = (false, false);
    for value in headers.get_all(ACCEPT) {
        for entry in value.to_str().unwrap_or_default().split(',') {
            json |= entry.trim() == "application/json";
            events |= entry.trim() == "text/event-stream";
        }
    }
    json && events
}

/// Whether `Host` is one of `hosts`, with any port where they name none.
fn host_is_listed(headers: &HeaderMap, hosts: &[String]) -> bool {
    let Single::One(host) = single(headers, &HOST) else { return false };
    hosts.iter().any(|listed| {
        if listed == "*" {
            return true;
        }
        host.strip_prefix(listed.as_str()).is_some_and(|port| {
            port.is_empty()
                || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

/// The values of a header that must be there once.
#[derive(Debug, PartialEq)]
enum Single<'a> {
    None,
    One(&'a str),
    /// Several, or no text.
    Unclear,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => Single::None,
        (Some(Ok(value)), None) => Single::One(value),
        _ => Single::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use rstest::rstest;

    use super::*;

    const NEWEST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","_meta":{
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},
        "io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}}}}"#;
    const LEGACY: &str = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t","arguments":{"a":1}}}"#;

    fn parts(body: &str) -> Parts {
        let request = Request::post("/mcp")
            .header("host", "localhost:8000")
            .header("content-type", "application/json; charset=utf-8")
            .header("accept", "application/json, text/event-stream");
        let request = if body == NEWEST {
            request
                .header("mcp-protocol-version", "2026-07-28")
                .header("mcp-method", "tools/call")
                .header("mcp-name", "t")
        } else {
            request.header("mcp-protocol-version", "2025-11-25")
        };
        request.body(()).unwrap().into_parts().0
    }

    fn is_direct(parts: &Parts, body: &str) -> bool {
        DirectCall::read(parts, body.as_bytes(), &["localhost".to_owned()]).is_some()
    }

    #[rstest]
    #[case(NEWEST, true)]
    #[case(LEGACY, false)]
    fn a_plain_call_is_read(#[case] body: &str, #[case] has_result_type: bool) {
        let parts = parts(body);
        let hosts = ["localhost".to_owned()];
        let call = DirectCall::read(&parts, body.as_bytes(), &hosts).unwrap();
        assert_eq!((call.tool.as_ref(), call.has_result_type), ("t", has_result_type));
        assert_eq!(call.arguments.is_empty(), body == NEWEST);
    }

    #[rstest]
    #[case::host("host", Some("evil.example"))]
    #[case::host_that_begins_alike("host", Some("localhost.evil.example"))]
    #[case::odd_port("host", Some("localhost:80a"))]
    #[case::no_host("host", None)]
    #[case::origin("origin", Some("http://localhost"))]
    #[case::session("mcp-session-id", Some("1"))]
    #[case::one_type("accept", Some("application/json"))]
    #[case::weights("accept", Some("application/json, text/event-stream;q=0"))]
    #[case::no_json("content-type", Some("text/plain"))]
    #[case::other_version("mcp-protocol-version", Some("2025-11-25"))]
    #[case::unknown_version("mcp-protocol-version", Some("2027-01-01"))]
    #[case::no_version("mcp-protocol-version", None)]
    #[case::other_method("mcp-method", Some("tools/list"))]
    #[case::no_method("mcp-method", None)]
    #[case::other_name("mcp-name", Some("u"))]
    #[case::no_name("mcp-name", None)]
    #[case::parameter("mcp-param-store", Some("1"))]
    fn what_is_in_doubt_is_left_to_rmcp(#[case] name: &'static str, #[case] value: Option<&str>) {
        let mut parts = parts(NEWEST);
        assert!(is_direct(&parts, NEWEST));
        match value {
            Some(value) => drop(parts.headers.insert(name, value.parse().unwrap())),
            None => drop(parts.headers.remove(name)),
        }
        assert!(!is_direct(&parts, NEWEST));
    }

    #[test]
    fn a_trace_in_meta_is_no_doubt() {
        let body = NEWEST.replacen(
            r#""_meta":{"#,
            r#""_meta":{"traceparent":"00-a-b-01","tracestate":"k=v","baggage":"k=v","#,
            1,
        );
        assert_ne!(body, NEWEST);
        let parts = parts(NEWEST);
        let call = DirectCall::read(&parts, body.as_bytes(), &["localhost".to_owned()]).unwrap();
        assert_eq!(call.traceparent.as_deref(), Some("00-a-b-01"));
        assert_eq!(call.tracestate.as_deref(), Some("k=v"));
    }

    #[rstest]
    #[case::two_hosts("host", "localhost")]
    #[case::two_versions("mcp-protocol-version", "2026-07-28")]
    #[case::two_names("mcp-name", "t")]
    fn two_of_one_header_are_left_to_rmcp(#[case] name: &'static str, #[case] value: &str) {
        let mut parts = parts(NEWEST);
        parts.headers.append(name, value.parse().unwrap());
        assert!(!is_direct(&parts, NEWEST));
    }

    #[rstest]
    #[case::notification(r#""id":7,"#, "")]
    #[case::half_id(r#""id":7"#, r#""id":7.5"#)]
    #[case::null_id(r#""id":7"#, r#""id":null"#)]
    #[case::version_of_json_rpc("2.0", "1.0")]
    #[case::method("tools/call", "tools/list")]
    #[case::field(r#""id":7"#, r#""id":7,"more":1"#)]
    #[case::twice(r#""id":7"#, r#""id":7,"id":8"#)]
    #[case::task(r#""name":"t""#, r#""name":"t","task":{}"#)]
    #[case::meta(r#""_meta":{"#, r#""_meta":{"more":1,"#)]
    #[case::progress(r#""_meta":{"#, r#""_meta":{"progressToken":1,"#)]
    #[case::answers(r#""name":"t""#, r#""name":"t","inputResponses":{}"#)]
    #[case::body_version("2026-07-28", "2025-11-25")]
    #[case::capabilities("clientCapabilities", "client")]
    #[case::list(r#"{"jsonrpc"#, r#"[{"jsonrpc"#)]
    fn a_body_in_doubt_is_left_to_rmcp(#[case] from: &str, #[case] to: &str) {
        let body = NEWEST.replacen(from, to, 1);
        assert_ne!(body, NEWEST);
        assert!(!is_direct(&parts(NEWEST), &body));
    }
}
