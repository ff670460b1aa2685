//! `cargo xtask alerts`: the rules for Prometheus are good, each alert is tested and explained, and all metrics that rules
//! and dashboards ask for exist.

mod dashboards;

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::command::CommandLine;
use crate::console;
use crate::setup;
use crate::workspace::Workspace;

const FOLDER: &str = "deploy/observability/prometheus";
const RULES: &str = "retail-mcp.rules.yaml";
const TESTS: &str = "retail-mcp.rules.test.yaml";
const METRICS: &str = "docs/operations/telemetry.md";
const RUNBOOK: &str = "docs/operations/alerts.md";
const DASHBOARD: &str = "deploy/observability/grafana/retail-mcp.json";
const WORKBOOK: &str = "deploy/observability/azure/workbook.json";

/// How names of our metrics and their labels begin. Names with a colon are the rules' own.
const PREFIXES: [&str; 9] = [
    "db_",
    "error_",
    "gen_ai_",
    "http_request_",
    "http_response_",
    "http_server_",
    "mcp_",
    "process_",
    "retail_",
];

/// What Prometheus adds to the name of a histogram.
const OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_count", "_sum"];

/// Has promtool check and test the rules, and compares them with the documentation.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::promtool()?;
    let folder = workspace.root().join(FOLDER);
    CommandLine::new("promtool").args(["check", "rules", RULES]).in_dir(&folder).run()?;
    CommandLine::new("promtool").args(["test", "rules", TESTS]).in_dir(&folder).run()?;
    let read = |path: &str| {
        let path = workspace.root().join(path);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    };
    let rules = read(&format!("{FOLDER}/{RULES}"))?;
    let tests = read(&format!("{FOLDER}/{TESTS}"))?;
    let metrics = read(METRICS)?;
    let mut problems = problems(&rules, &tests, &metrics, &read(RUNBOOK)?);
    let dashboard = serde_json::from_str(&read(DASHBOARD)?).context(DASHBOARD)?;
    problems.extend(dashboards::layout_problems(&dashboard)?);
    let asked = dashboards::expressions(&dashboard);
    problems.extend(unknown_names(&asked.join("\n"), &metrics));
    let scratch = tempfile::tempdir()?;
    fs::write(scratch.path().join("dashboard.yaml"), dashboards::as_rules(&asked)?)?;
    let check = CommandLine::new("promtool").args(["check", "rules", "dashboard.yaml"]);
    check.in_dir(scratch.path()).run()?;
    let workbook = serde_json::from_str(&read(WORKBOOK)?).context(WORKBOOK)?;
    problems.extend(dashboards::unknown_to_azure(&workbook, &metrics)?);
    for problem in &problems {
        console::problem(problem);
    }
    if !problems.is_empty() {
        bail!("{} problem(s) with the alerts", problems.len());
    }
    console::line(&format!("{} alerts are tested and explained", alerts(&rules).len()));
    console::line(&format!("{} questions of the dashboard are good", asked.len()));
    Ok(())
}

fn problems(rules: &str, tests: &str, metrics: &str, runbook: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for alert in alerts(rules) {
        let anchor = alert.to_lowercase();
        for (there, what) in [
            (tests.contains(&format!("  - name: {alert}\n")), format!("no test in {TESTS}")),
            (runbook.contains(&format!("### {alert}\n")), format!("no heading in {RUNBOOK}")),
            (rules.contains(&format!("runbook: {RUNBOOK}#{anchor}\n")), "no runbook".to_owned()),
        ] {
            if !there {
                problems.push(format!("{alert}: {what}"));
            }
        }
    }
    problems.extend(unknown_names(rules, metrics));
    problems
}

fn unknown_names(asked: &str, metrics: &str) -> Vec<String> {
    let known = |name: &str| metrics.contains(&format!("`{name}`"));
    names(asked)
        .into_iter()
        .filter(|name| {
            let base = OF_HISTOGRAMS.iter().find_map(|suffix| name.strip_suffix(suffix));
            !known(name) && !base.is_some_and(known)
        })
        .map(|name| format!("{name}: neither a metric nor a label of {METRICS}"))
        .collect()
}

/// The names of all alerts.
fn alerts(rules: &str) -> Vec<&str> {
    rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

/// All names of metrics and labels that must be ours.
fn names(rules: &str) -> BTreeSet<&str> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    rules
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(|line| line.split(|c| !is_of_name(c)))
        .filter(|word| !word.contains(':') && *word != "http_requests_per_second")
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "\
      - alert: OneThing
        expr: rate(retail_calls_seconds_count{retail_kind=\"x\"}[5m]) > 1
        annotations:
          runbook: docs/operations/alerts.md#onething
";

    #[test]
    fn an_alert_has_a_test_a_heading_and_metrics_that_exist() {
        let tests = "  - name: OneThing\n";
        let metrics = "| `retail_calls_seconds` | `retail_kind` |";
        let runbook = "### OneThing\n";
        assert!(problems(RULES, tests, metrics, runbook).is_empty());
        assert_eq!(problems(RULES, "", metrics, runbook).len(), 1);
        assert_eq!(problems(RULES, tests, metrics, "").len(), 1);
        assert_eq!(problems(RULES, tests, "| `retail_calls` | `retail_kind` |", runbook).len(), 1);
        assert_eq!(problems(RULES, tests, "| `retail_calls_seconds` |", runbook).len(), 1);
        let elsewhere = RULES.replace("#onething", "#other");
        assert_eq!(problems(&elsewhere, tests, metrics, runbook).len(), 1);
    }
}
