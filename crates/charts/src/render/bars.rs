//! Bars: side by side or on top of each other, upright or lying.

mod lying;
mod upright;

use super::axes;
use crate::scale::{Scale, extent, float};
use crate::svg::Svg;
use crate::text::{Style, are_ordered};
use crate::{ChartKind, ChartSpec, ValueFormat};

/// More lying bars than this make a picture that is too high for a chat.
const MOST_LYING: usize = 48;
/// More labels of one series than this lie in rows that are too thin.
const MOST_LYING_LABELS: usize = 40;

/// One bar, or one part of a stack.
#[derive(Debug, Clone, Copy)]
struct Part {
    series: usize,
    from: f64,
    to: f64,
    is_emphasised: bool,
}

impl Part {
    fn value(self) -> f64 {
        self.to - self.from
    }
}

/// Draws the chart, and gives where it ends.
pub(super) fn draw(svg: &mut Svg, spec: &ChartSpec, top: f64) -> f64 {
    let columns = columns(spec);
    if lies(spec) {
        lying::draw(svg, spec, &columns, top)
    } else {
        upright::draw(svg, spec, &columns, top)
    }
}

fn is_stacked(spec: &ChartSpec) -> bool {
    spec.kind == ChartKind::StackedBar
}

/// The bars at each label.
fn columns(spec: &ChartSpec) -> Vec<Vec<Part>> {
    let column = |place: usize| {
        let (mut above, mut below) = (0.0, 0.0);
        let parts = spec.series.iter().enumerate().filter_map(|(number, series)| {
            let value = series.values.get(place).copied().flatten()?;
            let end = if value < 0.0 { &mut below } else { &mut above };
            let from = if is_stacked(spec) { *end } else { 0.0 };
            *end = from + value;
            let is_emphasised = series.emphasis.contains(&place);
            Some(Part { series: number, from, to: *end, is_emphasised })
        });
        parts.collect()
    };
    (0..spec.x_labels.len()).map(column).collect()
}

/// Bars always begin at zero: their lengths are compared.
fn scale(spec: &ChartSpec, columns: &[Vec<Part>], wanted: usize) -> Scale {
    let ends = columns.iter().flatten().map(|part| part.to);
    let (low, high) = extent(ends.chain([0.0])).unwrap_or((0.0, 1.0));
    Scale::over(low, high, wanted, spec.format == ValueFormat::Count)
}

/// Long names are read in lying bars. Labels with an order may be left out, so that bars can stand.
fn lies(spec: &ChartSpec) -> bool {
    let labels = spec.x_labels.len();
    let bars = if is_stacked(spec) { labels } else { labels * spec.series.len() };
    if labels > MOST_LYING_LABELS || bars > MOST_LYING || are_ordered(&spec.x_labels) {
        return false;
    }
    let slot = 520.0 / float(labels) - 10.0;
    let is_whole = |label: &String| {
        let lines = Style::LABEL.wrap(label, slot, 2);
        lines.iter().all(|line| !line.ends_with('…') || label.ends_with('…'))
    };
    !spec.x_labels.iter().all(is_whole)
}

/// What a stack adds up to, and where its label is.
fn total(parts: &[Part]) -> Option<(f64, f64)> {
    let sum: f64 = parts.iter().map(|part| part.value()).sum();
    let (low, high) = extent(parts.iter().map(|part| part.to))?;
    Some((sum, if sum < 0.0 { low } else { high.max(0.0) }))
}
