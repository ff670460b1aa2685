//! When a service is asked again, and when not.

use std::time::Duration;

use retail_domain::ErrorCode;
use rstest::rstest;

use super::support::{FakeService, Reply, embed, whole_text};

const JITTER: Duration = Duration::from_millis(250);

#[rstest]
#[case("retry-after", "7", 7_000)]
#[case("retry-after", "Mon, 01 Jun 2026 12:00:09 GMT", 9_000)]
#[case("retry-after-ms", "1500", 1_500)]
#[tokio::test]
async fn the_pause_that_is_asked_for_is_made(
    #[case] header: &'static str,
    #[case] value: &str,
    #[case] millis: u64,
) {
    let service = FakeService::start([Reply::busy(header, value)]).await;
    let (embedder, timer) = service.embedder(|_| ());
    embed(&embedder, &["paint"]).await.unwrap();
    let asked = Duration::from_millis(millis);
    let [made] = timer.pauses()[..] else { panic!("{:?}", timer.pauses()) };
    assert!(made >= asked && made <= asked + JITTER, "{made:?}");
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn a_pause_beyond_the_total_time_is_not_waited_for() {
    let service = FakeService::start([Reply::busy("retry-after", "30")]).await;
    let (embedder, timer) = service.embedder(|_| ());
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Overloaded);
    assert_eq!(error.hint(), Some("try again in 31 seconds"));
    assert_eq!(timer.passed(), Duration::ZERO);

    // It holds for whoever comes next, too.
    let error = embed(&embedder, &["glue"]).await.unwrap_err();
    assert_eq!((error.code(), service.requests()), (ErrorCode::Overloaded, 1));

    timer.advance(Duration::from_secs(25));
    embed(&embedder, &["glue"]).await.unwrap();
    assert_eq!(timer.pauses(), [Duration::from_secs(5)]);
    assert_eq!(service.requests(), 2);
}

#[tokio::test]
async fn a_senseless_pause_does_not_stop_search_for_a_day() {
    let service = FakeService::start([Reply::busy("retry-after", "86400")]).await;
    let (embedder, timer) = service.embedder(|_| ());
    embed(&embedder, &["paint"]).await.unwrap_err();
    timer.advance(Duration::from_mins(1));
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(timer.pauses(), []);
}

#[rstest]
#[case(408)]
#[case(429)]
#[case(500)]
#[case(502)]
#[case(503)]
#[case(504)]
#[tokio::test]
async fn what_passes_is_tried_again_with_growing_random_pauses(#[case] status: u16) {
    let replies = [Reply::status(status), Reply::status(status), Reply::status(status)];
    let service = FakeService::start(replies).await;
    let (embedder, timer) = service.embedder(|_| ());
    embed(&embedder, &["paint"]).await.unwrap();
    assert_eq!(service.requests(), 4);
    let pauses = timer.pauses();
    assert_eq!(pauses.len(), 3);
    for (pause, longest) in pauses.iter().zip([250, 500, 1_000]) {
        assert!(*pause <= Duration::from_millis(longest), "{pauses:?}");
    }
    assert!(pauses.iter().any(|pause| !pause.is_zero()), "{pauses:?}");
}

#[tokio::test]
async fn the_tries_have_an_end() {
    let service = FakeService::start((0..9).map(|_| Reply::status(500))).await;
    let (embedder, timer) = service.embedder(|_| ());
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(error.hint(), Some("try again in a moment"));
    assert!(whole_text(&error).contains("the embedding service answered 500 SomeCode"));
    assert_eq!((service.requests(), timer.pauses().len()), (4, 3));
}

#[tokio::test]
async fn a_busy_service_is_overloaded_not_broken() {
    let service = FakeService::start((0..9).map(|_| Reply::status(429))).await;
    let (embedder, _) = service.embedder(|_| ());
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Overloaded);
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_service_that_hangs_has_its_time_for_each_try_and_for_all() {
    let service = FakeService::start((0..9).map(|_| Reply::Hang)).await;
    let (embedder, timer) = service.embedder(|settings| {
        settings.limits.first_pause = Duration::ZERO;
    });
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    // Two tries of 8 seconds, and one of the 4 that are left of 20.
    assert_eq!((service.requests(), timer.passed()), (3, Duration::from_secs(20)));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let service = FakeService::start([]).await;
    let (embedder, timer) = service.embedder(|settings| {
        settings.service = retail_embeddings::Service::OpenAiCompatible {
            base_url: nobody,
            send_dimensions: false,
        };
    });
    let error = embed(&embedder, &["paint"]).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(timer.pauses().len(), 3);
    assert!(whole_text(&error).contains("cannot be reached: Connection refused"));
}

#[tokio::test]
async fn one_bad_batch_fails_the_call_and_the_good_ones_are_not_asked_again() {
    let service = FakeService::start([Reply::good(), Reply::status(500)]).await;
    let (embedder, _) = service.embedder(|settings| {
        settings.limits.concurrent_requests = 1;
        settings.limits.batch_texts = 1;
    });
    embed(&embedder, &["a", "b", "c"]).await.unwrap();
    assert_eq!(service.texts(), [["a"], ["b"], ["b"], ["c"]]);
}
