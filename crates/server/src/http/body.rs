//! A request body, read whole before anything is done with it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use super::refusal::Refusal;

/// How long and how slow a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// The longest, in bytes.
    pub(super) max_bytes: usize,
    /// The longest time for all of it. A pause may take a third of that.
    pub(super) within: Duration,
}

impl BodyLimits {
    /// Reads the body.
    pub(super) async fn read(self, body: Body) -> Result<Bytes, Refusal> {
        let max = u64::try_from(self.max_bytes).unwrap_or(u64::MAX);
        // What the client announces, so that nothing of a longer one is read.
        if body.size_hint().lower() > max {
            return Err(Refusal::BodyTooLong);
        }
        timeout(self.within, self.read_frames(body)).await.unwrap_or(Err(Refusal::BodyTooSlow))
    }

    async fn read_frames(self, mut body: Body) -> Result<Bytes, Refusal> {
        let mut bytes = Vec::new();
        loop {
            let frame = match timeout(self.within / 3, body.frame()).await {
                Err(_) => return Err(Refusal::BodyTooSlow),
                Ok(Some(Err(_))) => return Err(Refusal::BadBody),
                Ok(None) => return Ok(bytes.into()),
                Ok(Some(Ok(frame))) => frame,
            };
            let Ok(data) = frame.into_data() else {
                // Trailers, which mean nothing here.
                continue;
            };
            if bytes.len().saturating_add(data.len()) > self.max_bytes {
                return Err(Refusal::BodyTooLong);
            }
            bytes.extend_from_slice(&data);
        }
    }
}
