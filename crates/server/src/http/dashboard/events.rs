//! What the page is told again and again.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Dashboard;

/// How often.
const EVERY: Duration = Duration::from_secs(2);

/// How often the chart of the day is sent.
const DAY_EVERY: Duration = Duration::from_mins(1);

/// How often it is looked whether the token is still good.
const IDENTIFY_EVERY: Duration = Duration::from_secs(5);

/// After this time the page comes again: no connection is for ever.
const AT_MOST: Duration = Duration::from_hours(1);

/// Told before the stream ends in order, so that the page does not call it a lost connection.
const BYE: &str = "event: bye\ndata: {}\n\n";

/// A browser comes again after this time, in milliseconds, when the connection is lost.
const RETRY: &str = "retry: 2000\n\n";

/// One page that is open.
struct Page {
    dashboard: Dashboard,
    credential: HeaderMap,
    peer: SocketAddr,
    identify_due: Instant,
    ticks: tokio::time::Interval,
    until: Instant,
    day_due: Instant,
    is_new: bool,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

/// The stream for one page, or 503 where too many are open.
pub(super) fn stream(dashboard: &Dashboard, credential: HeaderMap, peer: SocketAddr) -> Response {
    let Ok(place) = dashboard.0.streams.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let now = Instant::now();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let page = Page {
        dashboard: dashboard.clone(),
        credential,
        peer,
        identify_due: now + IDENTIFY_EVERY,
        ticks,
        until: now + AT_MOST,
        day_due: now,
        is_new: true,
        is_over: false,
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
        if self.is_over {
            return None;
        }
        let draining = self.dashboard.0.parts.draining.clone();
        tokio::select! {
            _ = self.ticks.tick() => {}
            () = draining.cancelled() => return None,
        }
        let now = Instant::now();
        if now >= self.identify_due {
            self.identify_due = now + IDENTIFY_EVERY;
            // It has ended, or was taken away.
            if !self.dashboard.is_operator(&self.credential, self.peer).await {
                return None;
            }
        }
        if now >= self.until {
            self.is_over = true;
            return Some(BYE.to_owned());
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
