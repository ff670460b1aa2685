//! Under which identity and limits an answer was read.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use retail_domain::{Freshness, Visibility};
use schemars::JsonSchema;
use serde::Serialize;

/// What the rows are and are not.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Receipt {
    /// The store whose rows were visible, or `all stores`.
    pub(crate) acting_store: String,
    /// Always `enforced`: the database itself shows only the rows of `acting_store`. That there are
    /// none does not mean that other stores have none.
    pub(crate) row_security: &'static str,
    /// How many rows were returned.
    pub(crate) rows_returned: usize,
    /// Whether rows were left out.
    pub(crate) truncated: bool,
    /// The limit that applies, counted in `limit_unit`.
    pub(crate) limit: u32,
    /// `rows`, or `bytes` or `bytes in one row` when the size of the values cut the answer.
    pub(crate) limit_unit: &'static str,
    /// The data are as of this time, RFC 3339 in UTC.
    pub(crate) as_of: String,
    /// Whether it came from a cache.
    pub(crate) cached: bool,
    /// Age in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) age_seconds: Option<f64>,
    /// Data changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stale: Option<bool>,
    /// Time that the answer took, in seconds.
    pub(crate) elapsed_seconds: f64,
}

impl Receipt {
    /// The receipt of a whole answer that a number of rows limits.
    pub(crate) fn new(
        visibility: &Visibility,
        rows_returned: usize,
        limit: u32,
        as_of: DateTime<Utc>,
        elapsed: Duration,
        freshness: Freshness,
    ) -> Self {
        Self {
            acting_store: visibility.label().to_owned(),
            row_security: "enforced",
            rows_returned,
            truncated: false,
            limit,
            limit_unit: "rows",
            as_of: as_of.to_rfc3339_opts(SecondsFormat::Micros, true),
            cached: freshness.cached,
            age_seconds: freshness.cached.then(|| seconds(freshness.age)),
            stale: freshness.stale.then_some(true),
            elapsed_seconds: seconds(elapsed),
        }
    }
}

/// In microseconds' precision.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn written(freshness: Freshness) -> Value {
        let as_of = DateTime::UNIX_EPOCH;
        let receipt = Receipt::new(&Visibility::AllStores, 1, 20, as_of, Duration::ZERO, freshness);
        serde_json::to_value(receipt).unwrap()
    }

    #[test]
    fn a_cached_answer_says_its_age_and_a_stale_one_that_it_is() {
        let fresh = written(Freshness::default());
        assert_eq!(fresh["cached"], json!(false));
        assert!(fresh.get("age_seconds").is_none() && fresh.get("stale").is_none());

        let age = Duration::from_millis(12_500);
        let cached = written(Freshness::kept(age, false));
        assert_eq!((&cached["cached"], &cached["age_seconds"]), (&json!(true), &json!(12.5)));
        assert!(cached.get("stale").is_none());

        let stale = written(Freshness::kept(age, true));
        assert_eq!(stale["stale"], json!(true));
    }
}
