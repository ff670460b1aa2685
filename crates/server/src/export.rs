//! Where traces, metrics and logs are sent, by the configuration.

use anyhow::Context as _;
use retail_telemetry::{
    Destination, Export, OtlpProtocol, Sender, Signals, TelemetrySettings, TraceSettings,
    WebhookSettings, Webhooks,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{AlertsConfig, OtlpProtocolName, Signal, TelemetryConfig};

/// Who reports.
pub(crate) fn service() -> TelemetrySettings {
    TelemetrySettings::of_this_host(env!("CARGO_PKG_VERSION"))
}

/// Prepares to send spans and log lines.
///
/// # Errors
/// Names the key that cannot be used.
pub(crate) fn start(config: &TelemetryConfig) -> anyhow::Result<Export> {
    let sends = |signal| config.signals.contains(&signal);
    let signals = Signals { traces: sends(Signal::Traces), logs: sends(Signal::Logs) };
    Ok(Export::start(&service(), &destinations(config)?, signals)?)
}

/// Who receives metrics.
pub(crate) fn metric_destinations(config: &TelemetryConfig) -> anyhow::Result<Vec<Destination>> {
    if config.signals.contains(&Signal::Metrics) { destinations(config) } else { Ok(Vec::new()) }
}

/// Which calls are traced. None where no trace is sent.
pub(crate) fn traces(config: &TelemetryConfig) -> Option<TraceSettings> {
    let is_sent =
        config.otlp.endpoint.is_some() || config.application_insights.connection_string.is_some();
    (is_sent && config.signals.contains(&Signal::Traces)).then(|| {
        let mut settings = TraceSettings::default();
        settings.sample_ratio = config.traces.sample_ratio;
        settings.followed_per_second = config.traces.followed_per_second;
        settings
    })
}

fn destinations(config: &TelemetryConfig) -> anyhow::Result<Vec<Destination>> {
    let mut destinations = Vec::new();
    if let Some(endpoint) = &config.otlp.endpoint {
        destinations.push(Destination::Otlp {
            endpoint: endpoint.clone(),
            protocol: match config.otlp.protocol {
                OtlpProtocolName::Grpc => OtlpProtocol::Grpc,
                OtlpProtocolName::HttpProtobuf => OtlpProtocol::HttpProtobuf,
            },
            headers: match &config.otlp.headers {
                Some(text) => headers(text).context("telemetry.otlp.headers")?,
                None => Vec::new(),
            },
        });
    }
    if let Some(connection_string) = &config.application_insights.connection_string {
        destinations.push(Destination::ApplicationInsights {
            connection_string: connection_string.clone(),
        });
    }
    Ok(destinations)
}

/// Who is told of alarms.
pub(crate) fn webhooks(
    config: &AlertsConfig,
    service: &TelemetrySettings,
) -> anyhow::Result<Webhooks> {
    let receivers = config.webhooks.iter().filter_map(|(name, webhook)| {
        Some(WebhookSettings {
            name: name.clone(),
            kind: webhook.kind(name),
            url: webhook.url.clone()?,
            min_severity: webhook.min_severity,
        })
    });
    let sender = Sender { server: service.instance.clone(), runbook: config.runbook_url.clone() };
    Ok(Webhooks::start(receivers, &sender)?)
}

/// Reads `name=value,name=value`.
fn headers(text: &SecretString) -> anyhow::Result<Vec<(String, SecretString)>> {
    let parts = text.expose_secret().split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            // Not shown: what has no name may be a key.
            let (name, value) =
                part.split_once('=').context("must be name=value, with commas between")?;
            Ok((name.trim().to_owned(), SecretString::from(value.trim())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_a_name_and_a_value() {
        let read = headers(&SecretString::from("api-key=a=b, x-tenant = zava,")).unwrap();
        let read: Vec<_> =
            read.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(read, [("api-key", "a=b"), ("x-tenant", "zava")]);
        let error = headers(&SecretString::from("hunter2")).unwrap_err();
        assert!(!format!("{error:#}").contains("hunter2"));
    }
}
