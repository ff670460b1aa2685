//! Why a chart cannot be drawn.

/// What is wrong with a [`ChartSpec`](crate::ChartSpec). Each text names the field, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The title has no letter to read.
    #[error("title: is empty; say in a few words what is shown")]
    EmptyTitle,
    /// There is nothing to draw.
    #[error("series: there is none; give at least one")]
    NoSeries,
    /// More series than can be told apart.
    #[error("series: there are {found}, at most {most} can be told apart; sum up the smallest")]
    TooManySeries {
        /// How many there are.
        found: usize,
        /// How many this kind of chart may have.
        most: usize,
    },
    /// There is no label.
    #[error("x_labels: there is none; give one for each value")]
    NoPoints,
    /// More labels than can be read.
    #[error("x_labels: there are {found}, at most {most} can be drawn; take longer periods")]
    TooManyPoints {
        /// How many there are.
        found: usize,
        /// How many a chart may have.
        most: usize,
    },
    /// A list is not as long as the list of labels.
    #[error("{field}: has {found} entries, x_labels has {expected}; give one for each label")]
    LengthDiffers {
        /// The list, such as `series[0].values`.
        field: String,
        /// Its length.
        found: usize,
        /// The number of labels.
        expected: usize,
    },
    /// A value is infinite or not a number.
    #[error("{field}[{index}]: is not a finite number; leave the entry empty")]
    NotFinite {
        /// The list, such as `series[0].values`.
        field: String,
        /// The place in it, from 0.
        index: usize,
    },
    /// A value is further from zero than the axis can show.
    #[error("{field}[{index}]: is beyond ±1e18; give the values in a larger unit")]
    TooLarge {
        /// The list, such as `series[0].values`.
        field: String,
        /// The place in it, from 0.
        index: usize,
    },
    /// No series has a value.
    #[error("series: no entry has a value; draw no chart, and say that there are no figures")]
    NoValues,
    /// Only lines have a band.
    #[error("series[{series}].band: is only for the kind `line`; leave it out")]
    BandWithoutLine {
        /// The series, from 0.
        series: usize,
    },
    /// The lower end of a band is above the upper one.
    #[error("series[{series}].band: the lower end {index} is above the upper one; exchange them")]
    BandCrossed {
        /// The series, from 0.
        series: usize,
        /// The place in the band, from 0.
        index: usize,
    },
    /// A value that is to catch the eye does not exist.
    #[error("series[{series}].emphasis: there is no value {index}; values are counted from 0")]
    EmphasisOutside {
        /// The series, from 0.
        series: usize,
        /// The place that was asked for.
        index: usize,
    },
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChartError {
    /// The chart cannot be drawn as it is.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The drawing could not be turned into pixels: a defect on our side.
    #[error("the chart could not be turned into pixels")]
    Pixels(#[source] Box<dyn std::error::Error + Send + Sync>),
}
