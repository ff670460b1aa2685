//! Lines, with bands around them.

use super::{Frame, PAD, WIDTH, axes};
use crate::scale::{Scale, extent, float};
use crate::svg::{Element, Path, Svg};
use crate::text::Style;
use crate::{ChartSpec, Series, ValueFormat};

pub(super) const BAND_OPACITY: f64 = 0.22;
const HEIGHT: f64 = 230.0;
/// Up to here each value has a dot.
const MOST_DOTS: usize = 31;

/// Draws the chart, and gives where it ends.
pub(super) fn draw(svg: &mut Svg, spec: &ChartSpec, top: f64) -> f64 {
    let scale = scale(spec);
    let ticks = axes::ticks(spec.format, &scale);
    let (top, left) = (top + 18.0, axes::left_of(&ticks));
    let frame = Frame { left, right: WIDTH - PAD, top, bottom: top + HEIGHT };
    axes::upright(svg, frame, &scale, &ticks);
    if scale.low <= 0.0 && scale.high >= 0.0 {
        let zero = frame.up(scale.share(0.0));
        axes::base(svg, (frame.left, zero), (frame.right, zero));
    }
    let (places, slot) = places(spec, frame);
    axes::labels(svg, spec, &places, slot, frame.bottom);
    let at = |place: &f64, value: f64| (*place, frame.up(scale.share(value)));
    for (place, series) in spec.series.iter().enumerate() {
        band(svg, place, series, &places, at);
    }
    let has_dots = spec.x_labels.len() <= MOST_DOTS;
    for (place, series) in spec.series.iter().enumerate() {
        line(svg, place, series, has_dots, &places, at);
    }
    emphasis(svg, spec, &places, at);
    frame.bottom + axes::LABELS
}

/// From zero, unless all values are far from it and near each other.
fn scale(spec: &ChartSpec) -> Scale {
    let values = spec.series.iter().flat_map(|series| {
        let bands = series.band.iter().flat_map(|band| band.lower.iter().chain(&band.upper));
        series.values.iter().chain(bands).flatten().copied()
    });
    let (low, high) = extent(values).unwrap_or((0.0, 1.0));
    let low = if low > 0.0 && low < 0.6 * high { 0.0 } else { low };
    let high = if high < 0.0 && high > 0.6 * low { 0.0 } else { high };
    Scale::over(low, high, 5, spec.format == ValueFormat::Count)
}

/// Where each label is, and how far they are apart.
fn places(spec: &ChartSpec, frame: Frame) -> (Vec<f64>, f64) {
    let overhang = axes::overhang(spec);
    let (left, right) = ((frame.left + 10.0).max(overhang + 4.0), frame.right - 6.0);
    let right = right.min(WIDTH - 4.0 - overhang);
    let count = spec.x_labels.len();
    if count == 1 {
        return (vec![f64::midpoint(left, right)], right - left);
    }
    let slot = (right - left) / float(count - 1);
    ((0..count).map(|place| left + slot * float(place)).collect(), slot)
}

fn band(
    svg: &mut Svg,
    place: usize,
    series: &Series,
    places: &[f64],
    at: impl Fn(&f64, f64) -> (f64, f64),
) {
    let Some(band) = &series.band else { return };
    let (colour, _) = svg.theme().series(place);
    let ranges: Vec<_> = places.iter().zip(band.ranges()).collect();
    for part in ranges.split(|(_, range)| range.is_none()) {
        let known = || part.iter().filter_map(|(place, range)| range.map(|range| (place, range)));
        let mut path = Path::default();
        known().for_each(|(place, (low, _))| path.point(at(place, low)));
        known().rev().for_each(|(place, (_, high))| path.point(at(place, high)));
        if let [(only, Some((low, high)))] = part {
            // A range of a single day is a bar.
            let ((x, bottom), (_, top)) = (at(only, *low), at(only, *high));
            let bar = svg.rect((x - 5.0, top), (10.0, bottom - top), colour);
            bar.number("fill-opacity", BAND_OPACITY).close();
        } else if !part.is_empty() {
            let area = svg.element("path").word("d", &path.closed()).word("fill", colour);
            area.number("fill-opacity", BAND_OPACITY).close();
        }
    }
}

fn line(
    svg: &mut Svg,
    place: usize,
    series: &Series,
    has_dots: bool,
    places: &[f64],
    at: impl Fn(&f64, f64) -> (f64, f64),
) {
    let (colour, again) = svg.theme().series(place);
    let values: Vec<_> = places.iter().zip(&series.values).collect();
    for part in values.split(|(_, value)| value.is_none()) {
        let points =
            || part.iter().filter_map(|(place, value)| value.map(|value| at(place, value)));
        let mut path = Path::default();
        points().for_each(|point| path.point(point));
        if part.len() > 1 {
            let line = svg.element("path").word("d", &path.opened()).word("fill", "none");
            stroke(line, colour, again, series.band.is_some()).close();
        }
        if has_dots || part.len() == 1 {
            let size = if part.len() == 1 { 4.0 } else { 3.0 };
            points().for_each(|point| dot(svg, point, size, colour));
        }
    }
}

fn dot(svg: &mut Svg, (x, y): (f64, f64), radius: f64, colour: &str) {
    let dot = svg.element("circle").number("cx", x).number("cy", y);
    dot.number("r", radius).word("fill", colour).close();
}

/// A line of a series: dashed in long strokes the second time its colour is used, dotted when it has a range.
pub(super) fn stroke<'a>(
    element: Element<'a>,
    colour: &str,
    again: bool,
    has_band: bool,
) -> Element<'a> {
    let element = element.word("stroke", colour).number("stroke-width", 2.0);
    let element = element.word("stroke-linejoin", "round");
    match (has_band, again) {
        (true, _) => element.word("stroke-dasharray", "4 3"),
        (false, true) => element.word("stroke-dasharray", "9 4"),
        (false, false) => element,
    }
}

/// Rings around values that are to catch the eye, with what they are where that can be read.
fn emphasis(svg: &mut Svg, spec: &ChartSpec, places: &[f64], at: impl Fn(&f64, f64) -> (f64, f64)) {
    let colours = svg.theme().colours();
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for (place, series) in spec.series.iter().enumerate() {
        let (colour, _) = svg.theme().series(place);
        // A value that is alone on the chart is told, too.
        let alone: &[usize] = if places.len() == 1 { &[0] } else { &[] };
        for index in series.emphasis.iter().chain(alone) {
            let value = series.values.get(*index).copied().flatten();
            let Some((x, value)) = places.get(*index).zip(value) else { continue };
            let (x, y) = at(x, value);
            let ring = svg.element("circle").number("cx", x).number("cy", y).number("r", 6.0);
            let ring = ring.word("fill", colours.background).word("stroke", colour);
            ring.number("stroke-width", 3.0).close();
            let text = spec.format.short(value);
            let half = Style::STRONG.width(&text) / 2.0;
            let middle = x.clamp(4.0 + half, WIDTH - 4.0 - half);
            let touches = |other: &(f64, f64, f64)| {
                (other.0 - middle).abs() < other.2 + half + 4.0 && (other.1 - y).abs() < 16.0
            };
            if !taken.iter().any(touches) {
                taken.push((middle, y, half));
                svg.halo((middle, y - 11.0), Style::STRONG, colours.text, &text);
            }
        }
    }
}
