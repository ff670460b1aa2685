//! Section `alerts`.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_telemetry::{Severity, WebhookKind};
use secrecy::SecretString;
use serde::Deserialize;

/// Section `alerts`: who is told when something is wrong, where no Alertmanager does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertsConfig {
    /// After this time an alarm that goes on is told again. Zero: never.
    #[serde(with = "humantime_serde")]
    pub repeat_after: Duration,
    /// How long all must be well before an alarm is over.
    #[serde(with = "humantime_serde")]
    pub calm: Duration,
    /// Address of the page that explains alarms.
    pub runbook_url: Option<String>,
    /// Sections `alerts.webhooks.<name>`.
    #[serde(default)]
    pub webhooks: BTreeMap<String, WebhookConfig>,
}

/// Section `alerts.webhooks.<name>`: a receiver.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// What it understands. None: what its name says.
    pub kind: Option<WebhookKind>,
    /// Its address. Must be set.
    pub url: Option<SecretString>,
    /// What is less bad is not told.
    pub min_severity: Severity,
}

impl WebhookConfig {
    /// What the receiver called `name` understands.
    pub(crate) fn kind(&self, name: &str) -> WebhookKind {
        self.kind.unwrap_or(match name {
            "teams" => WebhookKind::Teams,
            "slack" => WebhookKind::Slack,
            _ => WebhookKind::Generic,
        })
    }
}

/// Section `telemetry.watchdog`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchdogConfig {
    /// How often it calls a tool where nobody else did. Zero: never.
    #[serde(with = "humantime_serde")]
    pub every: Duration,
    /// After this time without a turn of the runtime the process ends. Zero: never.
    #[serde(with = "humantime_serde")]
    pub abort_after: Duration,
}
