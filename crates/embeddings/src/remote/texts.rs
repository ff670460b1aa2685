//! Texts as a service takes them: none too long, and in batches.

use std::ops::Range;

/// As much of a text as the service takes: whole characters, in at most `limit` bytes. An empty text becomes a
/// space, since services refuse an empty one.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    match text.get(..text.floor_char_boundary(limit)).unwrap_or_default() {
        "" => " ",
        text => text,
    }
}

/// Splits texts, in their order, into batches of at most `most_texts` texts and `most_bytes` bytes. A text that is
/// longer than that is alone.
pub(super) fn batches(texts: &[&str], most_texts: usize, most_bytes: usize) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0_usize);
    for (place, text) in texts.iter().enumerate() {
        let is_full = place - start >= most_texts || bytes.saturating_add(text.len()) > most_bytes;
        if is_full && place > start {
            batches.push(start..place);
            (start, bytes) = (place, 0);
        }
        bytes = bytes.saturating_add(text.len());
    }
    if start < texts.len() {
        batches.push(start..texts.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("paint", 16, "paint")]
    #[case("paint", 3, "pai")]
    #[case("aé", 2, "a")]
    #[case("é", 1, " ")]
    #[case("", 16, " ")]
    fn a_text_is_cut_at_a_character(#[case] text: &str, #[case] limit: usize, #[case] kept: &str) {
        assert_eq!(cut(text, limit), kept);
    }

    #[rstest]
    #[case(&[], 2, 10, &[])]
    #[case(&["a"], 2, 10, &[1])]
    #[case(&["a", "b", "c"], 2, 10, &[2, 1])]
    #[case(&["aaaa", "bbbb", "cccc"], 9, 8, &[2, 1])]
    #[case(&["a", "too long a text", "c"], 9, 8, &[1, 1, 1])]
    fn batches_keep_both_limits(
        #[case] texts: &[&str],
        #[case] most_texts: usize,
        #[case] most_bytes: usize,
        #[case] sizes: &[usize],
    ) {
        let batches = batches(texts, most_texts, most_bytes);
        assert_eq!(batches.iter().map(Range::len).collect::<Vec<_>>(), sizes);
        assert_eq!(batches.into_iter().flatten().count(), texts.len());
    }
}
