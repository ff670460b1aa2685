//! What a search text says that a product must not be.
//!
//! Care is taken with words that only look like a negation. "Non-slip" and "cordless" are what is
//! wanted; "without drilling" is how it must work, and the products that do so say it in these words.

use super::vocabulary::{
    ASKS, BEFORE, BETWEEN, ENDS, NO_NEGATION, NOT_THINGS, PRAISED, SAYS_LITTLE, THERE_IS,
    THINGS_IN_ING,
};
use super::words::Words;

/// Words that count together, as their places.
type Run = Vec<usize>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// "not", "isn't", "does not need".
    Not,
    /// "no", "without".
    Without,
    /// "except", "excluding": what follows may be a list.
    Except,
}

/// Finds what is not wanted, takes it from the words, and gives it: each a word, or up to three that
/// count only together.
pub(super) fn take_negations(words: &mut Words) -> Vec<String> {
    let mut unwanted: Vec<(String, Run)> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        at = take_one(words, at, &mut unwanted).unwrap_or(at + 1);
    }
    if !words.says_something() {
        // "no electric lawn mower": a lawn mower is wanted after all.
        for (text, run) in unwanted.iter_mut().filter(|(_, run)| run.len() > 1) {
            *text = text.split(' ').next().unwrap_or_default().to_owned();
            run.drain(1..).for_each(|place| words.give_back(place));
        }
    }
    let mut texts: Vec<String> = Vec::new();
    for (text, _) in unwanted {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// Takes the negation at a place, if there is one, and gives the place after it.
fn take_one(words: &mut Words, at: usize, unwanted: &mut Vec<(String, Run)>) -> Option<usize> {
    if let Some((thing, next)) = marked_word(words, at) {
        unwanted.push((thing, vec![next - 1]));
        words.take(at, next);
        words.take_fillers(at, 4, BEFORE);
        return Some(next);
    }
    let (kind, length) = negation(words, at)?;
    let mut next = at + length;
    if words.ends_after(next - 1) || is_symptom(words, at) {
        return None;
    }
    let mut runs: Vec<Run> = Vec::new();
    loop {
        while BETWEEN.contains(&words.plain(next)) && !words.ends_after(next) {
            next += 1;
        }
        let Some((run, after)) = run(words, next) else { break };
        if runs.is_empty() && (is_praise(words, kind, &run) || is_taste(words, kind, after)) {
            return None;
        }
        runs.push(run);
        next = after;
        if !is_list(words, kind, next) {
            break;
        }
        if ["or", "nor", "and"].contains(&words.plain(next)) {
            next += 1;
        }
    }
    if runs.is_empty() {
        return None;
    }
    for run in runs {
        let parts: Vec<String> = run.iter().flat_map(|place| parts(words.plain(*place))).collect();
        unwanted.push((parts.join(" "), run));
    }
    words.take(at, next);
    words.take_fillers(at, 4, BEFORE);
    Some(next)
}

/// "-electric", "non-electric", "non electric": one word that is not wanted.
fn marked_word(words: &Words, at: usize) -> Option<(String, usize)> {
    let word = words.get(at).filter(|word| !word.taken)?;
    let is_minus = word.written.strip_prefix('-').is_some_and(|rest| {
        rest.chars().count() > 2 && rest.chars().all(|c| c.is_alphabetic() || c == ',')
    });
    if is_minus {
        return Some((word.plain.clone(), at + 1));
    }
    if word.plain == "non" && NOT_THINGS.contains(&words.plain(at + 1)) {
        return Some((words.plain(at + 1).to_owned(), at + 2));
    }
    let thing = word.plain.strip_prefix("non")?;
    let thing = thing.strip_prefix('-').unwrap_or(thing);
    NOT_THINGS.contains(&thing).then(|| (thing.to_owned(), at + 1))
}

/// The negation at a place: its kind and its number of words.
fn negation(words: &Words, at: usize) -> Option<(Kind, usize)> {
    const HELPERS: &[&str] =
        &["will", "do", "does", "did", "can", "could", "should", "would", "may", "must"];
    const STATES: &[&str] =
        &["be", "need", "require", "use", "have", "want", "take", "include", "contain", "like"];
    let states = |place: usize| STATES.contains(&words.plain(place));
    if words.are(at, &["except", "for"]) || words.are(at, &["other", "than"]) {
        return Some((Kind::Except, 2));
    }
    let before = at.checked_sub(1).map_or("", |before| words.plain(before));
    match words.plain(at) {
        "except" | "excluding" | "exclude" | "avoid" | "avoiding" => Some((Kind::Except, 1)),
        "without" | "w/o" => Some((Kind::Without, 1)),
        // "No. 8" is a size.
        "no" if !words.plain(at + 1).starts_with(|c: char| c.is_numeric()) => {
            (!NO_NEGATION.contains(&words.plain(at + 1))).then_some((Kind::Without, 1))
        }
        // "It will not rust" is what it does; "it must not be electric" is what it is.
        "not" if HELPERS.contains(&before) => states(at + 1).then_some((Kind::Not, 2)),
        "not" | "isn't" | "isnt" | "aren't" | "arent" | "nothing" => {
            (!NO_NEGATION.contains(&words.plain(at + 1))).then_some((Kind::Not, 1))
        }
        "don't" | "dont" | "doesn't" | "doesnt" => states(at + 1).then_some((Kind::Not, 2)),
        _ => None,
    }
}

/// Whether "no X" is what is wrong and not what is refused: it begins the text, and something else is
/// asked for after it, as in "no hot water, need a water heater".
fn is_symptom(words: &Words, at: usize) -> bool {
    let begins = (0..at).all(|place| THERE_IS.contains(&words.plain(place)));
    if words.plain(at) != "no" || !begins {
        return false;
    }
    // The place where the next part of the sentence begins.
    let next = (at + 1..words.len()).find_map(|place| {
        let ends = words.get(place).and_then(|word| word.end).is_some_and(|end| end != ')');
        let is_dash = matches!(words.plain(place), "-" | "–" | "—");
        if ends || is_dash {
            return Some(place + 1);
        }
        (place > at + 1 && ASKS.contains(&words.plain(place))).then_some(place)
    });
    // "No cord, no battery, a light" refuses both.
    next.is_some_and(|next| negation(words, next).is_none() && names_more(words, next))
}

/// Whether a word is left from a place on.
fn names_more(words: &Words, from: usize) -> bool {
    (from..words.len()).any(|place| words.plain(place).chars().any(char::is_alphabetic))
}

/// "Not a fan of nylon" is a taste that may be about anything.
fn is_taste(words: &Words, kind: Kind, after: usize) -> bool {
    let last = after.checked_sub(1).map_or("", |last| words.plain(last));
    kind == Kind::Not && last == "fan" && words.plain(after) == "of"
}

/// Up to three words from a place on that name something, and the place after them.
fn run(words: &Words, from: usize) -> Option<(Run, usize)> {
    let mut run = Run::new();
    let mut next = from;
    while run.len() < 3 {
        let plain = words.plain(next);
        let names = plain.chars().any(char::is_alphabetic) && !ENDS.contains(&plain);
        if !names {
            break;
        }
        next += 1;
        if SAYS_LITTLE.contains(&plain) {
            break;
        }
        run.push(next - 1);
        if words.ends_after(next - 1) {
            break;
        }
    }
    (!run.is_empty()).then_some((run, next))
}

/// Whether what follows the negation praises: then it is wanted.
fn is_praise(words: &Words, kind: Kind, run: &Run) -> bool {
    let Some(first) = run.first().map(|place| words.plain(*place)) else {
        return false;
    };
    let is_doing = first.len() > 5 && first.ends_with("ing") && !THINGS_IN_ING.contains(&first);
    match kind {
        Kind::Except => false,
        Kind::Not => is_doing,
        Kind::Without => is_doing || PRAISED.contains(&first),
    }
}

/// Whether another thing that is not wanted may follow.
fn is_list(words: &Words, kind: Kind, next: usize) -> bool {
    let previous = next.checked_sub(1).and_then(|previous| words.get(previous));
    match previous.and_then(|word| word.end) {
        Some(',') => kind == Kind::Except,
        Some(_) => false,
        None => match words.plain(next) {
            "or" | "nor" => true,
            "and" => kind == Kind::Except,
            _ => false,
        },
    }
}

/// The words in a hyphenated one that say something.
fn parts(plain: &str) -> Vec<String> {
    let parts: Vec<String> = plain
        .split('-')
        .filter(|part| !part.is_empty() && !SAYS_LITTLE.contains(part))
        .map(str::to_owned)
        .collect();
    if parts.is_empty() { vec![plain.to_owned()] } else { parts }
}
