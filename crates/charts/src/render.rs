//! A chart as SVG: title, legend, and what its kind asks for below.

mod axes;
mod bars;
mod heat_map;
mod legend;
mod line;

use crate::describe::describe;
use crate::svg::{Anchor, Svg};
use crate::text::{Style, clean};
use crate::{ChartError, ChartKind, ChartSpec, Theme};

/// Width of every picture, in pixels. The height follows from the kind and from how much there is to show.
pub const WIDTH_PX: u32 = 600;

const WIDTH: f64 = 600.0;
/// Left free on all sides.
const PAD: f64 = 16.0;

/// Draws a chart as one SVG document, 600 pixels wide, with a title and a description for screen readers.
///
/// The document holds no script and names nothing outside itself. Texts are escaped.
///
/// # Errors
///
/// [`ChartError::Spec`] when [`ChartSpec::validate`] fails.
pub fn render_svg(spec: &ChartSpec, theme: Theme) -> Result<String, ChartError> {
    spec.validate()?;
    let spec = cleaned(spec);
    let mut svg = Svg::new(theme);
    let top = header(&mut svg, &spec);
    let top = legend::draw(&mut svg, &spec, top);
    let bottom = match spec.kind {
        ChartKind::Line => line::draw(&mut svg, &spec, top),
        ChartKind::Bar | ChartKind::StackedBar => bars::draw(&mut svg, &spec, top),
        ChartKind::HeatMap => heat_map::draw(&mut svg, &spec, top),
    };
    Ok(svg.finish((WIDTH, (bottom + PAD).ceil()), &spec.title, &describe(&spec)))
}

/// The chart, with texts that can be drawn in one line.
fn cleaned(spec: &ChartSpec) -> ChartSpec {
    let mut spec = spec.clone();
    spec.title = clean(&spec.title);
    spec.subtitle = spec.subtitle.map(|text| clean(&text)).filter(|text| !text.is_empty());
    for text in &mut spec.x_labels {
        *text = clean(text);
    }
    for series in &mut spec.series {
        series.name = clean(&series.name);
    }
    spec
}

/// Draws the title and the line below it, and gives where they end.
fn header(svg: &mut Svg, spec: &ChartSpec) -> f64 {
    let colours = svg.theme().colours();
    let room = WIDTH - 2.0 * PAD;
    let mut bottom = PAD - 3.0;
    for line in Style::TITLE.wrap(&spec.title, room, 2) {
        svg.text((PAD, bottom + 16.0), Anchor::Start, Style::TITLE, colours.text, &line);
        bottom += 20.0;
    }
    for line in Style::SUBTITLE.wrap(spec.subtitle.as_deref().unwrap_or_default(), room, 2) {
        svg.text((PAD, bottom + 15.0), Anchor::Start, Style::SUBTITLE, colours.muted, &line);
        bottom += 18.0;
    }
    bottom
}

/// Where figures are drawn.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

impl Frame {
    fn width(self) -> f64 {
        self.right - self.left
    }

    /// The height of a value that lies at this share of its scale.
    fn up(self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }

    /// The place of a value on a scale from left to right.
    fn across(self, share: f64) -> f64 {
        self.left + share * self.width()
    }
}
