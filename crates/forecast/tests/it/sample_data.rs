//! Forecasts of the sample data against what came, and against the value of one season ago.

mod errors;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use errors::{Errors, pooled};

use crate::series::{Grain, Measure};

/// How much lower the error must be than that of the value of one season ago.
const LEAST_LOWER_BY: f64 = 0.15;
/// What follows the heading in the document, up to the next one, is written by a test.
const HEADING: &str = "\n## Results\n\n";
const NEXT_HEADING: &str = "\n## ";
const TO_WRITE: &str =
    "RETAIL_WRITE_DOCS=1 cargo test -p retail-forecast -- --ignored writes it anew";

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/forecast-backtest.md")
}

/// The rows of a measure: months and weeks, of stores and of their categories.
fn rows(seed: u64, measure: Measure) -> Vec<(String, Errors)> {
    let mut rows = Vec::new();
    for (grain, periods) in [(Grain::Month, "3 months"), (Grain::Week, "8 weeks")] {
        for (by_category, of) in [(false, "stores"), (true, "categories of stores")] {
            let errors = pooled(seed, measure, grain, by_category);
            rows.push((errors.row(&format!("{measure}, {periods}, {of}")), errors));
        }
    }
    rows
}

#[track_caller]
fn assert_good(row: &str, errors: &Errors) {
    assert!(errors.lower_by() >= LEAST_LOWER_BY, "{row}");
    assert!(50 * errors.refused < errors.forecasts, "{row}");
    assert!(2 * errors.better > errors.series, "{row}");
    assert!((0.70..=0.90).contains(&errors.coverage_80()), "{row}");
    assert!((0.90..=0.995).contains(&errors.coverage_95()), "{row}");
    // What forecasts say of their error is what their error is.
    assert!((errors.stated_wape() / errors.wape() - 1.0).abs() < 0.15, "{row}");
}

#[test]
fn errors_of_net_sales_are_lower_than_those_of_one_season_ago() {
    let document = fs::read_to_string(document()).unwrap();
    for (row, errors) in rows(42, Measure::NetSales) {
        println!("{row}");
        assert_good(&row, &errors);
        assert!(document.contains(&row), "the document has another row than {row}\n{TO_WRITE}");
    }
}

#[test]
#[ignore = "takes minutes: other measures, and other sample data"]
fn the_document_has_all_measures_and_other_data() {
    let mut table = Errors::head();
    for measure in Measure::ALL {
        for (row, errors) in rows(42, measure) {
            assert_good(&row, &errors);
            table.extend([row.as_str(), "\n"]);
        }
    }
    table += "\nWith another seed of the sample data (7), which no choice was made with:\n\n";
    table += &Errors::head();
    for (row, errors) in rows(7, Measure::NetSales) {
        assert_good(&row, &errors);
        table.extend([row.as_str(), "\n"]);
    }
    println!("{table}");

    let written = fs::read_to_string(document()).unwrap();
    let start = written.find(HEADING).unwrap() + HEADING.len();
    let end = written[start..].find(NEXT_HEADING).map_or(written.len(), |end| start + end);
    if env::var_os("RETAIL_WRITE_DOCS").is_some() {
        let anew = [&written[..start], &table, &written[end..]].concat();
        fs::write(document(), anew).unwrap();
    } else {
        assert_eq!(written[start..end], table, "{TO_WRITE}");
    }
}
