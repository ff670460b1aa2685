//! Exact figures, and how they are written.

use std::collections::BTreeMap;

use retail_domain::Error;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Number, Value};

use crate::metric::{Formula, Measure, Unit};

/// The sums of one row, by measure.
pub(crate) type Sums = BTreeMap<Measure, Decimal>;

/// Reads a number as PostgreSQL gave it. NULL is `None`.
pub(crate) fn decimal(value: &Value) -> Result<Option<Decimal>, Error> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(Error::internal("a sum is no number")),
    };
    let parsed = text.parse().or_else(|_| Decimal::from_scientific(&text));
    parsed.map(Some).map_err(|_| Error::internal("a sum has more digits than a decimal holds"))
}

/// Reads numbers. NULL is zero.
pub(crate) fn decimals<'a>(
    values: impl IntoIterator<Item = &'a Value>,
) -> Result<Vec<Decimal>, Error> {
    values.into_iter().map(|value| Ok(decimal(value)?.unwrap_or_default())).collect()
}

/// The value of a formula, exact to 28 digits. `None` where it has none: a ratio of nothing.
pub(crate) fn value(formula: Formula, sums: &Sums) -> Option<Decimal> {
    let of = |measure: Measure| sums.get(&measure).copied().unwrap_or_default();
    let per = |a: Decimal, b: Decimal| a.checked_div(b);
    match formula {
        Formula::Of(a) => Some(of(a)),
        Formula::Less(a, b) => Some(of(a) - of(b)),
        Formula::Per(a, b) => per(of(a), of(b)),
        Formula::PercentOf(a, b) => per(of(a) * Decimal::ONE_HUNDRED, of(b)),
        Formula::MarginOf(a, b) => per((of(a) - of(b)) * Decimal::ONE_HUNDRED, of(a)),
        Formula::PercentOfBoth(a, b) => per(of(a) * Decimal::ONE_HUNDRED, of(a) + of(b)),
        Formula::Growth(a, b) => per((of(b) - of(a)) * Decimal::ONE_HUNDRED, of(a)),
        Formula::DaysOf(a, b) => per(of(a) * Decimal::from(COVER_DAYS), of(b)),
    }
}

/// Days over which the pace of sales is taken for days of cover.
pub(crate) const COVER_DAYS: u32 = 28;

/// Rounded as PostgreSQL rounds `numeric`: half away from zero.
pub(crate) fn rounded(value: Decimal, unit: Unit) -> Decimal {
    let mut value =
        value.round_dp_with_strategy(unit.decimals(), RoundingStrategy::MidpointAwayFromZero);
    value.rescale(unit.decimals());
    // No "-0.00".
    if value.is_zero() { Decimal::new(0, unit.decimals()) } else { value }
}

/// As it stands in an answer: whole numbers as JSON numbers, all others as text with their decimals.
pub(crate) fn json(value: Option<Decimal>, unit: Unit) -> Value {
    let Some(value) = value else { return Value::Null };
    let value = rounded(value, unit);
    if unit.decimals() == 0
        && let Ok(whole) = i64::try_from(value)
    {
        return Value::Number(Number::from(whole));
    }
    Value::String(value.to_string())
}

/// `part` in percent of `whole`.
pub(crate) fn percent(part: Decimal, whole: Decimal) -> Option<Decimal> {
    (part * Decimal::ONE_HUNDRED).checked_div(whole)
}

/// How much `now` is above `before`, in percent of `before`.
pub(crate) fn growth(now: Decimal, before: Decimal) -> Option<Decimal> {
    percent(now - before, before.abs())
}

/// As people read it: `$12,345.67`, `4.1 %`, `1,234`.
pub(crate) fn shown(value: Option<Decimal>, unit: Unit) -> String {
    let Some(value) = value else { return "none".to_owned() };
    let value = rounded(value, unit);
    let text = value.abs().to_string();
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if value.is_sign_negative() && !value.is_zero() { "-" } else { "" };
    match unit {
        Unit::Usd | Unit::UsdPerOrder | Unit::UsdPerUnit => format!("{sign}${grouped}{rest}"),
        Unit::Percent => format!("{sign}{grouped}{rest} %"),
        _ => format!("{sign}{grouped}{rest}"),
    }
}

/// With a sign, as changes are shown.
pub(crate) fn signed(value: Decimal, unit: Unit) -> String {
    let sign = if rounded(value, unit) > Decimal::ZERO { "+" } else { "" };
    format!("{sign}{}", shown(Some(value), unit))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("1234567.895", Unit::Usd, "$1,234,567.90")]
    #[case("-12.345", Unit::Usd, "-$12.35")]
    #[case("-0.001", Unit::Usd, "$0.00")]
    #[case("999", Unit::Units, "999")]
    #[case("1000", Unit::Units, "1,000")]
    #[case("12.5", Unit::Percent, "12.50 %")]
    fn figures_are_shown_as_people_read_them(
        #[case] value: Decimal,
        #[case] unit: Unit,
        #[case] text: &str,
    ) {
        assert_eq!(shown(Some(value), unit), text);
    }

    #[test]
    fn a_ratio_of_nothing_has_no_value() {
        let sums = Sums::from([(Measure::Net, Decimal::ONE)]);
        assert_eq!(value(Formula::Per(Measure::Net, Measure::Orders), &sums), None);
        assert_eq!(json(None, Unit::Usd), Value::Null);
    }

    #[test]
    fn money_keeps_its_cents_and_counts_are_numbers() {
        assert_eq!(json(Some(Decimal::new(5, 0)), Unit::Usd), json!("5.00"));
        assert_eq!(json(Some(Decimal::new(5, 0)), Unit::Units), json!(5));
    }

    #[test]
    fn numbers_come_as_postgresql_writes_them() {
        assert_eq!(decimal(&json!("12.30")).unwrap(), Some(Decimal::new(1230, 2)));
        assert_eq!(decimal(&json!(7)).unwrap(), Some(Decimal::new(7, 0)));
        assert_eq!(decimal(&json!(null)).unwrap(), None);
        assert!(decimal(&json!(true)).is_err());
    }
}
