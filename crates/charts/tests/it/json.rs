//! The JSON form, which the interactive page reads.

use retail_charts::{ChartSpec, SpecError};
use serde_json::json;

use crate::charts;

#[test]
fn every_chart_survives_json() {
    for (name, spec) in charts::all() {
        let text = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<ChartSpec>(&text).unwrap(), spec, "{name}");
    }
}

#[test]
fn json_is_as_documented() {
    let form = json!({
        "title": "Demand",
        "subtitle": "Seattle",
        "kind": "line",
        "format": "count",
        "x_labels": ["Mon", "Tue"],
        "series": [
            { "name": "Sold", "values": [4.0, null], "emphasis": [0] },
            {
                "name": "Forecast",
                "values": [null, 5.0],
                "band": { "lower": [null, 3.0], "upper": [null, 7.0] },
            },
        ],
    });
    let spec: ChartSpec = serde_json::from_value(form.clone()).unwrap();
    assert_eq!(spec.validate(), Ok(()));
    assert_eq!(serde_json::to_value(&spec).unwrap(), form);
}

#[test]
fn misspelt_fields_are_refused() {
    let form = json!({
        "title": "t", "kind": "stacked_bar", "format": "money", "x_labels": ["a"],
        "series": [{ "name": "s", "value": [1.0], "values": [1.0] }],
    });
    let error = serde_json::from_value::<ChartSpec>(form).unwrap_err();
    assert!(error.to_string().contains("unknown field `value`"), "{error}");
}

#[test]
fn what_json_cannot_hold_is_not_drawn() {
    let mut spec = charts::few_bars();
    spec.series[0].values[1] = Some(f64::INFINITY);
    let error = spec.validate().unwrap_err();
    assert_eq!(error, SpecError::NotFinite { field: "series[0].values".to_owned(), index: 1 });
}
