//! Lines and labels that values are read by.

use super::{Frame, PAD, WIDTH};
use crate::scale::{Scale, float};
use crate::svg::{Anchor, Svg};
use crate::text::{Style, thinned};
use crate::{ChartSpec, ValueFormat};

/// Height of the labels below a chart.
pub(super) const LABELS: f64 = 25.0;
/// Between an axis and its labels.
const GAP: f64 = 8.0;
/// Most of a label that is shown below a chart.
const LABEL: f64 = 96.0;

/// What ticks say.
pub(super) fn ticks(format: ValueFormat, scale: &Scale) -> Vec<(f64, String)> {
    let write = |tick| format.tick(tick, scale.step, scale.largest());
    scale.ticks.iter().map(|tick| (*tick, write(*tick))).collect()
}

/// Where a chart begins whose ticks stand at its left.
pub(super) fn left_of(ticks: &[(f64, String)]) -> f64 {
    let widths = ticks.iter().map(|(_, text)| Style::LABEL.width(text));
    PAD + widths.fold(0.0, f64::max) + GAP
}

/// Draws ticks at the left, and lines from them.
pub(super) fn upright(svg: &mut Svg, frame: Frame, scale: &Scale, ticks: &[(f64, String)]) {
    let colours = svg.theme().colours();
    for (tick, text) in ticks {
        let height = frame.up(scale.share(*tick)).round() + 0.5;
        svg.line((frame.left, height), (frame.right, height), colours.grid);
        let at = (frame.left - GAP, height + 4.0);
        svg.text(at, Anchor::End, Style::LABEL, colours.muted, text);
    }
}

/// Draws ticks below, and lines from them.
pub(super) fn lying(svg: &mut Svg, frame: Frame, scale: &Scale, ticks: &[(f64, String)]) {
    let colours = svg.theme().colours();
    let mut free = 0.0;
    for (tick, text) in ticks {
        let place = frame.across(scale.share(*tick)).round() + 0.5;
        svg.line((place, frame.top), (place, frame.bottom), colours.grid);
        let half = Style::LABEL.width(text) / 2.0;
        let middle = place.min(WIDTH - 4.0 - half);
        if middle - half >= free {
            let at = (middle, frame.bottom + 16.0);
            svg.text(at, Anchor::Middle, Style::LABEL, colours.muted, text);
            free = middle + half + 6.0;
        }
    }
}

/// Draws the line that bars stand on and lines start from.
pub(super) fn base(svg: &mut Svg, from: (f64, f64), to: (f64, f64)) {
    let colour = svg.theme().colours().axis;
    let crisp = |(x, y): (f64, f64)| (x.round() + 0.5, y.round() + 0.5);
    svg.line(crisp(from), crisp(to), colour);
}

/// Draws labels below a chart, each below its place, and leaves out those that there is no room for.
pub(super) fn labels(svg: &mut Svg, spec: &ChartSpec, places: &[f64], slot: f64, top: f64) {
    let colour = svg.theme().colours().muted;
    let (step, room) = thinned(&spec.x_labels, slot, LABEL);
    for (label, place) in spec.x_labels.iter().zip(places).step_by(step) {
        let text = Style::LABEL.fit(label, room);
        let half = Style::LABEL.width(&text) / 2.0;
        let middle = place.clamp(4.0 + half, WIDTH - 4.0 - half);
        svg.text((middle, top + 18.0), Anchor::Middle, Style::LABEL, colour, &text);
    }
}

/// Draws labels below a chart that has room for all of them, in two lines where they are long.
pub(super) fn wrapped_labels(
    svg: &mut Svg,
    spec: &ChartSpec,
    places: &[f64],
    slot: f64,
    top: f64,
) -> f64 {
    let colour = svg.theme().colours().muted;
    let mut bottom = top + LABELS;
    for (label, place) in spec.x_labels.iter().zip(places) {
        let lines = Style::LABEL.wrap(label, slot - GAP, 2);
        for (row, line) in lines.iter().enumerate() {
            let at = (*place, top + 18.0 + 15.0 * float(row));
            svg.text(at, Anchor::Middle, Style::LABEL, colour, line);
        }
        bottom = bottom.max(top + LABELS + 15.0 * (float(lines.len()) - 1.0));
    }
    bottom
}

/// Half of what the first and the last label need at most.
pub(super) fn overhang(spec: &ChartSpec) -> f64 {
    let ends = [spec.x_labels.first(), spec.x_labels.last()];
    let widths = ends.into_iter().flatten().map(|label| Style::LABEL.width(label));
    widths.fold(0.0, f64::max).min(LABEL) / 2.0
}
