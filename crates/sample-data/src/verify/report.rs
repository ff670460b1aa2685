//! The result of a verification.

use std::fmt;

/// One figure that was compared with its target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// What was measured.
    pub name: String,
    /// What it should be.
    pub target: String,
    /// What it is.
    pub observed: String,
    /// How far it may be off.
    pub tolerance: String,
    /// Whether it is near enough.
    pub ok: bool,
}

/// All figures. Its [`Display`](fmt::Display) form is an aligned table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    lines: Vec<Line>,
}

impl Report {
    /// The figures, in the order in which they are printed.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// True when every figure is near enough to its target.
    pub fn ok(&self) -> bool {
        self.lines.iter().all(|line| line.ok)
    }

    pub(super) fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Adds a figure that may be off by a part of its target.
    pub(super) fn push_relative(
        &mut self,
        name: String,
        target: f64,
        observed: f64,
        tolerance: f64,
        decimals: usize,
    ) {
        self.lines.push(Line {
            name,
            target: format!("{target:.decimals$}"),
            observed: format!("{observed:.decimals$}"),
            tolerance: format!("{:.1} %", tolerance * 100.0),
            // Written so that a figure that is not a number fails.
            ok: (observed - target).abs() <= tolerance * target.abs(),
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["check", "target", "observed", "tolerance"];
        let rows: Vec<[&str; 4]> =
            std::iter::once(header)
                .chain(self.lines.iter().map(|line| {
                    [line.name.as_str(), &line.target, &line.observed, &line.tolerance]
                }))
                .collect();
        let widths: [usize; 4] = std::array::from_fn(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.len()).max().unwrap_or(0)
        });
        let verdicts = std::iter::once("")
            .chain(self.lines.iter().map(|line| if line.ok { "ok" } else { "OFF" }));
        for ([name, target, observed, tolerance], verdict) in rows.iter().zip(verdicts) {
            let [name_width, target_width, observed_width, tolerance_width] = widths;
            let row = format!(
                "{name:name_width$}  {target:>target_width$}  {observed:>observed_width$}  \
                 {tolerance:tolerance_width$}  {verdict}"
            );
            writeln!(f, "{}", row.trim_end())?;
        }
        let off = self.lines.iter().filter(|line| !line.ok).count();
        write!(f, "{} checks, {off} off", self.lines.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn a_report_is_an_aligned_table_that_names_what_is_off() {
        let mut report = Report::default();
        report.push_relative("share".to_owned(), 20.0, 20.9, 0.05, 1);
        assert!(report.ok());
        report.push_relative("a longer name".to_owned(), 1.3, 1.0, 0.05, 1);
        assert!(!report.ok());
        let expected = "\
check          target  observed  tolerance
share            20.0      20.9  5.0 %      ok
a longer name     1.3       1.0  5.0 %      OFF
2 checks, 1 off";
        assert_eq!(report.to_string(), expected);
    }

    #[test]
    fn what_is_not_a_number_is_off() {
        let mut report = Report::default();
        report.push_relative("share".to_owned(), 1.0, f64::NAN, 0.05, 1);
        assert!(!report.ok());
    }
}
