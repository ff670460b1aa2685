//! `retail://metrics` and `retail://metrics/{name}`: what each figure means.

use std::fmt::Write as _;

use retail_analytics::metric::{self, Metric};
use retail_domain::{Error, Principal};

use super::address::{Address, visible_metrics};

/// All metrics that the caller may be shown, a line each.
pub(super) fn index(principal: &Principal) -> String {
    let mut text =
        "# Metrics\n\nEach is defined once. Read its address for formula, dimensions and \
                    caveats.\n\n| metric | unit | what it is | address |\n|---|---|---|---|"
            .to_owned();
    for metric in visible_metrics(principal) {
        let Metric { name, unit, words, .. } = metric;
        let address = Address::Metric(metric);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n| {name} | {} | {words} | {address} |", unit.label());
    }
    text
}

/// The definition of one, as JSON.
pub(super) fn definition(metric: &Metric) -> Result<String, Error> {
    serde_json::to_string_pretty(&metric::resource(metric)).map_err(Error::internal)
}
