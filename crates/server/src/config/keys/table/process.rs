//! The log, the record of calls, and where files are.

use super::{MINUTE_MS, duration_ms, integer, key};
use crate::config::keys::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    key(
        "audit.policy",
        Kind::Choice(&["block", "drop-and-count"]),
        Some("block"),
        "What becomes of a call when the audit log has no place for its entry, as when the database is down: \
         `block` (it waits for `audit.wait`, and is then not made) or `drop-and-count` (it is made; the entry \
         is in the log of the process alone, and counted).",
    ),
    key(
        "audit.queue_entries",
        integer(1, 1_000_000),
        Some("1024"),
        "Entries that may wait to be written, besides the up to 200 that are being written. A running call has one of \
         the places.",
    ),
    key(
        "audit.wait",
        duration_ms(0, MINUTE_MS),
        Some("2s"),
        "How long a call waits for a place with `audit.policy = \"block\"` before the answer is `overloaded`. \
         Must be shorter than `server.request_timeout`.",
    ),
    key(
        "telemetry.metrics",
        Kind::Boolean,
        Some("true"),
        "Whether calls, statements and requests are counted and timed. `false` leaves `/metrics` and `/monitor/…` with \
         what is known without that: pools, caches, the audit log, the process.",
    ),
    key(
        "telemetry.operators",
        Kind::Networks,
        Some("127.0.0.0/8,::1"),
        "Addresses and networks (CIDR) whose clients read `/metrics`, `/monitor/…` and the details of `/ready` without a \
         token: operators, and Prometheus. Others need the scope `retail.admin` for the first two. It is the connection that counts, and \
         what a proxy passes on does not: name your proxies in `server.proxies`, or let them send `X-Forwarded-For`.",
    ),
    key(
        "telemetry.signals",
        Kind::Choices(&["traces", "metrics", "logs"]),
        Some("traces,metrics"),
        "What is sent to a collector (`telemetry.otlp.endpoint`) and to Application Insights. Metrics go once a minute. Lines of the log \
         (`logs`) cost a fifth of the throughput, and the platform usually collects standard error anyway.",
    ),
    key(
        "log.level",
        Kind::LogFilter,
        Some("info"),
        "Which lines are logged: `error`, `warn`, `info`, `debug` or `trace`, or a filter such as \
         `info,retail_storage=debug`.",
    ),
    key(
        "log.format",
        Kind::Choice(&["text", "json"]),
        Some("text"),
        "`text` for people, `json` for one JSON object a line.",
    ),
    key(
        "data_dir",
        Kind::Path,
        None,
        "Folder of the embedded PostgreSQL's data and of keys. Not set: a folder in the user's cache folder. \
         What is downloaded, PostgreSQL's programs and the local model, is in the cache folder in any case; the variable `RETAIL_MCP_CACHE_DIR` names another one.",
    ),
];
