//! Issuer, audience, times and purpose.

use std::time::Duration;

use retail_auth::{OidcSettings, RuleGrant, SettingsError};
use retail_domain::ports::{Credential, IdentityResolver as _};
use retail_testkit::{KeyKind, TestIssuer};
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    AUDIENCE, World, assert_refused, assert_seattle, resolve, resolver, rule, stores, trusting,
};
use crate::support::{NOW_S, SetClock};

const MISSING: Value = Value::Null;

#[rstest]
#[case("exp", MISSING, "exp is missing")]
#[case("nbf", MISSING, "nbf is missing")]
#[case("iss", MISSING, "iss is missing")]
#[case("aud", MISSING, "aud is missing")]
#[case("sub", MISSING, "sub or oid is missing")]
#[case("exp", json!("soon"), "exp is not of its type")]
#[case("exp", json!("4000003600"), "exp is not of its type")]
#[case("nbf", json!({}), "nbf is not of its type")]
#[case("iat", json!([]), "iat is not of its type")]
#[case("iss", json!(["a"]), "iss is not of its type")]
#[case("aud", json!(7), "aud is not of its type")]
#[case("aud", json!([AUDIENCE, 7]), "aud is not of its type")]
#[case("aud", json!([]), "is for the audience")]
#[case("aud", json!("https://mcp.zava.example/mcp/"), "is for the audience")]
#[case("aud", json!("https://MCP.zava.example/mcp"), "is for the audience")]
#[case("aud", json!("https://mcp.zava.example"), "is for the audience")]
#[case("aud", json!("00000003-0000-0000-c000-000000000000"), "is for the audience")]
#[case("aud", json!(["x", "y"]), "is for the audience")]
#[case("aud", json!(""), "is for the audience")]
#[case("sub", json!(""), "subject of the token")]
#[case("sub", json!("a\nb"), "subject of the token")]
#[case("sub", json!("x".repeat(201)), "subject of the token")]
#[case("oid", json!(7), "sub or oid is not of its type")]
#[case("exp", json!(NOW_S - 61), "expired 61 s ago")]
#[case("exp", json!(NOW_S - 60), "expired 60 s ago")]
#[case("exp", json!(0), "expired")]
#[case("exp", json!(i64::MIN), "expired")]
#[case("exp", json!(-1.0e300), "expired")]
#[case("nbf", json!(NOW_S + 61), "good only in 61 s")]
#[case("iat", json!(NOW_S + 61), "issued 61 s in the future")]
#[case("iat", json!(NOW_S + 30), "")]
#[case("at_hash", json!("abc"), "id token")]
#[case("events", json!({}), "logout")]
#[case("typ", json!("ID"), "another type")]
#[case("typ", json!("Refresh"), "another type")]
#[case("token_use", json!("id"), "another use")]
#[case("cnf", json!({ "jkt": "abc" }), "bound to a key")]
#[tokio::test]
async fn a_spoilt_claim_is_refused(#[case] name: &str, #[case] value: Value, #[case] cause: &str) {
    let world = World::new().await;
    let mut claims = world.claims_with(name, value);
    if cause.is_empty() {
        // A token that ends before it began.
        claims["exp"] = (NOW_S + 20).into();
    }
    assert_refused(world.resolve_claims(&claims).await, cause);
}

/// A code flow's ID token need not have `at_hash`.
#[tokio::test]
async fn an_id_token_is_known_by_its_nonce() {
    let world = World::new().await;
    let mut claims = world.claims_with("nonce", json!("abc"));
    assert!(world.resolve_claims(&claims).await.is_ok(), "some access tokens have one, too");
    claims.as_object_mut().unwrap().remove("scope");
    assert_refused(world.resolve_claims(&claims).await, "id token");
}

#[rstest]
#[case("exp", json!(NOW_S - 59))]
#[case("exp", json!(4_000_000_000.5))]
#[case("exp", json!(i64::MAX))]
#[case("exp", json!(1.0e300))]
#[case("nbf", json!(NOW_S + 60))]
#[case("iat", json!(NOW_S + 60))]
#[case("iat", MISSING)]
#[case("aud", json!("api://retail"))]
#[case("aud", json!(["https://other.example", AUDIENCE]))]
#[case("typ", json!("Bearer"))]
#[case("token_use", json!("access"))]
#[tokio::test]
async fn what_is_within_the_skew_or_the_list_is_good(#[case] name: &str, #[case] value: Value) {
    let world = World::new().await;
    let mut claims = world.claims_with(name, value);
    if name == "exp" {
        claims["iat"] = (NOW_S - 3600).into();
    }
    assert_seattle(&world.resolve_claims(&claims).await.unwrap());
}

#[tokio::test]
async fn the_skew_and_nbf_are_the_operators() {
    let world = World::with(|settings| {
        settings.issuers[0].clock_skew = Duration::ZERO;
        settings.issuers[0].require_nbf = false;
    })
    .await;
    let claims = world.claims_with("nbf", MISSING);
    assert_seattle(&world.resolve_claims(&claims).await.unwrap());
    let claims = world.claims_with("exp", json!(NOW_S));
    assert_refused(world.resolve_claims(&claims).await, "expired 0 s ago");
    let claims = world.claims_with("nbf", json!(NOW_S + 1));
    assert_refused(world.resolve_claims(&claims).await, "good only in 1 s");
}

/// A token that was good is looked at again each time: it is kept, and still expires.
#[tokio::test]
async fn a_token_expires_while_it_is_remembered() {
    let world = World::new().await;
    let claims = world.claims_with("exp", json!(NOW_S + 10));
    let token = world.issuer.sign(KeyKind::Ec, &claims);
    assert_seattle(&world.resolve(&token).await.unwrap());
    world.clock.set(NOW_S + 69);
    assert_seattle(&world.resolve(&token).await.unwrap());
    world.clock.set(NOW_S + 70);
    assert_refused(world.resolve(&token).await, "expired 60 s ago");
}

#[rstest]
#[case("/", "differs by the slash at its end")]
#[case("/other", "is not configured")]
#[tokio::test]
async fn an_issuer_is_compared_to_the_last_slash(#[case] behind: &str, #[case] cause: &str) {
    let world = World::new().await;
    let claims = world.claims_with("iss", json!(format!("{}{behind}", world.issuer.url())));
    assert_refused(world.resolve_claims(&claims).await, cause);
}

#[rstest]
#[case("https://sts.windows.net/8a6e/", "requestedAccessTokenVersion")]
#[case("https://login.microsoftonline.com/8a6e/v2.0", "version 2 token")]
#[case("evil\n2026 INFO all is well", r"evil\n2026")]
#[tokio::test]
async fn the_log_names_an_issuer_that_is_not_configured(#[case] iss: &str, #[case] cause: &str) {
    let world = World::new().await;
    assert_refused(world.resolve_claims(&world.claims_with("iss", json!(iss))).await, cause);
}

#[tokio::test]
async fn two_issuers_do_not_vouch_for_each_other() {
    let (one, two) = (TestIssuer::start().await, TestIssuer::start().await);
    let mut for_one = rule("sub", "alice", stores(&["1"]));
    for_one.issuer = Some(one.url().to_owned());
    let mut for_two = rule("sub", "alice", stores(&["2"]));
    for_two.issuer = Some(two.url().to_owned());
    let settings = OidcSettings {
        issuers: vec![trusting(&one), trusting(&two)],
        rules: vec![for_one, for_two],
        delegations: Vec::new(),
    };
    let resolver = resolver(&settings, &SetClock::new());

    let (of_one, of_two) = (one.claims(AUDIENCE, NOW_S), two.claims(AUDIENCE, NOW_S));
    let first = resolve(&resolver, &one.sign(KeyKind::Ec, &of_one)).await.unwrap();
    let second = resolve(&resolver, &two.sign(KeyKind::Ec, &of_two)).await.unwrap();
    assert_eq!(first.subject(), second.subject());
    assert_ne!(first.issuer(), second.issuer());
    assert_ne!(first.visibility(), second.visibility());

    // Both have a key with the same id, so that the key itself has to tell.
    let lent = resolve(&resolver, &one.sign(KeyKind::Ec, &of_two)).await;
    assert_refused(lent, "signature does not match");
    let lent = resolve(&resolver, &two.sign(KeyKind::Ec, &of_one)).await;
    assert_refused(lent, "signature does not match");
}

#[tokio::test]
async fn a_header_is_no_token() {
    let world = World::new().await;
    let credential = Credential::trusted_header("alice");
    assert!(world.resolver.resolve(&credential).await.is_err());
}

type Change<'a> = Box<dyn Fn(&mut OidcSettings) + 'a>;

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let (one, two) = (TestIssuer::start().await, TestIssuer::start().await);
    let good = || OidcSettings { issuers: vec![trusting(&one)], ..OidcSettings::default() };
    let changes: Vec<(&str, Change<'_>)> = vec![
        ("no issuer", Box::new(|s| s.issuers.clear())),
        ("named twice", Box::new(|s| s.issuers.push(trusting(&one)))),
        ("audience", Box::new(|s| s.issuers[0].audiences.clear())),
        ("audience", Box::new(|s| s.issuers[0].audiences.push(String::new()))),
        ("algorithm", Box::new(|s| s.issuers[0].algorithms.clear())),
        ("https", Box::new(|s| s.issuers[0].issuer = "http://id.example".to_owned())),
        ("clock skew", Box::new(|s| s.issuers[0].clock_skew = Duration::from_secs(301))),
        ("outage grace", Box::new(|s| s.issuers[0].outage_grace = Duration::from_mins(1))),
        ("JWKS refresh", Box::new(|s| s.issuers[0].jwks_refresh = Duration::from_secs(1))),
        (
            "must name its issuer",
            Box::new(|s| {
                s.issuers.push(trusting(&two));
                s.rules.push(rule("sub", "a", RuleGrant::AllStores));
            }),
        ),
        (
            "not listed",
            Box::new(|s| {
                s.rules.push(rule("sub", "a", RuleGrant::AllStores));
                s.rules[0].issuer = Some(two.url().to_owned());
            }),
        ),
        ("needs a claim", Box::new(|s| s.rules.push(rule("sub", "a", stores(&[]))))),
        ("needs a claim", Box::new(|s| s.rules.push(rule("sub", "", RuleGrant::AllStores)))),
    ];
    for (expected, change) in changes {
        let mut settings = good();
        change(&mut settings);
        let directory = std::sync::Arc::new(super::ThreeStores);
        let result = retail_auth::OidcResolver::new(&settings, SetClock::new(), directory, None);
        let error: SettingsError = result.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    for name in ["HS256", "none", "rs256", ""] {
        assert!(name.parse::<retail_auth::SigningAlgorithm>().is_err(), "{name}");
    }
}
