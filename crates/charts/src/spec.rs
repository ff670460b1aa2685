//! What a chart shows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ValueFormat;

/// How figures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChartKind {
    /// A line for each series, for what changes over time.
    Line,
    /// Bars side by side, to compare. They lie when the labels are long.
    Bar,
    /// Bars on top of each other, for parts of a whole. Negative values go below zero.
    StackedBar,
    /// A grid of coloured cells: a row for each series, a column for each label.
    HeatMap,
}

/// What a value may well be, around a line: a forecast's range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Band {
    /// The lower end at each label. Empty where there is no range.
    pub lower: Vec<Option<f64>>,
    /// The upper end at each label. Empty where there is no range.
    pub upper: Vec<Option<f64>>,
}

impl Band {
    /// Makes a band of as many lower and upper ends as the chart has labels.
    pub fn new(lower: Vec<Option<f64>>, upper: Vec<Option<f64>>) -> Self {
        Self { lower, upper }
    }

    /// Both ends at each label that has both.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Option<(f64, f64)>> + '_ {
        self.lower.iter().zip(&self.upper).map(|(lower, upper)| lower.zip(*upper))
    }
}

/// Figures that belong together: one line, one colour of bars, one row of a heat map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// The value at each label, in the unit of the chart's format. Empty: not known, which is not zero.
    pub values: Vec<Option<f64>>,
    /// The range around a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<Band>,
    /// Places of the values that are to catch the eye, from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emphasis: Vec<usize>,
}

impl Series {
    /// Makes a series of as many values as the chart has labels.
    pub fn new(name: impl Into<String>, values: Vec<Option<f64>>) -> Self {
        Self { name: name.into(), values, band: None, emphasis: Vec::new() }
    }

    /// Draws a range around the line, and the line itself dashed.
    #[must_use]
    pub fn with_band(mut self, band: Band) -> Self {
        self.band = Some(band);
        self
    }

    /// Marks these values, counted from 0.
    #[must_use]
    pub fn with_emphasis(mut self, points: impl IntoIterator<Item = usize>) -> Self {
        self.emphasis = points.into_iter().collect();
        self
    }
}

/// A chart: figures, and how to draw them.
///
/// Its JSON form is what the interactive page draws: see [`app_page`](crate::app_page).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ChartSpec {
    /// What is shown, in a few words.
    pub title: String,
    /// A second, smaller line: of when, of which stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
    /// How the figures are drawn.
    pub kind: ChartKind,
    /// What the values are, and so how they are written.
    pub format: ValueFormat,
    /// Categories or dates, as they are to be read.
    pub x_labels: Vec<String>,
    /// The figures. Rows of a heat map.
    pub series: Vec<Series>,
}

impl ChartSpec {
    /// Makes a chart. [`validate`](Self::validate) says whether it can be drawn.
    pub fn new(
        kind: ChartKind,
        title: impl Into<String>,
        format: ValueFormat,
        x_labels: impl IntoIterator<Item = impl Into<String>>,
        series: Vec<Series>,
    ) -> Self {
        Self {
            title: title.into(),
            subtitle: None,
            kind,
            format,
            x_labels: x_labels.into_iter().map(Into::into).collect(),
            series,
        }
    }

    /// Adds a second, smaller line below the title.
    #[must_use]
    pub fn with_subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = Some(subtitle.into());
        self
    }
}
