//! PNG with a palette: charts have few colours, and a chat has little room.

use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};
use resvg::tiny_skia::Pixmap;

type Rgb = [u8; 3];

/// Most colours of a palette.
const MOST: usize = 256;

/// Colours of a palette when edges are so many that they would fill the picture: they are less smooth then.
const FEW: usize = 24;
/// Most colours that a palette is chosen from: of a picture full of edges, only the most used ones.
const CANDIDATES: usize = 2_000;
/// Bytes beyond which edges are less smooth.
const LARGE: usize = 55_000;

/// Writes a picture whose pixels are all opaque.
pub(super) fn encode(pixels: &Pixmap) -> Result<Vec<u8>, EncodingError> {
    let picture = with_colours(pixels, MOST)?;
    if picture.len() <= LARGE { Ok(picture) } else { with_colours(pixels, FEW) }
}

fn with_colours(pixels: &Pixmap, most: usize) -> Result<Vec<u8>, EncodingError> {
    let colours = || pixels.pixels().iter().map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]);
    let palette = palette(colours(), most);
    let mut nearest: HashMap<Rgb, u8> = HashMap::new();
    // Most pixels are like the one before them.
    let mut last = None;
    let indices: Vec<u8> = colours()
        .map(|colour| match last {
            Some((known, place)) if known == colour => place,
            _ => {
                let place = *nearest.entry(colour).or_insert_with(|| find(&palette, colour));
                last = Some((colour, place));
                place
            }
        })
        .collect();
    let mut out = Vec::with_capacity(32 * 1024);
    let mut encoder = Encoder::new(&mut out, pixels.width(), pixels.height());
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    // Neighbours in a palette have nothing in common: differences do not help.
    encoder.set_filter(Filter::NoFilter);
    encoder.set_palette(palette.concat());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(out)
}

/// Colours that stand for all: the most used ones first, and none that is hardly different from one before it. The
/// edges of letters have hundreds, and must not push out what few cells have.
fn palette(colours: impl Iterator<Item = Rgb>, most: usize) -> Vec<Rgb> {
    let mut uses: HashMap<Rgb, u32> = HashMap::new();
    let mut run: Option<(Rgb, u32)> = None;
    for colour in colours {
        run = match run {
            Some((known, count)) if known == colour => Some((known, count + 1)),
            other => {
                if let Some((known, count)) = other {
                    *uses.entry(known).or_default() += count;
                }
                Some((colour, 1))
            }
        };
    }
    if let Some((known, count)) = run {
        *uses.entry(known).or_default() += count;
    }
    let mut uses: Vec<_> = uses.into_iter().collect();
    uses.sort_unstable_by_key(|(colour, count)| (u32::MAX - *count, *colour));
    uses.truncate(CANDIDATES);
    let mut least = 0;
    loop {
        let mut chosen: Vec<Rgb> = Vec::with_capacity(most);
        let mut all = uses.iter().map(|(colour, _)| *colour);
        let is_enough = all.all(|colour| {
            if !chosen.iter().any(|known| distance(*known, colour) < least) {
                chosen.push(colour);
            }
            chosen.len() <= most
        });
        if is_enough {
            return chosen;
        }
        least = (least * 2).max(16);
    }
}

/// The place of the colour in the palette that looks most like this one.
fn find(palette: &[Rgb], colour: Rgb) -> u8 {
    let nearest =
        palette.iter().zip(0..=u8::MAX).min_by_key(|(known, _)| distance(**known, colour));
    nearest.map_or(0, |(_, place)| place)
}

/// How far colours are apart, squared.
fn distance(one: Rgb, other: Rgb) -> u32 {
    one.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_colours_keep_their_place() {
        let greys = (0..=255u8).flat_map(|grey| vec![[grey, grey, grey]; 50]);
        let edges = (0..=255u8).flat_map(|part| vec![[part, 255 - part, 128]; 20]);
        let colours: Vec<_> = greys.chain(edges).chain([[255, 0, 0]]).collect();
        let palette = palette(colours.iter().copied(), MOST);
        assert!(palette.len() <= MOST);
        for colour in colours {
            let found = palette[usize::from(find(&palette, colour))];
            assert!(distance(found, colour) <= 64, "{colour:?} {found:?}");
        }
        assert_eq!(palette[usize::from(find(&palette, [255, 0, 0]))], [255, 0, 0]);
    }
}
