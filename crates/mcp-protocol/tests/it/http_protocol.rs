//! The protocol's own rules over streamable HTTP, in its newest and older versions.

use http::StatusCode;
use retail_mcp_protocol::HttpOptions;
use rstest::rstest;
use serde_json::json;

use crate::support::{NEWEST, Post, head_office, seattle, server};

#[tokio::test]
async fn discover_names_the_server_and_its_versions() {
    let reply = Post::newest("server/discover", json!({})).by(seattle().await).send().await;
    let result = reply.result();
    assert_eq!(
        result["supportedVersions"],
        json!(["2025-03-26", "2025-06-18", "2025-11-25", NEWEST])
    );
    let capabilities = json!({ "completions": {}, "prompts": {}, "resources": {}, "tools": {} });
    assert_eq!(result["capabilities"], capabilities);
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "retail-mcp");
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["version"], "9.9.9");
    assert!(result["ttlMs"].as_u64().unwrap() > 0);
    assert!(result["instructions"].as_str().unwrap().contains("get_multiple_table_schemas"));
    assert_eq!(reply.headers["content-type"], "application/json");
}

#[rstest]
#[case("2025-03-26", "2025-03-26")]
#[case("2025-06-18", "2025-06-18")]
#[case("2025-11-25", "2025-11-25")]
#[case("2024-11-05", "2025-11-25")]
#[tokio::test]
async fn initialize_agrees_on_a_version_and_issues_no_session(
    #[case] asked: &str,
    #[case] agreed: &str,
) {
    let params = json!({
        "protocolVersion": asked,
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let reply = Post::bare("initialize", params).by(seattle().await).send().await;
    assert_eq!(reply.result()["protocolVersion"], agreed);
    assert_eq!(reply.result()["serverInfo"]["name"], "retail-mcp");
    assert!(!reply.headers.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn another_replica_answers_without_the_handshake() {
    for method in ["ping", "tools/list"] {
        let reply = Post::legacy("2025-06-18", method, json!({})).by(seattle().await).send().await;
        assert!(reply.result().is_object());
    }
    let params = json!({ "name": "get_current_utc_date" });
    let reply = Post::legacy("2025-11-25", "tools/call", params).by(seattle().await).send().await;
    assert_eq!(reply.text(), "Current UTC Date/Time: 2026-11-22T21:25:57.123456Z");
}

#[tokio::test]
async fn the_list_of_tools_is_private_to_the_caller_and_may_be_kept() {
    let reply = Post::newest("tools/list", json!({})).by(seattle().await).send().await;
    assert_eq!(reply.result()["cacheScope"], "private");
    assert!(reply.result()["ttlMs"].as_u64().unwrap() > 0);
}

#[rstest]
#[case("ping")]
#[case("initialize")]
#[case("logging/setLevel")]
#[case("resources/subscribe")]
#[case("unknown/method")]
#[tokio::test]
async fn what_the_newest_version_lacks_is_not_found(#[case] method: &str) {
    let params = json!({
        "level": "info",
        "uri": "x:y",
        "protocolVersion": NEWEST,
        "capabilities": {},
        "clientInfo": { "name": "test", "version": "1" },
    });
    let reply =
        Post::newest(method, params).header("mcp-name", "x:y").by(seattle().await).send().await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{reply:?}");
    assert_eq!(reply.error_code(), -32601);
    assert_eq!(reply.body["id"], 7);
}

#[rstest]
#[case::no_json(r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"a":NaN}}"#, -32700)]
#[case::batch(r#"[{"jsonrpc":"2.0","id":7,"method":"tools/list"}]"#, -32600)]
#[tokio::test]
async fn what_is_no_request_is_a_fault_of_json_rpc(#[case] text: &str, #[case] code: i64) {
    let reply = Post::newest("tools/list", json!({})).with_text(text).by(seattle().await);
    let reply = reply.send().await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reply:?}");
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!((reply.error_code(), &reply.body["id"]), (code, &json!(null)));
}

#[tokio::test]
async fn a_call_with_text_for_arguments_is_told_so() {
    let call = json!({ "name": "get_current_utc_date", "arguments": "{}" });
    let reply = Post::newest("tools/call", call).by(seattle().await).send().await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reply:?}");
    assert_eq!((reply.error_code(), &reply.body["id"]), (-32602, &json!(7)));
}

#[rstest]
#[case("mcp-name", Some("execute_sales_query"))]
#[case("mcp-name", None)]
#[case("mcp-method", Some("tools/list"))]
#[case("mcp-method", None)]
#[case("mcp-protocol-version", Some("2025-11-25"))]
#[tokio::test]
async fn headers_must_repeat_the_body(#[case] name: &str, #[case] value: Option<&str>) {
    let post = Post::newest("tools/call", json!({ "name": "get_current_utc_date" }));
    let post = match value {
        Some(value) => post.header(name, value),
        None => post.without_header(name),
    };
    let reply = post.by(seattle().await).send().await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reply:?}");
    assert_eq!(reply.error_code(), -32020);
}

#[tokio::test]
async fn an_unknown_version_is_told_the_known_ones() {
    let mut params = json!({});
    params["_meta"] = crate::support::meta("v999.0.0");
    let reply = Post::bare("tools/list", params)
        .header("mcp-protocol-version", "v999.0.0")
        .header("mcp-method", "tools/list")
        .by(seattle().await)
        .send()
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert_eq!(reply.body["error"]["data"]["requested"], "v999.0.0");
    assert_eq!(reply.body["error"]["data"]["supported"][3], NEWEST);
}

#[tokio::test]
async fn discover_without_meta_is_malformed() {
    let reply =
        Post::newest("server/discover", json!({})).without_meta().by(seattle().await).send().await;
    assert_eq!((reply.status, reply.error_code()), (StatusCode::BAD_REQUEST, -32602));
}

#[rstest]
#[case("host", "evil.example.com", StatusCode::FORBIDDEN)]
#[case("host", "127.0.0.1:49152", StatusCode::OK)]
#[case("host", "[::1]:8000", StatusCode::OK)]
#[case("origin", "http://evil.example.com", StatusCode::FORBIDDEN)]
#[case("origin", "null", StatusCode::FORBIDDEN)]
#[case("origin", "http://127.0.0.1:49152", StatusCode::OK)]
#[case("origin", "http://[::1]:49152", StatusCode::OK)]
#[tokio::test]
async fn only_loopback_hosts_and_origins_pass_by_default(
    #[case] header: &str,
    #[case] value: &str,
    #[case] status: StatusCode,
) {
    let reply = Post::newest("server/discover", json!({}))
        .header(header, value)
        .by(seattle().await)
        .send()
        .await;
    assert_eq!(reply.status, status, "{reply:?}");
}

#[rstest]
#[case(&[], "localhost", StatusCode::FORBIDDEN)]
#[case(&["*"], "retail.example.com", StatusCode::OK)]
#[case(&["retail.example.com"], "retail.example.com", StatusCode::OK)]
#[case(&["retail.example.com"], "localhost", StatusCode::FORBIDDEN)]
#[tokio::test]
async fn an_empty_host_list_lets_nobody_in(
    #[case] allowed: &[&str],
    #[case] host: &str,
    #[case] status: StatusCode,
) {
    let options = HttpOptions {
        allowed_hosts: allowed.iter().map(|&host| host.to_owned()).collect(),
        ..HttpOptions::default()
    };
    let reply = Post::newest("server/discover", json!({}))
        .header("host", host)
        .by(head_office().await)
        .send_to(server().streamable_http_service(options))
        .await;
    assert_eq!(reply.status, status, "{reply:?}");
}

#[tokio::test]
async fn an_empty_origin_list_lets_no_browser_in() {
    let options = HttpOptions { allowed_origins: Vec::new(), ..HttpOptions::default() };
    let service = server().streamable_http_service(options);
    for (origin, status) in
        [(Some("http://localhost:8000"), StatusCode::FORBIDDEN), (None, StatusCode::OK)]
    {
        let post = Post::newest("server/discover", json!({})).by(seattle().await);
        let post = match origin {
            Some(origin) => post.header("origin", origin),
            None => post,
        };
        assert_eq!(post.send_to(service.clone()).await.status, status);
    }
}

#[tokio::test]
async fn a_long_body_is_refused() {
    let options = HttpOptions { max_body_bytes: 64, ..HttpOptions::default() };
    let reply = Post::newest("server/discover", json!({}))
        .by(seattle().await)
        .send_to(server().streamable_http_service(options))
        .await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn there_is_no_stream_to_open_and_no_session_to_end() {
    use tower::ServiceExt as _;
    for method in ["GET", "DELETE"] {
        let mut request = Post::newest("ping", json!({})).by(seattle().await).into_request();
        *request.method_mut() = method.parse().unwrap();
        let response = crate::support::service().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
