//! The way of a client to a token, as the test provider has it: so that other tests can rely on it.

use retail_domain::Scope;
use retail_domain::ports::{Clock as _, SystemClock};
use retail_testkit::TestIssuer;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{AUDIENCE, World, assert_seattle};

/// The verifier and the challenge of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const REDIRECT: &str = "http://127.0.0.1:9/callback";

/// Sends one request. Gives status, headers and JSON body.
async fn send(issuer: &TestIssuer, start: &str, kind: &str, body: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(issuer.address()).await.unwrap();
    let request = format!(
        "{start} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
}

async fn token(issuer: &TestIssuer, form: &str) -> (u16, Value) {
    let kind = "application/x-www-form-urlencoded";
    let (status, _, body) = send(issuer, "POST /token", kind, form).await;
    (status, body)
}

async fn register(issuer: &TestIssuer) -> String {
    let body = json!({ "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none" });
    let (status, _, client) =
        send(issuer, "POST /register", "application/json", &body.to_string()).await;
    assert_eq!(status, 201);
    assert!(client.get("client_secret").is_none());
    client["client_id"].as_str().unwrap().to_owned()
}

/// The code of a new approval.
async fn approve(issuer: &TestIssuer, client: &str) -> String {
    let query = format!(
        "response_type=code&client_id={client}&redirect_uri={REDIRECT}&state=s1&scope=retail.read\
         &code_challenge={CHALLENGE}&code_challenge_method=S256&resource={AUDIENCE}"
    );
    let (status, head, _) =
        send(issuer, &format!("GET /authorize?{query}"), "text/plain", "").await;
    assert_eq!(status, 302, "{head}");
    assert!(head.contains("state=s1") && head.contains("iss=http"), "{head}");
    let (_, rest) = head.split_once("?code=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_gets_a_token_for_the_resource_and_a_new_one() {
    let world = World::new().await;
    let issuer = &world.issuer;
    world.clock.set(SystemClock.now().timestamp());
    let client = register(issuer).await;
    let code = approve(issuer, &client).await;
    let form = format!(
        "grant_type=authorization_code&code={code}&client_id={client}&redirect_uri={REDIRECT}\
         &code_verifier={VERIFIER}"
    );
    let (status, answer) = token(issuer, &form).await;
    assert_eq!(status, 200, "{answer}");
    let principal = world.resolve(answer["access_token"].as_str().unwrap()).await.unwrap();
    assert_seattle(&principal);
    assert_eq!(principal.scopes(), &[Scope::Read].into());
    // A code is good once.
    assert_eq!(token(issuer, &form).await.0, 400);

    let refresh = answer["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&client_id={client}");
    let (status, answer) = token(issuer, &form).await;
    assert_eq!(status, 200, "{answer}");
    assert_seattle(&world.resolve(answer["access_token"].as_str().unwrap()).await.unwrap());
    assert_eq!(token(issuer, &form).await.0, 400, "and so is a refresh token");
}

#[tokio::test]
async fn without_the_verifier_a_code_is_worth_nothing() {
    let issuer = TestIssuer::start().await;
    let client = register(&issuer).await;
    for verifier in ["", "&code_verifier=", "&code_verifier=other"] {
        let code = approve(&issuer, &client).await;
        let form = format!(
            "grant_type=authorization_code&code={code}&client_id={client}&redirect_uri={REDIRECT}{verifier}"
        );
        assert_eq!(token(&issuer, &form).await.0, 400, "{verifier}");
    }
    let plain = format!(
        "GET /authorize?response_type=code&client_id={client}&redirect_uri={REDIRECT}\
         &code_challenge=x&code_challenge_method=plain"
    );
    assert_eq!(send(&issuer, &plain, "text/plain", "").await.0, 400);
}

#[tokio::test]
async fn an_application_gets_a_token_with_its_roles() {
    let world = World::new().await;
    world.clock.set(SystemClock.now().timestamp());
    world.issuer.add_client("alice", "secret", &["retail.sql"]);
    let form = format!("grant_type=client_credentials&client_id=alice&resource={AUDIENCE}");
    assert_eq!(token(&world.issuer, &form).await.0, 401);
    let (status, answer) = token(&world.issuer, &format!("{form}&client_secret=secret")).await;
    assert_eq!(status, 200, "{answer}");
    let principal = world.resolve(answer["access_token"].as_str().unwrap()).await.unwrap();
    assert_eq!(principal.scopes(), &[Scope::Sql].into());
}
