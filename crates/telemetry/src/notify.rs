//! Tells receivers of alarms, for installations without an Alertmanager.
//!
//! Each receiver has a queue and a task of its own: one that is away delays neither calls nor other receivers.

mod message;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::alarms::{Notice, Severity};
use crate::http_out;

/// Notices that may wait for a receiver.
const QUEUE: usize = 64;

/// Longest time for one try.
const WITHIN: Duration = Duration::from_secs(10);

/// How long to wait before each further try. Together with the tries themselves less than five minutes.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_mins(1),
    Duration::from_mins(2),
];

/// The longest pause that a receiver may ask for.
const MAX_PAUSE: Duration = Duration::from_mins(2);

/// What a receiver understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WebhookKind {
    /// The fields of the notice as JSON.
    Generic,
    /// A workflow of Microsoft Teams that posts an Adaptive Card.
    Teams,
    /// An incoming webhook of Slack.
    Slack,
}

/// A receiver.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// What the operator calls it. It stands in the log.
    pub name: String,
    /// What it understands.
    pub kind: WebhookKind,
    /// Its address. Whoever knows it can write there, so it is a secret.
    pub url: SecretString,
    /// What is less bad is not told.
    pub min_severity: Severity,
}

/// What stands in each message.
#[derive(Debug, Clone, Default)]
pub struct Sender {
    /// Which server it is.
    pub server: String,
    /// Address of the page that explains alarms, to which `#` and the name of the alarm are added.
    pub runbook: Option<String>,
}

/// Why there is no way to a receiver.
#[derive(Debug, thiserror::Error)]
#[error("webhook {name} cannot be used: {reason}")]
pub struct NotifyError {
    name: String,
    reason: String,
}

/// What became of notices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotificationCounts {
    /// Taken by a receiver.
    pub sent: u64,
    /// Given up.
    pub failed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    failed: AtomicU64,
}

/// All receivers.
pub struct Webhooks {
    receivers: Vec<(Severity, mpsc::Sender<Notice>)>,
    counters: Arc<Counters>,
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").field("receivers", &self.receivers.len()).finish_non_exhaustive()
    }
}

impl Webhooks {
    /// Starts a task for each receiver. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`NotifyError`] when there is no HTTP client for one.
    pub fn start(
        receivers: impl IntoIterator<Item = WebhookSettings>,
        sender: &Sender,
    ) -> Result<Self, NotifyError> {
        let counters = Arc::<Counters>::default();
        let receivers = receivers.into_iter().map(|settings| {
            let http = http_out::client(settings.url.expose_secret(), WITHIN).map_err(|error| {
                NotifyError { name: settings.name.clone(), reason: error.to_string() }
            })?;
            let (queue, notices) = mpsc::channel(QUEUE);
            let min_severity = settings.min_severity;
            let sender = sender.clone();
            let receiver = Receiver { settings, http, sender, counters: Arc::clone(&counters) };
            tokio::spawn(receiver.run(notices));
            Ok((min_severity, queue))
        });
        Ok(Self { receivers: receivers.collect::<Result<_, _>>()?, counters })
    }

    /// Puts a notice into the queue of each receiver that wants to hear of it. It never waits.
    pub fn tell(&self, notice: &Notice) {
        for (_, queue) in self.receivers.iter().filter(|(least, _)| notice.severity >= *least) {
            if queue.try_send(notice.clone()).is_err() {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                warn!(alarm = notice.alarm, "too many notices wait for a webhook; one is left out");
            }
        }
    }

    /// What became of notices since the start.
    pub fn counts(&self) -> NotificationCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NotificationCounts { sent: read(&self.counters.sent), failed: read(&self.counters.failed) }
    }
}

struct Receiver {
    settings: WebhookSettings,
    http: reqwest::Client,
    sender: Sender,
    counters: Arc<Counters>,
}

/// What came of one try.
enum Tried {
    Taken,
    /// Another try may help, after the pause that was asked for.
    Later(String, Option<Duration>),
    /// It will not.
    Never(String),
}

impl Receiver {
    async fn run(self, mut notices: mpsc::Receiver<Notice>) {
        while let Some(notice) = notices.recv().await {
            let name = &self.settings.name;
            match self.deliver(&notice).await {
                Ok(()) => {
                    self.counters.sent.fetch_add(1, Ordering::Relaxed);
                    info!(webhook = %name, alarm = notice.alarm, "a webhook was told of an alarm");
                }
                Err(reason) => {
                    self.counters.failed.fetch_add(1, Ordering::Relaxed);
                    warn!(webhook = %name, alarm = notice.alarm, reason, "a webhook was not told of an alarm");
                }
            }
        }
    }

    async fn deliver(&self, notice: &Notice) -> Result<(), String> {
        let body = message::body(self.settings.kind, notice, &self.sender).to_string();
        let mut pauses = PAUSES.iter();
        loop {
            match self.send(body.clone()).await {
                Tried::Taken => return Ok(()),
                Tried::Never(reason) => return Err(reason),
                Tried::Later(reason, asked_for) => {
                    let Some(pause) = pauses.next() else { return Err(reason) };
                    tokio::time::sleep(asked_for.map_or(*pause, |asked| asked.min(MAX_PAUSE)))
                        .await;
                }
            }
        }
    }

    async fn send(&self, body: String) -> Tried {
        let url = self.settings.url.expose_secret();
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json").body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Tried::Taken,
            Ok(answer) => {
                let status = answer.status();
                let asked_for = answer.headers().get(RETRY_AFTER);
                let asked_for = asked_for.and_then(|value| value.to_str().ok()?.parse().ok());
                let reason = format!("it answered with status {}", status.as_u16());
                let may_pass = status.is_server_error()
                    || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT]
                        .contains(&status);
                if may_pass {
                    Tried::Later(reason, asked_for.map(Duration::from_secs))
                } else {
                    Tried::Never(reason)
                }
            }
            // The address is in the error otherwise.
            Err(error) => Tried::Later(error.without_url().to_string(), None),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::alarms::AlarmState;

    fn notice(severity: Severity) -> Notice {
        Notice {
            alarm: "RetailMcpRedisPaused",
            severity,
            state: AlarmState::Firing,
            summary: "",
            detail: String::new(),
            since: DateTime::UNIX_EPOCH,
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_receiver_hears_what_is_bad_enough_for_it() {
        let (all, mut heard_all) = mpsc::channel(QUEUE);
        let (worst, mut heard_worst) = mpsc::channel(QUEUE);
        let webhooks = Webhooks {
            receivers: vec![(Severity::Medium, all), (Severity::Critical, worst)],
            counters: Arc::default(),
        };
        for severity in [Severity::Medium, Severity::High, Severity::Critical] {
            webhooks.tell(&notice(severity));
        }
        let mut severities = Vec::new();
        while let Ok(notice) = heard_all.try_recv() {
            severities.push(notice.severity);
        }
        assert_eq!(severities, [Severity::Medium, Severity::High, Severity::Critical]);
        assert_eq!(heard_worst.try_recv().unwrap().severity, Severity::Critical);
        assert!(heard_worst.try_recv().is_err());
    }

    #[test]
    fn what_finds_no_place_is_counted() {
        let (queue, _heard) = mpsc::channel(2);
        let receivers = vec![(Severity::Medium, queue)];
        let webhooks = Webhooks { receivers, counters: Arc::default() };
        for _ in 0..5 {
            webhooks.tell(&notice(Severity::High));
        }
        assert_eq!(webhooks.counts(), NotificationCounts { sent: 0, failed: 3 });
    }
}
