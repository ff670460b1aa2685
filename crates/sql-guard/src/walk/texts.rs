//! Bounds of texts: those that get long, and those that are searched.

use pg_query::Node;

use super::bounds::Call;
use super::constants::{bound, text};
use super::size::{Size, UNBOUNDED};
use super::{Check, Walker};

/// What unbounded text is searched for, in bytes: PostgreSQL compares up to each byte with each.
const SEARCHED_IN_UNBOUNDED: u64 = 32;
/// Steps of one search that cannot be interrupted: a tenth of a second.
const SEARCH_STEPS: u64 = 100_000_000;
/// What a pattern that is no constant may have, in bytes.
const LONGEST_PATTERN: u64 = 10_000;
/// Text that replacing may make.
const LONGEST_TEXT: u64 = 4_000_000;

impl Walker<'_> {
    pub(super) fn repeat(&self, call: &Call<'_>) -> Check<Size> {
        let most = self.limits().max_repeat_bytes;
        match call.arg(1).and_then(bound).map(|times| call.size(0).times(times)) {
            Some(made) if made.text <= u64::from(most) => Ok(made),
            _ => Err(self.expensive(
                call.place,
                "repeat could make a very long text",
                &format!(
                    "Give a constant number, or least(n, 50), so that at most {most} bytes come out."
                ),
            )),
        }
    }

    pub(super) fn pad(&self, call: &Call<'_>) -> Check<Size> {
        let most = u64::from(self.limits().max_type_modifier);
        match call.arg(1).and_then(bound) {
            // A character has up to four bytes.
            Some(length) if length <= most => {
                Ok(Size { text: length * 4, digits: length, grows: call.size(0).grows, weight: 0 })
            }
            _ => Err(self.expensive(
                call.place,
                &format!("{} needs a constant length up to {most}", call.name),
                "Give a number, or least(n, 50).",
            )),
        }
    }

    pub(super) fn format(&self, call: &Call<'_>) -> Check<Size> {
        let all = self.side_by_side(&call.sizes, call.place)?;
        match call.arg(0).and_then(text).and_then(format_width) {
            Some(width) => Ok(all.plus(Size { text: width, digits: width, grows: 0, weight: 0 })),
            None => Err(self.expensive(
                call.place,
                "format needs a constant template with widths below 1000",
                "Write the template as a constant, without *, or join texts with ||.",
            )),
        }
    }

    /// The second argument is a set of characters.
    pub(super) fn character_set(&self, call: &Call<'_>) -> Check<Size> {
        if call.args.len() > 1 {
            let set = call.size(1).text;
            let most = u64::from(self.limits().max_set_bytes);
            if set > most || call.size(0).is_unbounded() && set > 1 {
                return Err(self.expensive(
                    call.place,
                    &format!(
                        "{} with many characters, or on aggregated text, takes too long",
                        call.name
                    ),
                    &format!(
                        "Give a constant set of up to {most} characters, and apply it before aggregating."
                    ),
                ));
            }
        }
        Ok(call.all())
    }

    /// The second argument is searched for.
    pub(super) fn search(&self, call: &Call<'_>) -> Check<Size> {
        let subject = call.size(0);
        self.pattern_bounds(subject, call.size(1), call.arg(1), call.place)?;
        // Many parts may come of one text.
        Ok(subject.plus(Size { digits: 0, ..subject }))
    }

    /// Searched for, and put in place of it.
    pub(super) fn replace(&self, call: &Call<'_>) -> Check<Size> {
        let (subject, with) = (call.size(0), call.size(2));
        self.pattern_bounds(subject, call.size(1), call.arg(1), call.place)?;
        let made = subject.times(with.text.max(1));
        if subject.is_growing() && made.text > subject.text {
            return Err(self.doubles(call.place));
        }
        if made.text > LONGEST_TEXT && with.text > 1 {
            return Err(self.expensive(
                call.place,
                &format!("{} could make a very long text", call.name),
                "Put a short constant in place of what is found, and replace before aggregating.",
            ));
        }
        Ok(Size { digits: subject.digits, ..made })
    }

    /// The second argument is a template.
    pub(super) fn template(&self, call: &Call<'_>) -> Check<Size> {
        let most = u64::from(self.limits().max_pattern_bytes);
        if call.size(1).text > most {
            return Err(self.expensive(
                call.place,
                &format!("{} needs a constant template of up to {most} characters", call.name),
                "Write the template as a constant, for example 'YYYY-MM'.",
            ));
        }
        if call.size(0).is_unbounded() {
            return Err(self.expensive(
                call.place,
                &format!("{} cannot take aggregated text", call.name),
                "Apply it to single values.",
            ));
        }
        let made = call.size(1).text.saturating_mul(8).saturating_add(64);
        Ok(Size { text: made, digits: made.min(300), grows: call.all().grows, weight: 0 })
    }

    /// Text after text. In a recursive query, twice what came before would double each round.
    pub(super) fn join_text(&self, sizes: &[Size], place: i32) -> Check<Size> {
        let all = self.side_by_side(sizes, place)?;
        if all.is_growing() {
            return Ok(Size { text: UNBOUNDED, digits: UNBOUNDED, ..all });
        }
        Ok(all)
    }

    /// Values in one array, row or document.
    pub(super) fn side_by_side(&self, sizes: &[Size], place: i32) -> Check<Size> {
        let mut all = Size::default();
        for size in sizes {
            if self.in_targets && all.grows & size.grows != 0 {
                return Err(self.doubles(place));
            }
            all = all.plus(*size);
        }
        Ok(all)
    }

    /// A search of `pattern` in `subject`, by LIKE, a regular expression or a function.
    pub(super) fn pattern_bounds(
        &self,
        subject: Size,
        pattern: Size,
        node: Option<&Node>,
        place: i32,
    ) -> Check {
        let most = u64::from(self.limits().max_pattern_bytes);
        if node.and_then(text).is_some() && pattern.text > most || pattern.text > LONGEST_PATTERN {
            return Err(self.expensive(
                place,
                &format!("a pattern of more than {most} characters takes too long"),
                "Use a shorter constant pattern.",
            ));
        }
        let unbounded = subject.is_unbounded() && pattern.text > SEARCHED_IN_UNBOUNDED;
        let steps = subject.text.saturating_mul(pattern.text);
        if unbounded || !subject.is_unbounded() && steps > SEARCH_STEPS {
            return Err(self.expensive(
                place,
                "searching in a text this long takes too long",
                "Search before aggregating, or for a constant of up to 32 characters.",
            ));
        }
        Ok(())
    }
}

/// What the widths in a template of `format` may add, or `None` when one is not plain.
fn format_width(template: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = template;
    while let Some((_, spec)) = rest.split_once('%') {
        let end = spec.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '$'))?;
        let (numbers, kind) = spec.split_at(end);
        if kind.starts_with('*') {
            return None;
        }
        for number in numbers.split(['$', '-']).filter(|number| !number.is_empty()) {
            let number: u64 = number.parse().ok()?;
            if number > 999 {
                return None;
            }
            total = total.saturating_add(number);
        }
        rest = kind.get(kind.chars().next().map_or(0, char::len_utf8)..)?;
    }
    Some(total)
}
