//! Which colour is which series.

use super::{PAD, WIDTH};
use crate::svg::{Anchor, Svg};
use crate::text::Style;
use crate::{ChartKind, ChartSpec};

const ROW: f64 = 20.0;
/// From the beginning of an entry to its name, after a line and after a square.
const LINE: f64 = 26.0;
const SQUARE: f64 = 20.0;
const GAP: f64 = 18.0;
/// Most of a name that is shown.
const NAME: f64 = 190.0;

/// Draws the legend, if colours need one, and gives where it ends.
pub(super) fn draw(svg: &mut Svg, spec: &ChartSpec, top: f64) -> f64 {
    let colours = svg.theme().colours();
    if spec.kind == ChartKind::HeatMap {
        return top;
    }
    let has_band = spec.series.iter().any(|series| series.band.is_some());
    if let [only] = &*spec.series
        && !has_band
    {
        if spec.subtitle.is_some() || only.name.is_empty() || only.name == spec.title {
            return top;
        }
        let name = Style::LABEL.fit(&only.name, WIDTH - 2.0 * PAD);
        svg.text((PAD, top + 14.0), Anchor::Start, Style::LABEL, colours.muted, &name);
        return top + ROW;
    }
    let swatch = if spec.kind == ChartKind::Line { LINE } else { SQUARE };
    let mut at = (PAD, top + 8.0);
    for (place, series) in spec.series.iter().enumerate() {
        let name = Style::LABEL.fit(&series.name, NAME);
        let width = swatch + Style::LABEL.width(&name);
        if at.0 > PAD && at.0 + width > WIDTH - PAD {
            at = (PAD, at.1 + ROW);
        }
        let middle = at.1 + ROW / 2.0;
        if spec.kind == ChartKind::Line {
            line_sample(svg, place, series.band.is_some(), (at.0, middle));
        } else {
            let fill = svg.fill(place);
            svg.rect((at.0, middle - 6.0), (14.0, 12.0), &fill).close();
        }
        svg.text((at.0 + swatch, middle + 4.0), Anchor::Start, Style::LABEL, colours.text, &name);
        at.0 += width + GAP;
    }
    at.1 + ROW
}

fn line_sample(svg: &mut Svg, place: usize, has_band: bool, (left, middle): (f64, f64)) {
    let (colour, again) = svg.theme().series(place);
    if has_band {
        let band = svg.rect((left, middle - 6.0), (20.0, 12.0), colour);
        band.number("fill-opacity", super::line::BAND_OPACITY).close();
    }
    let line = svg.element("line").number("x1", left).number("y1", middle);
    let line = line.number("x2", left + 20.0).number("y2", middle);
    super::line::stroke(line, colour, again, has_band).close();
}
