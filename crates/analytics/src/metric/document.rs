//! Definitions as people and models read them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Formula, METRICS, Metric};

/// A formula in SQL over the raw tables.
fn sql(formula: Formula) -> String {
    match formula {
        Formula::Of(a) => a.sql().to_owned(),
        Formula::Less(a, b) => format!("{} - {}", a.sql(), b.sql()),
        Formula::Per(a, b) => format!("{} / {}", a.sql(), b.sql()),
        Formula::PercentOf(a, b) => format!("100 * {} / {}", a.sql(), b.sql()),
        Formula::MarginOf(a, b) => format!("100 * ({} - {}) / {}", a.sql(), b.sql(), a.sql()),
        Formula::PercentOfBoth(a, b) => format!("100 * {} / ({} + {})", a.sql(), a.sql(), b.sql()),
        Formula::Growth(a, b) => format!("100 * ({} / {} - 1)", b.sql(), a.sql()),
        Formula::DaysOf(a, b) => format!("{} / ({} / 28)", a.sql(), b.sql()),
    }
}

/// The definition of a metric as JSON.
pub fn resource(metric: &Metric) -> Value {
    let dimensions: Vec<&str> = metric.dimensions.iter().map(|by| by.as_str()).collect();
    json!({
        "name": metric.name,
        "title": metric.title,
        "version": metric.version,
        "formula": metric.words,
        "sql": sql(metric.formula),
        "unit": metric.unit.label(),
        "grain": metric.grain,
        "dimensions": dimensions,
        "parts_add_up": metric.is_additive,
        "caveats": metric.caveats,
        "needs": metric.scope.map(retail_domain::Scope::as_str),
    })
}

/// All definitions as a page. `docs/metrics.md` is this text, and a test says so.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\nMade from `crates/analytics/src/metric/list.rs`; `cargo test -p retail-analytics` compares, and says how to make it \
         anew. Periods are days, both ends included; `order_date` is the day of the order where the store is.\n\n\
         | metric | unit | is | parts add up |\n|---|---|---|---|\n",
    );
    for metric in METRICS {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| [`{}`](#{}) | {} | {} | {} |",
            metric.name,
            metric.name,
            metric.unit.label(),
            metric.words,
            if metric.is_additive { "yes" } else { "no" }
        );
    }
    for metric in METRICS {
        let dimensions: Vec<&str> = metric.dimensions.iter().map(|by| by.as_str()).collect();
        let _ = write!(
            page,
            "\n## {}\n\n{}. Version {}. {}\n\n```sql\n{}\n```\n\nOne row behind it is {}. By {}.",
            metric.name,
            metric.title,
            metric.version,
            metric.words,
            sql(metric.formula),
            metric.grain,
            dimensions.join(", ")
        );
        if let Some(scope) = metric.scope {
            let _ = write!(page, " For those who hold `{scope}`.");
        }
        page.push('\n');
        for caveat in metric.caveats {
            let _ = write!(page, "\n- {caveat}");
        }
        if !metric.caveats.is_empty() {
            page.push('\n');
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_is_made_from_the_definitions() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == markdown(),
            "docs/metrics.md is out of date: run UPDATE_DOCS=1 cargo test -p retail-analytics metric"
        );
    }

    #[test]
    fn a_definition_is_whole() {
        for metric in METRICS {
            let value = resource(metric);
            for key in ["formula", "sql", "unit", "grain", "dimensions"] {
                assert!(!value[key].is_null(), "{}: {key}", metric.name);
            }
        }
    }
}
