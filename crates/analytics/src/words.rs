//! Names that are nearly right.

/// The least similarity of a name that is worth a suggestion.
const MIN_SIMILARITY: f64 = 0.75;

/// The name that `asked` was probably meant to be.
pub(crate) fn nearest<'a>(
    asked: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let asked = asked.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&asked, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_nonsense_is_not() {
        let names = ["net_sales", "units", "orders"];
        assert_eq!(nearest("net_sale", names), Some("net_sales"));
        assert_eq!(nearest("zzz", names), None);
    }
}
