//! What the page is told again and again.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Dashboard;

/// How often.
const EVERY: Duration = Duration::from_secs(2);

/// How often the chart of the day is sent.
const DAY_EVERY: Duration = Duration::from_mins(1);

/// After this time the page comes again, and so its token is looked at again.
const AT_MOST: Duration = Duration::from_mins(5);

/// A browser comes again after this time, in milliseconds, when the connection is lost.
const RETRY: &str = "retry: 2000\n\n";

/// One page that is open.
struct Page {
    dashboard: Dashboard,
    ticks: tokio::time::Interval,
    until: Instant,
    day_due: Instant,
    is_new: bool,
    _place: OwnedSemaphorePermit,
}

/// The stream for one page, or 503 where too many are open.
pub(super) fn stream(dashboard: &Dashboard) -> Response {
    let Ok(place) = dashboard.0.streams.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let now = Instant::now();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let page = Page {
        dashboard: dashboard.clone(),
        ticks,
        until: now + AT_MOST,
        day_due: now,
        is_new: true,
        _place: place,
    };
    let events = stream::unfold(page, |mut page| async {
        let events = page.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(events)), page))
    });
    let mut response = Body::from_stream(events).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // So that nginx does not wait for more of it.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    response
}

impl Page {
    /// The next events. None: the stream is over.
    async fn next(&mut self) -> Option<String> {
        let draining = self.dashboard.0.draining.clone();
        tokio::select! {
            _ = self.ticks.tick() => {}
            () = draining.cancelled() => return None,
        }
        let now = Instant::now();
        if now >= self.until {
            return None;
        }
        let mut text = String::new();
        if std::mem::take(&mut self.is_new) {
            text.push_str(RETRY);
        }
        if now >= self.day_due {
            self.day_due = now + DAY_EVERY;
            text.push_str(&event("day", &self.dashboard.day()));
        }
        text.push_str(&event("state", &self.dashboard.state().await));
        Some(text)
    }
}

/// An event. JSON in one line.
fn event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
