//! Values as they stand in statements. There is no other way from a value to SQL text.

use chrono::NaiveDate;

use crate::calendar::DateRange;

/// A text as a literal. The guard's grammar and PostgreSQL's both read it as one: with
/// `standard_conforming_strings`, which PostgreSQL has on, a quote is the only character with a meaning.
pub(crate) fn text(value: &str) -> String {
    // NUL has no place in a statement, and SqlText refuses it.
    format!("'{}'", value.replace('\'', "''"))
}

/// A day as a literal.
pub(crate) fn date(day: NaiveDate) -> String {
    format!("date '{}'", day.format("%Y-%m-%d"))
}

/// Whether `column` is in `range`.
pub(crate) fn within(column: &str, range: DateRange) -> String {
    format!("{column} BETWEEN {} AND {}", date(range.first()), date(range.last()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_doubled_and_nothing_else_has_a_meaning() {
        assert_eq!(text("O'Hara"), "'O''Hara'");
        assert_eq!(text("'; DROP TABLE x --"), "'''; DROP TABLE x --'");
        assert_eq!(text("a\\'b"), "'a\\''b'");
    }
}
