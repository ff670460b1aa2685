//! Under which identity and limits an answer was read.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use retail_domain::Visibility;
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
    /// Whether the answer came from a cache.
    pub(crate) cached: bool,
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
    ) -> Self {
        Self {
            acting_store: visibility.label().to_owned(),
            row_security: "enforced",
            rows_returned,
            truncated: false,
            limit,
            limit_unit: "rows",
            as_of: as_of.to_rfc3339_opts(SecondsFormat::Micros, true),
            cached: false,
            elapsed_seconds: (elapsed.as_secs_f64() * 1e6).round() / 1e6,
        }
    }
}
