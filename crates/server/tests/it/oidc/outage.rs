//! A provider that does not answer harms nobody who is signed in, whatever others send meanwhile.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use retail_domain::ports::{Clock as _, SystemClock};
use retail_testkit::{KeyKind, Outage, TestIssuer, TestKey};

use super::{ORDERS, RESOURCE, World, assert_body};
use crate::support::Call;

/// More than one address may have looked at.
const UNKNOWN: usize = 60;

async fn world(issuer: TestIssuer) -> Arc<World> {
    issuer.add_client("retail-mcp", "a long secret", &[]);
    let endpoint = format!("{}/introspect", issuer.url());
    let introspection = [
        ("AUTH__ISSUERS__TEST__INTROSPECTION_ENDPOINT", endpoint.as_str()),
        ("AUTH__ISSUERS__TEST__INTROSPECTION_CLIENT_ID", "retail-mcp"),
        ("AUTH__ISSUERS__TEST__INTROSPECTION_CLIENT_SECRET", "a long secret"),
    ];
    Arc::new(World::at(issuer, &introspection).await)
}

/// Sends unknown tokens from one address, all at once, while the provider does not answer.
async fn flooded(unknown: impl Fn(&TestIssuer, usize) -> String) {
    let world = world(TestIssuer::start().await).await;
    let signed_in = world.token(|_| {});
    assert_eq!(world.query(&signed_in).await.status, 200);
    world.issuer.behave(|behaviour| behaviour.delay = Duration::from_mins(1));
    let floods: Vec<_> = (0..UNKNOWN)
        .map(|number| {
            let call = Call::query(ORDERS).bearer(&unknown(&world.issuer, number));
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.server.send(call).await.status })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(world.query(&signed_in).await.status, 200);
    }
    // Somebody new elsewhere, too: the keys are known.
    let new = world.token(|claims| claims["jti"] = "new".into());
    let elsewhere: SocketAddr = ([192, 0, 2, 7], 4000).into();
    let reply = world.server.send_from(elsewhere, Call::query(ORDERS).bearer(&new)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let mut refused = 0;
    for flood in floods {
        match flood.await.unwrap() {
            429 => refused += 1,
            status => assert!([401, 503].contains(&status), "{status}"),
        }
    }
    assert!(refused >= UNKNOWN / 2, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opaque_tokens_take_nobodys_place() {
    flooded(|_, number| format!("opaque-{number}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn made_up_keys_take_nobodys_place() {
    flooded(|issuer, number| {
        let claims = issuer.claims(RESOURCE, SystemClock.now().timestamp());
        TestKey::new(KeyKind::Ec, format!("made-up-{number}"), 0).sign(&claims)
    })
    .await;
}

#[tokio::test]
async fn an_outage_is_told_with_the_time_to_come_again() {
    let issuer = TestIssuer::start().await;
    issuer.behave(|behaviour| behaviour.outage = Outage::Status);
    let world = world(issuer).await;
    for token in [world.token(|_| {}), "opaque".to_owned()] {
        let reply = world.query(&token).await;
        assert_eq!(reply.status, 503, "{reply:?}");
        assert_body(&reply, "unavailable");
        assert_eq!(reply.body["retryable"], true);
        assert_eq!(reply.headers["retry-after"], "1");
        assert!(!reply.headers.contains_key("www-authenticate"));
    }
}
