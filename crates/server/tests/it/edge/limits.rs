//! How much one address, one principal and all together may ask for.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use retail_testkit::store;

use crate::support::{Call, Reply, TestServer};

const ONE: &str = "SELECT 1";
const LONG: &str = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b";

async fn server(variables: &[(&str, &str)]) -> TestServer {
    TestServer::seeded(variables).await
}

fn from(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 4000)
}

#[track_caller]
fn assert_told_to_wait(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    let seconds: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(reply.body["code"], "overloaded");
    assert_eq!(reply.body["retryable"], true);
}

/// What many calls at once are answered with: how many by 200 or 401, and one that was refused.
/// At once, since a bucket fills again while a slow machine works.
async fn at_once(
    server: &TestServer,
    peer: SocketAddr,
    calls: Vec<Call>,
) -> (usize, Option<Reply>) {
    let sent = calls.into_iter().map(|call| server.send_from(peer, call));
    let (refused, let_in): (Vec<_>, Vec<_>) =
        join_all(sent).await.into_iter().partition(|reply| reply.status == 429);
    (let_in.len(), refused.into_iter().next())
}

#[tokio::test]
async fn a_principal_that_asks_too_often_stops_nobody_else() {
    let server =
        server(&[("LIMITS__PRINCIPAL_PER_SECOND", "1"), ("LIMITS__PRINCIPAL_BURST", "3")]).await;
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let bellevue = server.manager(&store("Zava Retail Bellevue"));
    // The stores are known then.
    assert_eq!(server.query(&bellevue, ONE).await.status, 200);
    assert_eq!(server.query(&seattle, ONE).await.status, 200);
    let calls = vec![Call::query(ONE).bearer(&seattle); 20];
    let (let_in, refused) = at_once(&server, from("127.0.0.1"), calls).await;
    assert!((2..10).contains(&let_in), "{let_in}");
    assert_told_to_wait(&refused.unwrap(), 429);
    assert_eq!(server.query(&bellevue, ONE).await.status, 200);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(server.query(&seattle, ONE).await.status, 200, "after Retry-After it goes on");
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_refused_before_it_is_authenticated() {
    let server =
        server(&[("LIMITS__ADDRESS_PER_SECOND", "1"), ("LIMITS__ADDRESS_BURST", "3")]).await;
    let token = server.head_office();
    let here = from("203.0.113.1");
    let (let_in, refused) = at_once(&server, here, vec![Call::query(ONE); 20]).await;
    assert!((3..10).contains(&let_in), "{let_in}");
    assert_told_to_wait(&refused.unwrap(), 429);
    let call = Call::query(ONE).bearer(&token);
    assert_eq!(server.send_from(from("203.0.113.2"), call).await.status, 200);
    // What a client says about itself changes nothing.
    for name in ["x-forwarded-for", "forwarded", "x-real-ip"] {
        let calls = (0..20).map(|number| {
            let said = format!("198.51.100.{number}");
            let said = if name == "forwarded" { format!("for={said}") } else { said };
            Call::query(ONE).header(name, &said)
        });
        let (let_in, _) = at_once(&server, here, calls.collect()).await;
        assert!(let_in < 10, "{name}: {let_in}");
    }
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test]
async fn the_addresses_of_one_ipv6_subscriber_count_as_one() {
    let server =
        server(&[("LIMITS__ADDRESS_PER_SECOND", "1"), ("LIMITS__ADDRESS_BURST", "3")]).await;
    let sent = (1..=20)
        .map(|host| server.send_from(from(&format!("2001:db8::{host:x}:1")), Call::query(ONE)));
    let replies = join_all(sent).await;
    let refused = replies.iter().filter(|reply| reply.status == 429).count();
    assert!(refused > 10, "{refused}");
    let neighbour = server.send_from(from("2001:db8:0:1::1"), Call::query(ONE)).await;
    assert_eq!(neighbour.status, 401);
}

#[tokio::test]
async fn behind_a_proxy_each_client_has_its_own_limit() {
    let server = server(&[
        ("LIMITS__ADDRESS_PER_SECOND", "1"),
        ("LIMITS__ADDRESS_BURST", "3"),
        ("SERVER__PROXIES", "10.0.0.0/8"),
    ])
    .await;
    let by_proxy = |hops: String| Call::query(ONE).header("x-forwarded-for", &hops);
    let proxy = from("10.0.0.1");
    let many = (0..20).map(|number| by_proxy(format!("198.51.100.{number}"))).collect();
    assert_eq!(at_once(&server, proxy, many).await.0, 20, "they are 20 clients");
    // What the client wrote stands left of what the proxy wrote.
    let spoofed = (0..20).map(|number| by_proxy(format!("203.0.113.{number}, 198.51.100.99")));
    let (let_in, refused) = at_once(&server, proxy, spoofed.collect()).await;
    assert!((3..10).contains(&let_in), "{let_in}");
    assert_told_to_wait(&refused.unwrap(), 429);
}

#[tokio::test]
async fn who_guesses_tokens_is_slowed_down_and_nobody_else() {
    let server =
        server(&[("LIMITS__FAILURES_PER_MINUTE", "6"), ("LIMITS__FAILURES_BURST", "3")]).await;
    let (known, new) = (server.head_office(), server.manager(&store("Zava Retail Seattle")));
    let (here, there) = (from("203.0.113.1"), from("203.0.113.2"));
    let call = |token: &str| Call::query(ONE).bearer(token);
    assert_eq!(server.send_from(here, call(&known)).await.status, 200);
    for guess in 0..4 {
        assert_eq!(server.send_from(here, call(&format!("guess-{guess}"))).await.status, 401);
    }
    assert_told_to_wait(&server.send_from(here, call("guess-5")).await, 429);
    // A token that nobody has seen may be one more guess. One that was good is none.
    assert_told_to_wait(&server.send_from(here, call(&new)).await, 429);
    assert_eq!(server.send_from(here, call(&known)).await.status, 200);
    assert_eq!(server.send_from(there, call(&new)).await.status, 200);
    // Clients ask without a token first, to learn how to get one.
    for _ in 0..10 {
        assert_eq!(server.send_from(there, Call::query(ONE)).await.status, 401);
    }
    assert_eq!(server.send_from(there, call(&new)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_for_all_is_shed_at_once() {
    let server = server(&[
        ("LIMITS__MAX_CONCURRENT", "1"),
        ("LIMITS__PRINCIPAL_MAX_CONCURRENT", "1"),
        ("QUERY__STATEMENT_TIMEOUT", "3s"),
    ])
    .await;
    let address = server.listen().await;
    let in_flight = Call::query(LONG).bearer(&server.head_office()).send_to(address);
    std::thread::sleep(Duration::from_millis(300));
    let started = Instant::now();
    let other = server.manager(&store("Zava Retail Seattle"));
    assert_told_to_wait(&server.query(&other, ONE).await, 503);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
    for path in ["/health", "/startup", "/ready"] {
        assert_eq!(server.get(path).await.status, 200, "probes are exempt");
    }
    assert_eq!(Reply::read(in_flight).failure()["code"], "query_timeout");
    assert_eq!(server.query(&other, ONE).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_principal_cannot_take_all_there_is() {
    let server = server(&[
        ("LIMITS__MAX_CONCURRENT", "4"),
        ("LIMITS__PRINCIPAL_MAX_CONCURRENT", "2"),
        ("QUERY__STATEMENT_TIMEOUT", "3s"),
    ])
    .await;
    let address = server.listen().await;
    let greedy = server.head_office();
    let in_flight = [(); 2].map(|()| Call::query(LONG).bearer(&greedy).send_to(address));
    std::thread::sleep(Duration::from_millis(300));
    for _ in 0..10 {
        assert_told_to_wait(&server.query(&greedy, ONE).await, 429);
    }
    let other = server.manager(&store("Zava Retail Seattle"));
    assert_eq!(server.query(&other, ONE).await.status, 200);
    // A client that goes away gives its share back.
    drop(in_flight);
    let started = Instant::now();
    while server.query(&greedy, ONE).await.status != 200 {
        assert!(started.elapsed() < Duration::from_secs(2), "the share is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
