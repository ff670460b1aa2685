//! Many connections, and clients that do not take their answers.

use std::time::{Duration, Instant};

use retail_testkit::{TestDatabase, store};

use super::raw::Raw;
use crate::support::{Call, PATIENCE, Reply, TestServer, access_to, eventually};

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// It takes minutes; callers may not sleep.
const LONG: &str = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b";
const SHORTLY: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_connection_takes_the_place_of_the_longest_idle() {
    let server = TestServer::seeded(&[("SERVER__MAX_CONNECTIONS", "4")]).await;
    let address = server.listen().await;
    let mut clients: Vec<Raw> = (0..4)
        .map(|_| {
            let mut client = Raw::connect(address);
            assert_eq!(client.send(HEALTH).status(), 200);
            client
        })
        .collect();
    // The first has asked again, so the second has waited longest. Half a head is no sign of life.
    assert_eq!(clients[0].send(HEALTH).status(), 200);
    clients[1].send("GET /hea");
    std::thread::sleep(SHORTLY);
    let mut new = Raw::connect(address);
    assert_eq!(new.send(HEALTH).status(), 200);
    assert!(clients[1].is_closed_within(Duration::from_secs(5)));
    for index in [0, 2, 3] {
        assert_eq!(clients[index].send(HEALTH).status(), 200, "{index}");
    }
    assert_eq!(new.send(HEALTH).status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_flight_is_never_closed_for_a_new_one() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::with(
        access_to(&database),
        &[("SERVER__MAX_CONNECTIONS", "2"), ("QUERY__STATEMENT_TIMEOUT", "3s")],
    );
    let address = server.listen().await;
    let mut in_flight = Call::query(LONG).bearer(&server.head_office()).send_to(address);
    std::thread::sleep(SHORTLY);
    for _ in 0..5 {
        assert_eq!(Raw::connect(address).send(HEALTH).status(), 200);
    }
    in_flight.set_nonblocking(false).unwrap();
    let reply = Reply::read(in_flight.try_clone().unwrap());
    assert_eq!(reply.failure()["code"], "query_timeout", "{reply:?}");
    in_flight = Call::query("SELECT 1").bearer(&server.head_office()).send_to(address);
    assert_eq!(Reply::read(in_flight).rows()[0][0], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_do_not_stop_a_call() {
    const EACH: usize = 100;
    let server = TestServer::seeded(&[("SERVER__MAX_CONNECTIONS", "250")]).await;
    let address = server.listen().await;
    let token = server.manager(&store("Zava Retail Seattle"));
    // More than the server has room for: nothing sent, half a head, and a body that does not come.
    let connected = |sent: String| {
        (0..EACH).map(move |_| {
            let mut client = Raw::connect(address);
            client.send(&sent);
            client
        })
    };
    let body = format!(
        "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let silent: Vec<Raw> = connected(String::new())
        .chain(connected("GET /health HTTP/1.1\r\nHost: loc".to_owned()))
        .chain(connected(body))
        .collect();
    let head_office = server.head_office();
    for _ in 0..20 {
        let started = Instant::now();
        let call = Call::query("SELECT 1").bearer(&head_office);
        assert_eq!(Reply::read(call.send_to(address)).rows()[0][0], 1);
        assert!(started.elapsed() < PATIENCE / 2, "{:?}", started.elapsed());
    }
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_cut_and_counts_until_then() {
    let server = TestServer::seeded(&[
        ("SERVER__WRITE_TIMEOUT", "5s"),
        ("QUERY__MAX_BYTES", "60000000"),
        ("QUERY__MAX_ROWS", "5000"),
        ("QUERY__STATEMENT_TIMEOUT", "30s"),
        ("LIMITS__PRINCIPAL_MAX_CONCURRENT", "1"),
    ])
    .await;
    let address = server.listen().await;
    let token = server.head_office();
    let deaf = Call::query(MUCH).bearer(&token).send_to(address);
    let call = || Call::query("SELECT 1").bearer(&token);
    // Its answer begins to arrive, and it takes no more.
    eventually(PATIENCE * 3, "the answer is made", || {
        deaf.peek(&mut [0]).is_ok_and(|count| count > 0)
    });
    std::thread::sleep(Duration::from_secs(1));
    let reply = server.send(call()).await;
    assert_eq!(reply.status, 429, "{reply:?}");
    let runtime = tokio::runtime::Handle::current();
    let waited = eventually(PATIENCE, "the share is given back", || {
        tokio::task::block_in_place(|| runtime.block_on(server.send(call()))).status == 200
    });
    println!("cut after {waited:?} more");
    let mut deaf = Raw(deaf);
    assert!(deaf.answer().is_none(), "the rest of the answer is gone");
}

/// More than the system keeps for a client that does not read.
const MUCH: &str = "SELECT repeat('x', 9000) FROM generate_series(1, 1200)";

/// A server with room for two, whose answers may be long.
async fn narrow(write_timeout: &str) -> TestServer {
    TestServer::seeded(&[
        ("SERVER__WRITE_TIMEOUT", write_timeout),
        ("SERVER__MAX_CONNECTIONS", "2"),
        ("QUERY__MAX_BYTES", "60000000"),
        ("QUERY__MAX_ROWS", "5000"),
        ("QUERY__STATEMENT_TIMEOUT", "30s"),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_do_not_take_their_answers_make_room() {
    let server = narrow("60s").await;
    let address = server.listen().await;
    let token = server.head_office();
    let deaf = [(); 2].map(|()| Call::query(MUCH).bearer(&token).send_to(address));
    for client in &deaf {
        eventually(PATIENCE * 3, "the answer is made", || {
            client.peek(&mut [0]).is_ok_and(|count| count > 0)
        });
    }
    let started = Instant::now();
    assert_eq!(Raw::connect(address).send(HEALTH).status(), 200);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_a_little_now_and_then_is_cut_too() {
    let server = narrow("2s").await;
    let token = server.head_office();
    let mut client = Call::query(MUCH).bearer(&token).send_to(server.listen().await);
    let mut read = 0;
    // A megabyte a second, which keeps the system's buffers moving: the answer would take eleven.
    let mut buffer = vec![0; 200_000];
    while let Ok(count @ 1..) = std::io::Read::read(&mut client, &mut buffer) {
        read += count;
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(read < 10_000_000, "{read}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_closes_what_waits_and_answers_what_is_in_flight() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::with(
        access_to(&database),
        &[("QUERY__STATEMENT_TIMEOUT", "2s"), ("SERVER__HEADER_TIMEOUT", "60s")],
    );
    let address = server.listen().await;
    let mut idle = Raw::connect(address);
    assert_eq!(idle.send(HEALTH).status(), 200);
    let mut slow = Raw::connect(address);
    slow.send("GET /health HTTP/1.1\r\n");
    let in_flight = Call::query(LONG).bearer(&server.head_office()).send_to(address);
    std::thread::sleep(SHORTLY);
    server.draining.cancel();
    assert!(idle.is_closed_within(Duration::from_secs(1)));
    assert!(slow.is_closed_within(Duration::from_secs(1)));
    let reply = Reply::read(in_flight);
    assert_eq!(reply.failure()["code"], "query_timeout");
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody new is taken");
}
