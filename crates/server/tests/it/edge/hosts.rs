//! `Host`, `Origin`, CORS, and the headers of answers.

use http::Request;
use rstest::rstest;

use crate::support::{Reply, TestServer};

const PAGE: &str = "https://chat.example.com";

async fn server(variables: &[(&str, &str)]) -> TestServer {
    TestServer::seeded(variables).await
}

#[track_caller]
fn assert_neutral(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    let keys: Vec<&String> = reply.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "message", "hint", "retryable"]);
    assert!(!reply.body.to_string().contains("example"), "{reply:?}");
}

#[rstest]
#[case("/mcp")]
#[case("/elsewhere")]
#[case("/")]
#[tokio::test]
async fn a_rebound_name_reaches_nothing(#[case] path: &str) {
    let server = server(&[]).await;
    let token = format!("Bearer {}", server.head_office());
    let get = |host: &str| {
        Request::get(path).header("host", host.to_owned()).header("authorization", token.clone())
    };
    assert_neutral(&server.request(get("rebound.example.com")).await, 421);
    assert_neutral(&server.request(get("rebound.example.com:8000")).await, 421);
    let page = get("localhost").header("origin", "http://rebound.example.com");
    assert_neutral(&server.request(page).await, 403);
    let both = get("rebound.example.com").header("origin", "http://rebound.example.com");
    assert_neutral(&server.request(both).await, 403);
    assert_neutral(&server.request(Request::get(path)).await, 400);
}

#[tokio::test]
async fn probes_need_no_name() {
    let server = server(&[]).await;
    for path in ["/health", "/startup", "/ready"] {
        let reply = server.request(Request::get(path).header("host", "10.1.2.3:8000")).await;
        assert_eq!(reply.status, 200, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_neutral_404() {
    let reply = server(&[]).await.get("/example").await;
    assert_neutral(&reply, 404);
}

#[tokio::test]
async fn a_listed_name_is_served() {
    let server = server(&[("SERVER__ALLOWED_HOSTS", "mcp.example.com")]).await;
    let reply = server.request(Request::get("/mcp").header("host", "mcp.example.com")).await;
    assert_eq!(reply.status, 401);
}

fn preflight() -> http::request::Builder {
    Request::options("/mcp")
        .header("host", "localhost")
        .header("origin", PAGE)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type,mcp-protocol-version")
}

#[tokio::test]
async fn without_cors_no_page_is_told_that_it_may_call() {
    let reply = server(&[]).await.request(preflight()).await;
    assert_eq!(reply.status, 403);
    let server = server(&[("SERVER__ALLOWED_ORIGINS", PAGE)]).await;
    let reply = server.request(preflight()).await;
    assert!(!reply.headers.contains_key("access-control-allow-origin"), "{reply:?}");
}

#[tokio::test]
async fn a_listed_page_may_call() {
    let server = server(&[("SERVER__CORS_ORIGINS", PAGE)]).await;
    let reply = server.request(preflight()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["access-control-allow-origin"], PAGE);
    assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    let allowed = reply.headers["access-control-allow-headers"].to_str().unwrap();
    for header in ["authorization", "content-type", "mcp-protocol-version", "mcp-method"] {
        assert!(allowed.contains(header), "{allowed}");
    }
    assert!(!allowed.contains("x-rls-user-id"), "a page must not say who it is: {allowed}");

    let call = Request::get("/mcp").header("host", "localhost").header("origin", PAGE);
    let reply = server.request(call).await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.headers["access-control-allow-origin"], PAGE);
    let shown = reply.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(shown.contains("www-authenticate"), "{shown}");
    // Another page is refused as before.
    let other = Request::get("/mcp")
        .header("host", "localhost")
        .header("origin", "https://evil.example.com");
    assert_neutral(&server.request(other).await, 403);
}

#[rstest]
#[case("/mcp")]
#[case("/health")]
#[case("/elsewhere")]
#[tokio::test]
async fn each_answer_has_the_headers_for_browsers(#[case] path: &str) {
    let reply = server(&[]).await.get(path).await;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        assert_eq!(reply.headers[name], value);
    }
    assert!(!reply.headers.contains_key("strict-transport-security"), "only by TLS");
}
