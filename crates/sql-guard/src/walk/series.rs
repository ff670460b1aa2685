//! How many rows `generate_series` makes between constant dates.

use pg_query::Node;

use super::bounds::Call;
use super::constants::{constant_number, text};
use super::size::Size;
use super::{Check, Walker};

impl Walker<'_> {
    pub(super) fn series(&self, call: &Call<'_>) -> Check<Size> {
        let most = u64::from(self.limits().max_series_rows);
        let rows = match call.args {
            [from, to, rest @ ..] => match (constant_number(from), constant_number(to)) {
                (Some(from), Some(to)) => {
                    let step = rest.first().map_or(Some(1.0), constant_number);
                    step.map(|step| number_rows(from, to, step))
                }
                _ => date_rows(from, to, rest.first()),
            },
            _ => None,
        };
        match rows {
            Some(rows) if rows > most => Err(self.expensive(
                call.place,
                &format!("generate_series would make more than {most} rows"),
                "Use a shorter range or a bigger step.",
            )),
            _ => Ok(Size::SMALL),
        }
    }
}

/// The number of rows, or `None` when a bound is no plain constant.
fn date_rows(from: &Node, to: &Node, step: Option<&Node>) -> Option<u64> {
    let (from, to) = (days(text(from)?)?, days(text(to)?)?);
    let step = match step {
        Some(step) => interval_days(text(step)?)?,
        None => 1.0,
    };
    Some(number_rows(from, to, step))
}

/// Days since the year 0, roughly, of `YYYY-MM-DD` and whatever follows.
fn days(date: &str) -> Option<f64> {
    let mut parts = date.trim().splitn(3, '-');
    let year: f64 = parts.next()?.parse().ok()?;
    let month: f64 = parts.next()?.parse().ok()?;
    let rest = parts.next()?;
    let day = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    let day: f64 = day.parse().ok()?;
    Some(year * 365.25 + month * 30.44 + day)
}

/// The length of an interval such as `1 day` or `2 hours`.
fn interval_days(interval: &str) -> Option<f64> {
    let interval = interval.trim().to_ascii_lowercase();
    let (number, unit) = interval.split_once(' ').unwrap_or(("1", &interval));
    let number: f64 = number.parse().ok()?;
    let unit = unit.trim().trim_end_matches('s');
    let days = match unit {
        "microsecond" => 1.0 / 86_400_000_000.0,
        "millisecond" => 1.0 / 86_400_000.0,
        "second" | "sec" => 1.0 / 86_400.0,
        "minute" | "min" => 1.0 / 1440.0,
        "hour" => 1.0 / 24.0,
        "day" => 1.0,
        "week" => 7.0,
        "month" | "mon" => 30.44,
        "quarter" => 91.3,
        "year" => 365.25,
        _ => return None,
    };
    Some(number * days)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and a negative number of rows is none"
)]
fn number_rows(from: f64, to: f64, step: f64) -> u64 {
    if step == 0.0 { 0 } else { ((to - from) / step + 1.0) as u64 }
}
