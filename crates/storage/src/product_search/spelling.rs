//! Which word of the catalogue a misspelt one was meant to be.

use std::cmp::Ordering;

use super::settings::SearchSettings;

/// A word of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CatalogueWord {
    pub(super) word: String,
    /// In how many products it stands.
    pub(super) products: i32,
}

/// Whether a word that the catalogue does not have may be a misspelling: only letters, and enough of
/// them. A short word has too many neighbours, and a number is what it is.
pub(super) fn may_be_misspelt(word: &str, settings: &SearchSettings) -> bool {
    word.chars().count() >= settings.min_corrected_letters && word.chars().all(char::is_alphabetic)
}

/// The word that was meant: with the fewest mistakes, then the most alike, then the most common.
///
/// People seldom get the first letter wrong, except by swapping it with the second. And of a short word,
/// one with another letter in a place is another word ("tires", "wires") more often than a mistake; one
/// with a letter missing, doubled or swapped is a mistake.
pub(super) fn correct<'a>(
    asked: &str,
    candidates: &'a [CatalogueWord],
    settings: &SearchSettings,
) -> Option<&'a str> {
    candidates
        .iter()
        .filter_map(|candidate| {
            let mistakes = mistakes(asked, &candidate.word, settings)?;
            Some((mistakes, strsim::jaro_winkler(asked, &candidate.word), candidate))
        })
        .min_by(|(mistakes, alike, one), (other_mistakes, other_alike, other)| {
            mistakes
                .cmp(other_mistakes)
                // Hardly more alike is no reason to prefer a rare word.
                .then_with(|| match alike - other_alike {
                    difference if difference > 0.02 => Ordering::Less,
                    difference if difference < -0.02 => Ordering::Greater,
                    _ => other.products.cmp(&one.products),
                })
                .then_with(|| one.word.cmp(&other.word))
        })
        .map(|(_, _, candidate)| candidate.word.as_str())
}

/// How many mistakes make `asked` of `word`; none for too many.
fn mistakes(asked: &str, word: &str, settings: &SearchSettings) -> Option<usize> {
    let letters = asked.chars().count();
    let most = if letters >= settings.two_mistakes_from { 2 } else { 1 };
    let mistakes = strsim::osa_distance(asked, word);
    if mistakes == 0 || mistakes > most {
        return None;
    }
    let begin = |text: &str| text.chars().take(2).collect::<Vec<_>>();
    let (one, other) = (begin(asked), begin(word));
    let swapped = one.iter().eq(other.iter().rev());
    if one.first() != other.first() && !swapped {
        return None;
    }
    // "Driil" has no letter that is not in "drill".
    let is_other_letter =
        letters == word.chars().count() && asked.chars().any(|c| !word.contains(c));
    if letters < 6 && is_other_letter {
        return None;
    }
    Some(mistakes)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const CATALOGUE: &[(&str, i32)] = &[
        ("hammer", 9),
        ("hammers", 2),
        ("drill", 30),
        ("drills", 3),
        ("screw", 12),
        ("screwdriver", 8),
        ("cordless", 25),
        ("wires", 4),
        ("paint", 60),
        ("point", 7),
        ("faucet", 11),
        ("galvanized", 14),
        ("ladder", 6),
        ("lader", 1),
        ("wrench", 9),
        ("nail", 9),
    ];

    fn corrected(asked: &str) -> Option<String> {
        let words: Vec<CatalogueWord> = CATALOGUE
            .iter()
            .map(|(word, products)| CatalogueWord { word: (*word).to_owned(), products: *products })
            .collect();
        correct(asked, &words, &SearchSettings::default()).map(str::to_owned)
    }

    #[rstest]
    #[case("hamer", Some("hammer"))]
    #[case("driil", Some("drill"))]
    #[case("dril", Some("drill"))]
    #[case("rdill", Some("drill"))]
    #[case("scew", Some("screw"))]
    #[case("screwdrivr", Some("screwdriver"))]
    #[case("scredwriver", Some("screwdriver"))]
    #[case("corldess", Some("cordless"))]
    #[case("cordles", Some("cordless"))]
    #[case("paitn", Some("paint"))]
    #[case("faucit", Some("faucet"))]
    #[case("galvinised", Some("galvanized"))]
    #[case("wrech", Some("wrench"))]
    #[case("nial", Some("nail"))]
    // As alike, and far more common.
    #[case("laddr", Some("ladder"))]
    // Other words.
    #[case("tires", None)]
    #[case("pizza", None)]
    #[case("saint", None)]
    #[case("laptop", None)]
    #[case("mail", None)]
    fn corrects(#[case] asked: &str, #[case] meant: Option<&str>) {
        assert_eq!(corrected(asked).as_deref(), meant);
    }

    #[rstest]
    #[case("hamer", true)]
    #[case("saw", false)]
    #[case("1/2", false)]
    #[case("20v", false)]
    #[case("2x4", false)]
    #[case("cr2032", false)]
    #[case("schraubenzieher", true)]
    fn tells_what_may_be_misspelt(#[case] word: &str, #[case] may: bool) {
        assert_eq!(may_be_misspelt(word, &SearchSettings::default()), may);
    }
}
