//! `cargo xtask ci`: every check, in order, with times.

mod steps;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::console;
use crate::workspace::Workspace;
use steps::Step;

/// Runs the steps, all or those named, and stops at the first failure.
pub(crate) fn run(workspace: &Workspace, only: &[String]) -> Result<()> {
    let steps = select(steps::all(workspace), only)?;
    let start = Instant::now();
    let mut times: Vec<(&str, Duration, bool)> = Vec::new();
    let mut failure = None;
    for step in &steps {
        console::line(&format!("\n== {} (again: cargo xtask ci --only {})", step.name, step.name));
        let begun = Instant::now();
        let result = step.run(workspace);
        times.push((step.name, begun.elapsed(), result.is_ok()));
        if let Err(error) = result {
            failure = Some((step.name, error));
            break;
        }
    }
    console::line(&format!("\n{}", table(&times, start.elapsed())));
    if let Some((name, error)) = failure {
        bail!(
            "CI FAILED in step `{name}`: {error:#}
again: cargo xtask ci --only {name}"
        );
    }
    console::line(&format!("CI passed: {} step(s)", steps.len()));
    Ok(())
}

fn select(steps: Vec<Step>, only: &[String]) -> Result<Vec<Step>> {
    let names: Vec<&str> = steps.iter().map(|step| step.name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("no step `{unknown}`; the steps are {}", names.join(", "));
    }
    let wanted = |step: &Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(steps.into_iter().filter(wanted).collect())
}

fn table(times: &[(&str, Duration, bool)], total: Duration) -> String {
    let mut rows: Vec<String> = times
        .iter()
        .map(|(name, time, passed)| {
            format!(
                "{name:<14}{:>12}  {}",
                minutes(*time),
                if *passed { "passed" } else { "FAILED" }
            )
        })
        .collect();
    rows.push(format!("{:<14}{:>12}", "total", minutes(total)));
    rows.join("\n")
}

/// `1 m 05 s`, or `4.2 s` below a minute.
fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} m {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_step_its_time_and_the_failure() {
        let times = [
            ("fmt", Duration::from_millis(1234), true),
            ("tests", Duration::from_secs(125), false),
        ];
        let table = table(&times, Duration::from_secs(127));
        let rows: Vec<Vec<&str>> =
            table.lines().map(|row| row.split_whitespace().collect()).collect();
        assert_eq!(rows[0], ["fmt", "1.2", "s", "passed"]);
        assert_eq!(rows[1], ["tests", "2", "m", "05", "s", "FAILED"]);
        assert_eq!(rows[2], ["total", "2", "m", "07", "s"]);
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let workspace = Workspace::find().unwrap();
        let error = select(steps::all(&workspace), &["fnt".to_owned()]).err().unwrap();
        assert!(error.to_string().contains("fmt, layers"), "{error}");
        let chosen = select(steps::all(&workspace), &["layers".to_owned()]).unwrap();
        assert_eq!(chosen.iter().map(|step| step.name).collect::<Vec<_>>(), ["layers"]);
    }
}
