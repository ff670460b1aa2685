//! The report as a picture: throughput in terms of pgbench's to the left, latencies at a fixed rate to the right.
//! Both axes are logarithmic, since questions differ by orders of magnitude.

use std::fmt::Write as _;

use super::result::{AXUM, Measured, PGBENCH, RMCP, Report, Row, UNCACHED};

const WIDTH: f64 = 1160.0;
const TOP: f64 = 84.0;
const LINE: f64 = 19.0;
const HEADING: f64 = 27.0;
/// Left and right ends of the two axes.
const SPEED: (f64, f64) = (190.0, 560.0);
const TIME: (f64, f64) = (690.0, 1080.0);

/// Draws the report.
pub(super) fn render(report: &Report) -> String {
    let speed = Axis::over(SPEED, speeds(report).chain([1.0]));
    let time = Axis::over(TIME, times(report));
    let rows: usize = report.scenarios.iter().map(|scenario| scenario.closed.len()).sum();
    let height = TOP
        + LINE * super::drive::float(rows as u64)
        + HEADING * super::drive::float(report.scenarios.len() as u64)
        + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"DejaVu Sans, Arial, sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    text(
        &mut svg,
        20.0,
        24.0,
        "start",
        "#222",
        &format!(
            "retail-mcp {}: {} connections, scale {}",
            report.revision, report.connections, report.scale
        ),
    );
    text(
        &mut svg,
        SPEED.0,
        46.0,
        "start",
        "#222",
        "calls a second, in terms of pgbench (dot: median; line: rounds)",
    );
    text(
        &mut svg,
        TIME.0,
        46.0,
        "start",
        "#222",
        "ms at a fixed rate: p50 (dot), p95, p99, p99.9 (line's end)",
    );
    speed.draw(&mut svg, height - 20.0, "×");
    time.draw(&mut svg, height - 20.0, "");
    let mut y = TOP;
    for scenario in &report.scenarios {
        text(&mut svg, 20.0, y + 10.0, "start", "#000", &scenario.name);
        y += HEADING;
        for row in &scenario.closed {
            let name = &row.target;
            text(&mut svg, SPEED.0 - 12.0, y, "end", colour(name), name);
            speed_of(&mut svg, &speed, y - 4.0, row, scenario);
            if let Some(open) = scenario.open.iter().find(|open| open.target == *name) {
                latencies(&mut svg, &time, y - 4.0, open);
            }
            y += LINE;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn speeds(report: &Report) -> impl Iterator<Item = f64> {
    report.scenarios.iter().flat_map(|scenario| {
        let limit = scenario.row(PGBENCH);
        scenario
            .closed
            .iter()
            .flat_map(move |row| limit.map(|limit| row.ratios(limit)).unwrap_or_default())
    })
}

fn times(report: &Report) -> impl Iterator<Item = f64> {
    let rows = report.scenarios.iter().flat_map(|scenario| &scenario.open);
    rows.flat_map(|row| [row.median(|round| round.p50_ms), row.median(|round| round.p999_ms)])
}

fn speed_of(svg: &mut String, axis: &Axis, y: f64, row: &Row, scenario: &Measured) {
    let Some(ratio) = scenario.ratio(&row.target, PGBENCH) else {
        return;
    };
    let colour = colour(&row.target);
    let ratios = scenario.row(PGBENCH).map(|limit| row.ratios(limit)).unwrap_or_default();
    let end = |pick: fn(f64, f64) -> f64| ratios.iter().copied().reduce(pick).unwrap_or(ratio);
    line(svg, (axis.place(end(f64::min)), y), (axis.place(end(f64::max)), y), colour, 2.0);
    dot(svg, axis.place(ratio), y, colour);
    let per_second = row.median(|round| round.per_second);
    let label = format!("{ratio:.2} × ({per_second:.0}/s)");
    text(svg, axis.place(end(f64::max)) + 9.0, y + 4.0, "start", "#444", &label);
}

fn latencies(svg: &mut String, axis: &Axis, y: f64, row: &Row) {
    let colour = colour(&row.target);
    let at = |figure: fn(&super::result::Round) -> f64| axis.place(row.median(figure));
    let (p50, end) = (at(|round| round.p50_ms), at(|round| round.p999_ms));
    line(svg, (p50, y), (end, y), colour, 2.0);
    for x in [at(|round| round.p95_ms), at(|round| round.p99_ms), end] {
        line(svg, (x, y - 5.0), (x, y + 5.0), colour, 1.5);
    }
    dot(svg, p50, y, colour);
    if let Some(rate) = row.rate {
        text(svg, end + 9.0, y + 4.0, "start", "#444", &format!("{rate:.0}/s"));
    }
}

/// A logarithmic axis.
struct Axis {
    ends: (f64, f64),
    /// Powers of ten at the ends.
    powers: (f64, f64),
}

impl Axis {
    fn over(ends: (f64, f64), values: impl Iterator<Item = f64>) -> Self {
        let logs: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let low = logs.iter().copied().reduce(f64::min).unwrap_or(0.0).floor();
        let high = logs.iter().copied().reduce(f64::max).unwrap_or(1.0).ceil().max(low + 1.0);
        Self { ends, powers: (low, high) }
    }

    fn place(&self, value: f64) -> f64 {
        let (low, high) = self.powers;
        let share = (value.max(f64::MIN_POSITIVE).log10() - low) / (high - low);
        self.ends.0 + share.clamp(0.0, 1.0) * (self.ends.1 - self.ends.0)
    }

    fn draw(&self, svg: &mut String, bottom: f64, unit: &str) {
        let mut power = self.powers.0;
        while power <= self.powers.1 {
            let value = 10_f64.powf(power);
            let x = self.place(value);
            line(svg, (x, TOP - 14.0), (x, bottom), "#ddd", 1.0);
            text(svg, x, TOP - 18.0, "middle", "#666", &format!("{value}{unit}"));
            power += 1.0;
        }
    }
}

fn colour(target: &str) -> &'static str {
    match target {
        PGBENCH => "#777777",
        RMCP => "#9467bd",
        AXUM => "#8c564b",
        UNCACHED => "#1f5fbf",
        cached if cached.starts_with(UNCACHED) => "#0a8f5a",
        _ => "#d9660a",
    }
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
    // Writing to a String cannot fail.
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn dot(svg: &mut String, x: f64, y: f64, colour: &str) {
    let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>");
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, colour: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::run::result::Round;

    #[test]
    fn an_axis_reaches_over_all_values() {
        let axis = Axis::over((0.0, 100.0), [0.3, 20.0].into_iter());
        assert_eq!(axis.powers, (-1.0, 2.0));
        for (value, place) in [(0.1, 0.0), (100.0, 100.0), (1e9, 100.0), (0.0, 0.0)] {
            assert!((axis.place(value) - place).abs() < 1e-6, "{value}");
        }
        // One value, or none, is still an axis.
        assert!(Axis::over((0.0, 1.0), [1.0].into_iter()).place(1.0).is_finite());
        assert!(Axis::over((0.0, 1.0), std::iter::empty()).place(1.0).is_finite());
    }

    #[test]
    fn every_target_is_drawn_and_names_are_escaped() {
        let row = |target: &str, rate| {
            let mut row = Row::new(target, rate);
            row.rounds =
                vec![Round { per_second: 10.0, p50_ms: 1.0, p999_ms: 9.0, ..Round::default() }];
            row
        };
        let scenario = Measured {
            name: "a<b".to_owned(),
            description: String::new(),
            answer_bytes: 0,
            cold_ms: Vec::new(),
            closed: vec![row(PGBENCH, None), row(UNCACHED, None)],
            open: vec![row(UNCACHED, Some(5.0))],
        };
        let svg = render(&Report { scenarios: vec![scenario], ..Report::default() });
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert!(svg.contains("a&lt;b") && svg.ends_with("</svg>\n"));
    }
}
