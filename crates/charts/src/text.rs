//! Texts: how wide they are, and what is left of them where there is little room.

use std::borrow::Cow;
use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

use crate::scale::float;

pub(crate) const REGULAR: &[u8] = include_bytes!("../fonts/Roboto-Regular.ttf");
pub(crate) const BOLD: &[u8] = include_bytes!("../fonts/Roboto-Bold.ttf");

/// Letters of a text that are looked at: more than can be shown in any place.
const MOST_LETTERS: usize = 300;
/// Who looks at the SVG may have a wider font: Arial is wider than Roboto by this.
const SLACK: f64 = 1.04;

/// How a text is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    /// Height of the letters, in pixels.
    pub(crate) size: f64,
    pub(crate) bold: bool,
}

impl Style {
    pub(crate) const TITLE: Self = Self { size: 16.0, bold: true };
    pub(crate) const SUBTITLE: Self = Self { size: 13.0, bold: false };
    pub(crate) const LABEL: Self = Self { size: 12.0, bold: false };
    pub(crate) const STRONG: Self = Self { size: 12.0, bold: true };

    /// The width of a text, in pixels.
    pub(crate) fn width(self, text: &str) -> f64 {
        let widths = if self.bold { &WIDTHS.1 } else { &WIDTHS.0 };
        let units: f64 = text.chars().map(|letter| widths.of(letter)).sum();
        units * self.size * SLACK
    }

    /// The text, or as much of its beginning as there is room for, and an ellipsis.
    pub(crate) fn fit(self, text: &str, room: f64) -> Cow<'_, str> {
        if self.width(text) <= room {
            return Cow::Borrowed(text);
        }
        let mut left = room - self.width("…");
        let end = text.char_indices().find(|(_, letter)| {
            left -= self.width(letter.encode_utf8(&mut [0; 4]));
            left < 0.0
        });
        let kept = end.and_then(|(end, _)| text.get(..end)).unwrap_or(text);
        Cow::Owned(format!("{}…", kept.trim_end()))
    }

    /// The text in as many lines as it takes, and `most` at most.
    pub(crate) fn wrap(self, text: &str, room: f64, most: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() && lines.len() < most {
            if lines.len() + 1 == most {
                lines.push(self.fit(rest, room).into_owned());
                break;
            }
            let ends = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]);
            let fitting = ends
                .take_while(|end| rest.get(..*end).is_some_and(|start| self.width(start) <= room));
            let Some((line, left)) = fitting.last().and_then(|end| rest.split_at_checked(end))
            else {
                // A word that is too long for a line.
                lines.push(self.fit(rest, room).into_owned());
                break;
            };
            lines.push(line.to_owned());
            rest = left.trim_start();
        }
        lines
    }
}

/// Widths of letters, for letters of a height of one.
struct Widths {
    known: Vec<(char, f64)>,
    missing: f64,
}

impl Widths {
    fn of(&self, letter: char) -> f64 {
        let found = self.known.binary_search_by_key(&letter, |(known, _)| *known).ok();
        found.and_then(|place| self.known.get(place)).map_or(self.missing, |(_, width)| *width)
    }

    fn read(font: &[u8]) -> Self {
        let Ok(font) = FontRef::new(font) else { return Self { known: vec![], missing: 0.6 } };
        let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
        let height = f64::from(font.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        let width = |glyph| f64::from(metrics.advance_width(glyph).unwrap_or_default()) / height;
        let letters = font
            .charmap()
            .mappings()
            .filter_map(|(code, glyph)| char::from_u32(code).map(|letter| (letter, width(glyph))));
        let mut known: Vec<_> = letters.collect();
        known.sort_unstable_by_key(|(letter, _)| *letter);
        // Letters of other scripts are wide: viewers take them from fonts of their own.
        Self { known, missing: 1.0 }
    }
}

/// Never changes: read once from the fonts in this crate.
static WIDTHS: LazyLock<(Widths, Widths)> =
    LazyLock::new(|| (Widths::read(REGULAR), Widths::read(BOLD)));

/// A text in one line, without what no one sees: control characters, and marks that turn the direction of what
/// follows, which could make a label read as another.
pub(crate) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len().min(MOST_LETTERS));
    for letter in text.chars().take(MOST_LETTERS) {
        match letter {
            '\u{ad}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {}
            // Not allowed in XML.
            '\u{fffe}' | '\u{ffff}' => cleaned.push('\u{fffd}'),
            letter if letter.is_control() || letter.is_whitespace() => {
                if !cleaned.ends_with(' ') {
                    cleaned.push(' ');
                }
            }
            letter => cleaned.push(letter),
        }
    }
    cleaned.trim().to_owned()
}

/// Labels that are to be read in their order, so that some may be left out: dates, months, weeks, numbers.
pub(crate) fn are_ordered(labels: &[String]) -> bool {
    const WORDS: [&str; 22] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon",
        "tue", "wed", "thu", "fri", "sat", "sun", "week", "q", "w",
    ];
    labels.iter().all(|label| {
        let word: String = label.chars().take_while(|letter| letter.is_alphabetic()).collect();
        let rest = label.chars().nth(word.chars().count());
        match word.len() {
            0 => rest.is_some_and(|letter| letter.is_ascii_digit()),
            1 => WORDS.contains(&&*word.to_lowercase()) && rest.is_some_and(|l| l.is_ascii_digit()),
            _ => WORDS.iter().any(|known| known.len() > 1 && is_form_of(&word, known)),
        }
    })
}

/// `January` and `Jan` are forms of `jan`; `Marble` is not one of `mar`.
fn is_form_of(word: &str, known: &str) -> bool {
    const LONG: [&str; 20] = [
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "sept",
        "october",
        "november",
        "december",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "weeks",
    ];
    let word = word.to_lowercase();
    word == known || LONG.contains(&&*word)
}

/// Every how many labels one is shown so that they do not touch, and the room that each has. `slot`: pixels from
/// one label to the next.
pub(crate) fn thinned(labels: &[String], slot: f64, widest: f64) -> (usize, f64) {
    // Few labels are cut to their room; of many, some are left out and the others shown in full.
    let room = if slot >= 72.0 { (slot - 8.0).min(widest) } else { widest };
    let widths = labels.iter().map(|label| Style::LABEL.width(label));
    let needed = widths.fold(0.0, f64::max).min(room) + 8.0;
    let step = (1..labels.len()).find(|step| slot * float(*step) >= needed);
    (step.unwrap_or(labels.len().max(1)), room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_texts_into_their_room() {
        let style = Style::LABEL;
        assert_eq!(style.fit("Paint", 100.0), "Paint");
        let cut = style.fit("Pressure-treated softwood decking", 100.0);
        assert!(cut.ends_with('…') && style.width(&cut) <= 100.0, "{cut}");
        assert_eq!(style.fit("Paint", 0.0), "…");
    }

    #[test]
    fn wraps_at_spaces_and_cuts_the_last_line() {
        let style = Style::LABEL;
        let lines = style.wrap("one two three four five six seven", 60.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…') && lines.iter().all(|line| style.width(line) <= 60.0));
        assert_eq!(style.wrap("Supercalifragilistic word", 60.0, 3).len(), 1);
        assert_eq!(style.wrap("", 60.0, 2), Vec::<String>::new());
    }

    #[test]
    fn leaves_out_what_no_one_sees() {
        assert_eq!(clean(" a\u{0}\n\tb\u{202e}c\u{200b}\u{ffff} "), "a bc\u{fffd}");
        assert_eq!(clean(&"x".repeat(10_000)).len(), MOST_LETTERS);
    }

    #[test]
    fn knows_labels_that_have_an_order() {
        let all = |labels: &[&str]| {
            are_ordered(&labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>())
        };
        assert!(all(&["2025-01", "2025-02"]) && all(&["Jan 2025", "March"]) && all(&["Q1", "W12"]));
        assert!(!all(&["Marble"]) && !all(&["Wood", "Paint"]) && !all(&["Q"]) && !all(&[""]));
    }
}
