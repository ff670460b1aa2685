//! The dashboard for Grafana and the workbook for Azure Monitor ask for metrics that exist.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

/// Width of a dashboard in Grafana's units.
const WIDTH: u64 = 24;

/// Each question of a dashboard, with Grafana's variables filled in.
pub(super) fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    panels
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .filter_map(|target| target["expr"].as_str())
        .map(|expression| {
            expression
                .replace("$__rate_interval", "5m")
                .replace("$job", "retail-mcp")
                .replace("$instance", ".*")
        })
        .collect()
}

/// The questions as recording rules, which promtool can read.
pub(super) fn as_rules(expressions: &[String]) -> Result<String> {
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    for (number, expression) in expressions.iter().enumerate() {
        let expression = serde_json::to_string(expression)?;
        writeln!(rules, "      - record: dashboard:{number}\n        expr: {expression}")?;
    }
    Ok(rules)
}

/// What is wrong with how the dashboard is laid out.
pub(super) fn layout_problems(dashboard: &Value) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().context("a dashboard without panels")? {
        let title = panel["title"].as_str().unwrap_or_default();
        if !ids.insert(panel["id"].as_u64().context("a panel without id")?) {
            problems.push(format!("{title}: another panel has its id"));
        }
        let place = |name: &str| panel.pointer(&format!("/gridPos/{name}")).and_then(Value::as_u64);
        let place = |name: &str| place(name).context("a panel without place");
        let (x, y, w, h) = (place("x")?, place("y")?, place("w")?, place("h")?);
        let cells = (y..y + h).flat_map(|y| (x..x + w).map(move |x| (x, y)));
        if x + w > WIDTH || cells.filter(|cell| !taken.insert(*cell)).count() > 0 {
            problems.push(format!("{title}: another panel is where it is, or it is too wide"));
        }
    }
    Ok(problems)
}

/// Names of metrics and labels, as OpenTelemetry has them, that a workbook asks for and nobody sends.
pub(super) fn unknown_to_azure(workbook: &Value, metrics: &str) -> Result<Vec<String>> {
    let mut unknown = Vec::new();
    for item in workbook["items"].as_array().context("a workbook without items")? {
        let query = item.pointer("/content/query").and_then(Value::as_str).unwrap_or_default();
        // What stands in quotes and has a dot is a name.
        let quoted = query.split('"').skip(1).step_by(2);
        for name in quoted.filter(|text| text.contains('.') && !text.contains(' ')) {
            let is_metric = metrics.contains(&format!("`{name}`"));
            let is_label = metrics.contains(&format!("`{}`", name.replace('.', "_")));
            let is_of_span = ["db.system.name", "db.query.summary"].contains(&name);
            if !is_metric && !is_label && !is_of_span {
                unknown.push(format!("{name}: no metric or label of the documentation"));
            }
        }
    }
    Ok(unknown)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn panel(id: u64, x: u64, expression: &str) -> Value {
        let place = json!({"x": x, "y": 0, "w": 12, "h": 4});
        json!({"id": id, "title": "T", "gridPos": place, "targets": [{"expr": expression}]})
    }

    #[test]
    fn panels_have_places_of_their_own() {
        let problems = |panels: Value| layout_problems(&json!({ "panels": panels })).unwrap().len();
        assert_eq!(problems(json!([panel(1, 0, ""), panel(2, 12, "")])), 0);
        assert_eq!(problems(json!([panel(1, 0, ""), panel(1, 12, "")])), 1);
        assert_eq!(problems(json!([panel(1, 0, ""), panel(2, 11, "")])), 1);
        assert_eq!(problems(json!([panel(1, 13, "")])), 1);
    }

    #[test]
    fn questions_become_rules() {
        let dashboard =
            json!({"panels": [panel(1, 0, "rate(up{job=\"$job\"}[$__rate_interval])")]});
        let asked = expressions(&dashboard);
        assert_eq!(asked, ["rate(up{job=\"retail-mcp\"}[5m])"]);
        assert!(
            as_rules(&asked).unwrap().ends_with("expr: \"rate(up{job=\\\"retail-mcp\\\"}[5m])\"\n")
        );
    }

    #[test]
    fn a_workbook_asks_for_what_is_sent() {
        let ask = |query: &str| json!({"items": [{"content": {"query": query}}]});
        let metrics = "| `retail_ready` | `retail.ready` | gauge | `retail_ready_part` |";
        let unknown = |query: &str| unknown_to_azure(&ask(query), metrics).unwrap().len();
        assert_eq!(
            unknown("where Name == \"retail.ready\" | by Properties[\"retail.ready.part\"]"),
            0
        );
        assert_eq!(unknown("where Name == \"retail.redy\""), 1);
    }
}
