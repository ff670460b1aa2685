//! Tokens that are no JWT.

use retail_auth::{IntrospectionSettings, IssuerSettings, OidcSettings};
use retail_domain::ErrorCode;
use retail_testkit::{Outage, TestIssuer};
use rstest::rstest;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    AUDIENCE, World, assert_code, assert_refused, assert_seattle, resolve, resolver, rule, stores,
    trusting,
};
use crate::support::{NOW_S, SetClock};

const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";
const SECRET: &str = "a secret: with / odd + characters";

fn with_introspection(issuer: &TestIssuer) -> IssuerSettings {
    issuer.add_client("retail-mcp", SECRET, &[]);
    let mut settings = trusting(issuer);
    settings.introspection = Some(IntrospectionSettings {
        endpoint: format!("{}/introspect", issuer.url()),
        client_id: "retail-mcp".to_owned(),
        client_secret: SecretString::from(SECRET),
    });
    settings
}

async fn world() -> World {
    let mut world = World::new().await;
    let settings = OidcSettings {
        issuers: vec![with_introspection(&world.issuer)],
        rules: vec![rule("sub", "alice", stores(&["1"]))],
        delegations: Vec::new(),
    };
    world.resolver = resolver(&settings, &world.clock);
    world
}

#[tokio::test]
async fn an_active_token_is_asked_about_once_a_minute() {
    let world = world().await;
    // RFC 7662 makes `nbf` optional, and `active` says it all.
    world.issuer.know(OPAQUE, world.claims_with("nbf", Value::Null));
    for second in [0, 30, 59] {
        world.clock.set(NOW_S + second);
        assert_seattle(&world.resolve(OPAQUE).await.unwrap());
    }
    assert_eq!(world.issuer.requests("/introspect"), 1);
    // It is revoked, which is noticed after the minute.
    world.issuer.know(OPAQUE, json!({ "active": false }));
    assert_seattle(&world.resolve(OPAQUE).await.unwrap());
    world.clock.set(NOW_S + 60);
    assert_refused(world.resolve(OPAQUE).await, "not active");
}

#[rstest]
#[case("active", json!(false), "not active")]
#[case("active", json!("true"), "not active")]
#[case("iss", json!("https://other.example"), "is not the issuer")]
#[case("iss", Value::Null, "iss is missing")]
#[case("aud", json!("other"), "for the audience")]
#[case("aud", Value::Null, "aud is missing")]
#[case("exp", json!(NOW_S - 60), "expired")]
#[case("exp", Value::Null, "exp is missing")]
#[case("nbf", json!(NOW_S + 61), "good only in")]
#[case("sub", Value::Null, "sub or oid is missing")]
#[case("token_type", json!("refresh_token"), "another type")]
#[tokio::test]
async fn its_claims_are_checked_all_the_same(
    #[case] name: &str,
    #[case] value: Value,
    #[case] cause: &str,
) {
    let world = world().await;
    world.issuer.know(OPAQUE, world.claims_with(name, value));
    assert_refused(world.resolve(OPAQUE).await, cause);
}

#[tokio::test]
async fn an_unknown_token_is_not_asked_about_again_at_once() {
    let world = world().await;
    for _ in 0..5 {
        assert_refused(world.resolve(OPAQUE).await, "not active");
    }
    assert_eq!(world.issuer.requests("/introspect"), 1);
    world.clock.set(NOW_S + 10);
    assert_refused(world.resolve(OPAQUE).await, "not active");
    assert_eq!(world.issuer.requests("/introspect"), 2);
}

#[tokio::test]
async fn without_an_endpoint_an_opaque_token_is_refused() {
    let world = World::new().await;
    assert_refused(world.resolve(OPAQUE).await, "no issuer has an introspection endpoint");
}

#[tokio::test]
async fn a_jwt_is_not_looked_up() {
    let world = world().await;
    assert!(world.resolve_claims(&world.claims()).await.is_ok());
    assert_eq!(world.issuer.requests("/introspect"), 0);
}

#[tokio::test]
async fn issuers_are_asked_in_turn_and_one_that_is_down_might_know_it() {
    let (one, two) = (TestIssuer::start().await, TestIssuer::start().await);
    let mut of_two = rule("sub", "alice", stores(&["1"]));
    of_two.issuer = Some(two.url().to_owned());
    let settings = OidcSettings {
        issuers: vec![with_introspection(&one), with_introspection(&two)],
        rules: vec![of_two],
        delegations: Vec::new(),
    };
    let clock = SetClock::new();
    let resolver = resolver(&settings, &clock);
    two.know(OPAQUE, two.claims(AUDIENCE, NOW_S));
    assert_seattle(&resolve(&resolver, OPAQUE).await.unwrap());
    assert_eq!((one.requests("/introspect"), two.requests("/introspect")), (1, 1));

    one.behave(|behaviour| behaviour.outage = Outage::Status);
    let result = resolve(&resolver, "another-opaque-token").await;
    assert_code(result, ErrorCode::Unavailable, "does not answer: status 503");
}

#[tokio::test]
async fn our_own_wrong_secret_is_not_the_callers_fault() {
    let world = world().await;
    world.issuer.add_client("retail-mcp", "another secret", &[]);
    let error = assert_code(world.resolve(OPAQUE).await, ErrorCode::Unavailable, "401");
    let shown = format!("{error:?} {:?}", world.resolver);
    assert!(!shown.contains("odd"), "{shown}");
}
