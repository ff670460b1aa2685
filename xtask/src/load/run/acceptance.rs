//! The figures that have a goal.

use super::result::{
    AXUM, Check, Footprint, Goal, Measured, PGBENCH, RMCP, Row, UNCACHED, WITH_TRACES,
    WITHOUT_METRICS, median,
};

/// The scenario that the goals are about.
pub(super) const SUBJECT: &str = "point_lookup";

const MIB: f64 = 1024.0;

/// The beginning of the names of scenarios that ask for an analysis.
const ANALYSIS: &str = "analysis_";

/// All that can be said of what was measured.
pub(super) fn checks(
    scenarios: &[Measured],
    footprint: Option<&Footprint>,
    scale: &str,
) -> Vec<Check> {
    let mut checks = Vec::new();
    of_analyses(scenarios, scale, &mut checks);
    if let Some(subject) = scenarios.iter().find(|scenario| scenario.name == SUBJECT) {
        of_lookup(subject, &mut checks);
    }
    if let Some(footprint) = footprint {
        of_memory(footprint, &mut checks);
    }
    checks
}

/// Managers wait for analyses: 150 ms at most, and 300 ms with ten times the data.
fn of_analyses(scenarios: &[Measured], scale: &str, checks: &mut Vec<Check>) {
    let goal = match scale {
        "full" | "1x" => Some(Goal::Under(150.0)),
        "10x" => Some(Goal::Under(300.0)),
        _ => None,
    };
    for scenario in scenarios.iter().filter(|scenario| scenario.name.starts_with(ANALYSIS)) {
        if let Some(row) = scenario.row(UNCACHED) {
            let value = row.median(|round| round.p95_ms);
            checks.push(Check { what: format!("{}: p95", scenario.name), value, unit: "ms", goal });
            let ratio = scenario.ratio(UNCACHED, PGBENCH);
            checks.extend(ratio.map(|value| Check {
                what: format!("{}: {UNCACHED} / {PGBENCH}", scenario.name),
                value,
                unit: "×",
                goal: None,
            }));
        }
    }
}

fn of_lookup(subject: &Measured, checks: &mut Vec<Check>) {
    let mut add = |what: String, value: Option<f64>, unit, goal| {
        checks.extend(value.map(|value| Check { what, value, unit, goal }));
    };
    let limits = [PGBENCH, RMCP, AXUM];
    let ratio = |row: &Row, other| subject.ratio(&row.target, other);
    for row in &subject.closed {
        let name = row.target.as_str();
        if name == UNCACHED {
            let of_limit = Some(Goal::AtLeast(0.35));
            add(format!("{SUBJECT}: {name} / {PGBENCH}"), ratio(row, PGBENCH), "×", of_limit);
        } else if name.starts_with(UNCACHED) {
            // The answer cache, by the name of its mode. Several servers behind a proxy have no goal.
            let goal = (!name.contains('×')).then_some(Goal::AtLeast(0.8));
            add(format!("{SUBJECT}: {name} / {RMCP}"), ratio(row, RMCP), "×", goal);
            add(format!("{SUBJECT}: {name} / {AXUM}"), ratio(row, AXUM), "×", None);
        } else if name == WITHOUT_METRICS {
            let with = subject.ratio(UNCACHED, name);
            add(format!("{SUBJECT}: {UNCACHED} / {name}"), with, "×", Some(Goal::AtLeast(0.95)));
        } else if name == WITH_TRACES {
            let goal = Some(Goal::AtLeast(0.95));
            add(format!("{SUBJECT}: {name} / {UNCACHED}"), ratio(row, UNCACHED), "×", goal);
            let all = format!("{SUBJECT}: {name} / {WITHOUT_METRICS}");
            add(all, ratio(row, WITHOUT_METRICS), "×", goal);
        } else if !limits.contains(&name) {
            let of_peer = subject.ratio(UNCACHED, name);
            add(format!("{SUBJECT}: {UNCACHED} / {name}"), of_peer, "×", Some(Goal::AtLeast(1.1)));
        }
    }
    for row in &subject.open {
        let goal = (row.target == UNCACHED).then_some(Goal::Under(4.0));
        let tail = row.median(|round| round.p99_ms / round.p50_ms.max(f64::MIN_POSITIVE));
        add(
            format!("{SUBJECT}: p99 / p50 of {} at a fixed rate", row.target),
            Some(tail),
            "×",
            goal,
        );
    }
    if let Some(row) = subject.row(UNCACHED) {
        let server = row.known(|round| round.server_cpu);
        let postgres = row.known(|round| round.postgres_cpu);
        let cost = server.zip(postgres).map(|(server, postgres)| server / postgres);
        add(
            format!("{SUBJECT}: processor time of {UNCACHED} / PostgreSQL's for the same calls"),
            cost,
            "×",
            Some(Goal::Under(1.0)),
        );
        let alone = subject.row(PGBENCH).and_then(|row| row.known(|round| round.postgres_cpu));
        let cost = server.zip(alone).map(|(server, alone)| server / alone);
        add(
            format!("{SUBJECT}: processor time of {UNCACHED} / PostgreSQL's under {PGBENCH}"),
            cost,
            "×",
            None,
        );
    }
}

fn of_memory(footprint: &Footprint, checks: &mut Vec<Check>) {
    let Footprint { ready_ms, idle_rss_kib, load_connections, load_rss_kib, .. } = footprint;
    let mib = |kib: u64| super::drive::float(kib) / MIB;
    let check =
        |what, value, unit, most| Check { what, value, unit, goal: Some(Goal::Under(most)) };
    checks.push(check("serve: memory when idle".to_owned(), mib(*idle_rss_kib), "MiB", 25.0));
    let loaded = format!("serve: memory with {load_connections} busy connections");
    checks.push(check(loaded, mib(*load_rss_kib), "MiB", 80.0));
    checks.push(check(
        "serve: from start to ready".to_owned(),
        median(ready_ms.clone()),
        "ms",
        100.0,
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::run::result::Round;

    fn row(target: &str, per_second: f64) -> Row {
        let mut row = Row::new(target, None);
        row.rounds = vec![Round {
            per_second,
            p50_ms: 2.0,
            p99_ms: 6.0,
            server_cpu: Some(0.5),
            postgres_cpu: Some(0.25),
            ..Round::default()
        }];
        row
    }

    #[test]
    fn an_analysis_has_its_time_by_the_scale() {
        let analysis = |name: &str| {
            let mut closed = vec![row(PGBENCH, 100.0), row(UNCACHED, 50.0)];
            for round in closed.iter_mut().flat_map(|row| &mut row.rounds) {
                round.p95_ms = 200.0;
            }
            let (name, description) = (name.to_owned(), String::new());
            Measured {
                name,
                description,
                answer_bytes: 1,
                cold_ms: Vec::new(),
                closed,
                open: Vec::new(),
            }
        };
        let met = |scale| -> Vec<_> {
            checks(&[analysis("analysis_slow"), analysis("mixed")], None, scale)
                .iter()
                .map(|check| (check.value, check.goal.map(|goal| goal.is_met(check.value))))
                .collect()
        };
        assert_eq!(met("full"), [(200.0, Some(false)), (0.5, None)]);
        assert_eq!(met("10x"), [(200.0, Some(true)), (0.5, None)]);
        assert_eq!(met("tiny"), [(200.0, None), (0.5, None)]);
    }

    #[test]
    fn each_goal_is_about_the_right_pair() {
        let closed = [
            (PGBENCH, 100.0),
            (UNCACHED, 40.0),
            ("retail-mcp memory", 450.0),
            ("retail-mcp redis × 2", 250.0),
            ("without metrics", 41.0),
            ("toolbox", 50.0),
        ]
        .into_iter()
        .chain([(RMCP, 500.0), (AXUM, 900.0)])
        .map(|(name, speed)| row(name, speed))
        .collect();
        let measured = Measured {
            name: SUBJECT.to_owned(),
            description: String::new(),
            answer_bytes: 1,
            cold_ms: Vec::new(),
            closed,
            open: vec![row(UNCACHED, 20.0)],
        };
        let footprint = Footprint {
            ready_ms: vec![50.0],
            idle_rss_kib: 30 * 1024,
            load_connections: 64,
            load_rss_kib: 40 * 1024,
            load_calls: 1,
        };
        let checks = checks(&[measured], Some(&footprint), "full");
        let met: Vec<(String, Option<bool>)> = checks
            .iter()
            .map(|check| {
                (format!("{:.2}", check.value), check.goal.map(|goal| goal.is_met(check.value)))
            })
            .collect();
        let expected = [
            ("0.40", Some(true)),
            ("0.90", Some(true)),
            ("0.50", None),
            ("0.50", None),
            ("0.28", None),
            ("0.98", Some(true)),
            ("0.80", Some(false)),
            ("3.00", Some(true)),
            ("2.00", Some(false)),
            ("2.00", None),
            ("30.00", Some(false)),
            ("40.00", Some(true)),
            ("50.00", Some(true)),
        ];
        assert_eq!(met, expected.map(|(value, met)| (value.to_owned(), met)));
    }
}
