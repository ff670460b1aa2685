//! The body of a request, of which something may be left when the answer is there.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

/// How long the rest of a body may take. Many clients send head and body one after the other, and a refusal is
/// quicker than that.
const REST_WITHIN: Duration = Duration::from_millis(200);

/// How long the rest may be, in bytes.
const REST_BYTES: u64 = 64 * 1024;

/// A body that two may read, one after the other.
#[derive(Debug, Clone)]
pub(super) struct RequestBody(Arc<Mutex<Incoming>>);

impl RequestBody {
    pub(super) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads what nobody has read. False where that is too much, or does not come: then there can be no other
    /// request on the connection, and the client has to be told, or it would send one to nobody.
    pub(super) async fn read_rest(mut self) -> bool {
        let rest = async {
            let mut read = 0;
            while let Some(frame) = self.frame().await {
                let Ok(frame) = frame else { return false };
                read += frame.data_ref().map_or(0, |data| data.len() as u64);
                if read + self.size_hint().lower() > REST_BYTES {
                    return false;
                }
            }
            true
        };
        timeout(REST_WITHIN, rest).await.unwrap_or(false)
    }

    fn lock(&self) -> MutexGuard<'_, Incoming> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut *self.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().size_hint()
    }
}
