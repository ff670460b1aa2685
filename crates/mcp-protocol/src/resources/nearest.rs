//! Names that are nearly right.

/// The least similarity of a name that is worth a suggestion.
const MIN_SIMILARITY: f64 = 0.75;

/// A name that is longer, in characters, is no slip of the pen.
const MAX_CHARS: usize = 64;

/// The name that `asked` was probably meant to be.
fn nearest<'a>(asked: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if asked.chars().nth(MAX_CHARS).is_some() {
        return None;
    }
    let asked = asked.to_lowercase();
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&asked, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// The hint about a name that there is not: the nearest, or all of them.
pub(crate) fn hint(asked: &str, names: &[&str]) -> String {
    let all = names.join(", ");
    match nearest(asked, names.iter().copied()) {
        Some(near) => format!("did you mean {near}? There are: {all}"),
        None => format!("there are: {all}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_a_flood_is_not_compared() {
        let names = ["orders", "order_items", "stores"];
        assert_eq!(nearest("Order", names), Some("orders"));
        assert_eq!(nearest(&"orders".repeat(100_000), names), None);
        assert_eq!(hint("zzz", &names), "there are: orders, order_items, stores");
    }
}
