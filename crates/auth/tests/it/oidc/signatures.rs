//! Signatures, algorithms and headers.

use retail_auth::SigningAlgorithm;
use retail_domain::Scope;
use retail_testkit::{KeyKind, TestKey, hmac_token, joined_token};
use rstest::rstest;
use serde_json::{Value, json};

use super::{World, assert_refused, assert_seattle};

#[rstest]
#[case(KeyKind::Rsa)]
#[case(KeyKind::Ec)]
#[case(KeyKind::Ed)]
#[tokio::test]
async fn a_good_token_is_its_user(#[case] kind: KeyKind) {
    let world = World::new().await;
    let token = world.issuer.sign(kind, &world.claims());
    let principal = world.resolve(&token).await.unwrap();
    assert_seattle(&principal);
    assert_eq!(principal.subject(), "alice");
    assert_eq!(principal.issuer(), Some(world.issuer.url()));
    assert_eq!(principal.actor(), None);
    assert_eq!(principal.scopes(), &[Scope::Read, Scope::Sql].into());
    assert!(principal.may_step_up_to(Scope::Search) && !principal.may_step_up_to(Scope::Admin));
}

#[rstest]
#[case::of_an_access_token(json!("at+jwt"), true)]
#[case::with_application(json!("application/at+jwt"), true)]
#[case::in_capitals(json!("AT+JWT"), true)]
#[case::of_entra(json!("JWT"), true)]
#[case::none(Value::Null, true)]
#[case::of_a_logout_token(json!("logout+jwt"), false)]
#[case::of_dpop(json!("dpop+jwt"), false)]
#[case::of_something_else(json!("secevent+jwt"), false)]
#[tokio::test]
async fn the_type_of_a_token_counts(#[case] kind: Value, #[case] good: bool) {
    let world = World::new().await;
    let key = world.issuer.key(KeyKind::Ec);
    let mut header = key.header();
    header["typ"] = kind.clone();
    if kind.is_null() {
        header.as_object_mut().unwrap().remove("typ");
    }
    let result = world.resolve(&key.sign_with_header(&header, &world.claims())).await;
    if good {
        assert_seattle(&result.unwrap());
    } else {
        assert_refused(result, "typ");
    }
}

#[tokio::test]
async fn no_signature_is_no_signature() {
    let world = World::new().await;
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for kid in [json!("es256-1"), Value::Null] {
            let header = json!({ "alg": alg, "kid": kid });
            let token = joined_token(&header, &world.claims(), |_| Vec::new());
            assert_refused(world.resolve(&token).await, "no known algorithm");
        }
    }
    let token = world.issuer.sign(KeyKind::Ec, &world.claims());
    let (message, _) = token.rsplit_once('.').unwrap();
    assert_refused(world.resolve(&format!("{message}.")).await, "the signature does not match");
}

/// The classic: the public key, which everybody has, as the secret of an HMAC.
#[rstest]
#[case(KeyKind::Rsa)]
#[case(KeyKind::Ec)]
#[case(KeyKind::Ed)]
#[tokio::test]
async fn a_public_key_is_no_secret(#[case] kind: KeyKind) {
    let world = World::new().await;
    let key = world.issuer.key(kind);
    let jwk = key.jwk().to_string();
    for secret in [key.public_bytes(), jwk.into_bytes(), Vec::new()] {
        for (alg, kid) in [("HS256", key.id()), ("HS256", "other"), (kind.algorithm(), key.id())] {
            let header = json!({ "alg": alg, "kid": kid });
            let token = hmac_token(&secret, &header, &world.claims());
            let cause = if alg == "HS256" { "HS256" } else { "signature does not match" };
            assert_refused(world.resolve(&token).await, cause);
        }
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_configured_is_refused() {
    let world = World::with(|settings| {
        settings.issuers[0].algorithms = vec![SigningAlgorithm::Rs256];
    })
    .await;
    for (kind, good) in [(KeyKind::Rsa, true), (KeyKind::Ec, false), (KeyKind::Ed, false)] {
        let result = world.resolve(&world.issuer.sign(kind, &world.claims())).await;
        if good {
            assert_seattle(&result.unwrap());
        } else {
            assert_refused(result, "is not one that the issuer may sign with");
        }
    }
}

#[tokio::test]
async fn a_key_is_for_one_algorithm() {
    let world = World::new().await;
    let (rsa, ec) = (world.issuer.key(KeyKind::Rsa), world.issuer.key(KeyKind::Ec));
    let header = json!({ "alg": "RS256", "kid": ec.id() });
    let token = rsa.sign_with_header(&header, &world.claims());
    assert_refused(world.resolve(&token).await, "is not for its algorithm");
}

#[rstest]
#[case::header(0)]
#[case::payload(1)]
#[case::signature(2)]
#[tokio::test]
async fn a_changed_token_is_refused(#[case] part: usize) {
    let world = World::new().await;
    let token = world.issuer.sign(KeyKind::Rsa, &world.claims());
    let other = world.issuer.sign(KeyKind::Rsa, &world.claims_with("sub", json!("bob")));
    let mut parts: Vec<&str> = token.split('.').collect();
    let mut changed = parts[part].to_owned();
    if part == 1 {
        changed = other.split('.').nth(1).unwrap().to_owned();
    } else {
        // In the middle: the last letter of base64 may have bits that mean nothing.
        let at = changed.len() / 2;
        let letter = if &changed[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, letter);
    }
    parts[part] = &changed;
    assert!(world.resolve(&token).await.is_ok());
    let error = world.resolve(&parts.join(".")).await.unwrap_err();
    assert_eq!(error.public_message(), "the token is not valid");
}

#[tokio::test]
async fn a_key_in_the_token_is_nobodys() {
    let world = World::new().await;
    let own = TestKey::new(KeyKind::Ec, world.issuer.key(KeyKind::Ec).id(), 0);
    let mut header = own.header();
    header["jwk"] = own.jwk();
    header["jku"] = format!("{}/jwks", world.issuer.url()).into();
    let token = own.sign_with_header(&header, &world.claims());
    assert_refused(world.resolve(&token).await, "signature does not match");
}

#[tokio::test]
async fn odd_tokens_are_refused() {
    let world = World::new().await;
    let key = world.issuer.key(KeyKind::Ec);
    let good = key.sign(&world.claims());
    let with_header = |name: &str, value: Value| {
        let mut header = key.header();
        header[name] = value;
        key.sign_with_header(&header, &world.claims())
    };
    for (token, cause) in [
        (String::new(), "is no JWT"),
        ("abc".to_owned(), "is no JWT"),
        (good.replace('.', ""), "is no JWT"),
        (format!("{good}.{good}"), "is no JWT"),
        ("ey..".to_owned(), "no JSON object"),
        ("eyJhbGciOiJFUzI1NiJ9.W10.AAAA".to_owned(), "no JSON object"),
        (format!("{good}="), "no base64url"),
        ("ey".repeat(10_000), "longer than"),
        (with_header("crit", json!(["exp"])), "crit"),
        (with_header("kid", json!("k".repeat(300))), "kid is too long"),
        (with_header("kid", json!(["es256-1"])), "header"),
    ] {
        assert_refused(world.resolve(&token).await, cause);
    }
    assert!(world.resolve(&good).await.is_ok());
}
