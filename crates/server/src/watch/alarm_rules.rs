//! What may be wrong: the alerts of deploy/observability/prometheus, as far as a server can see them itself.

use std::time::Duration;

use retail_telemetry::{AlarmRule, Severity};

/// All severities, for counts of them.
pub(super) const SEVERITIES: [Severity; 3] = [Severity::Medium, Severity::High, Severity::Critical];

/// All rules. `readings.rs` has their thresholds.
pub(super) const RULES: &[AlarmRule] = &[
    rule(
        "RetailMcpIdentityBroken",
        Severity::Critical,
        0,
        "A statement changed its identity, or row security did not believe one",
    ),
    rule("RetailMcpCachePoisoned", Severity::High, 0, "Somebody else writes to Redis"),
    rule(
        "RetailMcpAuthenticationFails",
        Severity::High,
        5,
        "More than a tenth of all requests are not let in",
    ),
    rule("RetailMcpNotReady", Severity::Critical, 1, "A server is not ready"),
    rule(
        "RetailMcpFaults",
        Severity::High,
        5,
        "More than one call in twenty fails by the server's fault",
    ),
    rule(
        "RetailMcpServerErrors",
        Severity::High,
        5,
        "More than one request in twenty is answered by 5xx",
    ),
    rule("RetailMcpAuditLost", Severity::High, 0, "Calls do not get into the audit log"),
    rule("RetailMcpStandbyLost", Severity::Medium, 5, "A standby answers no calls"),
    rule("RetailMcpRedisPaused", Severity::Medium, 5, "Redis is left alone after failures"),
    rule("RetailMcpPoolExhausted", Severity::High, 2, "Calls wait for database connections"),
    rule(
        "RetailMcpSlowTransactions",
        Severity::Medium,
        10,
        "Transactions take more than two seconds on average",
    ),
    rule(
        "RetailMcpStatementsNotStopped",
        Severity::Medium,
        0,
        "PostgreSQL does not stop statements that were cancelled",
    ),
    rule("RetailMcpProcessorsBusy", Severity::Medium, 10, "The processors are busy"),
    rule("RetailMcpMemoryLow", Severity::High, 5, "Memory is nearly used up"),
];

const fn rule(
    name: &'static str,
    severity: Severity,
    hold_minutes: u64,
    summary: &'static str,
) -> AlarmRule {
    AlarmRule { name, severity, hold: Duration::from_mins(hold_minutes), summary }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Name, then severity, hold in minutes and summary, as the rules for Prometheus have them.
    fn of_prometheus() -> BTreeMap<String, (String, u64, String)> {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../deploy/observability/prometheus/retail-mcp.rules.yaml"
        );
        let text = std::fs::read_to_string(path).unwrap();
        let mut alerts = BTreeMap::new();
        for alert in text.split("- alert: ").skip(1) {
            let field = |name: &str| {
                let line = alert.lines().find(|line| line.trim_start().starts_with(name));
                line.map(|line| line.trim_start().trim_start_matches(name).trim().to_owned())
            };
            let name = alert.lines().next().unwrap().to_owned();
            let severity = field("labels: {severity: ").unwrap().trim_end_matches('}').to_owned();
            let hold = field("for: ").map_or(0, |hold| hold.trim_end_matches('m').parse().unwrap());
            alerts.insert(name, (severity, hold, field("summary: ").unwrap()));
        }
        alerts
    }

    #[test]
    fn a_server_and_prometheus_say_the_same() {
        let mut alerts = of_prometheus();
        // Nobody hears it from a server that is gone.
        alerts.remove("RetailMcpDown");
        let ours: BTreeMap<_, _> = RULES
            .iter()
            .map(|rule| {
                let severity = rule.severity.as_str().to_owned();
                let minutes = rule.hold.as_secs() / 60;
                (rule.name.to_owned(), (severity, minutes, rule.summary.to_owned()))
            })
            .collect();
        assert_eq!(ours, alerts);
    }
}
