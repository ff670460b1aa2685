//! Bars that stand.

use super::super::{Frame, PAD, WIDTH};
use super::{Part, axes, is_stacked, scale, total};
use crate::ChartSpec;
use crate::scale::{Scale, float};
use crate::svg::{Anchor, Svg};
use crate::text::{Style, are_ordered};

const HEIGHT: f64 = 230.0;
const WIDEST: f64 = 56.0;
/// Above a bar or below it, to its label.
const GAP: f64 = 5.0;

/// Draws the chart, and gives where it ends.
pub(super) fn draw(svg: &mut Svg, spec: &ChartSpec, columns: &[Vec<Part>], top: f64) -> f64 {
    let scale = scale(spec, columns, 5);
    let ticks = axes::ticks(spec.format, &scale);
    let top = top + 20.0;
    let (left, right) = (axes::left_of(&ticks), WIDTH - PAD);
    let frame = Frame { left, right, top, bottom: top + HEIGHT };
    axes::upright(svg, frame, &scale, &ticks);
    let slot = frame.width() / float(columns.len());
    let places: Vec<f64> =
        (0..columns.len()).map(|place| frame.left + slot * (float(place) + 0.5)).collect();
    // Room below bars that end at the bottom.
    let below = if columns.iter().flatten().any(|part| part.to < 0.0) { 12.0 } else { 0.0 };
    let bars = if is_stacked(spec) { 1 } else { spec.series.len() };
    let width = (slot * if slot > 12.0 { 0.8 } else { 0.9 } / float(bars)).min(WIDEST);
    let has_labels = labels_fit(spec, columns, if bars == 1 { slot } else { width });
    for (parts, middle) in columns.iter().zip(&places) {
        for part in parts {
            let shift = if is_stacked(spec) { 0.0 } else { float(part.series) };
            let x = middle + width * (shift - float(bars) / 2.0);
            bar(svg, frame, &scale, *part, (x, width));
            if has_labels && !is_stacked(spec) {
                label(svg, spec, frame, &scale, x + width / 2.0, (part.value(), part.to, *part));
            }
        }
        if has_labels
            && is_stacked(spec)
            && let (Some((sum, end)), Some(last)) = (total(parts), parts.last())
        {
            let last = Part { is_emphasised: false, ..*last };
            label(svg, spec, frame, &scale, *middle, (sum, end, last));
        }
    }
    let zero = frame.up(scale.share(0.0));
    axes::base(svg, (frame.left, zero), (frame.right, zero));
    if are_ordered(&spec.x_labels) || columns.len() > 12 {
        axes::labels(svg, spec, &places, slot, frame.bottom + below);
        frame.bottom + below + axes::LABELS
    } else {
        axes::wrapped_labels(svg, spec, &places, slot, frame.bottom + below)
    }
}

/// Whether each bar has room for its value.
fn labels_fit(spec: &ChartSpec, columns: &[Vec<Part>], room: f64) -> bool {
    let fits = |value| Style::LABEL.width(&spec.format.short(value)) <= room - 4.0;
    if is_stacked(spec) {
        columns.iter().filter_map(|parts| total(parts)).all(|(sum, _)| fits(sum))
    } else {
        columns.iter().flatten().all(|part| fits(part.value()))
    }
}

fn bar(svg: &mut Svg, frame: Frame, scale: &Scale, part: Part, (x, width): (f64, f64)) {
    let (from, to) = (frame.up(scale.share(part.from)), frame.up(scale.share(part.to)));
    let fill = svg.fill(part.series);
    let colours = svg.theme().colours();
    let gap = if width > 4.0 { 1.0 } else { 0.0 };
    let size = (width - gap, (from - to).abs());
    let bar = svg.rect((x + gap / 2.0, from.min(to)), size, &fill);
    if part.is_emphasised {
        bar.word("stroke", colours.text).number("stroke-width", 2.0).close();
    } else if part.from == 0.0 {
        bar.close();
    } else {
        // Parts of a stack are told apart without colours.
        bar.word("stroke", colours.background).number("stroke-width", 1.0).close();
    }
}

fn label(
    svg: &mut Svg,
    spec: &ChartSpec,
    frame: Frame,
    scale: &Scale,
    middle: f64,
    (value, end, part): (f64, f64, Part),
) {
    let height = frame.up(scale.share(end));
    let height = if value < 0.0 { height + GAP + 9.0 } else { height - GAP };
    let style = if part.is_emphasised { Style::STRONG } else { Style::LABEL };
    let text = spec.format.short(value);
    let colour = svg.theme().colours().text;
    svg.text((middle, height), Anchor::Middle, style, colour, &text);
}
