//! Pictures look as they did when a person looked at them.
//!
//! `RETAIL_CHARTS_ACCEPT=1` takes the new ones: look at them first.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image_compare::prelude::RgbImage;
use retail_charts::{ChartSpec, Theme, WIDTH_PX, render_png};

use crate::charts;

/// How alike two pictures must be, colours and shapes, from 0 to 1.
const LEAST_ALIKE: f64 = 0.995;
/// Pixels of a side of the squares that are compared by themselves: in a whole picture a label is lost.
const SQUARE: u32 = 8;
/// How far a square's colours may be off, on average, of 255. Rounding on another processor is below 1.
const MOST_OFF: f64 = 8.0;
/// A chat has little room.
const MOST_BYTES: usize = 60_000;

/// Two pictures of which one is not like the other, and how.
fn difference(one: &RgbImage, other: &RgbImage) -> Option<String> {
    if one.dimensions() != other.dimensions() {
        return Some(format!("{:?} is not {:?}", one.dimensions(), other.dimensions()));
    }
    if one == other {
        return None;
    }
    let alike = image_compare::rgb_hybrid_compare(one, other).unwrap().score;
    if alike < LEAST_ALIKE {
        return Some(format!("alike by {alike:.4}"));
    }
    let (width, height) = one.dimensions();
    for top in (0..height).step_by(4) {
        for left in (0..width).step_by(4) {
            let right = (left + SQUARE).min(width);
            let bottom = (top + SQUARE).min(height);
            let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
            let off = pixels
                .flat_map(|(x, y)| one.get_pixel(x, y).0.into_iter().zip(other.get_pixel(x, y).0));
            let off: f64 = off.map(|(a, b)| f64::from(a.abs_diff(b))).sum();
            let mean = off / f64::from(SQUARE * SQUARE * 3);
            if mean > MOST_OFF {
                return Some(format!("off by {mean:.1} at {left}, {top}"));
            }
        }
    }
    None
}

fn decode(bytes: &[u8]) -> RgbImage {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb);
    RgbImage::from_raw(info.width, info.height, pixels).unwrap()
}

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots")
}

/// Compares a picture with the one that is kept, and leaves it in `target` when they differ.
fn check(name: &str, theme: Theme, spec: &ChartSpec) -> Result<(), String> {
    let file = format!("{name}-{theme:?}.png").to_lowercase();
    let picture = render_png(spec, theme).map_err(|error| format!("{file}: {error}"))?;
    if picture.len() > MOST_BYTES {
        return Err(format!("{file}: {} bytes", picture.len()));
    }
    let drawn = decode(&picture);
    assert_eq!(drawn.width(), WIDTH_PX);
    let path = kept().join(&file);
    let differs = match fs::read(&path) {
        Ok(kept) => difference(&decode(&kept), &drawn),
        Err(error) => Some(error.to_string()),
    };
    let Some(differs) = differs else { return Ok(()) };
    if std::env::var_os("RETAIL_CHARTS_ACCEPT").is_some() {
        fs::create_dir_all(kept()).unwrap();
        fs::write(&path, picture).unwrap();
        return Ok(());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("charts");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(&file), picture).unwrap();
    Err(format!("{file}: {differs}; the new picture is in {}", folder.display()))
}

#[test]
fn pictures_look_as_they_did() {
    let charts = charts::all();
    let pictures = charts
        .iter()
        .flat_map(|(name, spec)| [Theme::Light, Theme::Dark].map(|theme| check(name, theme, spec)));
    let problems: Vec<_> = pictures.filter_map(Result::err).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The comparison sees what a person would see.
#[test]
fn a_changed_chart_looks_different() {
    let picture = |spec: &ChartSpec| decode(&render_png(spec, Theme::Light).unwrap());
    let plain = picture(&charts::few_bars());
    assert_eq!(difference(&plain, &plain), None);
    let changes: [fn(&mut ChartSpec); 4] = [
        |spec| spec.series[0].values[4] = Some(330_000.0),
        |spec| spec.series[0].emphasis = vec![2],
        |spec| spec.x_labels[2] = "Point".to_owned(),
        |spec| spec.title.push('!'),
    ];
    for (place, change) in changes.iter().enumerate() {
        let mut spec = charts::few_bars();
        change(&mut spec);
        assert!(difference(&plain, &picture(&spec)).is_some(), "change {place} is not seen");
    }
    let dark = decode(&render_png(&charts::few_bars(), Theme::Dark).unwrap());
    assert!(difference(&plain, &dark).is_some());
}
