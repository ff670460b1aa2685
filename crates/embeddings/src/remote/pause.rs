//! How long to wait before the next try.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest pause that a service can ask for. What is longer is a mistake of the service: Azure was seen to
/// ask for a day where seconds were meant.
const LONGEST_ASKED: Duration = Duration::from_mins(10);

/// The pause that an answer asks for: `retry-after-ms` (Azure), or `Retry-After` in seconds or as a date.
pub(super) fn asked_by(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str, unit: f64| {
        let seconds = text.parse::<f64>().ok().filter(|number| *number >= 0.0)? / unit;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_ASKED))
    };
    text("retry-after-ms")
        .and_then(|text| number(text, 1000.0))
        .or_else(|| {
            let text = text(RETRY_AFTER.as_str())?;
            number(text, 1.0).or_else(|| {
                let until = DateTime::parse_from_rfc2822(text).ok()?;
                Some(until.signed_duration_since(now).to_std().unwrap_or_default())
            })
        })
        .map(|asked| asked.min(LONGEST_ASKED))
}

/// The pause after the try number `failed` (1 is the first), where the service asks for none: a random part, so that
/// many callers do not come back together, of a time that doubles with every try. `part` is 0 to 1.
pub(super) fn of_our_choice(
    failed: u32,
    first: Duration,
    longest: Duration,
    part: f64,
) -> Duration {
    let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
    first.saturating_mul(doubled).min(longest).mul_f64(part.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use reqwest::header::{HeaderName, HeaderValue};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[("retry-after", "7")], Some(7_000))]
    #[case(&[("retry-after", " 7 ")], Some(7_000))]
    #[case(&[("retry-after", "0.5")], Some(500))]
    #[case(&[("retry-after-ms", "120")], Some(120))]
    #[case(&[("retry-after-ms", "120"), ("retry-after", "7")], Some(120))]
    #[case(&[("retry-after-ms", "soon"), ("retry-after", "7")], Some(7_000))]
    #[case(&[("retry-after", "Mon, 01 Jun 2026 12:00:09 GMT")], Some(9_000))]
    #[case(&[("retry-after", "Mon, 01 Jun 2026 11:00:00 GMT")], Some(0))]
    #[case(&[("retry-after", "86400")], Some(600_000))]
    #[case(&[("retry-after", "1e300")], Some(600_000))]
    #[case(&[("retry-after", "-1")], None)]
    #[case(&[("retry-after", "NaN")], None)]
    #[case(&[("retry-after", "tomorrow")], None)]
    #[case(&[], None)]
    fn the_pause_asked_for(#[case] given: &[(&'static str, &str)], #[case] millis: Option<u64>) {
        let headers: HeaderMap = given
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let now = Utc.with_ymd_and_hms(2026, 6, 1, 12, 0, 0).unwrap();
        assert_eq!(asked_by(&headers, now), millis.map(Duration::from_millis));
    }

    #[rstest]
    #[case(1, 1.0, 100)]
    #[case(2, 1.0, 200)]
    #[case(3, 0.5, 200)]
    #[case(5, 1.0, 1_000)]
    #[case(u32::MAX, 1.0, 1_000)]
    #[case(4, 0.0, 0)]
    fn our_own_pause_doubles_up_to_its_limit(
        #[case] failed: u32,
        #[case] part: f64,
        #[case] millis: u64,
    ) {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        assert_eq!(of_our_choice(failed, first, longest, part), Duration::from_millis(millis));
    }
}
