//! A search text as terms to look for.

/// Most terms of a text that are looked for. A sentence has fewer.
const MAX_TERMS: usize = 24;

/// Words around what is asked for. A catalogue does not have them, and they mean nothing to it.
const CHATTER: &[&str] = &[
    "something",
    "anything",
    "someone",
    "thing",
    "things",
    "stuff",
    "need",
    "needs",
    "needed",
    "want",
    "wants",
    "looking",
    "look",
    "find",
    "show",
    "get",
    "give",
    "please",
    "good",
    "best",
    "nice",
    "great",
    "buy",
    "purchase",
    "recommend",
    "help",
    "kind",
    "sort",
    "product",
    "products",
    "item",
    "items",
    "like",
    "would",
    "could",
    "use",
    "used",
    "using",
    "suitable",
    "what",
    "which",
    "want",
    "im",
    "id",
    "ive",
    "lets",
    "let",
    "us",
    "new",
    "really",
    "also",
    "make",
    "able",
    "way",
    "got",
    "sell",
    "carry",
    "stock",
    "available",
    "right",
    "recommended",
    "cheap",
    "affordable",
];

/// What is asked for, before the catalogue is asked what it has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// As it was written, in lower case.
    pub(super) text: String,
    /// A number with its unit, such as `15 amp`.
    pub(super) size: Option<Size>,
}

/// A number with a unit. PostgreSQL drops "in" and "a" as stop words and keeps "20v" as one word, so the
/// words of a product tell only that a size may be there; its text tells whether it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    /// Words of which a document must have one. Of digits and known units alone.
    pub(super) words: Vec<String>,
    /// What the text must match, as a regular expression.
    pub(super) pattern: String,
}

/// Spellings of each unit.
const UNITS: &[&[&str]] = &[
    &["v", "volt", "volts"],
    &["a", "amp", "amps", "ampere", "amperes"],
    &["ah"],
    &["w", "watt", "watts"],
    &["in", "inch", "inches", "\""],
    &["ft", "foot", "feet"],
    &["yd", "yard", "yards"],
    &["mm", "millimeter", "millimeters"],
    &["cm", "centimeter", "centimeters"],
    &["lb", "lbs", "pound", "pounds"],
    &["oz", "ounce", "ounces"],
    &["gal", "gallon", "gallons"],
    &["qt", "quart", "quarts"],
    &["pt", "pint", "pints"],
    &["ga", "gauge"],
    &["grit"],
    &["psi"],
    &["cc"],
    &["hp", "horsepower"],
    &["lm", "lumen", "lumens"],
    &["pc", "pcs", "piece", "pieces"],
    &["pk", "pack", "packs"],
    &["tier", "tiers"],
];

fn unit(word: &str) -> Option<&'static [&'static str]> {
    UNITS.iter().find(|spellings| spellings.contains(&word)).copied()
}

/// The terms of a text in their order, each once.
pub(super) fn terms(text: &str) -> Vec<Asked> {
    let tokens = tokens(text);
    let mut terms: Vec<Asked> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let spellings = tokens.get(at + 1).and_then(|next| unit(next));
        let term = if let (Some(spellings), true) = (spellings, is_number(token)) {
            at += 1;
            let unit = tokens.get(at).map_or("", String::as_str);
            Asked { text: format!("{token} {unit}"), size: Some(size(token, spellings)) }
        } else {
            Asked { text: token.clone(), size: None }
        };
        at += 1;
        let is_new = !terms.iter().any(|seen| seen.text == term.text);
        if is_new && !CHATTER.contains(&term.text.as_str()) && terms.len() < MAX_TERMS {
            terms.push(term);
        }
    }
    terms
}

/// The word and what it may be a plural of.
pub(super) fn singulars(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned()];
    if let Some(stem) = word.strip_suffix("ies") {
        forms.push(format!("{stem}y"));
    }
    // Only a hiss takes "es": tapes are no taps.
    let hissed = word.strip_suffix("es").filter(|stem| {
        stem.ends_with(['s', 'x', 'z']) || stem.ends_with("ch") || stem.ends_with("sh")
    });
    for stem in hissed.into_iter().chain(word.strip_suffix('s')) {
        if stem.len() > 2 {
            forms.push(stem.to_owned());
        }
    }
    forms
}

/// Words, numbers and fractions, and inches spelled as such.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let text = text.to_lowercase().replace(['’', '′'], "'").replace(['”', '″'], "\"");
    for piece in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')')) {
        let piece = piece.strip_suffix("'s").unwrap_or(piece);
        let piece = piece.trim_end_matches(['.', '!', '?', ':']);
        if is_article_number(piece) {
            tokens.push(piece.to_owned());
        } else if let Some(whole) = tokens.last().filter(|last| is_mixed(last, piece)) {
            // Two and a half, as in "2 1/2 inch".
            let number = format!("{whole}-{piece}");
            tokens.pop();
            push_number(&number, &mut tokens);
        } else if piece.starts_with(|c: char| c.is_ascii_digit()) {
            push_number(piece, &mut tokens);
        } else {
            push_words(piece, &mut tokens);
        }
    }
    tokens
}

/// Splits `20v`, `5"`, `3/4-inch`, `1-1/2`, `2x4` and `3-in-1`.
fn push_number(piece: &str, tokens: &mut Vec<String>) {
    let number = piece
        .split(|c: char| !c.is_ascii_digit() && !matches!(c, '/' | '.' | '-'))
        .next()
        .unwrap_or_default();
    let number = match number.split_once('-') {
        // One and a half.
        Some((_, fraction)) if is_fraction(fraction) => number,
        Some((whole, _)) => whole,
        None => number,
    };
    let number = number.trim_end_matches(['/', '.', '-']);
    let rest = piece.strip_prefix(number).unwrap_or_default();
    let rest_word = rest.trim_start_matches('-');
    let word_end = rest_word.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest_word.len());
    let word = rest_word.get(..word_end).unwrap_or_default();
    if rest.starts_with('"') {
        tokens.extend([number.to_owned(), "inch".to_owned()]);
    } else if rest.starts_with('\'') {
        tokens.extend([number.to_owned(), "ft".to_owned()]);
    } else if word.is_empty() || unit(word).is_some() || rest.starts_with('-') {
        tokens.push(number.to_owned());
        push_words(rest, tokens);
    } else {
        // 2x4, 4th.
        push_words(piece, tokens);
    }
}

fn push_words(piece: &str, tokens: &mut Vec<String>) {
    let words = piece.split(|c: char| !c.is_alphanumeric() && c != '\'').map(|word| {
        let word = word.trim_matches('\'');
        word.strip_suffix("'s").unwrap_or(word).replace('\'', "")
    });
    tokens.extend(words.filter(|word| !word.is_empty()));
}

/// Such as SKU-7 or R-13: PostgreSQL reads the query as it read the product, so it stays whole.
fn is_article_number(piece: &str) -> bool {
    piece.starts_with(char::is_alphabetic)
        && piece.contains('-')
        && has_digit(piece)
        && piece.chars().all(|c| c.is_alphanumeric() || c == '-')
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

fn is_number(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_digit())
        && token.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | '.' | '-'))
}

fn is_fraction(text: &str) -> bool {
    text.split_once('/').is_some_and(|(above, below)| {
        let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        digits(above) && digits(below)
    })
}

/// Whether a whole number and the text after it are one number, as in "2 1/2". A larger whole is a count or
/// another size.
fn is_mixed(whole: &str, text: &str) -> bool {
    let fraction = text.find(|c: char| !c.is_ascii_digit() && c != '/').unwrap_or(text.len());
    let is_below_one =
        |(above, below): (&str, &str)| match (above.parse::<u32>(), below.parse::<u32>()) {
            (Ok(above), Ok(below)) => 0 < above && above < below,
            _ => false,
        };
    let fraction = text.get(..fraction).unwrap_or_default();
    whole.len() <= 2
        && whole.chars().all(|c| c.is_ascii_digit())
        && fraction.split_once('/').is_some_and(is_below_one)
}

/// A size, in whatever way a product spells it.
fn size(number: &str, spellings: &[&str]) -> Size {
    // PostgreSQL takes 1-1/2 apart.
    let lexeme = number.split('-').next().unwrap_or(number);
    let mut words = vec![lexeme.to_owned()];
    for spelling in spellings.iter().filter(|spelling| **spelling != "\"") {
        words.push(format!("{lexeme}{spelling}"));
        words.push(format!("{lexeme}-{spelling}"));
    }
    let number = number.replace('.', r"\.").replace('-', "[- ]");
    let pattern = format!(r"(^|[^0-9./-]){number}[ -]?({})([^a-z0-9]|$)", spellings.join("|"));
    Size { words, pattern }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Hammer, claw", &["hammer", "claw"])]
    #[case("heavy-duty hook", &["heavy", "duty", "hook"])]
    #[case("15 amp breaker", &["15 amp", "breaker"])]
    #[case("15-amp breaker", &["15 amp", "breaker"])]
    #[case("20V drill", &["20 v", "drill"])]
    #[case("1/2 inch pipe", &["1/2 inch", "pipe"])]
    #[case("3/4-inch plywood", &["3/4 inch", "plywood"])]
    #[case("1-1/2\" pipe", &["1-1/2 inch", "pipe"])]
    #[case("2 1/2 inch screws", &["2-1/2 inch", "screws"])]
    #[case("3 1/2\" nails", &["3-1/2 inch", "nails"])]
    #[case("120 1/2 inch", &["120", "1/2 inch"])]
    #[case("2 8/4 inch", &["2", "8/4 inch"])]
    #[case("5” hook", &["5 inch", "hook"])]
    #[case("6' ladder", &["6 ft", "ladder"])]
    #[case("2x4 lumber", &["2x4", "lumber"])]
    #[case("0.065 in line", &["0.065 in", "line"])]
    #[case("3-in-1 mower", &["3 in", "1", "mower"])]
    #[case("#8 screws", &["8", "screws"])]
    #[case("SKU-7, R-13.", &["sku-7", "r-13"])]
    #[case("painter's tape", &["painter", "tape"])]
    #[case("nails nails", &["nails"])]
    #[case("🔨 & | ! ( ) :*", &[])]
    #[case("молоток", &["молоток"])]
    fn reads_terms(#[case] text: &str, #[case] expected: &[&str]) {
        let found: Vec<String> = terms(text).into_iter().map(|term| term.text).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_size_is_found_in_every_spelling() {
        let size = terms("15 amp").remove(0).size.unwrap();
        assert_eq!(size.words.get(..3).unwrap(), ["15", "15a", "15-a"]);
        assert!(size.pattern.contains("15[ -]?(a|amp|amps"));
    }

    #[test]
    fn plurals_have_singulars() {
        assert_eq!(singulars("batteries"), ["batteries", "battery", "batterie"]);
        assert_eq!(singulars("taps"), ["taps", "tap"]);
        assert_eq!(singulars("gas"), ["gas"]);
        // No taps, and no tubs.
        assert_eq!(singulars("tapes"), ["tapes", "tape"]);
        assert_eq!(singulars("tubes"), ["tubes", "tube"]);
        assert_eq!(singulars("boxes"), ["boxes", "box", "boxe"]);
        assert_eq!(singulars("switches"), ["switches", "switch", "switche"]);
        assert_eq!(singulars("brushes"), ["brushes", "brush", "brushe"]);
    }

    proptest! {
        #[test]
        fn any_text_has_terms_that_are_safe(text in "\\PC{0,80}|[0-9a-z\"'./ -]{0,40}") {
            for term in terms(&text) {
                prop_assert!(!term.text.trim().is_empty());
                if let Some(size) = term.size {
                    let is_safe = |c: char| c.is_ascii_alphanumeric() || "/.-".contains(c);
                    prop_assert!(size.words.iter().all(|word| word.chars().all(is_safe)));
                }
            }
        }
    }
}
