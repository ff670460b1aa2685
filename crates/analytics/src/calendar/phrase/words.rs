//! From a phrase to words, and to the two sides of a range.

use super::token::are_ends;

/// Stands between the two ends of a range.
const RANGE: &str = "..";

/// What the words of a phrase are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut {
    /// The name of one period.
    One(Vec<String>),
    /// Where a period begins that runs until today.
    Since(Vec<String>),
    /// Where a period begins and ends.
    Range(Vec<String>, Vec<String>),
    /// Nothing that could be a period.
    Nothing,
}

/// The words of a phrase, cut in two where it is a range.
pub(super) fn cut(phrase: &str) -> Cut {
    let words = words(phrase);
    let (opening, rest) = match words.split_first() {
        Some((word, rest)) if ["from", "since", "between", "starting"].contains(&word.as_str()) => {
            (word.as_str(), rest)
        }
        Some(_) => ("", words.as_slice()),
        None => return Cut::Nothing,
    };
    let is_cut = |(place, word): &(usize, &String)| match word.as_str() {
        RANGE | "until" | "till" | "through" | "thru" => true,
        // "year to date" is no range.
        "to" => rest.get(place + 1).is_none_or(|next| next != "date"),
        "and" => opening == "between",
        _ => false,
    };
    let mut places = rest.iter().enumerate().filter(is_cut).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (None, _) if opening.is_empty() => Cut::One(rest.to_vec()),
        (None, _) if !rest.is_empty() && opening != "between" => Cut::Since(rest.to_vec()),
        (Some(place), None) => {
            let (first, last) = rest.split_at(place);
            match (first, last.get(1..).unwrap_or_default()) {
                ([], _) => Cut::Nothing,
                (first, []) => Cut::Since(first.to_vec()),
                (first, last) => Cut::Range(first.to_vec(), last.to_vec()),
            }
        }
        _ => Cut::Nothing,
    }
}

/// The words in lower case, without what sentences put around them.
fn words(phrase: &str) -> Vec<String> {
    let phrase = spell_out_short_years(&phrase.to_lowercase());
    let mut spaced = String::with_capacity(phrase.len() + 8);
    for character in phrase.chars() {
        match character {
            ',' | ';' | ':' | '(' | ')' | '"' | '“' | '”' | '?' | '!' => spaced.push(' '),
            '–' | '—' | '−' | '…' => spaced.push_str(" .. "),
            '‑' | '_' => spaced.push('-'),
            '\'' | '’' | '‘' => {}
            other => spaced.push(other),
        }
    }
    let spaced = spaced.replace("...", "..").replace("..", " .. ");
    spaced.split_whitespace().flat_map(parts).collect()
}

/// Writes `'26` as `2026`.
fn spell_out_short_years(phrase: &str) -> String {
    let mut written = String::with_capacity(phrase.len() + 2);
    let mut rest = phrase;
    while let Some((before, after)) = rest.split_once(['\'', '’', '‘']) {
        written.push_str(before);
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        written.push_str(if digits == 2 { " 20" } else { "" });
        rest = after;
    }
    written.push_str(rest);
    written
}

/// The words that hyphens and slashes join, unless they are a date.
fn parts(word: &str) -> Vec<String> {
    let word = word.trim_end_matches('.');
    if word.is_empty() {
        return vec![RANGE.to_owned()];
    }
    if word == "4-5-4" {
        return vec!["retail".to_owned()];
    }
    if word == "-" || word == "/" {
        return vec![RANGE.to_owned()];
    }
    if let Some((first, last)) = word.split_once('/')
        && is_whole_date(first)
        && is_whole_date(last)
    {
        return vec![first.to_owned(), RANGE.to_owned(), last.to_owned()];
    }
    let is_date =
        word.contains(['-', '/']) && word.chars().all(|c| matches!(c, '0'..='9' | '-' | '/' | '.'));
    let mut parts: Vec<String> =
        word.split('-').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    match parts.as_slice() {
        [first, last] if are_ends(first, last) => {
            parts.insert(1, RANGE.to_owned());
            parts
        }
        _ if is_date || is_iso_week(&parts) => vec![word.to_owned()],
        _ => parts,
    }
}

/// Whether it could be `2026-07-01`.
fn is_whole_date(word: &str) -> bool {
    word.len() == 10 && word.chars().filter(|c| *c == '-').count() == 2
}

/// Whether the parts are those of `2026-w35`, which ISO 8601 writes.
fn is_iso_week(parts: &[String]) -> bool {
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    match parts {
        [year, week] => {
            year.len() == 4 && all_digits(year) && week.strip_prefix('w').is_some_and(all_digits)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("The Last-30-days!", "the last 30 days")]
    #[case("year-to-date", "year to date")]
    #[case("since 2026-03-01", "since: 2026-03-01")]
    #[case("2026-03-01..", "since: 2026-03-01")]
    #[case("2026-07-01..2026-09-30", "2026-07-01 | 2026-09-30")]
    #[case("2026-07-01/2026-09-30", "2026-07-01 | 2026-09-30")]
    #[case("2026-07-01 - 2026-09-30", "2026-07-01 | 2026-09-30")]
    #[case("2026-07-01–2026-09-30", "2026-07-01 | 2026-09-30")]
    #[case("from July to September, 2026", "july | september 2026")]
    #[case("between May and June", "may | june")]
    #[case("Jul-Sep 2026", "jul | sep 2026")]
    #[case("Q1-Q3 2026", "q1 | q3 2026")]
    #[case("2024-2026", "2024 | 2026")]
    #[case("Q3 '26", "q3 2026")]
    #[case("last year's July", "last years july")]
    #[case("fy2026-w35", "fy2026 w35")]
    #[case("2026-W35", "2026-w35")]
    #[case("2026-Q3", "2026 q3")]
    #[case("July 4th, 2026.", "july 4th 2026")]
    #[case("to 2026", "nothing")]
    #[case("a to b to c", "nothing")]
    #[case("  ", "nothing")]
    fn cuts(#[case] phrase: &str, #[case] expected: &str) {
        let found = match cut(phrase) {
            Cut::One(words) => words.join(" "),
            Cut::Since(words) => format!("since: {}", words.join(" ")),
            Cut::Range(first, last) => format!("{} | {}", first.join(" "), last.join(" ")),
            Cut::Nothing => "nothing".to_owned(),
        };
        assert_eq!(found, expected);
    }
}
