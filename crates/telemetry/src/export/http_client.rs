//! HTTP for exporters, which run on threads without a runtime.

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use tokio::runtime::Handle;

use super::{ExportError, SEND_WITHIN};
use crate::http_out;

/// Longest answer that is read: receivers say in it what they did not take.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Sends on the runtime on which it was made.
#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

impl Client {
    pub(super) fn new(endpoint: &str) -> Result<Self, ExportError> {
        let runtime = Handle::try_current()
            .map_err(|_| ExportError::Otlp("there is no runtime to send on".to_owned()))?;
        let http = http_out::client(endpoint, SEND_WITHIN)
            .map_err(|error| ExportError::Tls(error.to_string()))?;
        Ok(Self { http, runtime })
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let http = self.http.clone();
        let sent = self.runtime.spawn(async move {
            let mut answer = http.execute(request).await?;
            let mut response = Response::builder().status(answer.status());
            if let Some(headers) = response.headers_mut() {
                *headers = std::mem::take(answer.headers_mut());
            }
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                    return Err::<_, HttpError>("the answer is too long".into());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(response.body(Bytes::from(body))?)
        });
        sent.await?
    }
}
