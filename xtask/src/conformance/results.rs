//! What the conformance suite wrote: one folder per scenario, each with its checks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// The checks of one scenario.
#[derive(Debug)]
pub(super) struct Scenario {
    name: String,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Check {
    id: String,
    status: String,
}

/// Added by the suite to each scenario: says that the messages are well formed, not that they are right.
const WIRE_CHECK: &str = "wire-schema-valid";
/// The time that the suite appends to a folder's name, such as `-2026-07-28T09-30-00-000Z`.
const TIME_LENGTH: usize = 25;

/// Reads the folder of a finished run.
pub(super) fn read(folder: &Path) -> Result<Vec<Scenario>> {
    let mut scenarios = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", folder.display()))?;
        let file = entry.path().join("checks.json");
        if !file.is_file() {
            continue;
        }
        let text = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        let checks =
            serde_json::from_slice(&text).with_context(|| format!("reading {}", file.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = name.strip_prefix("server-").unwrap_or(&name);
        let name = name.get(..name.len().saturating_sub(TIME_LENGTH)).unwrap_or(name).to_owned();
        scenarios.push(Scenario { name, checks });
    }
    scenarios.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(scenarios)
}

/// One line for each scenario that applies to the server, and one for the others together.
pub(super) fn describe(scenarios: &[Scenario]) -> Vec<String> {
    let is_failure = |check: &&Check| check.status == "FAILURE" || check.status == "WARNING";
    let is_success = |check: &&Check| check.status == "SUCCESS" && check.id != WIRE_CHECK;
    let mut lines = Vec::new();
    let mut not_offered = 0;
    for scenario in scenarios {
        let failed = scenario.checks.iter().filter(is_failure).count();
        let passed = scenario.checks.iter().filter(is_success).count();
        match (passed, failed) {
            (0, 1..) => not_offered += 1,
            (_, 0) => lines.push(format!("PASS {}: {passed} checks", scenario.name)),
            _ => lines.push(format!(
                "PASS {}: {passed} checks, {failed} more of features not offered",
                scenario.name
            )),
        }
    }
    lines.push(format!(
        "{not_offered} more scenarios test features not offered (conformance/expected-failures.yml)"
    ));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn describes_full_partial_and_foreign_scenarios() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, checks: &[(&str, &str)]| {
            let folder = folder.path().join(format!("server-{name}-2026-07-28T09-30-00-000Z"));
            fs::create_dir(&folder).unwrap();
            let checks: Vec<_> = checks
                .iter()
                .map(|(id, status)| serde_json::json!({ "id": id, "status": status }))
                .collect();
            fs::write(folder.join("checks.json"), serde_json::to_string(&checks).unwrap()).unwrap();
        };
        write("tools-list", &[("tools-list", "SUCCESS"), (WIRE_CHECK, "SUCCESS")]);
        write("caching", &[("tools", "SUCCESS"), ("prompts", "FAILURE"), ("x", "WARNING")]);
        write("prompts-list", &[("prompts-list", "FAILURE"), (WIRE_CHECK, "SUCCESS")]);
        write("lifecycle", &[("skipped", "INFO")]);
        fs::write(folder.path().join("output.txt"), "").unwrap();
        let lines = describe(&read(folder.path()).unwrap());
        assert_eq!(
            lines,
            [
                "PASS caching: 1 checks, 2 more of features not offered",
                "PASS lifecycle: 0 checks",
                "PASS tools-list: 1 checks",
                "1 more scenarios test features not offered (conformance/expected-failures.yml)",
            ]
        );
    }
}
