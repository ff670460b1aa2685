//! The operators' page: who is let in, and what is shown.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use http::request::Builder;
use http_body_util::BodyExt as _;
use retail_testkit::{TestDatabase, store};
use rstest::rstest;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::{PATIENCE, Reply, TestServer, access_to};

const PEER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_000);

fn get(path: &str) -> Builder {
    Request::get(path).header("host", "localhost")
}

async fn send(server: &TestServer, request: Builder, body: String) -> Reply {
    let request = request.extension(ConnectInfo(PEER)).body(Body::from(body)).unwrap();
    Reply::of(server.edge.clone().oneshot(request).await.unwrap()).await
}

fn sign_in() -> Builder {
    Request::post("/dashboard/sign-in")
        .header("host", "localhost")
        .header("origin", "http://localhost")
        .header("content-type", "application/x-www-form-urlencoded")
}

/// Signs in, and gives the cookie as the browser sends it.
async fn signed_in(server: &TestServer) -> String {
    let reply = send(server, sign_in(), format!("token={}", server.operator())).await;
    assert_eq!((reply.status, &reply.headers["location"]), (303, &"/dashboard".parse().unwrap()));
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// What the page is told until `enough`.
async fn told(server: &TestServer, cookie: &str, enough: impl Fn(&Value) -> bool) -> Value {
    let request = get("/dashboard/events").header("cookie", cookie);
    let request = request.extension(ConnectInfo(PEER)).body(Body::empty()).unwrap();
    let response = server.edge.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut body, started, mut text) = (response.into_body(), Instant::now(), String::new());
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let state = event
                .strip_prefix("event: state\ndata: ")
                .map(|data| serde_json::from_str::<Value>(data).unwrap());
            text = rest.to_owned();
            if let Some(state) = state {
                if enough(&state) {
                    return state;
                }
                assert!(started.elapsed() < PATIENCE, "{state:#}");
            }
        }
    }
}

#[tokio::test]
async fn an_operator_signs_in_looks_and_signs_out() {
    let server = TestServer::seeded(&[]).await;
    let first = send(&server, get("/dashboard"), String::new()).await;
    assert_eq!(first.status, 200);
    assert!(first.plain_text().contains("name=\"token\""), "{first:?}");
    let policy = first.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");

    let reply = send(&server, sign_in(), format!("token={}", server.operator())).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["; Path=/dashboard;", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "by plain HTTP a browser would drop it");
    let by_tls = sign_in().header("x-forwarded-proto", "https");
    let by_tls = send(&server, by_tls, format!("token={}", server.operator())).await;
    assert!(by_tls.headers["set-cookie"].to_str().unwrap().ends_with("; Secure"));

    let cookie = cookie.split(';').next().unwrap();
    let page = send(&server, get("/dashboard").header("cookie", cookie), String::new()).await;
    assert!(page.plain_text().contains("id=\"tiles\""));
    assert!(
        !page.plain_text().contains(&cookie["retail_dashboard=".len()..]),
        "the token is in the page"
    );
    for (path, kind) in [
        ("style.css", "text/css"),
        ("script.js", "text/javascript"),
        ("charts.js", "text/javascript"),
    ] {
        let file = send(&server, get(&format!("/dashboard/{path}")), String::new()).await;
        assert_eq!(file.status, 200);
        assert!(file.headers["content-type"].to_str().unwrap().starts_with(kind), "{file:?}");
    }
    let sign_out =
        Request::post("/dashboard/sign-out").header("host", "localhost").header("cookie", cookie);
    let gone = send(&server, sign_out, String::new()).await;
    assert_eq!(gone.status, 303);
    assert!(
        gone.headers["set-cookie"]
            .to_str()
            .unwrap()
            .contains("retail_dashboard=; Path=/dashboard; Max-Age=0")
    );
}

#[rstest]
#[case::nothing("", 401, "Paste a token")]
#[case::no_token("token=nonsense", 401, "not valid, or has expired")]
#[case::no_characters_of_a_token("token=a%0d%0ab", 401, "characters that no token has")]
#[tokio::test]
async fn who_is_no_operator_is_told_why(
    #[case] form: &str,
    #[case] status: u16,
    #[case] why: &str,
) {
    let server = TestServer::seeded(&[]).await;
    let reply = send(&server, sign_in(), form.to_owned()).await;
    assert_eq!(reply.status, status);
    assert!(reply.plain_text().contains(why), "{reply:?}");
    assert!(!reply.headers.contains_key("set-cookie"));
}

/// Head office reads all stores, and is no operator for that; nor is whoever is on the operators' network.
#[tokio::test]
async fn a_token_of_callers_opens_nothing() {
    let server = TestServer::seeded(&[]).await;
    for token in [server.head_office(), server.manager(&store("Zava Retail Seattle"))] {
        let reply = send(&server, sign_in(), format!("token={token}")).await;
        assert_eq!(reply.status, 401);
        assert!(reply.plain_text().contains("retail.admin"), "{reply:?}");
        let cookie = format!("retail_dashboard={token}");
        let page = send(&server, get("/dashboard").header("cookie", &cookie), String::new()).await;
        assert!(!page.plain_text().contains("id=\"tiles\""));
        let events = get("/dashboard/events").header("cookie", &cookie);
        assert_eq!(send(&server, events, String::new()).await.status, 401);
    }
    assert_eq!(send(&server, get("/dashboard/events"), String::new()).await.status, 401);
    // And an operator's opens no tool.
    let failure = server.query(&server.operator(), "SELECT 1").await.failure();
    assert_eq!(failure["code"], "forbidden", "{failure}");
}

#[rstest]
#[case::another_page(&[("origin", "https://evil.example.com")], 403)]
#[case::another_port(&[("origin", "http://localhost:5173")], 403)]
#[case::no_origin_of_a_page(&[("origin", "null")], 403)]
#[case::rebound(&[("host", "evil.example.com"), ("origin", "http://evil.example.com")], 421)]
#[tokio::test]
async fn pages_from_elsewhere_are_refused(#[case] headers: &[(&str, &str)], #[case] status: u16) {
    let server = TestServer::seeded(&[]).await;
    for path in ["/dashboard/sign-in", "/dashboard/sign-out"] {
        let mut request = Request::post(path);
        if headers.iter().all(|(name, _)| *name != "host") {
            request = request.header("host", "localhost");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        assert_eq!(send(&server, request, String::new()).await.status, status, "{path}");
    }
}

/// The page of a public name, behind a proxy that speaks TLS.
#[tokio::test]
async fn a_page_of_our_own_may_send_its_form() {
    let server = TestServer::seeded(&[("SERVER__ALLOWED_HOSTS", "mcp.example.com")]).await;
    let form = format!("token={}", server.operator());
    let request = |origin: &str| {
        Request::post("/dashboard/sign-in")
            .header("host", "mcp.example.com")
            .header("origin", origin)
    };
    assert_eq!(send(&server, request("https://mcp.example.com"), form.clone()).await.status, 303);
    for other in [
        "https://mcp.example.com:8443",
        "https://example.com",
        "https://mcp.example.com.evil.example",
    ] {
        assert_eq!(send(&server, request(other), form.clone()).await.status, 403, "{other}");
    }
}

#[rstest]
#[case("GET", "/dashboard/sign-in", 405)]
#[case("POST", "/dashboard", 405)]
#[case("DELETE", "/dashboard/events", 405)]
#[case("GET", "/dashboard/", 404)]
#[case("GET", "/dashboard/script.js.map", 404)]
#[tokio::test]
async fn what_there_is_not_is_not_there(
    #[case] method: &str,
    #[case] path: &str,
    #[case] status: u16,
) {
    let server = TestServer::seeded(&[]).await;
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    assert_eq!(send(&server, request, String::new()).await.status, status);
}

#[tokio::test]
async fn the_page_is_told_of_calls_servers_and_the_data() {
    let database = TestDatabase::seeded().await;
    let _one = TestServer::with(access_to(&database), &[]);
    let started = Instant::now();
    while database.psql("SELECT count(*) FROM retail_mcp.server_report").trim() != "1" {
        assert!(started.elapsed() < PATIENCE, "it never told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let two = TestServer::with(access_to(&database), &[]);
    let seattle = two.manager(&store("Zava Retail Seattle"));
    two.query(&seattle, "SELECT count(*) FROM retail.orders WHERE order_date > DATE '2019-07-01'")
        .await;
    two.query(&seattle, "SELECT nothing FROM retail.orders").await;
    two.audit.flush(PATIENCE).await.unwrap();
    let cookie = signed_in(&two).await;
    let state = told(&two, &cookie, |state| {
        state["servers"].as_array().unwrap().len() == 2
            && state["calls"].as_array().is_some_and(|calls| calls.len() == 2)
    })
    .await;
    assert_eq!(state["ready"], true, "{state:#}");
    let own: Vec<_> =
        state["servers"].as_array().unwrap().iter().map(|row| &row["is_self"]).collect();
    assert_eq!(own.iter().filter(|is_self| ***is_self == true).count(), 1, "{state:#}");
    assert_eq!(state["fleet"]["application"]["calls"], 2, "{state:#}");
    assert_eq!(state["fleet"]["tools"][0]["tool"], "execute_sales_query");
    // Two pools of two servers.
    assert_eq!(state["fleet_pools"].as_array().unwrap().len(), 2);
    let own_most = state["current"]["database"]["pools"][0]["max"].as_u64().unwrap();
    let most = |name: &Value| {
        let pools = state["fleet_pools"].as_array().unwrap();
        pools.iter().find(|pool| &pool["pool"] == name).unwrap()["max"].as_u64().unwrap()
    };
    assert_eq!(most(&state["current"]["database"]["pools"][0]["pool"]), 2 * own_most);
    let newest = database.psql("SELECT max(order_date) FROM retail.orders");
    assert_eq!(state["current"]["data"]["newest_order_date"], newest.trim());
    let call = &state["calls"][0];
    assert_eq!(
        (&call["outcome"], &call["store"]),
        (&"query_failed".into(), &"Zava Retail Seattle".into())
    );
    let slow = &state["current"]["slowest_statements"][0];
    assert_eq!(slow["plan"].as_str().unwrap().len(), 16, "{state:#}");
    assert!(state["minutes"].is_array());
    // No SQL, no value, no identity but the names in the audit log.
    for text in ["SELECT", "2019", &store("Zava Retail Seattle").rls_user_id.to_string(), &seattle]
    {
        let told = state
            .to_string()
            .replace(&format!("test-{}", store("Zava Retail Seattle").rls_user_id), "");
        assert!(!told.contains(text), "{text} in {state:#}");
    }
}

/// A server that stops ends the streams, or it would wait for them.
#[tokio::test]
async fn streams_end_when_the_server_stops_and_are_few() {
    let server = TestServer::seeded(&[]).await;
    let cookie = signed_in(&server).await;
    let open = async || {
        let request = get("/dashboard/events").header("cookie", &cookie);
        let request = request.extension(ConnectInfo(PEER)).body(Body::empty()).unwrap();
        server.edge.clone().oneshot(request).await.unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..32 {
        streams.push(open().await);
    }
    assert!(streams.iter().all(|stream| stream.status() == 200));
    assert_eq!(open().await.status(), 503);
    drop(streams.pop());
    let last = open().await;
    assert_eq!(last.status(), 200, "one that is closed makes room");
    server.draining.cancel();
    let ended = tokio::time::timeout(PATIENCE, last.into_body().collect()).await.unwrap();
    assert!(ended.is_ok());
}

/// A form that does not come holds nobody up, and no connection for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_does_not_come_is_given_up() {
    let server = TestServer::seeded(&[]).await;
    let address = server.listen().await;
    let reply = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head =
            "POST /dashboard/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nto";
        stream.write_all(head.as_bytes()).unwrap();
        Reply::read(stream)
    });
    assert_eq!(reply.await.unwrap().status, 408);
    let long = format!("token={}", "a".repeat(20_000));
    assert_eq!(send(&server, sign_in(), long).await.status, 413);
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let server = TestServer::seeded(&[]).await;
    let cookie = format!("retail_dashboard={}", server.operator_for(Duration::from_secs(2)));
    let request = get("/dashboard/events").header("cookie", &cookie);
    let request = request.extension(ConnectInfo(PEER)).body(Body::empty()).unwrap();
    let response = server.edge.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let ended = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
    let told = ended.unwrap().unwrap().to_bytes();
    assert!(!told.is_empty(), "it was told something before");
}
