//! A grid of coloured cells.

use super::{Frame, PAD, WIDTH, axes};
use crate::scale::{extent, float};
use crate::svg::{Anchor, Svg};
use crate::text::Style;
use crate::theme::{hex, ink_on, steps};
use crate::{ChartSpec, ValueFormat};

/// Most of a row's name that is shown.
const NAME: f64 = 170.0;
/// Rows are lower when there are many.
const HIGH_ROW: f64 = 30.0;
const LOW_ROW: f64 = 19.0;
const MOST_HIGH_ROWS: usize = 12;
const LEGEND: (f64, f64) = (180.0, 12.0);

/// Draws the chart, and gives where it ends.
pub(super) fn draw(svg: &mut Svg, spec: &ChartSpec, top: f64) -> f64 {
    let colours = svg.theme().colours();
    let row = if spec.series.len() <= MOST_HIGH_ROWS { HIGH_ROW } else { LOW_ROW };
    let widths = spec.series.iter().map(|series| Style::LABEL.width(&series.name));
    let left = PAD + widths.fold(0.0, f64::max).min(NAME) + 8.0;
    let top = top + 10.0;
    let bottom = top + row * float(spec.series.len());
    let frame = Frame { left, right: WIDTH - PAD, top, bottom };
    let column = frame.width() / float(spec.x_labels.len());
    let values = spec.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    let shades = Shades::over(values.clone());
    // In full in all cells, or briefly in all cells, or in none.
    let forms: [fn(ValueFormat, f64) -> String; 2] = [ValueFormat::short, ValueFormat::brief];
    let form = forms.into_iter().find(|write| {
        let width = |value| Style::LABEL.width(&write(spec.format, value));
        values.clone().all(|value| width(value) <= column - 4.0)
    });
    // A gap between cells, unless it would be most of what there is to see.
    let gap = if column > 8.0 { 1.5 } else { 0.0 };
    for (place, series) in spec.series.iter().enumerate() {
        let top = frame.top + row * float(place);
        let baseline = top + row / 2.0 + 4.0;
        let name = Style::LABEL.fit(&series.name, NAME);
        svg.text((left - 8.0, baseline), Anchor::End, Style::LABEL, colours.text, &name);
        for (place, value) in series.values.iter().enumerate() {
            let at = (left + column * float(place), top);
            let Some(value) = value else {
                missing(svg, (at.0 + column / 2.0, baseline), column);
                continue;
            };
            let colour = shades.colour(svg, *value);
            let size = (column - gap, row - gap.max(1.0));
            let cell = svg.rect(at, size, &hex(colour));
            if series.emphasis.contains(&place) {
                cell.word("stroke", colours.text).number("stroke-width", 2.0).close();
            } else {
                cell.close();
            }
            if let Some(write) = form {
                let at = (at.0 + (column - gap) / 2.0, baseline);
                let text = write(spec.format, *value);
                svg.text(at, Anchor::Middle, Style::LABEL, ink_on(colour), &text);
            }
        }
    }
    let middles: Vec<f64> =
        (0..spec.x_labels.len()).map(|place| left + column * (float(place) + 0.5)).collect();
    axes::labels(svg, spec, &middles, column, frame.bottom);
    legend(svg, spec, &shades, frame.bottom + axes::LABELS + 8.0)
}

/// A cell that has no value says so, where there is room.
fn missing(svg: &mut Svg, at: (f64, f64), column: f64) {
    let colours = svg.theme().colours();
    if column >= 14.0 {
        svg.text(at, Anchor::Middle, Style::LABEL, colours.muted, "–");
    }
}

/// How values become colours.
#[derive(Debug, Clone, Copy)]
enum Shades {
    /// From the lowest to the highest value.
    Sequential(f64, f64),
    /// From as much below zero to as much above it.
    Diverging(f64),
}

impl Shades {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        match extent(values) {
            Some((low, high)) if low < 0.0 => Self::Diverging(high.abs().max(-low)),
            Some((low, high)) => Self::Sequential(low, high),
            None => Self::Sequential(0.0, 1.0),
        }
    }

    fn ends(self) -> (f64, f64) {
        match self {
            Self::Sequential(low, high) => (low, high),
            Self::Diverging(size) => (-size, size),
        }
    }

    fn share(self, value: f64) -> f64 {
        let (low, high) = self.ends();
        // All values alike are neither much nor little.
        if low < high { (value - low) / (high - low) } else { 0.5 }
    }

    fn at(self, svg: &Svg, share: f64) -> [u8; 3] {
        match self {
            Self::Sequential(..) => svg.theme().sequential(share),
            Self::Diverging(_) => svg.theme().diverging(share),
        }
    }

    fn colour(self, svg: &Svg, value: f64) -> [u8; 3] {
        self.at(svg, self.share(value))
    }
}

/// Draws what the colours mean, and gives where that ends.
fn legend(svg: &mut Svg, spec: &ChartSpec, shades: &Shades, top: f64) -> f64 {
    let colour = svg.theme().colours().muted;
    let (low, high) = shades.ends();
    let (low, high) = (spec.format.short(low), spec.format.short(high));
    let (width, height) = LEGEND;
    let baseline = top + height - 2.0;
    let right = WIDTH - PAD - Style::LABEL.width(&high) - 6.0;
    let left = right - width;
    let count = 30;
    let step = width / float(count);
    for (place, share) in steps(count).enumerate() {
        let fill = hex(shades.at(svg, share));
        // Each reaches into the next: no seams.
        let reach = if place + 1 < count { step + 0.5 } else { step };
        svg.rect((left + step * float(place), top), (reach, height), &fill).close();
    }
    svg.text((left - 6.0, baseline), Anchor::End, Style::LABEL, colour, &low);
    svg.text((right + 6.0, baseline), Anchor::Start, Style::LABEL, colour, &high);
    top + height
}
