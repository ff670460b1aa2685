//! A collector of telemetry that keeps what it is sent: OTLP by gRPC and by HTTP, and what Azure Monitor takes.

mod received;
mod tls;

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;

use self::tls::TlsListener;
use axum::serve::Listener as _;

pub use received::{ReceivedLine, ReceivedSpan};

/// A collector on this machine. It ends with the runtime on which it was started.
#[derive(Debug, Clone)]
pub struct Collector {
    grpc: SocketAddr,
    http: SocketAddr,
    https: SocketAddr,
    authority: String,
    received: Received,
}

/// What has come.
#[derive(Debug, Clone, Default)]
struct Received(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<ReceivedSpan>,
    lines: Vec<ReceivedLine>,
    metrics: Vec<String>,
    azure: Vec<Value>,
    headers: HeaderMap,
}

impl Received {
    fn state(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector {
    /// Starts it on free ports.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        let received = Received::default();
        let grpc = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let http = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addresses =
            (grpc.local_addr().expect("an address"), http.local_addr().expect("an address"));
        let services = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(received.clone()))
            .add_service(LogsServiceServer::new(received.clone()))
            .add_service(MetricsServiceServer::new(received.clone()));
        tokio::spawn(services.serve_with_incoming(TcpIncoming::from(grpc)));
        let routes = Router::new()
            .route("/v1/traces", post(by_http::<ExportTraceServiceRequest>))
            .route("/v1/logs", post(by_http::<ExportLogsServiceRequest>))
            .route("/v1/metrics", post(by_http::<ExportMetricsServiceRequest>))
            .route("/v2/track", post(azure))
            .route("/v2.1/track", post(azure))
            .with_state(received.clone());
        let (tls, authority) = TlsListener::bind().await;
        let https = tls.local_addr().expect("an address");
        let plain = routes.clone();
        tokio::spawn(async move { axum::serve(http, plain).await });
        tokio::spawn(async move { axum::serve(tls, routes).await });
        Self { grpc: addresses.0, http: addresses.1, https, authority, received }
    }

    /// Its address for OTLP by gRPC.
    pub fn grpc_endpoint(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Its address for OTLP by HTTP.
    pub fn http_endpoint(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Its address for OTLP by HTTP with TLS. Whoever asks must trust its [`authority`](Self::authority).
    pub fn https_endpoint(&self) -> String {
        format!("https://{}", self.https)
    }

    /// The certificate authority that its TLS depends on, as PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What makes it an Application Insights resource. Only TLS leads to one.
    pub fn connection_string(&self) -> String {
        format!(
            "InstrumentationKey=00000000-0000-0000-0000-0000000000aa;IngestionEndpoint=https://{}/",
            self.https
        )
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.received.state().spans.clone()
    }

    /// All log lines so far.
    pub fn lines(&self) -> Vec<ReceivedLine> {
        self.received.state().lines.clone()
    }

    /// Names of all metrics so far, sorted and each once.
    pub fn metric_names(&self) -> Vec<String> {
        let mut names = self.received.state().metrics.clone();
        names.sort();
        names.dedup();
        names
    }

    /// All envelopes for Azure Monitor so far.
    pub fn azure(&self) -> Vec<Value> {
        self.received.state().azure.clone()
    }

    /// A header of the last message.
    pub fn header(&self, name: &str) -> Option<String> {
        let state = self.received.state();
        state.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned)
    }
}

/// A message of OTLP.
trait Export: Message + Default {
    fn keep(self, state: &mut Kept);
}

impl Export for ExportTraceServiceRequest {
    fn keep(self, state: &mut Kept) {
        let spans = self.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        state.spans.extend(spans.flat_map(|scope| scope.spans).map(ReceivedSpan::from));
    }
}

impl Export for ExportLogsServiceRequest {
    fn keep(self, state: &mut Kept) {
        let lines = self.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        state.lines.extend(lines.flat_map(|scope| scope.log_records).map(ReceivedLine::from));
    }
}

impl Export for ExportMetricsServiceRequest {
    fn keep(self, state: &mut Kept) {
        let scopes = self.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        state.metrics.extend(scopes.flat_map(|scope| scope.metrics).map(|metric| metric.name));
    }
}

async fn by_http<E: Export>(
    State(received): State<Received>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(message) = E::decode(body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut state = received.state();
    state.headers = headers;
    message.keep(&mut state);
    // An empty message of protocol buffers: all was taken.
    ([("content-type", "application/x-protobuf")], Vec::new()).into_response()
}

async fn azure(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> Response {
    let mut text = String::new();
    let read = GzDecoder::new(&body[..]).read_to_string(&mut text).ok();
    let Some(Ok(Value::Array(envelopes))) = read.map(|_| serde_json::from_str(&text)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let count = envelopes.len();
    let mut state = received.state();
    state.headers = headers;
    state.azure.extend(envelopes);
    let taken = json!({ "itemsReceived": count, "itemsAccepted": count, "errors": [] });
    axum::Json(taken).into_response()
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.keep(request);
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Received {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        self.keep(request);
        Ok(tonic::Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Received {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        self.keep(request);
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

impl Received {
    fn keep<E: Export>(&self, request: tonic::Request<E>) {
        let (metadata, _, message) = request.into_parts();
        let mut state = self.state();
        state.headers = metadata.into_headers();
        message.keep(&mut state);
    }
}
