//! Tokens of Microsoft Entra: where they are asked for, how long they are used.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use retail_domain::ErrorCode;
use retail_embeddings::{
    Auth, EntraCredential, ManagedIdentityEndpoint, OpenAiEmbedder, OpenAiSettings,
};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::support::{FakeService, Reply, TestTimer, embed, whole_text};

const SECRET: &str = "Gx8~secret";

fn token(name: &str, expires_in: u64) -> Reply {
    Reply::json(
        200,
        &json!({"token_type": "Bearer", "expires_in": expires_in, "access_token": name}),
    )
}

fn client_secret(tokens: &FakeService) -> EntraCredential {
    EntraCredential::ClientSecret {
        authority: tokens.url(),
        tenant_id: "tenant-1".to_owned(),
        client_id: "client-1".to_owned(),
        client_secret: SECRET.into(),
    }
}

fn with(credential: EntraCredential) -> impl FnOnce(&mut OpenAiSettings) {
    move |settings| settings.auth = Auth::Entra(credential)
}

/// A service, its token service, and an embedder with an application's secret.
async fn start(
    service: impl IntoIterator<Item = Reply>,
    tokens: impl IntoIterator<Item = Reply>,
) -> (FakeService, FakeService, OpenAiEmbedder, Arc<TestTimer>) {
    let (service, tokens) = (FakeService::start(service).await, FakeService::start(tokens).await);
    let (embedder, timer) = service.embedder(with(client_secret(&tokens)));
    (service, tokens, embedder, timer)
}

fn bearers(service: &FakeService) -> Vec<String> {
    service.seen().iter().map(|seen| seen.header("authorization").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_application_with_a_secret_gets_a_token_once() {
    let (service, tokens, embedder, timer) = start([], [token("t1", 3600)]).await;
    embed(&embedder, &["paint"]).await.unwrap();
    timer.advance(Duration::from_secs(3299));
    embed(&embedder, &["glue"]).await.unwrap();

    let [asked] = &tokens.seen()[..] else { panic!("{:?}", tokens.seen()) };
    assert_eq!(asked.address, "/tenant-1/oauth2/v2.0/token");
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(asked.form("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(asked.form("client_id").as_deref(), Some("client-1"));
    assert_eq!(asked.form("client_secret").as_deref(), Some(SECRET));
    let scope = "https://cognitiveservices.azure.com/.default";
    assert_eq!(asked.form("scope").as_deref(), Some(scope));
    assert_eq!(bearers(&service), ["Bearer t1", "Bearer t1"]);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end() {
    let (service, tokens, embedder, timer) =
        start([], [token("t1", 3600), token("t2", 3600)]).await;
    embed(&embedder, &["paint"]).await.unwrap();
    timer.advance(Duration::from_secs(3301));
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(bearers(&service), ["Bearer t1", "Bearer t2"]);
    assert_eq!(tokens.requests(), 2);
}

#[tokio::test]
async fn while_renewal_fails_the_old_token_is_used_until_its_end() {
    let refusals = (0..9).map(|_| Reply::status(500));
    let (service, tokens, embedder, timer) =
        start([], std::iter::once(token("t1", 3600)).chain(refusals)).await;
    embed(&embedder, &["paint"]).await.unwrap();
    timer.advance(Duration::from_secs(3301));
    embed(&embedder, &["paint"]).await.unwrap();
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(bearers(&service).concat(), "Bearer t1".repeat(3));
    assert_eq!(tokens.requests(), 2, "not asked again for each request");

    timer.advance(Duration::from_secs(299));
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(service.requests(), 3, "an old token is not sent");
}

#[tokio::test]
async fn many_callers_ask_for_one_token() {
    let (service, tokens) =
        (FakeService::start([]).await, FakeService::start([token("t1", 3600)]).await);
    let (embedder, _) = service.embedder(|settings| {
        with(client_secret(&tokens))(settings);
        settings.limits.concurrent_requests = 8;
    });
    let calls = (0..8).map(|_| embed(&embedder, &["paint"]));
    futures_util::future::try_join_all(calls).await.unwrap();
    assert_eq!((service.requests(), tokens.requests()), (8, 1));
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    let (service, tokens, embedder, timer) =
        start([Reply::status(401)], [token("t1", 3600), token("t2", 3600)]).await;
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(bearers(&service), ["Bearer t1", "Bearer t2"]);
    assert_eq!((tokens.requests(), timer.pauses().len()), (2, 0));

    service.then(Reply::status(401));
    service.then(Reply::status(401));
    tokens.then(token("t3", 3600));
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert_eq!((service.requests(), tokens.requests()), (4, 3));
}

#[tokio::test]
async fn several_that_are_refused_at_once_bring_one_new_token() {
    let (service, tokens, embedder, _) =
        start([Reply::status(401), Reply::status(401)], [token("t1", 3600), token("t2", 3600)])
            .await;
    let (one, two) = tokio::join!(embed(&embedder, &["paint"]), embed(&embedder, &["glue"]));
    one.and(two).unwrap();
    let mut bearers = bearers(&service);
    bearers.sort();
    assert_eq!(bearers, ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2"]);
    assert_eq!(tokens.requests(), 2);
}

#[tokio::test]
async fn a_late_refusal_of_an_old_token_leaves_the_new_one() {
    let gate = Arc::new(Semaphore::new(0));
    let (service, tokens, embedder, _) = start(
        [Reply::RefusedLate(Arc::clone(&gate)), Reply::status(401)],
        [token("t1", 3600), token("t2", 3600)],
    )
    .await;
    let other = async {
        service.until_under_way(1).await;
        let result = embed(&embedder, &["glue"]).await;
        gate.add_permits(1);
        result
    };
    let (one, two) = tokio::join!(embed(&embedder, &["paint"]), other);
    one.and(two).unwrap();
    assert_eq!(bearers(&service), ["Bearer t1", "Bearer t1", "Bearer t2", "Bearer t2"]);
    assert_eq!(tokens.requests(), 2);
}

#[tokio::test]
async fn a_workload_sends_what_its_file_holds_now() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    fs::write(&token_file, "assertion-1\n").unwrap();
    let service = FakeService::start([]).await;
    let tokens = FakeService::start([token("t1", 3600), token("t2", 3600)]).await;
    let (embedder, timer) = service.embedder(with(EntraCredential::WorkloadIdentity {
        authority: format!("{}/", tokens.url()),
        tenant_id: "tenant-1".to_owned(),
        client_id: "client-1".to_owned(),
        token_file: token_file.clone(),
    }));
    embed(&embedder, &["paint"]).await.unwrap();
    fs::write(&token_file, "assertion-2\n").unwrap();
    timer.advance(Duration::from_hours(1));
    embed(&embedder, &["paint"]).await.unwrap();

    let seen = tokens.seen();
    assert_eq!(seen[0].address, "/tenant-1/oauth2/v2.0/token");
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(seen[0].form("client_assertion_type").as_deref(), Some(kind));
    let sent: Vec<_> = seen.iter().map(|seen| seen.form("client_assertion").unwrap()).collect();
    assert_eq!(sent, ["assertion-1", "assertion-2"]);
    assert_eq!(bearers(&service), ["Bearer t1", "Bearer t2"]);

    fs::remove_file(&token_file).unwrap();
    timer.advance(Duration::from_hours(1));
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert!(whole_text(&error).contains("federated token file"));
}

#[rstest]
#[case(None, "")]
#[case(Some("client-1"), "&client_id=client-1")]
#[tokio::test]
async fn a_machine_asks_its_metadata_service(#[case] client_id: Option<&str>, #[case] rest: &str) {
    // The metadata service sends its numbers as texts.
    let answer = json!({"access_token": "t1", "expires_in": "3599", "expires_on": "1780318799"});
    let service = FakeService::start([]).await;
    let tokens = FakeService::start([Reply::json(200, &answer)]).await;
    let (embedder, _) = service.embedder(with(EntraCredential::ManagedIdentity {
        client_id: client_id.map(str::to_owned),
        endpoint: ManagedIdentityEndpoint::InstanceMetadata {
            url: Some(format!("{}/metadata/identity/oauth2/token", tokens.url())),
        },
    }));
    embed(&embedder, &["paint"]).await.unwrap();
    let seen = &tokens.seen()[0];
    let query = "api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com";
    assert_eq!(seen.address, format!("/metadata/identity/oauth2/token?{query}{rest}"));
    assert_eq!(seen.header("metadata"), Some("true"));
    assert_eq!(bearers(&service), ["Bearer t1"]);
}

#[tokio::test]
async fn an_app_asks_its_platform() {
    // 12:00:00 UTC of the test's day and one hour more.
    let answer = |name| json!({"access_token": name, "expires_on": "1780318800"});
    let service = FakeService::start([]).await;
    let tokens =
        FakeService::start([Reply::json(200, &answer("t1")), Reply::json(200, &answer("t2"))])
            .await;
    let (embedder, timer) = service.embedder(with(EntraCredential::ManagedIdentity {
        client_id: None,
        endpoint: ManagedIdentityEndpoint::AppService {
            url: format!("{}/msi/token", tokens.url()),
            header: SECRET.into(),
        },
    }));
    embed(&embedder, &["paint"]).await.unwrap();
    let seen = &tokens.seen()[0];
    let query = "api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com";
    assert_eq!(seen.address, format!("/msi/token?{query}"));
    assert_eq!(seen.header("x-identity-header"), Some(SECRET));
    timer.advance(Duration::from_secs(3299));
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(tokens.requests(), 1);
    timer.advance(Duration::from_secs(2));
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(bearers(&service), ["Bearer t1", "Bearer t1", "Bearer t2"]);
}

#[rstest]
#[case::broken(Reply::status(500))]
#[case::busy(Reply::status(429))]
#[case::a_page(Reply::text("<html>Sign in</html>"))]
#[case::no_token(Reply::text(r#"{"expires_in": 3600}"#))]
#[case::no_end(Reply::text(r#"{"access_token": "t"}"#))]
#[case::not_a_token(Reply::text(r#"{"access_token": "t\n1", "expires_in": 3600}"#))]
#[case::an_empty_token(Reply::text(r#"{"access_token": "", "expires_in": 3600}"#))]
#[case::cut_off(Reply::Cut)]
#[case::without_an_end(Reply::Flood)]
#[tokio::test]
async fn a_token_service_that_fails_is_asked_again(#[case] bad: Reply) {
    let (service, tokens, embedder, timer) = start([], [bad, token("t1", 3600)]).await;
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!((tokens.requests(), service.requests()), (2, 1));
    assert_eq!(timer.pauses().len(), 1);
}

#[tokio::test]
async fn a_token_service_that_hangs_has_no_more_time_than_the_service() {
    let service = FakeService::start([]).await;
    let tokens = FakeService::start([Reply::Hang, token("t1", 3600)]).await;
    let mut settings = service.settings();
    with(client_secret(&tokens))(&mut settings);
    let timer = Arc::new(TestTimer::new(tokens.stalled()));
    let embedder = OpenAiEmbedder::with_timer(settings, timer.clone()).unwrap();
    embed(&embedder, &["paint"]).await.unwrap();
    assert!(timer.passed() >= Duration::from_secs(8));
    assert_eq!((tokens.requests(), service.requests()), (2, 1));
}

#[rstest]
#[case(400, json!({"error": "invalid_request", "error_codes": [900_023]}), "invalid_request AADSTS900023")]
#[case(401, json!({"error": "invalid_client", "error_codes": [7_000_215],
    "error_description": format!("Invalid client secret {SECRET}")}), "invalid_client AADSTS7000215")]
#[case(302, json!({}), "refused with 302")]
#[tokio::test]
async fn a_credential_that_is_refused_is_a_setting_to_mend(
    #[case] status: u16,
    #[case] body: Value,
    #[case] shown: &str,
) {
    let (service, tokens, embedder, _) = start([], [Reply::json(status, &body)]).await;
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    let text = whole_text(&error);
    assert!(text.contains(shown) && text.contains("check the tenant id"), "{text}");
    assert!(!text.contains(SECRET) && !text.contains("client-1"), "{text}");
    assert_eq!((tokens.requests(), service.requests()), (1, 0));
}

#[tokio::test]
async fn a_machine_without_the_identity_is_a_setting_to_mend() {
    let service = FakeService::start([]).await;
    let refusal = json!({"error": "invalid_request", "error_description": "Identity not found"});
    let tokens = FakeService::start([Reply::status(404), Reply::json(400, &refusal)]).await;
    let (embedder, timer) = service.embedder(with(EntraCredential::ManagedIdentity {
        client_id: None,
        endpoint: ManagedIdentityEndpoint::InstanceMetadata { url: Some(tokens.url()) },
    }));
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert!(whole_text(&error).contains("the identity is assigned to this machine"));
    assert_eq!((tokens.requests(), timer.pauses().len()), (2, 1), "404 passes, 400 does not");
}

#[rstest]
#[case(|credential: &mut EntraCredential| {
    if let EntraCredential::ClientSecret { authority, .. } = credential {
        "http://login.example.com".clone_into(authority);
    }
})]
#[case(|credential: &mut EntraCredential| {
    if let EntraCredential::ClientSecret { tenant_id, .. } = credential {
        "../other".clone_into(tenant_id);
    }
})]
#[case(|credential: &mut EntraCredential| {
    if let EntraCredential::ClientSecret { client_id, .. } = credential {
        client_id.clear();
    }
})]
#[tokio::test]
async fn a_credential_is_checked_before_it_is_used(#[case] spoil: fn(&mut EntraCredential)) {
    let service = FakeService::start([]).await;
    let mut credential = client_secret(&service);
    spoil(&mut credential);
    assert!(!format!("{credential:?}").contains(SECRET));
    let mut settings = service.settings();
    with(credential)(&mut settings);
    OpenAiEmbedder::new(settings).unwrap_err();
}
