//! Numbers that bound a statement.

use serde::Deserialize;

/// Declares [`Limits`] and the form of it where each field may be absent.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $default:expr,)*) => {
        /// Numbers that bound a statement. The built-in policy text documents their choice.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Limits {
            $($(#[$doc])* pub $name: u32,)*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        /// The limits that a policy text sets.
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct SomeLimits {
            $($name: Option<u32>,)*
        }

        impl SomeLimits {
            pub(super) fn apply_to(&self, limits: &mut Limits) {
                $(if let Some(value) = self.$name {
                    limits.$name = value;
                })*
            }
        }
    };
}

limits! {
    /// Length of the statement, in bytes.
    max_bytes = 16_384,
    /// Tokens of the statement, without comments.
    max_tokens = 4096,
    /// Nesting of parentheses, brackets and CASE.
    max_depth = 40,
    /// Relations named in the whole statement, each as often as it is named.
    max_relations = 16,
    /// WITH queries in the whole statement.
    max_ctes = 24,
    /// Parts of expressions, each subquery's as often as its columns are named.
    max_expressions = 20_000,
    /// Columns of one SELECT or VALUES.
    max_columns = 256,
    /// Branches of UNION, INTERSECT and EXCEPT in the whole statement.
    max_set_branches = 32,
    /// WHEN branches of one CASE.
    max_case_branches = 100,
    /// Grouping sets that ROLLUP, CUBE and GROUPING SETS make together.
    max_grouping_sets = 128,
    /// Window functions in the whole statement.
    max_windows = 50,
    /// Precision of a type, and what `lpad` and `rpad` fill up to.
    max_type_modifier = 1000,
    /// What `repeat` may make, in bytes.
    max_repeat_bytes = 10_000,
    /// Rows of one `generate_series` between constants.
    max_series_rows = 100_000,
    /// A constant pattern of LIKE or of a regular expression, and a template, in bytes.
    max_pattern_bytes = 256,
    /// The characters that `translate` and `trim` look for, in bytes.
    max_set_bytes = 64,
    /// Constant exponents of `power` and `^`.
    max_exponent = 100,
    /// Digits that a product or a power of numbers may have.
    max_digits = 4000,
    /// The length of a column's text that the other limits reckon with, in bytes.
    assumed_text_bytes = 4096,
}
