//! A service that answers as it is told, and time that passes when it is told to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::error::Error as _;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use chrono::{DateTime, TimeZone, Utc};
use futures_util::stream::{self, StreamExt};
use retail_domain::ports::Embedder;
use retail_domain::{Embedding, EmbeddingModel, Error};
use retail_embeddings::{
    Auth, OpenAiEmbedder, OpenAiSettings, RemoteLimits, Service, Timer, embedding_model,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

/// A defect must not make a test wait for ever.
const LONG: Duration = Duration::from_secs(30);

/// What the service does with one request.
pub(super) enum Reply {
    /// Answers with these headers and this body.
    With(StatusCode, Vec<(&'static str, String)>, String),
    /// Answers 200 with what is made of the texts.
    Made(fn(&[String]) -> Value),
    /// Never answers.
    Hang,
    /// Begins its answer and never ends it.
    Drip,
    /// Breaks the connection in the midst of its answer.
    Cut,
    /// Sends without an end, and without saying how much.
    Flood,
    /// Answers well, once the test adds a permit.
    Gated(Arc<Semaphore>),
    /// Refuses the credential, once the test adds a permit.
    RefusedLate(Arc<Semaphore>),
}

impl Reply {
    pub(super) fn good() -> Self {
        Self::Made(vectors)
    }

    pub(super) fn status(status: u16) -> Self {
        let body = json!({"error": {"code": "SomeCode", "message": "a long story"}});
        Self::With(StatusCode::from_u16(status).unwrap(), Vec::new(), body.to_string())
    }

    pub(super) fn busy(header: &'static str, value: &str) -> Self {
        Self::With(StatusCode::TOO_MANY_REQUESTS, vec![(header, value.to_owned())], "{}".to_owned())
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::With(StatusCode::from_u16(status).unwrap(), Vec::new(), body.to_string())
    }

    pub(super) fn text(body: &str) -> Self {
        Self::With(StatusCode::OK, Vec::new(), body.to_owned())
    }
}

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) address: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        serde_json::from_value(self.json()["input"].clone()).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn form(&self, name: &str) -> Option<String> {
        let address = format!("http://localhost/?{}", std::str::from_utf8(&self.body).unwrap());
        let url = reqwest::Url::parse(&address).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

#[derive(Default)]
struct Inner {
    script: Mutex<VecDeque<Reply>>,
    seen: Mutex<Vec<Seen>>,
    under_way: Mutex<(usize, usize)>,
    stalled: Arc<Notify>,
}

/// A service that plays a script, and then answers well.
#[derive(Clone)]
pub(super) struct FakeService {
    address: SocketAddr,
    inner: Arc<Inner>,
}

impl FakeService {
    pub(super) async fn start(script: impl IntoIterator<Item = Reply>) -> Self {
        let inner = Arc::new(Inner::default());
        inner.script.lock().unwrap().extend(script);
        let app = Router::new().fallback(answer).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, inner }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn then(&self, reply: Reply) {
        self.inner.script.lock().unwrap().push_back(reply);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// The texts of each request.
    pub(super) fn texts(&self) -> Vec<Vec<String>> {
        self.seen().iter().map(Seen::texts).collect()
    }

    pub(super) fn requests(&self) -> usize {
        self.inner.seen.lock().unwrap().len()
    }

    /// The most requests that were under way at once.
    pub(super) fn most_at_once(&self) -> usize {
        self.inner.under_way.lock().unwrap().1
    }

    /// Comes back when so many requests are under way.
    pub(super) async fn until_under_way(&self, count: usize) {
        let wait = async {
            while self.inner.under_way.lock().unwrap().0 < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, wait).await.expect("requests under way");
    }

    /// Told each time that the service stops in the midst of something.
    pub(super) fn stalled(&self) -> Arc<Notify> {
        Arc::clone(&self.inner.stalled)
    }

    pub(super) fn compatible(&self) -> Service {
        Service::OpenAiCompatible { base_url: format!("{}/v1", self.url()), send_dimensions: false }
    }

    pub(super) fn azure(&self, api_version: &str) -> Service {
        Service::Azure {
            endpoint: self.url(),
            deployment: "search".to_owned(),
            api_version: api_version.to_owned(),
        }
    }

    pub(super) fn settings(&self) -> OpenAiSettings {
        OpenAiSettings {
            service: self.compatible(),
            auth: Auth::None,
            model: model(),
            limits: RemoteLimits::default(),
        }
    }

    /// An embedder of this service with this time.
    pub(super) fn embedder(
        &self,
        change: impl FnOnce(&mut OpenAiSettings),
    ) -> (OpenAiEmbedder, Arc<TestTimer>) {
        let timer = Arc::new(TestTimer::new(self.stalled()));
        let mut settings = self.settings();
        change(&mut settings);
        (OpenAiEmbedder::with_timer(settings, timer.clone()).unwrap(), timer)
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 22).await.unwrap();
    let seen = Seen { address: parts.uri.to_string(), headers: parts.headers, body };
    inner.seen.lock().unwrap().push(seen.clone());
    {
        let mut under_way = inner.under_way.lock().unwrap();
        under_way.0 += 1;
        under_way.1 = under_way.1.max(under_way.0);
    }
    let reply = inner.script.lock().unwrap().pop_front().unwrap_or_else(Reply::good);
    let response = match reply {
        Reply::With(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(body.into()).unwrap()
        }
        Reply::Made(make) => Response::new(make(&seen.texts()).to_string().into()),
        Reply::Hang => {
            inner.stalled.notify_one();
            std::future::pending().await
        }
        Reply::Drip => {
            let stalled = Arc::clone(&inner.stalled);
            let first = stream::once(async { Ok::<_, Infallible>("{\"data\": [") });
            let never = stream::once(async move {
                stalled.notify_one();
                std::future::pending().await
            });
            Response::new(Body::from_stream(first.chain(never)))
        }
        Reply::Cut => {
            let pieces = [Ok("{\"data\": ["), Err("the cable was pulled")];
            Response::new(Body::from_stream(stream::iter(pieces)))
        }
        Reply::Flood => {
            let piece = " ".repeat(16 * 1024);
            Response::new(Body::from_stream(stream::repeat(Ok::<_, Infallible>(piece))))
        }
        Reply::RefusedLate(gate) => {
            gate.acquire().await.unwrap().forget();
            Response::builder().status(401).body(Body::empty()).unwrap()
        }
        Reply::Gated(gate) => {
            gate.acquire().await.unwrap().forget();
            Response::new(vectors(&seen.texts()).to_string().into())
        }
    };
    inner.under_way.lock().unwrap().0 -= 1;
    response
}

pub(super) fn model() -> EmbeddingModel {
    embedding_model("test-model", Some(3)).unwrap()
}

/// The vector that the service has for a text.
pub(super) fn vector(text: &str) -> [f32; 3] {
    let sum = text.bytes().map(u32::from).sum::<u32>() % 97;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    [text.chars().count() as f32, sum as f32, 1.0]
}

/// The answer that a good service gives.
pub(super) fn vectors(texts: &[String]) -> Value {
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text)}))
        .collect();
    json!({"object": "list", "model": "test-model", "data": data, "usage": {"prompt_tokens": 1}})
}

pub(super) fn expected(text: &str) -> Embedding {
    Embedding::new(Arc::new(model()), vector(text).to_vec()).unwrap()
}

/// Embeds, and checks that each text got its own vector.
pub(super) async fn embed(embedder: &OpenAiEmbedder, texts: &[&str]) -> Result<(), Error> {
    let owned: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let got = tokio::time::timeout(LONG, embedder.embed(&owned));
    let got = got.await.expect("an answer or an error")?;
    let wanted: Vec<Embedding> = texts.iter().map(|text| expected(text)).collect();
    assert_eq!(got, wanted);
    Ok(())
}

/// All that a log could show of an error.
pub(super) fn whole_text(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {:?}", error.hint());
    let mut source = error.source();
    while let Some(cause) = source {
        write!(text, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    text
}

/// Time that stands still but for pauses, which are over at once, and for a try that its service stalls, which is
/// over when the service has stopped.
pub(super) struct TestTimer {
    begin: Instant,
    passed: Mutex<Duration>,
    pauses: Mutex<Vec<Duration>>,
    stalled: Arc<Notify>,
}

impl TestTimer {
    pub(super) fn new(stalled: Arc<Notify>) -> Self {
        Self { begin: Instant::now(), passed: Mutex::default(), pauses: Mutex::default(), stalled }
    }

    pub(super) fn advance(&self, by: Duration) {
        *self.passed.lock().unwrap() += by;
    }

    pub(super) fn passed(&self) -> Duration {
        *self.passed.lock().unwrap()
    }

    pub(super) fn pauses(&self) -> Vec<Duration> {
        self.pauses.lock().unwrap().clone()
    }
}

#[async_trait]
impl Timer for TestTimer {
    fn now(&self) -> Instant {
        self.begin + self.passed()
    }

    fn utc(&self) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 6, 1, 12, 0, 0).unwrap() + self.passed()
    }

    async fn pause(&self, how_long: Duration) {
        self.pauses.lock().unwrap().push(how_long);
        self.advance(how_long);
        tokio::task::yield_now().await;
    }

    async fn expire(&self, after: Duration) {
        self.stalled.notified().await;
        self.advance(after);
    }
}
