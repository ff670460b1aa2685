//! Colours.

use crate::scale::float;

/// Whether a chart stands on a light or on a dark page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// Dark on white.
    #[default]
    Light,
    /// Light on near black.
    Dark,
}

/// Colours of everything that is not data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colours {
    pub(crate) background: &'static str,
    pub(crate) text: &'static str,
    pub(crate) muted: &'static str,
    pub(crate) grid: &'static str,
    pub(crate) axis: &'static str,
}

/// Colours of series. Any two differ for each kind of colour blindness, and all stand out from the background.
const LIGHT: [&str; 6] = ["#0B6BB8", "#D55E00", "#425821", "#9B3A74", "#E64DE6", "#14143C"];
const DARK: [&str; 6] = ["#56B4E9", "#F08030", "#F2E24A", "#B97BFA", "#B9F0B4", "#F4488C"];

type Rgb = [u8; 3];
/// From little to much: one hue, so that lightness alone tells.
const LIGHT_SEQUENCE: [Rgb; 3] = [[0xE8, 0xF1, 0xFA], [0x5B, 0xA3, 0xDB], [0x0A, 0x37, 0x66]];
const DARK_SEQUENCE: [Rgb; 3] = [[0x22, 0x2E, 0x3C], [0x2F, 0x7F, 0xBD], [0xC9, 0xE8, 0xFF]];
/// From negative to positive.
const LIGHT_DIVERGING: [Rgb; 3] = [[0x9A, 0x3F, 0x00], [0xF4, 0xF2, 0xEE], [0x0B, 0x4F, 0x8F]];
const DARK_DIVERGING: [Rgb; 3] = [[0xFF, 0xA6, 0x5C], [0x2A, 0x2D, 0x33], [0x7C, 0xC6, 0xFF]];

impl Theme {
    pub(crate) fn colours(self) -> Colours {
        match self {
            Self::Light => Colours {
                background: "#FFFFFF",
                text: "#1F2328",
                muted: "#59636E",
                grid: "#E3E7EB",
                axis: "#8C959F",
            },
            Self::Dark => Colours {
                background: "#1B1D21",
                text: "#E8EAED",
                muted: "#A9B1BB",
                grid: "#353A41",
                axis: "#77808B",
            },
        }
    }

    /// The colour of a series, and whether it is the second time round: then it is dashed or hatched.
    pub(crate) fn series(self, place: usize) -> (&'static str, bool) {
        let palette = match self {
            Self::Light => &LIGHT,
            Self::Dark => &DARK,
        };
        let colour = palette.iter().cycle().nth(place).copied().unwrap_or_default();
        (colour, place >= palette.len())
    }

    /// The colour of a cell between little (0) and much (1).
    pub(crate) fn sequential(self, share: f64) -> Rgb {
        between(if self == Self::Light { LIGHT_SEQUENCE } else { DARK_SEQUENCE }, share)
    }

    /// The colour of a cell between most negative (0), zero (0.5) and most positive (1).
    pub(crate) fn diverging(self, share: f64) -> Rgb {
        between(if self == Self::Light { LIGHT_DIVERGING } else { DARK_DIVERGING }, share)
    }
}

/// A colour as SVG has it.
pub(crate) fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Black or white, whichever can be read on a colour.
pub(crate) fn ink_on(colour: Rgb) -> &'static str {
    // At this luminance both have the same contrast.
    if luminance(colour) > 0.179 { "#000000" } else { "#FFFFFF" }
}

/// Relative luminance, as WCAG has it.
fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn between([low, middle, high]: [Rgb; 3], share: f64) -> Rgb {
    let share = share.clamp(0.0, 1.0) * 2.0;
    let (from, to, share) =
        if share < 1.0 { (low, middle, share) } else { (middle, high, share - 1.0) };
    let mut parts = from.iter().zip(to).map(|(from, to)| {
        let mixed = f64::from(*from) + (f64::from(to) - f64::from(*from)) * share;
        (0..=u8::MAX).find(|part| f64::from(*part) + 0.5 >= mixed).unwrap_or(u8::MAX)
    });
    [(); 3].map(|()| parts.next().unwrap_or_default())
}

/// Shares of a scale of colours, for its legend.
pub(crate) fn steps(count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |step| (float(step) + 0.5) / float(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(hex: &str) -> Rgb {
        [1, 3, 5].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
    }

    fn contrast(one: Rgb, other: Rgb) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// What WCAG 2.2 asks for: 4.5 for text, 3 for what carries meaning.
    #[test]
    fn everything_stands_out_from_the_background() {
        for theme in [Theme::Light, Theme::Dark] {
            let Colours { background, text, muted, axis, .. } = theme.colours();
            let against = |colour: &str| contrast(rgb(colour), rgb(background));
            assert!(against(text) > 12.0 && against(muted) > 4.5 && against(axis) > 3.0);
            for place in 0..6 {
                let (colour, again) = theme.series(place);
                assert!(against(colour) > 3.0, "{theme:?} {colour}");
                assert!(!again && theme.series(place + 6) == (colour, true));
            }
        }
    }

    #[test]
    fn cells_can_be_read_and_are_in_order() {
        for theme in [Theme::Light, Theme::Dark] {
            let mut lightness = Vec::new();
            for share in steps(50) {
                for colour in [theme.sequential(share), theme.diverging(share)] {
                    assert!(contrast(colour, rgb(ink_on(colour))) > 4.5, "{colour:?}");
                }
                lightness.push(luminance(theme.sequential(share)));
            }
            assert!(lightness.is_sorted() || lightness.iter().rev().is_sorted());
        }
    }

    /// Colours as the three kinds of dichromats see them (Machado and others, 2009), in CIELAB.
    #[test]
    fn colour_blind_people_tell_series_apart() {
        const SEEN: [[[f64; 3]; 3]; 4] = [
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ];
        // Rows of the matrix from linear RGB to XYZ, relative to white.
        const XYZ: [[f64; 3]; 3] =
            [[0.4339, 0.3762, 0.1899], [0.2126, 0.7152, 0.0722], [0.0177, 0.1095, 0.8729]];
        let times = |rows: &[[f64; 3]; 3], parts: [f64; 3]| {
            rows.map(|row| row.iter().zip(parts).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0))
        };
        let bend = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let lab = |colour: Rgb, seen: &[[f64; 3]; 3]| {
            let linear = colour.map(|part| luminance([part; 3]));
            let [x, y, z] = times(&XYZ, times(seen, linear)).map(bend);
            [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
        };
        for palette in [LIGHT, DARK] {
            for (place, one) in palette.iter().enumerate() {
                for other in palette.iter().take(place) {
                    for seen in &SEEN {
                        let (one, other) = (lab(rgb(one), seen), lab(rgb(other), seen));
                        let apart =
                            one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
                        assert!(apart > 15.0, "{one:?} {other:?}: {apart}");
                    }
                }
            }
        }
    }
}
