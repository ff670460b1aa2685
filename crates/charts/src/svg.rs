//! SVG as text: nothing is written that was not escaped.

use std::fmt::Write as _;

use crate::text::Style;
use crate::theme::Theme;

/// Fonts of whoever looks at the SVG; pixels are drawn with the first.
const FONTS: &str = "Roboto, Arial, Helvetica, sans-serif";

/// Where a text is relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing that grows.
#[derive(Debug)]
pub(crate) struct Svg {
    theme: Theme,
    body: String,
    /// Colours that are hatched somewhere.
    hatched: Vec<&'static str>,
}

impl Svg {
    pub(crate) fn new(theme: Theme) -> Self {
        Self { theme, body: String::with_capacity(16 * 1024), hatched: Vec::new() }
    }

    pub(crate) fn theme(&self) -> Theme {
        self.theme
    }

    pub(crate) fn element(&mut self, name: &str) -> Element<'_> {
        self.body.push('<');
        self.body.push_str(name);
        Element { out: &mut self.body }
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str) {
        self.element("line")
            .number("x1", from.0)
            .number("y1", from.1)
            .number("x2", to.0)
            .number("y2", to.1)
            .word("stroke", colour)
            .close();
    }

    pub(crate) fn rect(&mut self, at: (f64, f64), size: (f64, f64), fill: &str) -> Element<'_> {
        self.element("rect")
            .number("x", at.0)
            .number("y", at.1)
            .number("width", size.0.max(0.0))
            .number("height", size.1.max(0.0))
            .word("fill", fill)
    }

    /// A text whose letters stand on the point's height.
    pub(crate) fn text(
        &mut self,
        at: (f64, f64),
        anchor: Anchor,
        style: Style,
        colour: &str,
        text: &str,
    ) {
        let mut element = self.element("text").number("x", at.0).number("y", at.1);
        element = match anchor {
            Anchor::Start => element,
            Anchor::Middle => element.word("text-anchor", "middle"),
            Anchor::End => element.word("text-anchor", "end"),
        };
        if style.bold {
            element = element.word("font-weight", "700");
        }
        element.number("font-size", style.size).word("fill", colour).content(text, "text");
    }

    /// A text over lines, with an edge of background around it.
    pub(crate) fn halo(&mut self, at: (f64, f64), style: Style, colour: &str, text: &str) {
        let background = self.theme.colours().background;
        let element = self.element("text").number("x", at.0).number("y", at.1);
        let element = element.word("text-anchor", "middle").word("stroke", background);
        let element = element.number("stroke-width", 4.0).word("stroke-linejoin", "round");
        let element = element.word("paint-order", "stroke");
        let weight = if style.bold { "700" } else { "400" };
        let element = element.word("font-weight", weight).number("font-size", style.size);
        element.word("fill", colour).content(text, "text");
    }

    /// What bars of a series are filled with: its colour, hatched the second time round.
    pub(crate) fn fill(&mut self, series: usize) -> String {
        let (colour, again) = self.theme.series(series);
        if !again {
            return colour.to_owned();
        }
        if !self.hatched.contains(&colour) {
            self.hatched.push(colour);
        }
        format!("url(#{})", hatch_id(colour))
    }

    /// The drawing as one SVG document.
    pub(crate) fn finish(self, size: (f64, f64), title: &str, description: &str) -> String {
        let colours = self.theme.colours();
        let mut out = String::with_capacity(self.body.len() + 2048);
        let (width, height) = size;
        let root = Element { out: &mut out }
            .raw("<svg")
            .word("xmlns", "http://www.w3.org/2000/svg")
            .number("width", width)
            .number("height", height)
            .word("viewBox", &format!("0 0 {width} {height}"))
            .word("role", "img")
            .word("font-family", FONTS);
        root.open();
        Element { out: &mut out }.raw("<title").content(title, "title");
        Element { out: &mut out }.raw("<desc").content(description, "desc");
        if !self.hatched.is_empty() {
            out.push_str("<defs>");
            for colour in self.hatched {
                let _ = write!(
                    out,
                    "<pattern id=\"{}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
                     patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"{}\"/>\
                     <rect width=\"4\" height=\"6\" fill=\"{colour}\"/></pattern>",
                    hatch_id(colour),
                    colours.background,
                );
            }
            out.push_str("</defs>");
        }
        Element { out: &mut out }
            .raw("<rect")
            .word("width", "100%")
            .word("height", "100%")
            .word("fill", colours.background)
            .close();
        out.push_str(&self.body);
        out.push_str("</svg>");
        out
    }
}

/// Several drawings may be on one page: what has the same name there is the same.
fn hatch_id(colour: &str) -> String {
    format!("hatch-{}", colour.trim_start_matches('#'))
}

/// An element whose attributes are being written.
#[derive(Debug)]
#[must_use]
pub(crate) struct Element<'a> {
    out: &'a mut String,
}

impl Element<'_> {
    fn raw(self, text: &str) -> Self {
        self.out.push_str(text);
        self
    }

    pub(crate) fn number(self, name: &str, value: f64) -> Self {
        let rounded = (value * 100.0).round() / 100.0;
        // Not -0.
        let _ = write!(self.out, " {name}=\"{}\"", rounded + 0.0);
        self
    }

    pub(crate) fn word(self, name: &str, value: &str) -> Self {
        let _ = write!(self.out, " {name}=\"");
        escape(self.out, value);
        self.out.push('"');
        self
    }

    pub(crate) fn close(self) {
        self.out.push_str("/>");
    }

    fn open(self) {
        self.out.push('>');
    }

    fn content(self, text: &str, name: &str) {
        self.out.push('>');
        escape(self.out, text);
        let _ = write!(self.out, "</{name}>");
    }
}

fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(' '),
            // XML has no way to write these.
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
}

/// Points of a path, for `d`.
#[derive(Debug, Default)]
pub(crate) struct Path(String);

impl Path {
    pub(crate) fn point(&mut self, (x, y): (f64, f64)) {
        let command = if self.0.is_empty() { 'M' } else { 'L' };
        let _ = write!(self.0, "{command}{x:.1} {y:.1}");
    }

    pub(crate) fn closed(mut self) -> String {
        self.0.push('Z');
        self.0
    }

    pub(crate) fn opened(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_a_text() {
        let mut svg = Svg::new(Theme::Light);
        let hostile = "</text><script>alert(1)</script>\u{0}\u{ffff}&\"'";
        svg.text((1.0, -0.001), Anchor::End, Style::LABEL, "#000000", hostile);
        let text = svg.finish((10.0, 10.0), hostile, "]]>");
        assert!(!text.contains("<script") && !text.contains('\0') && text.contains("]]&gt;"));
        assert!(text.contains("&lt;/text&gt;&lt;script&gt;") && text.contains("&amp;&quot;&#39;"));
        assert!(text.contains("y=\"0\"") && text.ends_with("</svg>"));
    }
}
