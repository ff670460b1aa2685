//! How latencies grow with the data: scenarios by scales.

use super::result::{Measured, Report, UNCACHED};
use super::table::aligned;

/// The middle times of each scenario without the answer cache, at each scale. Empty for one scale.
pub(super) fn table(reports: &[Report]) -> String {
    let [first, .., last] = reports else {
        return String::new();
    };
    let mut heading = vec![String::new()];
    for report in reports {
        heading.push(format!("{} p50 ms", report.scale));
        heading.push("p95 ms".to_owned());
    }
    heading.push(format!("p50 {} / {}", last.scale, first.scale));
    let mut rows = vec![heading];
    let mut names: Vec<&str> = Vec::new();
    for scenario in reports.iter().flat_map(|report| &report.scenarios) {
        if !names.contains(&scenario.name.as_str()) {
            names.push(&scenario.name);
        }
    }
    for name in names {
        let mut row = vec![name.to_owned()];
        let times: Vec<_> = reports.iter().map(|report| times(report, name)).collect();
        for times in &times {
            let cell =
                |time: Option<f64>| time.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2}"));
            row.push(cell(times.map(|(p50, _)| p50)));
            row.push(cell(times.map(|(_, p95)| p95)));
        }
        let growth = match (times.first(), times.last()) {
            (Some(Some((small, _))), Some(Some((large, _)))) if *small > 0.0 => {
                format!("{:.1}", large / small)
            }
            _ => "-".to_owned(),
        };
        row.push(growth);
        rows.push(row);
    }
    let connections = first.connections;
    format!("\nWithout the answer cache, {connections} connections\n{}", aligned(&rows))
}

fn times(report: &Report, name: &str) -> Option<(f64, f64)> {
    let scenario: &Measured = report.scenarios.iter().find(|scenario| scenario.name == name)?;
    let row = scenario.row(UNCACHED)?;
    Some((row.median(|round| round.p50_ms), row.median(|round| round.p95_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::run::result::{Round, Row};

    fn report(scale: &str, scenarios: &[(&str, f64)]) -> Report {
        let measured = scenarios.iter().map(|(name, p50_ms)| {
            let mut row = Row::new(UNCACHED, None);
            row.rounds = vec![Round { p50_ms: *p50_ms, p95_ms: 2.0 * p50_ms, ..Round::default() }];
            Measured {
                name: (*name).to_owned(),
                description: String::new(),
                answer_bytes: 1,
                cold_ms: Vec::new(),
                closed: vec![row],
                open: Vec::new(),
            }
        });
        Report { scale: scale.to_owned(), scenarios: measured.collect(), ..Report::default() }
    }

    #[test]
    fn growth_is_told_where_both_ends_were_measured() {
        let reports =
            [report("1x", &[("a", 4.0), ("b", 1.0)]), report("10x", &[("a", 40.0), ("c", 3.0)])];
        let table = table(&reports);
        let row = |name: &str| {
            let line = table.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(row("a"), ["a", "4.00", "8.00", "40.00", "80.00", "10.0"]);
        assert_eq!(row("b"), ["b", "1.00", "2.00", "-", "-", "-"]);
        assert_eq!(row("c"), ["c", "-", "-", "3.00", "6.00", "-"]);
    }

    #[test]
    fn one_scale_has_no_growth() {
        assert_eq!(table(&[report("full", &[("a", 1.0)])]), "");
    }
}
