//! How values are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the values of a chart are, and so how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueFormat {
    /// US dollars: 540000 is `$540k`.
    Money,
    /// Things that are counted: 12400 is `12,400`.
    Count,
    /// Shares of one: 0.125 is `12.5%`.
    Percent,
    /// Lengths of time in days: 3.5 is `3.5 d`.
    Days,
    /// Numbers without a unit.
    Plain,
}

/// Units that large numbers are written in, the largest first.
const UNITS: [(f64, &str); 4] = [(1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")];
/// Below this a number is written with an exponent, as is one that has no unit.
const TINY: f64 = 1e-4;
const HUGE: f64 = 1e15;

impl ValueFormat {
    /// Writes a value in full: `$1,234.50`, `12,400`, `12.5%`, `3.5 days`.
    pub fn exact(self, value: f64) -> String {
        match self {
            Self::Money if value.abs() < HUGE => {
                let digits = if value != 0.0 && value.abs() < 0.01 { 4 } else { 2 };
                signed(value, "$", &grouped(value, digits, false))
            }
            Self::Money => signed(value, "$", &exponent(value)),
            Self::Percent => signed(value, "", &full(value * 100.0, 2)) + "%",
            Self::Days => {
                let text = full(value, 2);
                signed(value, "", &text) + if text == "1" { " day" } else { " days" }
            }
            Self::Count | Self::Plain => signed(value, "", &full(value, 6)),
        }
    }

    /// Writes a value with three digits or so, for a label: `$1.23M`, `$540k`, `12,400`, `12.5%`.
    pub fn short(self, value: f64) -> String {
        self.rounded(value, 3)
    }

    /// Writes a value with two digits or so, where there is no room for three: `$1.2M`, `$540k`, `13%`.
    pub(crate) fn brief(self, value: f64) -> String {
        self.rounded(value, 2)
    }

    fn rounded(self, value: f64, figures: usize) -> String {
        let decimals = |size| decimals(size, figures);
        let scaled = if self == Self::Percent { value * 100.0 } else { value };
        let size = scaled.abs();
        let text = if size != 0.0 && !(TINY..HUGE).contains(&size) {
            exponent(scaled)
        } else if let Some((unit, name)) = self.unit(size) {
            grouped(scaled / unit, decimals(size / unit), true) + name
        } else if self == Self::Count {
            grouped(scaled, usize::from(size < 10.0), true)
        } else if self == Self::Money
            && figures > 2
            && (0.01..100.0).contains(&size)
            && scaled.fract() != 0.0
        {
            grouped(scaled, 2, false)
        } else {
            grouped(scaled, decimals(size), true)
        };
        signed(value, self.prefix(), &text) + self.suffix()
    }

    /// Writes a tick of an axis whose ticks are `step` apart and reach `largest`: all in one unit, and no two alike.
    pub(crate) fn tick(self, value: f64, step: f64, largest: f64) -> String {
        let factor = if self == Self::Percent { 100.0 } else { 1.0 };
        if value == 0.0 {
            return signed(0.0, self.prefix(), "0") + self.suffix();
        }
        let largest = largest.abs() * factor;
        // A step that is not at home in the unit would need many digits: 1.0001M.
        let unit = self.unit(largest).filter(|(unit, _)| step * factor >= unit / 100.0);
        let (unit, name) = unit.unwrap_or((1.0, ""));
        let step = step * factor / unit;
        let digits = (0..=4).find(|digits| is_whole(step * 10f64.powi(*digits)));
        let text = match digits.and_then(|digits| usize::try_from(digits).ok()) {
            Some(digits) if largest < HUGE => grouped(value * factor / unit, digits, false) + name,
            _ => exponent(value * factor),
        };
        signed(value, self.prefix(), &text) + self.suffix()
    }

    /// The unit that a number is written in, if it is large enough for one.
    fn unit(self, size: f64) -> Option<(f64, &'static str)> {
        // Money is read at a glance; counts are read to the last piece, up to a million.
        let least = if self == Self::Money { 1e4 } else { 1e6 };
        // 999 999 would be written as 1000k.
        let rounded = size * 1.0005;
        let is_large = size >= least;
        UNITS.into_iter().find(|(unit, _)| is_large && rounded >= *unit)
    }

    fn prefix(self) -> &'static str {
        if self == Self::Money { "$" } else { "" }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Days => " d",
            _ => "",
        }
    }
}

/// Digits after the point for this many figures in all.
fn decimals(size: f64, figures: usize) -> usize {
    match size {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.95 => figures - 2,
        size if size >= 0.1 => figures - 1,
        size if size >= 0.01 => figures,
        _ => 6,
    }
}

fn is_whole(value: f64) -> bool {
    value >= 0.5 && (value - value.round()).abs() < 1e-6 * value.max(1.0)
}

/// A minus sign where `text`, which has none, is not zero.
fn signed(value: f64, prefix: &str, text: &str) -> String {
    let is_zero = !text.contains(|letter: char| letter.is_ascii_digit() && letter != '0');
    format!("{}{prefix}{text}", if value < 0.0 && !is_zero { "−" } else { "" })
}

/// A number of any size with thousands apart, and no more digits than it needs.
fn full(value: f64, digits: usize) -> String {
    let size = value.abs();
    let is_tiny = size != 0.0 && size < TINY;
    if is_tiny || size >= HUGE { exponent(value) } else { grouped(value, digits, true) }
}

fn exponent(value: f64) -> String {
    let text = format!("{:.2e}", value.abs());
    match text.split_once('e') {
        Some((number, power)) => format!("{}e{power}", trimmed(number)),
        None => text,
    }
}

/// A number without its sign, thousands apart.
fn grouped(value: f64, digits: usize, trim: bool) -> String {
    let text = format!("{:.digits$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::with_capacity(text.len() + 4);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    if trim { trimmed(&grouped).to_owned() } else { grouped }
}

/// Leaves out zeros at the end of a fraction.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::ValueFormat::{Count, Days, Money, Percent, Plain};
    use super::*;

    #[rstest]
    #[case(Money, 1_234.5, "$1,234.50", "$1,234")]
    #[case(Money, 540_000.0, "$540,000.00", "$540k")]
    #[case(Money, 999_999.0, "$999,999.00", "$1M")]
    #[case(Money, -1_234_567.0, "−$1,234,567.00", "−$1.23M")]
    #[case(Money, 12.5, "$12.50", "$12.50")]
    #[case(Money, 0.0, "$0.00", "$0")]
    #[case(Money, -0.001, "−$0.0010", "−$0.001")]
    #[case(Money, 5e17, "$5e17", "$5e17")]
    #[case(Count, 12_400.0, "12,400", "12,400")]
    #[case(Count, 3.0, "3", "3")]
    #[case(Count, 2_500_000.0, "2,500,000", "2.5M")]
    #[case(Percent, 0.125, "12.5%", "12.5%")]
    #[case(Percent, -0.034_56, "−3.46%", "−3.46%")]
    #[case(Percent, 0.000_000_1, "1e-5%", "1e-5%")]
    #[case(Days, 1.0, "1 day", "1 d")]
    #[case(Days, 3.5, "3.5 days", "3.5 d")]
    #[case(Plain, 0.000_012_3, "1.23e-5", "1.23e-5")]
    #[case(Plain, 1e17, "1e17", "1e17")]
    #[case(Plain, -0.000_000_000_001, "−1e-12", "−1e-12")]
    fn writes_values(
        #[case] format: ValueFormat,
        #[case] value: f64,
        #[case] exact: &str,
        #[case] short: &str,
    ) {
        assert_eq!((&*format.exact(value), &*format.short(value)), (exact, short));
    }

    #[rstest]
    #[case(Money, 500_000.0, 250_000.0, 1e6, "$0.50M")]
    #[case(Money, 20_000.0, 20_000.0, 80_000.0, "$20k")]
    #[case(Money, -20_000.0, 20_000.0, 80_000.0, "−$20k")]
    #[case(Money, 0.0, 20_000.0, 80_000.0, "$0")]
    #[case(Money, 750.0, 250.0, 1_250.0, "$750")]
    #[case(Money, 1_250.0, 250.0, 1_250.0, "$1,250")]
    #[case(Percent, 0.05, 0.05, 0.2, "5%")]
    #[case(Percent, 0.025, 0.025, 0.1, "2.5%")]
    #[case(Count, 12_000.0, 2_000.0, 12_000.0, "12,000")]
    #[case(Money, 1_000_002.0, 1.0, 1_000_004.0, "$1,000,002")]
    #[case(Plain, 2e-7, 1e-7, 5e-7, "2e-7")]
    fn writes_ticks(
        #[case] format: ValueFormat,
        #[case] value: f64,
        #[case] step: f64,
        #[case] largest: f64,
        #[case] expected: &str,
    ) {
        assert_eq!(format.tick(value, step, largest), expected);
    }
}
