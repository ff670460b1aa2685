//! Where keys come from, and how long they are believed.

use std::sync::Arc;
use std::time::Duration;

use retail_domain::ErrorCode;
use retail_testkit::{KeyKind, Outage, TestKey};
use rstest::rstest;
use serde_json::json;

use super::{World, assert_code, assert_refused, assert_seattle};
use crate::support::NOW_S;

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;

/// A token that outlives the test.
fn long_token(world: &World, kind: KeyKind) -> String {
    world.issuer.sign(kind, &world.claims_with("exp", json!(NOW_S + 30 * DAY_S)))
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_calls() {
    let world = Arc::new(World::new().await);
    let token = long_token(&world, KeyKind::Ec);
    let calls = (0..20).map(|_| {
        let (world, token) = (Arc::clone(&world), token.clone());
        tokio::spawn(async move { world.resolve(&token).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_seattle(&call.await.unwrap().unwrap());
    }
    assert_eq!(world.issuer.requests("/jwks"), 1);
    assert_eq!(world.issuer.requests("/.well-known/openid-configuration"), 1);
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once() {
    let world = World::new().await;
    assert!(world.resolve(&long_token(&world, KeyKind::Ec)).await.is_ok());
    for turn in 0..50 {
        let key = TestKey::new(KeyKind::Ec, format!("made-up-{turn}"), 0);
        assert_refused(
            world.resolve(&key.sign(&world.claims())).await,
            "no key of the token's kid",
        );
    }
    assert_eq!(world.issuer.requests("/jwks"), 2, "once at first, and once for the unknown");
    // After half a minute it may be looked for again, but not for one that was missed a moment ago.
    world.clock.set(NOW_S + 31);
    let missed = TestKey::new(KeyKind::Ec, "made-up-0", 0).sign(&world.claims());
    assert_refused(world.resolve(&missed).await, "no key of the token's kid");
    assert_eq!(world.issuer.requests("/jwks"), 2);
    let other = TestKey::new(KeyKind::Ec, "made-up-51", 0).sign(&world.claims());
    assert_refused(world.resolve(&other).await, "no key of the token's kid");
    assert_eq!(world.issuer.requests("/jwks"), 3);
}

#[tokio::test]
async fn a_new_key_is_good_at_once_and_an_old_one_no_longer() {
    let world = World::new().await;
    let old = long_token(&world, KeyKind::Rsa);
    assert!(world.resolve(&old).await.is_ok());
    world.issuer.rotate();
    // Nobody knows of it yet, and the token is remembered.
    assert!(world.resolve(&old).await.is_ok());
    assert_seattle(&world.resolve(&long_token(&world, KeyKind::Rsa)).await.unwrap());
    // With the new keys come no old ones, and what was remembered by them is forgotten.
    assert_refused(world.resolve(&old).await, "no key of the token's kid");
}

#[tokio::test]
async fn many_callers_with_a_new_key_wait_for_one_fetch() {
    let world = Arc::new(World::new().await);
    assert!(world.resolve(&long_token(&world, KeyKind::Ec)).await.is_ok());
    world.issuer.rotate();
    world.issuer.behave(|behaviour| behaviour.delay = Duration::from_millis(50));
    let token = long_token(&world, KeyKind::Ec);
    let calls = (0..20).map(|_| {
        let (world, token) = (Arc::clone(&world), token.clone());
        tokio::spawn(async move { world.resolve(&token).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_seattle(&call.await.unwrap().unwrap());
    }
    assert_eq!(world.issuer.requests("/jwks"), 2);
}

#[tokio::test]
async fn a_key_that_was_taken_back_ends_with_the_next_fetch() {
    let world = World::new().await;
    let token = long_token(&world, KeyKind::Ec);
    assert!(world.resolve(&token).await.is_ok());
    let kept = vec![world.issuer.key(KeyKind::Rsa)];
    world.issuer.publish(kept);
    world.clock.set(NOW_S + HOUR_S - 1);
    assert!(world.resolve(&token).await.is_ok(), "the keys are not an hour old");
    // An hour later they are fetched behind a call, and two hours later before it.
    world.clock.set(NOW_S + 2 * HOUR_S);
    assert_refused(world.resolve(&token).await, "no key of the token's kid");
}

#[tokio::test]
async fn keys_are_refreshed_without_a_call() {
    let world = World::new().await;
    world.resolver.refresh().await;
    let token = long_token(&world, KeyKind::Ec);
    assert!(world.resolve(&token).await.is_ok());
    assert_eq!(world.issuer.requests("/jwks"), 1);
    world.issuer.rotate();
    world.clock.set(NOW_S + HOUR_S);
    world.resolver.refresh().await;
    assert_refused(world.resolve(&token).await, "no key of the token's kid");
}

#[rstest]
#[case::errors(Outage::Status)]
#[case::refuses(Outage::Refuse)]
#[tokio::test]
async fn an_outage_is_lived_through_for_the_grace(#[case] outage: Outage) {
    let world = World::new().await;
    let token = long_token(&world, KeyKind::Ec);
    assert!(world.resolve(&token).await.is_ok());
    world.issuer.behave(|behaviour| behaviour.outage = outage);
    for second in [HOUR_S, 2 * HOUR_S, 23 * HOUR_S, DAY_S] {
        world.clock.set(NOW_S + second);
        assert_seattle(&world.resolve(&token).await.unwrap());
    }
    world.clock.set(NOW_S + DAY_S + 1);
    let error = assert_code(world.resolve(&token).await, ErrorCode::Unavailable, "does not answer");
    assert!(error.is_retryable());
    // It comes back, and so does everything.
    world.issuer.behave(|behaviour| behaviour.outage = Outage::None);
    world.clock.set(NOW_S + DAY_S + 4);
    assert_seattle(&world.resolve(&token).await.unwrap());
}

#[tokio::test]
async fn a_provider_that_was_never_reached_is_not_a_bad_token() {
    let world = World::new().await;
    world.issuer.behave(|behaviour| behaviour.outage = Outage::Status);
    let token = long_token(&world, KeyKind::Ec);
    assert_code(world.resolve(&token).await, ErrorCode::Unavailable, "503");
    let asked = world.issuer.requests("/.well-known/openid-configuration");
    assert_code(world.resolve(&token).await, ErrorCode::Unavailable, "503");
    assert_eq!(world.issuer.requests("/.well-known/openid-configuration"), asked);
    world.issuer.behave(|behaviour| behaviour.outage = Outage::None);
    world.clock.set(NOW_S + 2);
    assert_seattle(&world.resolve(&token).await.unwrap());
}

#[tokio::test]
async fn nobody_waits_for_a_slow_provider_while_there_are_keys() {
    let world = World::new().await;
    let token = long_token(&world, KeyKind::Ec);
    assert!(world.resolve(&token).await.is_ok());
    world.issuer.behave(|behaviour| behaviour.delay = Duration::from_mins(1));
    world.clock.set(NOW_S + HOUR_S);
    let within = Duration::from_secs(1);
    let result = tokio::time::timeout(within, world.resolve(&token)).await;
    assert_seattle(&result.expect("at once").unwrap());
}

#[tokio::test]
async fn a_slow_provider_is_given_up() {
    let world = World::new().await;
    world.issuer.behave(|behaviour| behaviour.delay = Duration::from_mins(1));
    let token = long_token(&world, KeyKind::Ec);
    let result = tokio::time::timeout(Duration::from_secs(15), world.resolve(&token)).await;
    assert_code(result.expect("a time limit"), ErrorCode::Unavailable, "does not answer");
}

#[tokio::test]
async fn metadata_of_another_issuer_are_not_believed() {
    let world = World::new().await;
    world.issuer.behave(|behaviour| {
        behaviour.metadata_issuer = Some("https://other.example".to_owned());
    });
    let token = long_token(&world, KeyKind::Ec);
    assert_code(world.resolve(&token).await, ErrorCode::Unavailable, "those of the issuer");
    assert_eq!(world.issuer.requests("/jwks"), 0);
}

#[tokio::test]
async fn metadata_of_oauth_will_do() {
    let world = World::new().await;
    world.issuer.behave(|behaviour| behaviour.has_openid_metadata = false);
    assert_seattle(&world.resolve(&long_token(&world, KeyKind::Ec)).await.unwrap());
    assert_eq!(world.issuer.requests("/.well-known/oauth-authorization-server"), 1);
}

#[rstest]
#[case::too_long(format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300 * 1024)), "more than")]
#[case::no_json("<html>".to_owned(), "not the JSON")]
#[tokio::test]
async fn keys_that_cannot_be_used_are_no_keys(#[case] body: String, #[case] cause: &str) {
    let world = World::new().await;
    world.issuer.behave(|behaviour| behaviour.jwks_body = Some(body.clone()));
    let token = long_token(&world, KeyKind::Ec);
    assert_code(world.resolve(&token).await, ErrorCode::Unavailable, cause);
}

/// A document that cannot be read may be a mishap; one without keys is what a provider publishes to end all
/// tokens, and is no outage.
#[rstest]
#[case::none(r#"{"keys":[]}"#)]
#[case::a_secret(r#"{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256"}]}"#)]
#[tokio::test]
async fn a_provider_may_take_back_all_keys(#[case] body: &str) {
    let world = World::new().await;
    let token = long_token(&world, KeyKind::Ec);
    assert_seattle(&world.resolve(&token).await.unwrap());
    world.issuer.behave(|behaviour| behaviour.jwks_body = Some(body.to_owned()));
    world.clock.set(NOW_S + HOUR_S);
    world.resolver.refresh().await;
    assert_refused(world.resolve(&token).await, "has no key of the token's kid");
}

#[tokio::test]
async fn the_keys_are_not_fetched_from_where_a_redirect_says() {
    let world = World::new().await;
    let elsewhere = World::new().await;
    let url = format!("{}/jwks", elsewhere.issuer.url());
    world.issuer.behave(|behaviour| behaviour.jwks_redirect = Some(url));
    let token = long_token(&world, KeyKind::Ec);
    assert_code(world.resolve(&token).await, ErrorCode::Unavailable, "302");
    assert_eq!(elsewhere.issuer.requests("/jwks"), 0);
}

#[tokio::test]
async fn a_token_without_a_key_id_is_good_where_there_is_one_key() {
    let world = World::new().await;
    let key = world.issuer.key(KeyKind::Ec);
    let token = key.sign_with_header(&json!({ "alg": "ES256" }), &world.claims());
    assert_refused(world.resolve(&token).await, "names no key");
    let world_of_one = World::new().await;
    let key = world_of_one.issuer.key(KeyKind::Ec);
    world_of_one.issuer.publish(vec![Arc::clone(&key)]);
    let token = key.sign_with_header(&json!({ "alg": "ES256" }), &world_of_one.claims());
    assert_seattle(&world_of_one.resolve(&token).await.unwrap());
}
