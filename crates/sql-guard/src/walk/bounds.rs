//! Calls and operators that make much of little, or that PostgreSQL cannot interrupt.
//!
//! Some functions look at the server's time limit only before and after they run. They are kept
//! short here, by the size of what goes in.

use pg_query::Node;

use super::size::Size;
use super::{Check, Walker};
use crate::rejection::{Rejection, RejectionCode};

/// Which bound a function needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Repeat,
    Pad,
    Format,
    Series,
    /// The second argument is a set of characters.
    Set,
    /// The second argument is searched for.
    Search,
    /// Searched for, and put in place of it.
    Replace,
    /// The second argument is a template.
    Template,
    Power,
    Exponential,
    /// Two numbers that are multiplied or divided.
    Arithmetic,
    /// A number whose time grows with its digits.
    Number,
    /// Text after text.
    Join,
}

/// The bound that a function needs, if any.
pub(super) fn rule(name: &str) -> Option<Rule> {
    Some(match name {
        "repeat" => Rule::Repeat,
        "lpad" | "rpad" => Rule::Pad,
        "format" => Rule::Format,
        "generate_series" => Rule::Series,
        "translate" | "btrim" | "ltrim" | "rtrim" | "trim" => Rule::Set,
        "strpos"
        | "position"
        | "split_part"
        | "string_to_array"
        | "string_to_table"
        | "regexp_count"
        | "regexp_instr"
        | "regexp_like"
        | "regexp_match"
        | "regexp_matches"
        | "regexp_split_to_array"
        | "regexp_split_to_table"
        | "regexp_substr" => Rule::Search,
        "replace" | "regexp_replace" | "array_replace" => Rule::Replace,
        "to_char" | "to_number" | "to_date" | "to_timestamp" => Rule::Template,
        "power" | "pow" => Rule::Power,
        "exp" => Rule::Exponential,
        "mod" | "div" | "gcd" | "lcm" => Rule::Arithmetic,
        "sqrt" | "cbrt" | "ln" | "log" | "log10" | "round" | "trunc" | "normalize" => Rule::Number,
        "concat" | "concat_ws" | "array_cat" | "array_append" | "array_prepend" | "overlay"
        | "array_to_string" | "json_build_array" | "json_build_object" | "jsonb_build_array"
        | "jsonb_build_object" => Rule::Join,
        _ => return None,
    })
}

/// A call of a function that has a rule.
#[derive(Debug)]
pub(super) struct Call<'t> {
    pub(super) name: &'t str,
    pub(super) args: &'t [Node],
    pub(super) sizes: Vec<Size>,
    pub(super) place: i32,
}

impl<'t> Call<'t> {
    pub(super) fn arg(&self, index: usize) -> Option<&'t Node> {
        self.args.get(index)
    }

    pub(super) fn size(&self, index: usize) -> Size {
        self.sizes.get(index).copied().unwrap_or_default()
    }

    /// Of all arguments together.
    pub(super) fn all(&self) -> Size {
        self.sizes.iter().fold(Size::default(), |all, size| all.plus(*size))
    }
}

impl Walker<'_> {
    /// Checks a call by its rule, and gives the size of its result.
    pub(super) fn call_bounds(&self, rule: Rule, call: &Call<'_>) -> Check<Size> {
        match rule {
            Rule::Repeat => self.repeat(call),
            Rule::Pad => self.pad(call),
            Rule::Format => self.format(call),
            Rule::Series => self.series(call),
            Rule::Set => self.character_set(call),
            Rule::Search => self.search(call),
            Rule::Replace => self.replace(call),
            Rule::Template => self.template(call),
            Rule::Power => {
                let operands = (call.arg(0), call.arg(1));
                self.power(operands, (call.size(0), call.size(1)), call.place)
            }
            Rule::Exponential => self.exponential(call),
            Rule::Arithmetic => {
                self.digits(call.all(), call.place)?;
                Ok(call.all())
            }
            Rule::Number => self.function_of_a_number(call),
            Rule::Join => self.join_text(&call.sizes, call.place),
        }
    }

    pub(super) fn operator_bounds(
        &self,
        operator: &str,
        operands: (Option<&Node>, Option<&Node>),
        sizes: (Size, Size),
        place: i32,
    ) -> Check<Size> {
        let (left, right) = sizes;
        let both = left.plus(right);
        match operator {
            "||" => self.join_text(&[left, right], place),
            "*" => self.product(left, right, place),
            "/" | "%" => {
                self.digits(both, place)?;
                Ok(Size { digits: left.or(right).digits.saturating_add(20), ..both })
            }
            "^" => self.power(operands, sizes, place),
            "~" | "~*" | "!~" | "!~*" | "~~" | "!~~" | "~~*" | "!~~*" | "^@"
                if operands.0.is_some() =>
            {
                self.pattern_bounds(left, right, operands.1, place)?;
                Ok(Size::SMALL)
            }
            "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=" | "?" => Ok(Size::SMALL),
            // A document less an array of keys: as many steps as both have parts, multiplied, and
            // PostgreSQL cannot interrupt them.
            "-" if operands.0.is_some() && (left.is_unbounded() || right.is_unbounded()) => {
                Err(self.expensive(
                    place,
                    "the operator - is for numbers, dates and short documents",
                    "Filter the rows before they are aggregated.",
                ))
            }
            "+" | "-" => {
                let most = left.or(right);
                Ok(Size { digits: most.digits.saturating_add(1), ..both })
            }
            "|/" | "||/" => {
                self.digits(both, place)?;
                Ok(both)
            }
            _ => Ok(both),
        }
    }

    pub(super) fn doubles(&self, place: i32) -> Rejection {
        self.expensive(
            place,
            "a recursive query must not double a value in each round",
            "Use the value of the previous round once.",
        )
    }

    pub(super) fn expensive(&self, place: i32, message: &str, hint: &str) -> Rejection {
        self.refuse(RejectionCode::TooExpensive, place, message).advise(hint)
    }
}
