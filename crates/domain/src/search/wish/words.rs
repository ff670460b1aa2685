//! A search text as words, some of which are taken out.

use crate::Cents;

/// A word of a search text.
#[derive(Debug)]
pub(super) struct Word {
    /// As it was written.
    pub(super) written: String,
    /// In lower case, without the punctuation around it.
    pub(super) plain: String,
    /// The punctuation that ends a part of the sentence after it.
    pub(super) end: Option<char>,
    /// Whether it became a condition, or belongs to one.
    pub(super) taken: bool,
}

/// Words in their order. No method fails for a place that there is not.
#[derive(Debug)]
pub(super) struct Words(Vec<Word>);

/// Marks that a number carries: of inches and feet, of money, of shares.
const MARKS: &[char] = &['"', '\'', '”', '″', '′', '’', '%', '+'];

impl Words {
    pub(super) fn new(text: &str) -> Self {
        let mut words = Vec::new();
        for written in text.split_whitespace() {
            // "<20" and "< 20" are the same.
            let signs: String =
                written.chars().take_while(|c| matches!(c, '<' | '>' | '=' | '≤' | '≥')).collect();
            let rest = written.strip_prefix(signs.as_str()).unwrap_or(written);
            if !signs.is_empty() {
                words.push(Word { written: signs.clone(), plain: signs, end: None, taken: false });
            }
            if !rest.is_empty() {
                words.push(Word::new(rest));
            }
        }
        Self(words)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Word> {
        self.0.get(at)
    }

    /// The word at a place, in lower case; nothing where there is none or it is taken.
    pub(super) fn plain(&self, at: usize) -> &str {
        self.0.get(at).filter(|word| !word.taken).map_or("", |word| word.plain.as_str())
    }

    /// Whether a part of the sentence ends after the word at `at`, or there is no more.
    pub(super) fn ends_after(&self, at: usize) -> bool {
        self.0.get(at).is_none_or(|word| word.end.is_some())
    }

    /// Whether the words from `at` on are these, within one part of the sentence.
    pub(super) fn are(&self, at: usize, phrase: &[&str]) -> bool {
        phrase.iter().enumerate().all(|(i, expected)| {
            self.plain(at + i) == *expected && (i + 1 == phrase.len() || !self.ends_after(at + i))
        })
    }

    pub(super) fn take(&mut self, from: usize, to: usize) {
        self.mark(from, to, true);
    }

    pub(super) fn give_back(&mut self, at: usize) {
        self.mark(at, at + 1, false);
    }

    fn mark(&mut self, from: usize, to: usize, taken: bool) {
        for word in self.0.iter_mut().take(to).skip(from) {
            word.taken = taken;
        }
    }

    /// Takes up to `most` words before `before` as long as they are of `fillers`.
    pub(super) fn take_fillers(&mut self, before: usize, most: usize, fillers: &[&str]) -> usize {
        let mut from = before;
        while let Some(previous) = from.checked_sub(1) {
            let ends = self.ends_after(previous);
            if before - from == most || ends || !fillers.contains(&self.plain(previous)) {
                break;
            }
            self.take(previous, from);
            from = previous;
        }
        from
    }

    /// What is not taken, as text.
    pub(super) fn rest(&self) -> String {
        let left: Vec<&str> =
            self.0.iter().filter(|word| !word.taken).map(|word| word.written.as_str()).collect();
        let text = left.join(" ");
        text.trim_matches(|c: char| matches!(c, ',' | ';' | ':' | '-' | ' ')).to_owned()
    }

    /// Whether what is not taken names anything.
    pub(super) fn says_something(&self) -> bool {
        const SAYS_NOTHING: &[&str] = &[
            "a",
            "an",
            "the",
            "for",
            "with",
            "and",
            "or",
            "but",
            "of",
            "to",
            "in",
            "on",
            "at",
            "by",
            "from",
            "i",
            "i'm",
            "im",
            "me",
            "my",
            "we",
            "need",
            "want",
            "would",
            "like",
            "something",
            "anything",
            "some",
            "any",
            "one",
            "ones",
            "please",
            "that",
            "which",
            "is",
            "are",
            "it",
            "be",
            "good",
            "find",
            "show",
            "looking",
            "get",
            "give",
            "thing",
            "things",
            "product",
            "products",
            "what",
            "do",
            "you",
            "have",
        ];
        self.0.iter().any(|word| {
            !word.taken
                && word.plain.chars().any(char::is_alphanumeric)
                && !SAYS_NOTHING.contains(&word.plain.as_str())
        })
    }
}

impl Word {
    fn new(written: &str) -> Self {
        let end = written
            .chars()
            .next_back()
            .filter(|c| matches!(c, ',' | ';' | ':' | '.' | '!' | '?' | ')'));
        let lower = written.to_lowercase().replace('’', "'");
        let plain = trimmed(&lower);
        let plain = if plain.is_empty() { lower.as_str() } else { plain };
        Self { written: written.to_owned(), plain: plain.to_owned(), end, taken: false }
    }
}

/// Without punctuation at both ends, but with what makes a number another thing: `5"`, `$20`, `20%`.
fn trimmed(word: &str) -> &str {
    let is_money = |c: char| matches!(c, '$' | '€' | '£');
    let start = word.trim_start_matches(|c: char| !c.is_alphanumeric() && !is_money(c) && c != '.');
    let start = if start.starts_with('.') && !has_digit(start) {
        start.trim_start_matches('.')
    } else {
        start
    };
    let bare = start.trim_end_matches(|c: char| !c.is_alphanumeric() && !is_money(c));
    if !bare.ends_with(|c: char| c.is_ascii_digit()) {
        return bare;
    }
    let marks: usize = start
        .get(bare.len()..)
        .unwrap_or_default()
        .chars()
        .take_while(|c| MARKS.contains(c))
        .map(char::len_utf8)
        .sum();
    start.get(..bare.len() + marks).unwrap_or(bare)
}

fn has_digit(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit())
}

/// A number that may be an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) cents: Cents,
    /// Whether it carries a sign or a word of money.
    pub(super) marked: bool,
    /// The place after it.
    pub(super) next: usize,
}

/// Reads `20`, `1,200.50`, `$20` or `20usd`: the amount, and whether it is marked as money.
pub(super) fn number(plain: &str) -> Option<(Cents, bool)> {
    let unmarked = ["us$", "$", "€", "£"].iter().find_map(|sign| plain.strip_prefix(sign));
    let marked_end = ["$", "€", "£", "usd", "eur"].iter().find_map(|sign| plain.strip_suffix(sign));
    let digits = unmarked.or(marked_end).unwrap_or(plain);
    let whole = digits.split('.').next().unwrap_or_default();
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let grouped = whole.contains(',');
    if (grouped && first.len() > 3) || groups.any(|group| group.len() != 3) || whole.len() > 9 {
        return None;
    }
    // Not a sign: `Cents` would read one.
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let cents = digits.replace(',', "").parse().ok()?;
    Some((cents, unmarked.or(marked_end).is_some()))
}
