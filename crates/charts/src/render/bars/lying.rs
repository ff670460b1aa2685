//! Bars that lie, a row for each label.

use super::super::{Frame, PAD, WIDTH};
use super::{Part, axes, is_stacked, scale, total};
use crate::ChartSpec;
use crate::scale::{Scale, float};
use crate::svg::{Anchor, Svg};
use crate::text::Style;

/// Most of a label that is shown.
const LABEL: f64 = 210.0;
const GAP: f64 = 6.0;
/// Height of a bar that is alone in its row, and of one among others.
const ALONE: f64 = 16.0;
const AMONG_OTHERS: f64 = 13.0;
/// Between rows.
const BETWEEN: f64 = 8.0;

/// Draws the chart, and gives where it ends.
pub(super) fn draw(svg: &mut Svg, spec: &ChartSpec, columns: &[Vec<Part>], top: f64) -> f64 {
    let colours = svg.theme().colours();
    let bars = if is_stacked(spec) { 1 } else { spec.series.len() };
    let bar = if bars == 1 { ALONE } else { AMONG_OTHERS };
    let row = bar * float(bars) + BETWEEN;
    let scale = scale(spec, columns, 4);
    let widths = spec.x_labels.iter().map(|label| Style::LABEL.width(label));
    let left = PAD + widths.fold(0.0, f64::max).min(LABEL) + GAP + 2.0;
    // Values stand beside their bars, at both ends.
    let values = columns.iter().flat_map(|parts| ends(spec, parts));
    let widest = |negative: bool| {
        let texts = values.clone().filter(|(value, ..)| (*value < 0.0) == negative);
        let widths = texts.map(|(value, ..)| Style::STRONG.width(&spec.format.short(value)) + GAP);
        widths.fold(0.0, f64::max)
    };
    let top = top + 10.0;
    let frame = Frame {
        left: left + widest(true),
        right: WIDTH - PAD - widest(false),
        top,
        bottom: top + row * float(columns.len()),
    };
    axes::lying(svg, frame, &scale, &axes::ticks(spec.format, &scale));
    for (place, (label, parts)) in spec.x_labels.iter().zip(columns).enumerate() {
        let top = frame.top + row * float(place) + BETWEEN / 2.0;
        let text = Style::LABEL.fit(label, LABEL);
        let at = (left - GAP - 2.0, top + (row - BETWEEN) / 2.0 + 4.0);
        svg.text(at, Anchor::End, Style::LABEL, colours.text, &text);
        for part in parts {
            let shift = if is_stacked(spec) { 0.0 } else { float(part.series) };
            draw_bar(svg, frame, &scale, *part, (top + bar * shift, bar));
        }
        for (value, end, series, is_emphasised) in ends(spec, parts) {
            let style = if is_emphasised { Style::STRONG } else { Style::LABEL };
            let text = spec.format.short(value);
            let x = frame.across(scale.share(end));
            let middle = top + bar * (float(series) + 0.5) + 4.0;
            if value < 0.0 {
                svg.text((x - GAP, middle), Anchor::End, style, colours.text, &text);
            } else {
                svg.text((x + GAP, middle), Anchor::Start, style, colours.text, &text);
            }
        }
    }
    let zero = frame.across(scale.share(0.0));
    axes::base(svg, (zero, frame.top), (zero, frame.bottom));
    frame.bottom + axes::LABELS
}

/// Values that are written at a row: each with its end, its place in the row, and whether it is emphasised.
fn ends(spec: &ChartSpec, parts: &[Part]) -> Vec<(f64, f64, usize, bool)> {
    if is_stacked(spec) {
        total(parts).map(|(sum, end)| (sum, end, 0, false)).into_iter().collect()
    } else {
        parts.iter().map(|part| (part.value(), part.to, part.series, part.is_emphasised)).collect()
    }
}

fn draw_bar(svg: &mut Svg, frame: Frame, scale: &Scale, part: Part, (top, height): (f64, f64)) {
    let (from, to) = (frame.across(scale.share(part.from)), frame.across(scale.share(part.to)));
    let fill = svg.fill(part.series);
    let colours = svg.theme().colours();
    let size = ((to - from).abs(), height - 1.0);
    let bar = svg.rect((from.min(to), top), size, &fill);
    if part.is_emphasised {
        bar.word("stroke", colours.text).number("stroke-width", 2.0).close();
    } else if part.from == 0.0 {
        bar.close();
    } else {
        bar.word("stroke", colours.background).number("stroke-width", 1.0).close();
    }
}
