//! The report on a terminal.

use std::fmt::Write as _;

use super::drive::float;
use super::result::{
    AXUM, Check, Footprint, Goal, Measured, PGBENCH, RMCP, Report, Round, Row, median,
};

/// Columns of a scenario's table; all but the first are numbers.
const HEADINGS: [&str; 11] = [
    "",
    "calls/s",
    "spread",
    "/ pgbench",
    "cached",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "p99.9 ms",
    "CPU s/1000",
    "PG s/1000",
];

/// What is said at the end, when the tables of the scenarios were shown one by one.
pub(super) fn summary(report: &Report) -> String {
    let mut text = String::new();
    let machine = &report.machine;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "retail-mcp {} beside PostgreSQL {}, scale {}; {} × {}, load {:.1} before; {} connections, {} s a measurement",
        report.revision,
        report.postgres,
        report.scale,
        machine.processors,
        machine.model,
        machine.load_before,
        report.connections,
        report.seconds,
    );
    text.push_str(&footprint(report.footprint.as_ref()));
    text.push_str(&acceptance(&report.acceptance));
    for skipped in &report.skipped {
        let _ = writeln!(text, "left out: {skipped}");
    }
    text
}

/// One scenario.
pub(super) fn scenario(measured: &Measured) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(measured.closed.iter().map(|row| cells(row, measured)));
    rows.extend(measured.open.iter().map(|row| cells(row, measured)));
    let mut text = format!("\n{}: {}\n", measured.name, measured.description);
    text.push_str(&aligned(&rows));
    let of = |target: &Row, limit| {
        let ratio = measured.ratio(&target.target, limit)?;
        Some(format!("{} / {limit} {ratio:.2}", target.target))
    };
    let limits = [PGBENCH, RMCP, AXUM];
    let servers = measured.closed.iter().filter(|row| !limits.contains(&row.target.as_str()));
    let ratios: Vec<String> =
        servers.flat_map(|row| [of(row, RMCP), of(row, AXUM)]).flatten().collect();
    if !ratios.is_empty() {
        let _ = writeln!(text, "  {}", ratios.join("; "));
    }
    if !measured.cold_ms.is_empty() {
        let cold = median(measured.cold_ms.clone());
        let _ = writeln!(
            text,
            "  the first call of a fresh server: {cold:.1} ms; the answer has {} bytes",
            measured.answer_bytes
        );
    }
    for row in measured.closed.iter().chain(&measured.open) {
        let sum = |figure: fn(&Round) -> u64| row.rounds.iter().map(figure).sum::<u64>();
        let (failures, unsent) = (sum(|round| round.failures), sum(|round| round.unsent));
        if failures + unsent > 0 {
            let words = row.failure.as_deref().unwrap_or_default();
            let _ = writeln!(
                text,
                "  {}: {failures} calls failed, {unsent} were never sent {words:.200}",
                row.target
            );
        }
    }
    text
}

fn cells(row: &Row, measured: &Measured) -> [String; 11] {
    let speeds = |pick: fn(f64, f64) -> f64| {
        row.rounds.iter().map(|round| round.per_second).reduce(pick).unwrap_or_default()
    };
    let speed = row.median(|round| round.per_second);
    let spread = 50.0 * (speeds(f64::max) - speeds(f64::min)) / speed.max(f64::MIN_POSITIVE);
    let known =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    let name = match row.rate {
        Some(rate) => format!("{} at {rate:.0}/s", row.target),
        None => row.target.clone(),
    };
    let ratio = row.rate.is_none().then(|| measured.ratio(&row.target, PGBENCH)).flatten();
    let share = row.median(|round| 100.0 * float(round.from_cache) / float(round.calls.max(1)));
    [
        name,
        format!("{speed:.0}"),
        format!("±{spread:.0}%"),
        known(ratio),
        if share > 0.0 { format!("{share:.1}%") } else { "-".to_owned() },
        format!("{:.2}", row.median(|round| round.p50_ms)),
        format!("{:.2}", row.median(|round| round.p95_ms)),
        format!("{:.2}", row.median(|round| round.p99_ms)),
        format!("{:.2}", row.median(|round| round.p999_ms)),
        known(row.known(|round| round.server_cpu)),
        known(row.known(|round| round.postgres_cpu)),
    ]
}

/// The first column to the left, the others to the right.
pub(super) fn aligned(rows: &[impl AsRef<[String]>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.as_ref().get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let columns = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::from(" ");
        for (number, (cell, width)) in row.as_ref().iter().zip(&widths).enumerate() {
            let _ = match number {
                0 => write!(line, " {cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn footprint(footprint: Option<&Footprint>) -> String {
    footprint.map_or_else(String::new, |footprint| {
        let starts = footprint.ready_ms.iter().map(|ms| format!("{ms:.0}")).collect::<Vec<_>>();
        format!("\nserve without a model: ready after {} ms\n", starts.join(", "))
    })
}

fn acceptance(checks: &[Check]) -> String {
    let rows: Vec<[String; 4]> = checks
        .iter()
        .map(|Check { what, value, unit, goal }| {
            let (goal_text, verdict) = match goal {
                Some(Goal::AtLeast(least)) => {
                    (format!("goal: at least {least}"), verdict(*goal, *value))
                }
                Some(Goal::Under(most)) => (format!("goal: under {most}"), verdict(*goal, *value)),
                None => (String::new(), String::new()),
            };
            [what.clone(), format!("{value:.2} {unit}"), goal_text, verdict]
        })
        .collect();
    format!("\nWhat has a goal\n{}", aligned(&rows))
}

fn verdict(goal: Option<Goal>, value: f64) -> String {
    match goal.map(|goal| goal.is_met(value)) {
        Some(true) => "met".to_owned(),
        Some(false) => "MISSED".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::run::result::UNCACHED;

    #[test]
    fn a_scenario_says_speeds_ratios_costs_and_failures() {
        let round = |per_second, server_cpu| Round {
            calls: 9,
            from_cache: 3,
            per_second,
            p50_ms: 1.5,
            server_cpu,
            postgres_cpu: Some(0.25),
            ..Round::default()
        };
        let mut limit = Row::new(PGBENCH, None);
        limit.rounds = vec![round(1000.0, None), round(1200.0, None)];
        let mut own = Row::new(UNCACHED, None);
        own.rounds =
            vec![round(500.0, Some(0.5)), Round { failures: 2, ..round(600.0, Some(0.5)) }];
        own.failure = Some("503: busy".to_owned());
        let mut open = Row::new(UNCACHED, Some(275.0));
        open.rounds = vec![round(275.0, Some(0.5))];
        let text = scenario(&Measured {
            name: "x".to_owned(),
            description: "y".to_owned(),
            answer_bytes: 857,
            cold_ms: vec![9.0],
            closed: vec![limit, own],
            open: vec![open],
        });
        let lines: Vec<&str> = text.lines().collect();
        let widths: Vec<usize> =
            lines.get(2..6).unwrap().iter().map(|line| line.chars().count()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        for part in [
            "1100",
            "±9%",
            "0.500",
            "33.3%",
            "1.50",
            "0.250",
            "at 275/s",
            "9.0 ms",
            "2 calls failed",
            "503: busy",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_missed_goal_stands_out() {
        let check = |value| Check {
            what: "w".to_owned(),
            value,
            unit: "×",
            goal: Some(Goal::AtLeast(0.35)),
        };
        let text = acceptance(&[check(0.4), check(0.3)]);
        assert!(text.contains("0.40 ×  goal: at least 0.35     met"), "{text}");
        assert!(text.contains("MISSED"), "{text}");
    }
}
