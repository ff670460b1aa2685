//! What a service may answer, and what is made of it.

use axum::http::StatusCode;
use retail_domain::ErrorCode;
use rstest::rstest;
use serde_json::json;

use super::support::{FakeService, Reply, embed, vectors, whole_text};

#[tokio::test]
async fn vectors_are_put_in_order_by_their_index() {
    let shuffled = Reply::Made(|texts| {
        let mut answer = vectors(texts);
        answer["data"].as_array_mut().unwrap().reverse();
        answer
    });
    let service = FakeService::start([shuffled]).await;
    let (embedder, _) = service.embedder(|_| ());
    embed(&embedder, &["paint", "a hammer", "screws"]).await.unwrap();
}

fn changed(change: fn(&mut serde_json::Value)) -> Reply {
    let mut answer = vectors(&["paint".to_owned(), "glue".to_owned()]);
    change(&mut answer);
    Reply::text(&answer.to_string())
}

fn number(number: &str) -> Reply {
    let vector = |index| format!(r#"{{"index": {index}, "embedding": [1.0, {number}, 1.0]}}"#);
    Reply::text(&format!(r#"{{"data": [{}, {}]}}"#, vector(0), vector(1)))
}

#[rstest]
#[case::a_vector_too_few(changed(|answer| drop(answer["data"].as_array_mut().unwrap().pop())))]
#[case::a_vector_too_many(changed(|answer| {
    let data = answer["data"].as_array_mut().unwrap();
    data.push(data[0].clone());
}))]
#[case::two_of_one_index(changed(|answer| answer["data"][1]["index"] = json!(0)))]
#[case::a_strange_index(changed(|answer| answer["data"][1]["index"] = json!(2)))]
#[case::a_negative_index(changed(|answer| answer["data"][1]["index"] = json!(-1)))]
#[case::no_index(changed(|answer| {
    answer["data"][1].as_object_mut().unwrap().remove("index");
}))]
#[case::no_data(Reply::text("{}"))]
#[case::no_direction(changed(|answer| answer["data"][0]["embedding"] = json!([0.0, 0.0, 0.0])))]
#[case::null(number("null"))]
#[case::nan(number("NaN"))]
#[case::too_large_for_single_precision(number("1e39"))]
#[case::too_large_for_any(number("1e400"))]
#[case::a_text(number("\"1\""))]
#[case::base64(changed(|answer| answer["data"][0]["embedding"] = json!("AACAPwAAgD8AAIA/")))]
#[case::half_of_the_json(Reply::text(r#"{"data": [{"index": 0, "#))]
#[case::a_page(Reply::text("<!doctype html><title>Sign in</title>"))]
#[case::nothing(Reply::text(""))]
#[case::much_too_long(Reply::text(&" ".repeat(1 << 20)))]
#[case::without_an_end(Reply::Flood)]
#[case::cut_off(Reply::Cut)]
#[case::stalled(Reply::Hang)]
#[case::stalled_in_the_body(Reply::Drip)]
#[tokio::test]
async fn an_answer_that_is_none_is_asked_for_again(#[case] bad: Reply) {
    let service = FakeService::start([bad]).await;
    let (embedder, timer) = service.embedder(|settings| settings.limits.tries = 2);
    embed(&embedder, &["paint", "glue"]).await.unwrap();
    assert_eq!(service.requests(), 2);
    assert_eq!(timer.pauses().len(), 1);

    let (embedder, _) = service.embedder(|settings| settings.limits.tries = 1);
    service.then(Reply::text("{}"));
    let error = embed(&embedder, &["paint", "glue"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(service.requests(), 3);
}

#[rstest]
#[case::shorter(json!([1.0, 2.0]))]
#[case::longer(json!([1.0, 2.0, 3.0, 4.0]))]
#[tokio::test]
async fn vectors_of_another_size_are_a_setting_to_mend(#[case] vector: serde_json::Value) {
    let answer = json!({"data": [{"index": 0, "embedding": vector}]});
    let service = FakeService::start([Reply::json(200, &answer)]).await;
    let (embedder, _) = service.embedder(|_| ());
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    assert!(whole_text(&error).contains("test-model (3 dimensions) was configured"));
    assert_eq!(service.requests(), 1);
}

#[tokio::test]
async fn vectors_of_another_model_of_the_same_size_are_noticed() {
    let vector = vec![0.5_f32; 1536];
    let answer = |model: &str| {
        let data = json!([{"index": 0, "embedding": vector}]);
        Reply::json(200, &json!({"model": model, "data": data}))
    };
    let service = FakeService::start([
        answer("text-embedding-ada-002-v2"),
        answer("text-embedding-3-small"),
        answer("an-alias"),
    ])
    .await;
    let (embedder, _) = service.embedder(|settings| {
        settings.model =
            retail_embeddings::embedding_model("text-embedding-3-small", None).unwrap();
    });
    let texts = ["paint".to_owned()];
    let embed = || retail_domain::ports::Embedder::embed(&embedder, &texts);
    assert_eq!(embed().await.unwrap_err().code(), ErrorCode::Internal);
    embed().await.unwrap();
    embed().await.unwrap();
}

#[rstest]
#[case(301, "redirects are not followed")]
#[case(400, "check the model")]
#[case(401, "check the key")]
#[case(403, "Cognitive Services OpenAI User")]
#[case(404, "check the base URL")]
#[case(413, "check the model")]
#[case(422, "check the model")]
#[tokio::test]
async fn a_refusal_is_not_asked_again_and_names_what_to_mend(
    #[case] status: u16,
    #[case] mend: &str,
) {
    let service = FakeService::start([Reply::status(status)]).await;
    let (embedder, timer) = service.embedder(|_| ());
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Internal);
    let text = whole_text(&error);
    assert!(text.contains(mend) && text.contains(&format!("{status} SomeCode")), "{text}");
    assert!(!text.contains("a long story"), "{text}");
    assert_eq!((service.requests(), timer.pauses().len()), (1, 0));
}

#[tokio::test]
async fn a_missing_deployment_is_named_as_such() {
    let code = json!({"error": {"code": "DeploymentNotFound", "message": "m"}});
    let service = FakeService::start([Reply::json(404, &code)]).await;
    let (embedder, _) = service.embedder(|settings| settings.service = service.azure("2024-10-21"));
    let text = whole_text(&embed(&embedder, &["paint"]).await.unwrap_err());
    assert!(text.contains("404 DeploymentNotFound: check the endpoint, the deployment"), "{text}");
}

#[tokio::test]
async fn an_account_without_credit_is_not_asked_again() {
    let code = json!({"error": {"code": "insufficient_quota", "type": "insufficient_quota"}});
    let service = FakeService::start([Reply::json(429, &code)]).await;
    let (embedder, _) = service.embedder(|_| ());
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!((error.code(), service.requests()), (ErrorCode::Internal, 1));
}

#[tokio::test]
async fn a_refusal_with_an_endless_page_is_still_that_refusal() {
    let page = "<p>no</p>".repeat(1 << 16);
    let service =
        FakeService::start([Reply::With(StatusCode::UNAUTHORIZED, Vec::new(), page)]).await;
    let (embedder, _) = service.embedder(|_| ());
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert!(whole_text(&error).contains("answered 401: check the key"));
}
