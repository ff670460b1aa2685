//! How it is noticed that something is wrong, and who is told.

use super::{MINUTE_MS, duration_ms, key};
use crate::config::keys::{Key, Kind};

const HOUR_MS: u64 = 60 * MINUTE_MS;

pub(super) const KEYS: &[Key] = &[
    key(
        "telemetry.watchdog.every",
        duration_ms(0, 60 * MINUTE_MS),
        Some("30s"),
        "How often the server calls a tool itself, the whole way from the edge to the database and back, where no caller got an answer \
         meanwhile. `/ready` says no where it gets none, though the database is well (`tool_path`). `0s`: never.",
    ),
    key(
        "telemetry.watchdog.abort_after",
        duration_ms(0, 60 * MINUTE_MS),
        Some("60s"),
        "The process ends (SIGABRT) when its runtime did nothing at all for so long, so that whoever supervises it starts it anew. `0s`: \
         never.",
    ),
    key(
        "alerts.repeat_after",
        duration_ms(0, 168 * HOUR_MS),
        Some("4h"),
        "After this time webhooks are told again of an alarm that goes on. `0s`: they are not.",
    ),
    key(
        "alerts.calm",
        duration_ms(0, HOUR_MS),
        Some("3m"),
        "How long all must be well before an alarm is over, so that what comes and goes is told once.",
    ),
    key(
        "alerts.runbook_url",
        Kind::CollectorUrl,
        None,
        "Address of your copy of `docs/operations/alerts.md`. Messages then link to the alarm's part of it.",
    ),
    key(
        "alerts.webhooks.<name>.kind",
        Kind::Choice(&["generic", "teams", "slack"]),
        None,
        "What the receiver understands: `generic` (the fields as JSON), `teams` (an Adaptive Card, as workflows of Microsoft Teams \
         take it) or `slack`. Not set: what `<name>` says if that is one of these, else `generic`.",
    ),
    key(
        "alerts.webhooks.<name>.url",
        Kind::Secret,
        None,
        "Its address. Must be set, by `https` unless it is on this machine. Whoever knows it can write there.",
    ),
    key(
        "alerts.webhooks.<name>.url_file",
        Kind::SecretFile { secret: "alerts.webhooks.<name>.url" },
        None,
        "File with that address.",
    ),
    key(
        "alerts.webhooks.<name>.min_severity",
        Kind::Choice(&["medium", "high", "critical"]),
        Some("medium"),
        "What is less bad is not told to it.",
    ),
];
