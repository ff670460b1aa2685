//! What is wrong with a body that is no JSON-RPC request of MCP, said in JSON-RPC.
//!
//! rmcp answers such a body with 415 and the parser's words, and a call with wrong parameters as an unknown
//! method. A client that logs JSON-RPC errors sees neither.

use serde_json::{Map, Value, json};

/// Codes of JSON-RPC 2.0, section 5.1.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const INVALID_PARAMS: i32 = -32602;

/// Why a body is refused. It repeats nothing of the body but the id.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    id: Value,
    code: i32,
    message: &'static str,
}

impl Fault {
    /// The first thing that is wrong with a body, if something is.
    pub(super) fn find(body: &[u8]) -> Option<Self> {
        let fault = |code, message| Some(Self { id: Value::Null, code, message });
        match serde_json::from_slice(body) {
            Err(_) => fault(PARSE_ERROR, "the body is not JSON"),
            Ok(Value::Object(message)) => Self::find_in(&message),
            Ok(Value::Array(_)) => fault(INVALID_REQUEST, "send one message, not a batch"),
            Ok(_) => fault(INVALID_REQUEST, "the body must be a JSON object"),
        }
    }

    fn find_in(message: &Map<String, Value>) -> Option<Self> {
        let id = message.get("id");
        let id_is_good = id.is_none_or(|id| id.is_string() || id.is_i64());
        let shown = id.filter(|_| id_is_good).cloned().unwrap_or_default();
        let fault = |code, message| Some(Self { id: shown, code, message });
        if message.get("jsonrpc").is_none_or(|version| version != "2.0") {
            return fault(INVALID_REQUEST, "jsonrpc must be \"2.0\"");
        }
        // A client that could not read our message answers without knowing its id.
        if !id_is_good && !message.contains_key("error") {
            return fault(INVALID_REQUEST, "id must be a string or a whole number of 64 bits");
        }
        let Some(method) = message.get("method") else {
            let is_answer = message.contains_key("result") || message.contains_key("error");
            return if is_answer { None } else { fault(INVALID_REQUEST, "method is missing") };
        };
        let Some(method) = method.as_str() else {
            return fault(INVALID_REQUEST, "method must be a string");
        };
        let params = message.get("params");
        if params.is_some_and(|params| !params.is_object()) {
            return fault(INVALID_PARAMS, "params must be an object");
        }
        if method == "tools/call" {
            let param = |name| params.and_then(|params| params.get(name));
            if !param("name").is_some_and(Value::is_string) {
                return fault(INVALID_PARAMS, "params.name must be the name of a tool");
            }
            if param("arguments").is_some_and(|arguments| !arguments.is_object()) {
                return fault(INVALID_PARAMS, "params.arguments must be an object");
            }
        }
        None
    }

    /// The JSON-RPC answer.
    pub(super) fn to_json(&self) -> Value {
        let error = json!({ "code": self.code, "message": self.message });
        json!({ "jsonrpc": "2.0", "id": self.id, "error": error })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("", PARSE_ERROR, Value::Null)]
    #[case::half(r#"{"jsonrpc":"2.0","id":7"#, PARSE_ERROR, Value::Null)]
    #[case::no_number(
        r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":NaN}}"#,
        PARSE_ERROR,
        Value::Null
    )]
    #[case::two(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}{}"#, PARSE_ERROR, Value::Null)]
    #[case::text(r#""ping""#, INVALID_REQUEST, Value::Null)]
    #[case::batch(r#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#, INVALID_REQUEST, Value::Null)]
    #[case::version(r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, INVALID_REQUEST, json!(7))]
    #[case::no_version(r#"{"id":"a","method":"ping"}"#, INVALID_REQUEST, json!("a"))]
    #[case::null_id(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST, Value::Null)]
    #[case::half_id(r#"{"jsonrpc":"2.0","id":7.5,"method":"ping"}"#, INVALID_REQUEST, Value::Null)]
    #[case::long_id(
        r#"{"jsonrpc":"2.0","id":9223372036854775808,"method":"ping"}"#,
        INVALID_REQUEST,
        Value::Null
    )]
    #[case::no_method(r#"{"jsonrpc":"2.0","id":7}"#, INVALID_REQUEST, json!(7))]
    #[case::odd_method(r#"{"jsonrpc":"2.0","id":7,"method":{}}"#, INVALID_REQUEST, json!(7))]
    #[case::list_of_params(r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#, INVALID_PARAMS, json!(7))]
    #[case::no_tool(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#, INVALID_PARAMS, json!(7))]
    #[case::odd_tool(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":1}}"#, INVALID_PARAMS, json!(7))]
    #[case::text_for_arguments(
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":"{}"}}"#,
        INVALID_PARAMS,
        json!(7)
    )]
    fn a_fault_is_named(#[case] body: &str, #[case] code: i32, #[case] id: Value) {
        let fault = Fault::find(body.as_bytes()).unwrap();
        assert_eq!((fault.code, &fault.id), (code, &id), "{fault:?}");
        assert_eq!(fault.to_json()["error"]["code"], code);
    }

    #[test]
    fn what_is_nested_too_deeply_is_not_followed() {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Fault::find(body.as_bytes()).unwrap().code, PARSE_ERROR);
    }

    #[rstest]
    #[case::request(r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#)]
    #[case::notification(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)]
    #[case::unknown_method(r#"{"jsonrpc":"2.0","id":7,"method":"no/such","params":{"a":[]}}"#)]
    #[case::call(r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}"#)]
    #[case::answer(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#)]
    #[case::failure(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#)]
    fn what_rmcp_can_judge_is_left_to_it(#[case] body: &str) {
        assert_eq!(Fault::find(body.as_bytes()), None);
    }
}
