//! Keys and tokens go where they belong, and nowhere else.

use axum::http::StatusCode;
use retail_domain::ports::Embedder;
use retail_embeddings::{Auth, OpenAiEmbedder, RemoteError, Service};
use rstest::rstest;
use serde_json::json;

use super::support::{FakeService, Reply, embed, whole_text};

const KEY: &str = "7f3ad1c99e";

#[rstest]
#[case(true, Auth::ApiKey(KEY.into()), Some(KEY), None)]
#[case(true, Auth::Bearer(KEY.into()), None, Some("Bearer 7f3ad1c99e"))]
#[case(false, Auth::ApiKey(KEY.into()), None, Some("Bearer 7f3ad1c99e"))]
#[case(false, Auth::Bearer(KEY.into()), None, Some("Bearer 7f3ad1c99e"))]
#[case(false, Auth::None, None, None)]
#[case(false, Auth::ApiKey("7f3ad1c99e\n".into()), None, Some("Bearer 7f3ad1c99e"))]
#[tokio::test]
async fn a_key_is_sent_in_the_header_of_the_service(
    #[case] azure: bool,
    #[case] auth: Auth,
    #[case] api_key: Option<&str>,
    #[case] authorization: Option<&str>,
) {
    let service = FakeService::start([]).await;
    let (embedder, _) = service.embedder(|settings| {
        settings.auth = auth;
        if azure {
            settings.service = service.azure("v1");
        }
    });
    embed(&embedder, &["paint"]).await.unwrap();
    let seen = &service.seen()[0];
    assert_eq!((seen.header("api-key"), seen.header("authorization")), (api_key, authorization));
}

#[rstest]
#[case(301)]
#[case(302)]
#[case(307)]
#[case(308)]
#[tokio::test]
async fn a_redirect_does_not_take_the_key_along(#[case] status: u16) {
    let elsewhere = FakeService::start([]).await;
    let moved = Reply::With(
        StatusCode::from_u16(status).unwrap(),
        vec![("location", format!("{}/v1/embeddings", elsewhere.url()))],
        String::new(),
    );
    let service = FakeService::start([moved]).await;
    let (embedder, _) = service.embedder(|settings| settings.auth = Auth::ApiKey(KEY.into()));
    embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!((service.requests(), elsewhere.requests()), (1, 0));
}

#[rstest]
#[case(400)]
#[case(401)]
#[case(404)]
#[case(429)]
#[case(500)]
#[tokio::test]
async fn what_a_service_repeats_does_not_reach_the_log(#[case] status: u16) {
    let text = "what a customer asked";
    for error in [
        json!({"code": KEY, "type": text, "message": format!("{KEY} {text}")}),
        json!(format!("{KEY} {text}")),
        json!([KEY, text]),
    ] {
        let reply = || Reply::json(status, &json!({"error": error}));
        let service = FakeService::start((0..4).map(|_| reply())).await;
        let (embedder, _) = service.embedder(|settings| settings.auth = Auth::ApiKey(KEY.into()));
        let error = embedder.embed(&[text.to_owned()]).await.unwrap_err();
        let shown = whole_text(&error);
        assert!(!shown.contains(KEY) && !shown.contains("customer"), "{shown}");
        assert!(shown.contains(&status.to_string()), "{shown}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_does_not_reach_the_log() {
    let service = FakeService::start((0..4).map(|_| Reply::text(r#"{"data": "hunter2"}"#))).await;
    let (embedder, _) = service.embedder(|_| ());
    let shown = whole_text(&embed(&embedder, &["paint"]).await.unwrap_err());
    assert!(!shown.contains("hunter2") && !shown.contains("paint"), "{shown}");
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let service = FakeService::start([]).await;
    let mut settings = service.settings();
    settings.auth = Auth::ApiKey(KEY.into());
    assert!(!format!("{settings:?}").contains(KEY));
    let embedder = OpenAiEmbedder::new(settings).unwrap();
    assert!(!format!("{embedder:?}").contains(KEY));
}

#[rstest]
#[case("http://embedder.example.com/v1", Auth::ApiKey(KEY.into()), false)]
#[case("http://embedder.example.com/v1", Auth::None, true)]
#[case("http://127.0.0.1:1/v1", Auth::ApiKey(KEY.into()), true)]
#[case("http://127.0.0.1:1/v1", Auth::ApiKey(" ".into()), false)]
#[case("http://127.0.0.1:1/v1", Auth::ApiKey("7f3ad1c99e\nX: y".into()), false)]
#[case("http://user:7f3ad1c99e@127.0.0.1:1/v1", Auth::None, false)]
#[case("http://127.0.0.1:1/v1?key=7f3ad1c99e", Auth::None, false)]
#[tokio::test]
async fn a_key_is_refused_where_it_is_not_safe(
    #[case] base_url: &str,
    #[case] auth: Auth,
    #[case] good: bool,
) {
    let service = FakeService::start([]).await;
    let mut settings = service.settings();
    settings.auth = auth;
    settings.service =
        Service::OpenAiCompatible { base_url: base_url.to_owned(), send_dimensions: false };
    let made: Result<OpenAiEmbedder, RemoteError> = OpenAiEmbedder::new(settings);
    assert_eq!(made.is_ok(), good, "{made:?}");
    if let Err(error) = made {
        assert!(!format!("{error} {error:?}").contains(KEY), "{error}");
    }
}
