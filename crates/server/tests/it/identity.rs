//! Development tokens: nobody passes without a good one.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use retail_auth::{DevTokenKey, StoreGrant};
use retail_domain::RlsUserId;
use retail_domain::ports::{Clock, SystemClock};
use retail_testkit::{TestDatabase, store, stores};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Call, Reply, TestServer, minted};

const ORDERS: &str = "SELECT count(*) FROM retail.orders";

/// A clock that is slow by this much.
struct SlowClock(TimeDelta);

impl Clock for SlowClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() - self.0
    }
}

/// It is a 401 that says how to authenticate, and nothing of what was asked.
#[track_caller]
pub(crate) fn assert_refused(reply: &Reply) {
    assert_eq!(reply.status, 401, "{reply:?}");
    let challenge = reply.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with(r#"Bearer realm="retail-mcp""#), "{challenge}");
    let body = reply.body.as_object().unwrap();
    let keys: Vec<&str> = body.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "message", "hint", "retryable"]);
    assert_eq!(body["code"], "unauthenticated");
    assert_eq!(body["retryable"], false);
}

#[rstest]
#[case("initialize", json!({}))]
#[case("server/discover", json!({}))]
#[case("tools/list", json!({}))]
#[case("tools/call", json!({ "name": "get_current_utc_date" }))]
#[case("tools/call", json!({ "name": "execute_sales_query", "arguments": { "postgresql_query": ORDERS } }))]
#[tokio::test]
async fn without_a_token_nothing_is_answered(#[case] method: &str, #[case] params: Value) {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let reply = server.send(Call::new(method, params)).await;
    assert_refused(&reply);
    // RFC 6750, section 3.1: who showed nothing is told no error.
    assert_eq!(reply.headers["www-authenticate"], r#"Bearer realm="retail-mcp""#);
}

#[tokio::test]
async fn a_header_of_another_kind_is_no_token() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let token = server.head_office();
    for (name, value) in [
        ("authorization", "Basic YWRtaW46YWRtaW4=".to_owned()),
        ("authorization", "Bearer".to_owned()),
        ("authorization", token.clone()),
        ("x-rls-user-id", store("Zava Retail Seattle").rls_user_id.to_string()),
        ("x-rls-user-id", "00000000-0000-0000-0000-000000000000".to_owned()),
        ("cookie", format!("token={token}")),
    ] {
        let reply = server.send(Call::query(ORDERS).header(name, &value)).await;
        assert_refused(&reply);
    }
    // The scheme has no case (RFC 9110, section 11.1).
    let call = Call::query(ORDERS).header("authorization", &format!("bearer {token}"));
    assert_eq!(server.send(call).await.rows().len(), 1);
}

#[tokio::test]
async fn a_bad_token_is_refused() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let grant = StoreGrant::Store(store("Zava Retail Seattle").rls_user_id);
    let hour = Duration::from_hours(1);
    let good = minted(&server.token_key, Arc::new(SystemClock), grant, hour);
    assert_eq!(server.query(&good, ORDERS).await.status, 200);

    let other_key = DevTokenKey::from_bytes([7; 32]);
    let forged = minted(&other_key, Arc::new(SystemClock), grant, hour);
    let yesterday = Arc::new(SlowClock(TimeDelta::days(1)));
    let expired = minted(&server.token_key, yesterday, grant, hour);
    let of_nobody = minted(
        &server.token_key,
        Arc::new(SystemClock),
        StoreGrant::Store(RlsUserId(uuid::Uuid::from_u128(1))),
        hour,
    );
    // The claims of head office under the signature of Seattle.
    let head_office = server.head_office();
    let claims = head_office.split('.').nth(1).unwrap();
    let mut parts: Vec<&str> = good.split('.').collect();
    parts[1] = claims;
    let tampered = parts.join(".");
    parts[2] = "";
    let unsigned = parts.join(".");

    for (what, token) in [
        ("forged", forged),
        ("expired", expired),
        ("of nobody", of_nobody),
        ("tampered", tampered),
        ("unsigned", unsigned),
        ("cut", good[..good.len() - 4].to_owned()),
        ("no token", "seattle".to_owned()),
    ] {
        let reply = server.query(&token, ORDERS).await;
        assert_refused(&reply);
        let challenge = reply.headers["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains(r#"error="invalid_token""#), "{what}: {challenge}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let head_office = server.head_office();
    for (first, second) in [(&seattle, &head_office), (&seattle, &seattle)] {
        let call = Call::query(ORDERS).bearer(first).bearer(second);
        assert_refused(&server.send(call).await);
    }
}

#[tokio::test]
async fn health_alone_needs_no_token_and_it_tells_no_secrets() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    assert_eq!(server.get("/health").await.status, 200);
    let ready = server.get("/ready").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    let text = ready.body.to_string();
    for secret in [&database.name, "password"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_refused(&server.get("/mcp").await);
}

#[tokio::test]
async fn each_token_acts_as_its_own_store() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::new(&database);
    for store in stores() {
        let reply = server.query(&server.manager(&store), ORDERS).await;
        assert_eq!(reply.answer()["receipt"]["acting_store"], store.name.as_str());
    }
    let reply = server.query(&server.head_office(), ORDERS).await;
    assert_eq!(reply.answer()["receipt"]["acting_store"], "all stores");
}
