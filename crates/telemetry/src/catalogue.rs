//! All metrics: what they are called, what they mean, and which names of the Python reference they replace.

use std::fmt::Write as _;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// What there is now.
    Gauge,
    /// How often something took how long.
    Histogram,
}

/// A metric, as OpenTelemetry calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Name by the semantic conventions, where they have one; ours begin with `retail.`.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Unit by UCUM: `s`, `By`, or in braces what is counted.
    pub unit: &'static str,
    /// Names of its labels, in the order in which their values are given.
    pub labels: &'static [&'static str],
    /// What it says.
    pub meaning: &'static str,
    /// Names of the reference that it stands for.
    pub replaces: &'static [&'static str],
}

impl Metric {
    /// The name as Prometheus has it.
    ///
    /// ```
    /// assert_eq!(retail_telemetry::names::PROCESS_CPU_TIME.prometheus_name(), "process_cpu_time_seconds_total");
    /// ```
    pub fn prometheus_name(&self) -> String {
        let mut name = self.name.replace('.', "_");
        name.push_str(match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            "1" if self.kind == Kind::Gauge => "_ratio",
            _ => "",
        });
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }
}

macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:literal [$unit:literal] ($($label:literal),*) $meaning:literal $(was $($old:literal),+)?;)+) => {
        /// One constant for each metric.
        pub mod names {
            use super::{Kind, Metric};
            $(
                #[doc = $meaning]
                pub const $constant: Metric = Metric {
                    name: $name,
                    kind: Kind::$kind,
                    unit: $unit,
                    labels: &[$($label),*],
                    meaning: $meaning,
                    replaces: &[$($($old),+)?],
                };
            )+
        }

        /// All metrics, in the order of the documentation.
        pub const ALL: &[Metric] = &[$(names::$constant),+];
    };
}

metrics! {
    HTTP_REQUEST_DURATION = Histogram "http.server.request.duration" ["s"]
        ("http.request.method", "http.route", "http.response.status_code")
        "HTTP requests, from their head to their answer. Probes are left out; 499 is a client that left."
        was "mcp_requests_total", "mcp_request_duration_seconds";
    HTTP_ACTIVE_REQUESTS = Gauge "http.server.active_requests" ["{request}"] ()
        "HTTP requests that are being answered."
        was "active_connections";
    MCP_OPERATION_DURATION = Histogram "mcp.server.operation.duration" ["s"]
        ("mcp.method.name", "gen_ai.tool.name", "error.type")
        "Calls of tools, `tools/list`, requests for resources, prompts and completions, `initialize`, `server/discover` and `ping`. \
         `error_type` is the code of one that gave no \
         answer, though it is HTTP 200."
        was "tool_executions_total", "tool_execution_duration_seconds", "errors_total", "mcp_queries_total",
            "mcp_query_duration_seconds", "query_total", "query_duration", "operation_success", "operation_error",
            "operation_duration", "business_queries_by_type", "tool_usage";
    DB_OPERATION_DURATION = Histogram "db.client.operation.duration" ["s"]
        ("db.system.name", "db.client.connection.pool.name", "error.type")
        "Transactions under a signed identity, without the wait for a connection. Those of probes are left out."
        was "database_queries_total", "database_query_duration_seconds";
    DB_CONNECTION_WAIT = Histogram "db.client.connection.wait_time" ["s"] ("db.client.connection.pool.name")
        "Waits for a connection that was given. Waits for the caller's turn are not in it.";
    DB_CONNECTIONS = Gauge "db.client.connection.count" ["{connection}"]
        ("db.client.connection.pool.name", "db.client.connection.state")
        "Connections that callers' statements run on, `used` or `idle`."
        was "database_connections_active";
    DB_CONNECTIONS_MAX = Gauge "db.client.connection.max" ["{connection}"] ("db.client.connection.pool.name")
        "Most connections that there may be.";
    DB_CONNECTION_PENDING = Gauge "db.client.connection.pending_requests" ["{request}"]
        ("db.client.connection.pool.name")
        "Calls that wait for a connection.";
    DISCARDED_CONNECTIONS = Counter "retail.database.discarded_connections" ["{connection}"] ()
        "Connections that were closed because their caller left or their statement failed badly.";
    OVERRUNS = Counter "retail.database.overruns" ["{statement}"] ()
        "Statements that PostgreSQL did not stop when told to.";
    REPLICAS = Gauge "retail.database.replicas" ["{server}"] ("retail.replica.state")
        "Standbys that are `configured`, and that are `in_use`.";
    REPLICA_ANSWERS = Counter "retail.database.replica_answers" ["{statement}"] ("retail.replica.result")
        "Statements that a standby answered (`answered`), and that the primary had to (`failed`).";
    IDENTITY_CHANGES = Counter "retail.security.identity_changes" ["{statement}"] ()
        "Statements that changed their identity; their answers were discarded. Must stay 0.";
    IDENTITY_REFUSALS = Counter "retail.security.identity_refusals" ["{statement}"] ()
        "Statements whose identity row security did not believe. Must stay 0.";
    GUARD_REFUSALS = Counter "retail.security.guard_refusals" ["{statement}"] ()
        "Statements that the guard refused.";
    CACHE_LOOKUPS = Counter "retail.cache.lookups" ["{lookup}"] ("retail.cache.kind", "retail.cache.result")
        "Lookups in the answer cache, by where the answer came from: `memory`, `redis`, another call that was reading it \
         (`coalesced`), or `read` anew, in the background behind a stale one, too."
        was "cache_hit", "cache_miss";
    CACHE_STALE = Counter "retail.cache.stale_answers" ["{answer}"] ("retail.cache.kind")
        "Answers of the cache that were given while a new one was being read.";
    CACHE_REJECTED = Counter "retail.cache.rejected" ["{value}"] ("retail.cache.kind", "retail.cache.reason")
        "Values in Redis that were not believed: `poisoned`, `truncated`, or of another `format`.";
    CACHE_REDIS_FAILURES = Counter "retail.cache.redis_failures" ["{operation}"]
        ("retail.cache.kind", "retail.cache.operation")
        "What failed or took too long in Redis: a `lookup` or a `write`.";
    CACHE_REDIS_PAUSED = Gauge "retail.cache.redis_paused" ["{state}"] ("retail.cache.operation")
        "1 while Redis is left alone after failures, else 0.";
    CACHE_ENTRIES = Gauge "retail.cache.entries" ["{answer}"] ("retail.cache.kind")
        "Answers in memory.";
    CACHE_BYTES = Gauge "retail.cache.size" ["By"] ("retail.cache.kind")
        "Memory that they take.";
    AUDIT_ENTRIES = Counter "retail.audit.entries" ["{entry}"] ("retail.audit.outcome")
        "Entries of the audit log: `accepted`, `written`, and `dropped` (in the process's log alone).";
    AUDIT_FAILED_WRITES = Counter "retail.audit.failed_writes" ["{try}"] ()
        "Tries to write entries that failed.";
    AUDIT_QUEUED = Gauge "retail.audit.queued" ["{entry}"] ()
        "Entries that are not written yet.";
    ALARMS = Gauge "retail.alarms" ["{alarm}"] ("retail.alarm.severity")
        "Alarms that count, as the server sees them itself.";
    NOTIFICATIONS = Counter "retail.alarm.notifications" ["{notice}"] ("retail.notification.result")
        "Notices of alarms for webhooks: `sent`, and `failed` for good.";
    READY = Gauge "retail.ready" ["{state}"] ("retail.ready.part")
        "1 where a part does what a call needs, by the last look at it as `/ready` has it, else 0: `database` (under the role of stores), \
         `database_head_office`, `database_service` and `tool_path` (the watchdog). Looked at every ten seconds.";
    PROCESS_CPU_TIME = Counter "process.cpu.time" ["s"] ()
        "Processor time of the process."
        was "system_cpu_usage_percent";
    PROCESS_CPU_LIMIT = Gauge "retail.process.cpu_limit" ["{cpu}"] ()
        "Processors that it may use, by its control groups or the machine; half of one is 0.5.";
    PROCESS_MEMORY = Gauge "process.memory.usage" ["By"] ()
        "Resident memory of the process."
        was "system_memory_usage_bytes";
    PROCESS_MEMORY_LIMIT = Gauge "retail.process.memory_limit" ["By"] ()
        "Memory that it may use, by its control groups or the machine.";
    PROCESS_UPTIME = Gauge "process.uptime" ["s"] ()
        "Time since its start.";
}

/// The table of all metrics as Markdown, for the documentation.
pub fn metrics_markdown() -> String {
    let mut table = String::from(
        "| in Prometheus | OpenTelemetry | kind | labels | meaning | of the reference |\n|---|---|---|---|---|---|\n",
    );
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> =
            metric.labels.iter().map(|label| format!("`{}`", label.replace('.', "_"))).collect();
        let replaces: Vec<String> = metric.replaces.iter().map(|old| format!("`{old}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| `{}` | `{}` | {kind} | {} | {} | {} |",
            metric.prometheus_name(),
            metric.name,
            labels.join(", "),
            metric.meaning,
            replaces.join(", "),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    const BEGIN: &str = "<!-- metrics: begin -->\n";
    const END: &str = "<!-- metrics: end -->\n";

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn the_docs_have_the_table() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/telemetry.md");
        let text = std::fs::read_to_string(&page).unwrap();
        let (before, rest) = text.split_once(BEGIN).unwrap();
        let (table, after) = rest.split_once(END).unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let new = format!("{before}{BEGIN}{}{END}{after}", metrics_markdown());
            std::fs::write(&page, new).unwrap();
        } else {
            let command = "UPDATE_DOCS=1 cargo test -p retail-telemetry docs";
            assert_eq!(table, metrics_markdown(), "write it anew: {command}");
        }
    }
}
