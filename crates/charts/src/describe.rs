//! A chart in words, for who does not see it.

use std::fmt::Write as _;

use crate::text::clean;
use crate::{ChartKind, ChartSpec, Series};

/// Series that are told one by one.
const MOST_TOLD: usize = 12;

/// What kind of chart it is, over what, and the first, last, lowest and highest value of each series.
pub(crate) fn describe(spec: &ChartSpec) -> String {
    let kind = match spec.kind {
        ChartKind::Line => "Line chart",
        ChartKind::Bar => "Bar chart",
        ChartKind::StackedBar => "Stacked bar chart",
        ChartKind::HeatMap => "Heat map",
    };
    let (first, last) = (spec.x_labels.first(), spec.x_labels.last());
    let label = |label: Option<&String>| label.map(|label| clean(label)).unwrap_or_default();
    let mut out = match spec.x_labels.len() {
        1 => format!("{kind} of {}.", label(first)),
        count => format!("{kind} of {count} points, from {} to {}.", label(first), label(last)),
    };
    for series in spec.series.iter().take(MOST_TOLD) {
        out.push(' ');
        tell(&mut out, spec, series);
    }
    if spec.series.len() > MOST_TOLD {
        let _ = write!(out, " And {} more.", spec.series.len() - MOST_TOLD);
    }
    out
}

fn tell(out: &mut String, spec: &ChartSpec, series: &Series) {
    let name = clean(&series.name);
    let known = || {
        let points = spec.x_labels.iter().zip(&series.values);
        points.filter_map(|(label, value)| value.map(|value| (label, value)))
    };
    let write =
        |(label, value): (&String, f64)| format!("{} ({})", spec.format.exact(value), clean(label));
    let lowest = known().min_by(|one, other| one.1.total_cmp(&other.1));
    let highest = known().max_by(|one, other| one.1.total_cmp(&other.1));
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        let _ = write!(out, "{name}: no values.");
        return;
    };
    if lowest.1 >= highest.1 {
        let _ = write!(out, "{name}: {}.", write(lowest));
        return;
    }
    let _ = write!(out, "{name}: lowest {}, highest {}", write(lowest), write(highest));
    if spec.kind == ChartKind::Line
        && let Some(last) = known().next_back()
    {
        let _ = write!(out, ", last {}", write(last));
    }
    if series.band.is_some() {
        out.push_str(", with a range");
    }
    out.push('.');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueFormat;

    #[test]
    fn tells_what_is_to_be_seen() {
        let spec = ChartSpec::new(
            ChartKind::Line,
            "Sales",
            ValueFormat::Money,
            ["Jan", "Feb", "Mar"],
            vec![
                Series::new("North", vec![Some(10.0), Some(5.0), Some(7.5)]),
                Series::new("South", vec![None, None, None]),
                Series::new("West", vec![None, Some(2.0), None]),
            ],
        );
        assert_eq!(
            describe(&spec),
            "Line chart of 3 points, from Jan to Mar. \
             North: lowest $5.00 (Feb), highest $10.00 (Jan), last $7.50 (Mar). \
             South: no values. West: $2.00 (Feb)."
        );
    }
}
