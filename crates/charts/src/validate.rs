//! Whether a chart can be drawn.

use crate::text::clean;
use crate::{ChartKind, ChartSpec, Series, SpecError};

/// Most labels: each needs a pixel and a gap.
const MOST_POINTS: usize = 400;
/// Most series: six colours, plain and hatched or dashed.
const MOST_SERIES: usize = 12;
/// Most rows of a heat map, which need no colour of their own.
const MOST_ROWS: usize = 40;
/// Beyond this, sums of a stack and steps of an axis lose their last digits.
const LARGEST: f64 = 1e18;

impl ChartSpec {
    /// Says whether the chart can be drawn: 1 to 400 labels, 1 to 12 series (40 rows of a heat map), lists of equal
    /// length, finite values, bands of lines alone.
    ///
    /// # Errors
    ///
    /// The first [`SpecError`] that is found.
    pub fn validate(&self) -> Result<(), SpecError> {
        let points = self.x_labels.len();
        let most = if self.kind == ChartKind::HeatMap { MOST_ROWS } else { MOST_SERIES };
        if clean(&self.title).is_empty() {
            return Err(SpecError::EmptyTitle);
        }
        if self.series.is_empty() {
            return Err(SpecError::NoSeries);
        }
        if self.series.len() > most {
            return Err(SpecError::TooManySeries { found: self.series.len(), most });
        }
        if points == 0 {
            return Err(SpecError::NoPoints);
        }
        if points > MOST_POINTS {
            return Err(SpecError::TooManyPoints { found: points, most: MOST_POINTS });
        }
        for (place, series) in self.series.iter().enumerate() {
            check_series(place, series, points)?;
            if series.band.is_some() && self.kind != ChartKind::Line {
                return Err(SpecError::BandWithoutLine { series: place });
            }
        }
        if self.series.iter().all(|series| series.values.iter().all(Option::is_none)) {
            return Err(SpecError::NoValues);
        }
        Ok(())
    }
}

fn check_series(place: usize, series: &Series, points: usize) -> Result<(), SpecError> {
    check_values(|| format!("series[{place}].values"), &series.values, points)?;
    if let Some(band) = &series.band {
        check_values(|| format!("series[{place}].band.lower"), &band.lower, points)?;
        check_values(|| format!("series[{place}].band.upper"), &band.upper, points)?;
        let is_crossed = |range: Option<(f64, f64)>| range.is_some_and(|(low, high)| low > high);
        if let Some(index) = band.ranges().position(is_crossed) {
            return Err(SpecError::BandCrossed { series: place, index });
        }
    }
    match series.emphasis.iter().find(|index| **index >= points) {
        Some(&index) => Err(SpecError::EmphasisOutside { series: place, index }),
        None => Ok(()),
    }
}

fn check_values(
    field: impl Fn() -> String,
    values: &[Option<f64>],
    points: usize,
) -> Result<(), SpecError> {
    if values.len() != points {
        let (found, expected) = (values.len(), points);
        return Err(SpecError::LengthDiffers { field: field(), found, expected });
    }
    for (index, value) in values.iter().enumerate() {
        match value {
            Some(value) if !value.is_finite() => {
                return Err(SpecError::NotFinite { field: field(), index });
            }
            Some(value) if value.abs() > LARGEST => {
                return Err(SpecError::TooLarge { field: field(), index });
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{Band, ValueFormat};

    fn spec(kind: ChartKind, series: Vec<Series>) -> ChartSpec {
        ChartSpec::new(kind, "Sales", ValueFormat::Money, ["a", "b"], series)
    }

    fn two() -> Vec<Option<f64>> {
        vec![Some(1.0), None]
    }

    #[rstest]
    #[case::no_series(vec![], "series: there is none")]
    #[case::short(vec![Series::new("s", vec![Some(1.0)])], "series[0].values: has 1 entries, x_labels has 2")]
    #[case::nan(vec![Series::new("s", vec![Some(1.0), Some(f64::NAN)])], "series[0].values[1]: is not a finite")]
    #[case::large(vec![Series::new("s", vec![Some(-1e19), None])], "series[0].values[0]: is beyond")]
    #[case::empty(vec![Series::new("s", vec![None, None])], "series: no entry has a value")]
    #[case::many(vec![Series::new("s", two()); 13], "series: there are 13, at most 12")]
    #[case::emphasis(vec![Series::new("s", two()).with_emphasis([2])], "series[0].emphasis: there is no value 2")]
    #[case::crossed(
        vec![Series::new("s", two()).with_band(Band::new(vec![None, Some(2.0)], vec![None, Some(1.0)]))],
        "series[0].band: the lower end 1 is above"
    )]
    #[case::band_length(
        vec![Series::new("s", two()).with_band(Band::new(two(), vec![]))],
        "series[0].band.upper: has 0 entries"
    )]
    fn names_the_field(#[case] series: Vec<Series>, #[case] expected: &str) {
        let error = spec(ChartKind::Line, series).validate().unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[test]
    fn takes_what_can_be_drawn_and_no_more() {
        let rows = vec![Series::new("s", two()); 40];
        assert_eq!(spec(ChartKind::HeatMap, rows.clone()).validate(), Ok(()));
        assert!(spec(ChartKind::Bar, rows).validate().is_err());
        let banded = vec![Series::new("s", two()).with_band(Band::new(two(), two()))];
        assert_eq!(spec(ChartKind::Line, banded.clone()).validate(), Ok(()));
        let error = spec(ChartKind::Bar, banded).validate();
        assert_eq!(error, Err(SpecError::BandWithoutLine { series: 0 }));
        let mut long = spec(ChartKind::Line, vec![Series::new("s", vec![Some(1.0); 401])]);
        long.x_labels = vec!["x".to_owned(); 401];
        assert_eq!(long.validate(), Err(SpecError::TooManyPoints { found: 401, most: 400 }));
        long.title = " \u{202e}\n".to_owned();
        assert_eq!(long.validate(), Err(SpecError::EmptyTitle));
    }
}
