//! What receivers are sent.

use serde_json::{Value, json};

use super::{Sender, WebhookKind};
use crate::alarms::{AlarmState, Notice, Severity};

/// The form of the generic message.
const VERSION: u32 = 1;

/// The body of the request.
pub(super) fn body(kind: WebhookKind, notice: &Notice, sender: &Sender) -> Value {
    match kind {
        WebhookKind::Generic => generic(notice, sender),
        WebhookKind::Teams => teams(notice, sender),
        WebhookKind::Slack => slack(notice, sender),
    }
}

fn runbook(notice: &Notice, sender: &Sender) -> Option<String> {
    // As anchors of headings are made.
    let page = sender.runbook.as_ref()?;
    Some(format!("{page}#{}", notice.alarm.to_lowercase()))
}

fn headline(notice: &Notice) -> String {
    let state = match notice.state {
        AlarmState::Firing => "Alarm",
        AlarmState::Still => "Alarm goes on",
        AlarmState::Resolved => "Over",
    };
    format!("{state} ({}): {}", notice.severity.as_str(), notice.summary)
}

fn facts(notice: &Notice, sender: &Sender) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Alert", notice.alarm.to_owned()),
        ("Server", sender.server.clone()),
        ("Since", notice.since.format("%F %T UTC").to_string()),
    ];
    if notice.state == AlarmState::Resolved {
        facts.push(("Over", notice.at.format("%F %T UTC").to_string()));
    }
    if !notice.detail.is_empty() {
        facts.push(("Detail", notice.detail.clone()));
    }
    facts
}

fn generic(notice: &Notice, sender: &Sender) -> Value {
    json!({
        "version": VERSION,
        "alert": notice.alarm,
        "status": notice.state,
        "severity": notice.severity,
        "summary": notice.summary,
        "detail": notice.detail,
        "server": sender.server,
        "since": notice.since,
        "at": notice.at,
        "runbook": runbook(notice, sender),
    })
}

/// A message with an Adaptive Card, as workflows of Teams take it.
fn teams(notice: &Notice, sender: &Sender) -> Value {
    let color = match (notice.state, notice.severity) {
        (AlarmState::Resolved, _) => "Good",
        (_, Severity::Medium) => "Warning",
        _ => "Attention",
    };
    let facts: Vec<Value> = facts(notice, sender)
        .into_iter()
        .map(|(title, value)| json!({"title": title, "value": value}))
        .collect();
    let actions: Vec<Value> = runbook(notice, sender)
        .into_iter()
        .map(|url| json!({"type": "Action.OpenUrl", "title": "Runbook", "url": url}))
        .collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    {"type": "TextBlock", "text": headline(notice), "weight": "Bolder", "color": color, "wrap": true},
                    {"type": "FactSet", "facts": facts},
                ],
                "actions": actions,
            },
        }],
    })
}

/// Plain text, in which nothing is a link or a mention.
fn slack(notice: &Notice, sender: &Sender) -> Value {
    let headline = headline(notice);
    let lines: Vec<String> = facts(notice, sender)
        .into_iter()
        .map(|(title, value)| format!("{title}: {value}"))
        .chain(runbook(notice, sender).map(|url| format!("Runbook: {url}")))
        .collect();
    let plain = |text: &str| json!({"type": "plain_text", "text": text, "emoji": false});
    json!({
        "text": escaped(&headline),
        "blocks": [
            {"type": "section", "text": plain(&headline)},
            {"type": "section", "text": plain(&lines.join("\n"))},
        ],
    })
}

/// What Slack would read as a link or a mention.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration};

    use super::*;

    fn notice(state: AlarmState) -> Notice {
        let since = DateTime::UNIX_EPOCH + Duration::days(20_000);
        Notice {
            alarm: "RetailMcpNotReady",
            severity: Severity::Critical,
            state,
            summary: "A server is not ready",
            detail: "database: it does not answer".to_owned(),
            since,
            at: since + Duration::minutes(5),
        }
    }

    fn sender() -> Sender {
        let runbook = Some("https://docs.example.com/alerts.html".to_owned());
        Sender { server: "server-1".to_owned(), runbook }
    }

    #[test]
    fn each_kind_has_the_same_facts() {
        for kind in [WebhookKind::Generic, WebhookKind::Teams, WebhookKind::Slack] {
            let text = body(kind, &notice(AlarmState::Firing), &sender()).to_string();
            for part in [
                "RetailMcpNotReady",
                "A server is not ready",
                "critical",
                "database: it does not answer",
                "server-1",
                "https://docs.example.com/alerts.html#retailmcpnotready",
                "2024-10-04",
            ] {
                assert!(text.contains(part), "{kind:?} has no {part}: {text}");
            }
        }
    }

    #[test]
    fn what_is_over_looks_so() {
        let (over, sender) = (notice(AlarmState::Resolved), Sender::default());
        assert_eq!(body(WebhookKind::Generic, &over, &sender)["status"], "resolved");
        let card = &body(WebhookKind::Teams, &over, &sender)["attachments"][0]["content"];
        assert_eq!(card["body"][0]["color"], "Good");
        assert_eq!(card["actions"].as_array().map(Vec::len), Some(0), "there is no page to open");
        let text = body(WebhookKind::Slack, &over, &sender).to_string();
        assert!(text.contains("Over (critical)") && text.contains("00:05:00 UTC"), "{text}");
    }

    #[test]
    fn nothing_is_a_mention() {
        assert_eq!(escaped("<!channel> & <@U1>"), "&lt;!channel&gt; &amp; &lt;@U1&gt;");
    }
}
