//! A service that fails is left alone.

use std::time::Duration;

use retail_domain::ErrorCode;
use retail_embeddings::{OpenAiEmbedder, OpenAiSettings};

use super::support::{FakeService, Reply, embed, whole_text};

const OPEN_FOR: Duration = Duration::from_secs(15);

fn one_try(settings: &mut OpenAiSettings) {
    settings.limits.tries = 1;
    settings.limits.failures_to_open = 3;
}

async fn fail(embedder: &OpenAiEmbedder, times: usize) {
    for _ in 0..times {
        let error = embed(embedder, &["paint"]).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable);
    }
}

#[tokio::test]
async fn it_is_not_asked_while_it_is_left_alone_and_then_once() {
    let service = FakeService::start([500, 502, 503].map(Reply::status)).await;
    let (embedder, timer) = service.embedder(one_try);
    fail(&embedder, 3).await;

    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(error.hint(), Some("try again in 16 seconds"));
    assert!(whole_text(&error).contains("failed 3 times in a row and is left alone"));
    timer.advance(Duration::from_millis(14_999));
    fail(&embedder, 1).await;
    assert_eq!(service.requests(), 3, "no request reached it");

    timer.advance(Duration::from_millis(1));
    service.then(Reply::status(500));
    fail(&embedder, 2).await;
    assert_eq!(service.requests(), 4, "one try, which failed");

    timer.advance(OPEN_FOR);
    embed(&embedder, &["paint"]).await.unwrap();
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(service.requests(), 6, "it is closed again");
}

#[tokio::test]
async fn while_one_tries_no_other_does() {
    let service = FakeService::start([500, 500, 500].map(Reply::status)).await;
    let (embedder, timer) = service.embedder(one_try);
    fail(&embedder, 3).await;
    timer.advance(OPEN_FOR);
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    service.then(Reply::Gated(std::sync::Arc::clone(&gate)));
    let others = async {
        service.until_under_way(1).await;
        fail(&embedder, 5).await;
        gate.add_permits(1);
    };
    let (probe, ()) = tokio::join!(embed(&embedder, &["paint"]), others);
    probe.unwrap();
    assert_eq!(service.requests(), 4);
}

#[tokio::test]
async fn refusals_and_full_quotas_are_answers() {
    let replies = [429, 400, 429, 401, 429, 500, 500].map(Reply::status);
    let service = FakeService::start(replies).await;
    let (embedder, _) = service.embedder(one_try);
    for _ in 0..7 {
        embed(&embedder, &["paint"]).await.unwrap_err();
    }
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(service.requests(), 8);
}

#[tokio::test]
async fn failures_that_are_not_in_a_row_do_not_count() {
    let service = FakeService::start([
        Reply::status(500),
        Reply::status(500),
        Reply::good(),
        Reply::status(500),
        Reply::status(500),
    ])
    .await;
    let (embedder, _) = service.embedder(one_try);
    fail(&embedder, 2).await;
    embed(&embedder, &["paint"]).await.unwrap();
    fail(&embedder, 2).await;
    embed(&embedder, &["paint"]).await.unwrap();
}

#[tokio::test]
async fn tries_of_one_call_count_and_its_error_says_what_failed() {
    let service = FakeService::start((0..9).map(|_| Reply::status(503))).await;
    let (embedder, _) = service.embedder(|settings| settings.limits.failures_to_open = 2);
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(service.requests(), 2);
    assert!(whole_text(&error).contains("answered 503"));
}
