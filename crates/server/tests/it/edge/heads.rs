//! Request heads and bodies that are too long or too slow.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rstest::rstest;

use super::raw::Raw;
use crate::support::TestServer;

const HEAD: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n";

#[rstest]
#[case::long_head(format!("{HEAD}x: {}\r\n\r\n", "x".repeat(40_000)), 431)]
#[case::many_headers(format!("{HEAD}{}\r\n", "x: y\r\n".repeat(50)), 431)]
#[case::long_target(format!("GET /mcp?{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(9000)), 414)]
#[case::endless_target(format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(70_000)), 431)]
#[case::enough_headers(format!("{HEAD}{}\r\n", "x: y\r\n".repeat(49)), 200)]
#[case::long_enough(format!("{HEAD}x: {}\r\n\r\n", "x".repeat(30_000)), 200)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_has_a_size(#[case] request: String, #[case] status: u16) {
    // Not as many as hyper takes by itself.
    let server = TestServer::seeded(&[("SERVER__MAX_HEADERS", "50")]).await;
    let address = server.listen().await;
    assert_eq!(Raw::connect(address).send(request).status(), status);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_head_is_ended() {
    let server = TestServer::seeded(&[]).await;
    let mut client = Raw::connect(server.listen().await);
    client.send(HEAD);
    for _ in 0..100 {
        client.send(format!("x: {}\r\n", "x".repeat(1000)));
    }
    assert_eq!(client.status(), 431);
}

#[rstest]
#[case::nothing("", 300, 2000)]
#[case::half_a_head(HEAD, 300, 2000)]
#[case::idle("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", 900, 3000)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_client_is_cut(#[case] sent: &str, #[case] from: u64, #[case] to: u64) {
    let server =
        TestServer::seeded(&[("SERVER__HEADER_TIMEOUT", "400ms"), ("SERVER__IDLE_TIMEOUT", "1s")])
            .await;
    let started = Instant::now();
    let mut client = Raw::connect(server.listen().await);
    client.send(sent);
    if sent.ends_with("\r\n\r\n") {
        assert_eq!(client.status(), 200);
    }
    assert!(client.is_closed_within(Duration::from_millis(to)));
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(from), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_trickles_in_is_cut() {
    let server = TestServer::seeded(&[("SERVER__HEADER_TIMEOUT", "500ms")]).await;
    let started = Instant::now();
    let mut client = Raw::connect(server.listen().await);
    client.send(HEAD);
    while !client.is_closed_within(Duration::from_millis(50)) {
        assert!(started.elapsed() < Duration::from_secs(3), "each byte gave it more time");
        client.send("x");
    }
}

fn post(server: &TestServer, more: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nAuthorization: Bearer {}\r\n{more}\r\n",
        server.head_office()
    )
}

#[rstest]
#[case::announced("Content-Length: 5000\r\n", String::new())]
#[case::chunked("Transfer-Encoding: chunked\r\n", format!("1000\r\n{}\r\n", "x".repeat(4096)))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_has_a_size(#[case] length: &str, #[case] body: String) {
    let server = TestServer::seeded(&[("SERVER__MAX_BODY_BYTES", "2048")]).await;
    let mut client = Raw::connect(server.listen().await);
    client.send(post(&server, length)).send(body);
    assert_eq!(client.status(), 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_much_still_sees_the_refusal() {
    let server = TestServer::seeded(&[]).await;
    let mut client = Raw::connect(server.listen().await);
    client.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n");
    for _ in 0..2 {
        // The server has answered long since, and goes on reading.
        client.0.write_all("x".repeat(450_000).as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(client.status(), 401);
}

/// Many clients send the two in one write each, and then ask again on the same connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_comes_behind_a_refusal_leaves_the_connection_open() {
    let server = TestServer::seeded(&[]).await;
    let mut client = Raw::connect(server.listen().await);
    for _ in 0..3 {
        client.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n");
        std::thread::sleep(Duration::from_millis(50));
        let (status, answer) = client.send("{}").answer().expect("the connection is open");
        assert_eq!(status, 401);
        assert!(!answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }
}

#[rstest]
#[case::none("Content-Length: 2\r\n")]
#[case::much("Content-Length: 900000\r\n")]
#[case::expected("Content-Length: 2\r\nExpect: 100-continue\r\n")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_body_a_refusal_says_that_the_connection_closes(#[case] length: &str) {
    let server = TestServer::seeded(&[]).await;
    let mut client = Raw::connect(server.listen().await);
    client.send(format!("POST /mcp HTTP/1.1\r\nHost: localhost\r\n{length}\r\n"));
    let (status, answer) = client.answer().unwrap();
    assert_eq!(status, 401);
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
}

#[rstest]
#[case::stopped(None)]
#[case::trickling(Some(Duration::from_millis(50)))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_body_is_a_408(#[case] every: Option<Duration>) {
    let server = TestServer::seeded(&[("SERVER__BODY_TIMEOUT", "900ms")]).await;
    let started = Instant::now();
    let mut client = Raw::connect(server.listen().await);
    client.send(post(&server, "Content-Length: 500\r\n"));
    if let Some(every) = every {
        for _ in 0..30 {
            client.send(" ");
            std::thread::sleep(every);
        }
    }
    assert_eq!(client.status(), 408);
    assert!(started.elapsed() < Duration::from_secs(5));
    // Whoever was not authenticated is not waited for.
    let mut stranger = Raw::connect(server.listen().await);
    stranger.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n");
    assert_eq!(stranger.status(), 401);
}
