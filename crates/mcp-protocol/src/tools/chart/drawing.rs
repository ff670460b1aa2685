//! From the tables of an answer to a chart.

use retail_analytics::metric::Metric;
use retail_charts::{Band, ChartKind, ChartSpec, Series, ValueFormat};
use retail_domain::{Error, ErrorCode};
use serde_json::Value;

use super::Kind;

/// A column of figures.
struct Column {
    name: String,
    unit: Option<String>,
    at: usize,
}

/// The most series of one chart.
const MAX_SERIES: usize = 6;

/// The chart of an answer. `shows_store`: whether it is about all that the caller sees, which is named then.
pub(super) fn spec(
    tool: &str,
    structured: &Value,
    kind: Kind,
    shows_store: bool,
) -> Result<ChartSpec, Error> {
    let mut spec = match tool {
        "forecast_sales" => forecast(structured)?,
        _ => of_table(structured, kind)?,
    };
    if tool != "forecast_sales" || kind != Kind::Auto {
        spec.kind = kind_of(kind, spec.kind);
    }
    let text = |pointer| structured.pointer(pointer).and_then(Value::as_str);
    if let (Some(from), Some(to)) = (text("/period/from"), text("/period/to")) {
        let store = text("/receipt/acting_store").filter(|_| shows_store);
        let store = store.map(|store| format!(", {store}")).unwrap_or_default();
        let left_out = if tool == "analyze_sales" { left_out(structured) } else { String::new() };
        spec = spec.with_subtitle(format!("{from} to {to}{store}{left_out}"));
    }
    Ok(spec)
}

/// The metrics that the title names and that have no common scale with the first.
fn left_out(structured: &Value) -> String {
    let columns = structured.get("table").map(columns).unwrap_or_default();
    let metrics: Vec<&Column> =
        columns.iter().filter(|column| Metric::find(&column.name).is_ok()).collect();
    let names: Vec<String> = metrics
        .iter()
        .filter(|column| metrics.first().is_some_and(|first| column.unit != first.unit))
        .map(|column| column.name.replace('_', " "))
        .collect();
    if names.is_empty() { String::new() } else { format!("; not drawn: {}", names.join(", ")) }
}

fn kind_of(asked: Kind, found: ChartKind) -> ChartKind {
    match asked {
        Kind::Auto => found,
        Kind::Line => ChartKind::Line,
        Kind::Bar => ChartKind::Bar,
        Kind::Stacked => ChartKind::StackedBar,
        Kind::HeatMap => ChartKind::HeatMap,
    }
}

fn columns(table: &Value) -> Vec<Column> {
    array(table, "columns")
        .iter()
        .enumerate()
        .map(|(at, column)| Column {
            name: text(column, "name").unwrap_or("?").to_owned(),
            unit: text(column, "unit").map(str::to_owned),
            at,
        })
        .collect()
}

fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

fn array<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn rows(table: &Value) -> &[Value] {
    array(table, "rows")
}

/// A figure as charts take it: shares of one rather than percent.
fn number(row: &Value, at: usize, unit: Option<&str>) -> Option<f64> {
    let figure = plain(row, at)?;
    Some(if unit == Some("percent") { figure / 100.0 } else { figure })
}

fn plain(row: &Value, at: usize) -> Option<f64> {
    match row.get(at)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn label(row: &Value) -> String {
    match row.get(0) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn format_of(unit: Option<&str>) -> ValueFormat {
    match unit {
        Some("usd" | "usd_per_order" | "usd_per_unit") => ValueFormat::Money,
        Some("percent") => ValueFormat::Percent,
        Some("days") => ValueFormat::Days,
        Some("units" | "orders" | "customers" | "products") => ValueFormat::Count,
        _ => ValueFormat::Plain,
    }
}

fn title(structured: &Value) -> String {
    text(structured, "title").unwrap_or("Chart").to_owned()
}

fn nothing() -> Error {
    Error::new(ErrorCode::InvalidArgument, "the answer has nothing that can be drawn")
        .with_hint("ask for it by a dimension, such as by month or by category")
}

/// What is drawn of tables that have figures of several kinds.
fn main_figures(table: &str, columns: &[Column]) -> Option<&'static [&'static str]> {
    Some(match table {
        "drivers" | "factors" => &["contribution"],
        "seasons" => &["seasonal_index"],
        "classes" => &["net_sales"],
        "stock_outs" => &["net_sales_90_days"],
        "cover" => &["days_of_cover"],
        "slow_movers" => &["stock_at_list_price"],
        "reorder" => &["suggested_units"],
        "figures" if columns.iter().any(|column| column.name == "total_revenue") => {
            &["total_revenue"]
        }
        "figures" if columns.iter().any(|column| column.name == "total_spent") => &["total_spent"],
        _ => return None,
    })
}

/// The first figure of the main table, and the others of the same unit that are about the same.
fn of_table(structured: &Value, kind: Kind) -> Result<ChartSpec, Error> {
    let table = structured.get("table").ok_or_else(nothing)?;
    let columns = columns(table);
    let rows = rows(table);
    let named = columns.first().filter(|column| column.unit.is_none());
    // Rows of figures with units of their own have no common scale.
    let mixed = columns.iter().any(|column| column.name == "unit");
    let first = columns.iter().find(|column| column.unit.is_some());
    let (Some(named), Some(first)) = (named, first.filter(|_| !mixed && !rows.is_empty())) else {
        return Err(nothing());
    };
    let is_of_it = |column: &&Column| {
        let name = &column.name;
        column.unit == first.unit && !name.ends_with("_change") && !name.starts_with("share")
    };
    let has_figures = |column: &&Column| rows.iter().any(|row| plain(row, column.at).is_some());
    let shown: Vec<&Column> = match main_figures(text(table, "name").unwrap_or_default(), &columns)
    {
        Some(main) => {
            columns.iter().filter(|column| main.contains(&column.name.as_str())).collect()
        }
        None => columns.iter().filter(is_of_it).filter(has_figures).take(MAX_SERIES).collect(),
    };
    if shown.is_empty() {
        return Err(nothing());
    }
    let labels: Vec<String> = rows.iter().map(label).collect();
    let series = shown
        .iter()
        .map(|column| {
            let values =
                rows.iter().map(|row| number(row, column.at, column.unit.as_deref())).collect();
            Series::new(column.name.replace('_', " "), values)
        })
        .collect();
    let is_time = matches!(
        named.name.as_str(),
        "day"
            | "week"
            | "month"
            | "quarter"
            | "year"
            | "retail_week"
            | "retail_month"
            | "retail_quarter"
            | "sales_date"
    );
    let found = if is_time && rows.len() > 2 && kind != Kind::Stacked {
        ChartKind::Line
    } else {
        ChartKind::Bar
    };
    let unit = shown.first().and_then(|column| column.unit.as_deref());
    Ok(ChartSpec::new(found, title(structured), format_of(unit), labels, series))
}

/// The history and, dashed and with its range, the forecast.
fn forecast(structured: &Value) -> Result<ChartSpec, Error> {
    let table = structured.get("table").ok_or_else(nothing)?;
    let mut more = array(structured, "more").iter();
    let history = more.find(|table| text(table, "name") == Some("history")).ok_or_else(nothing)?;
    let (past, coming) = (rows(history), rows(table));
    let unit = columns(history).into_iter().find_map(|column| column.unit);
    let labels: Vec<String> = past.iter().chain(coming).map(label).collect();
    let mut known: Vec<Option<f64>> = past.iter().map(|row| plain(row, 1)).collect();
    let last = known.last().copied().flatten();
    known.resize(labels.len(), None);
    let beside = |at: usize| -> Vec<Option<f64>> {
        let mut values = vec![None; past.len()];
        // The line goes on from the last figure that is known.
        if let Some(end) = values.last_mut() {
            *end = last;
        }
        values.extend(coming.iter().map(|row| plain(row, at)));
        values
    };
    let ahead = Series::new("forecast", beside(1)).with_band(Band::new(beside(2), beside(3)));
    let series = vec![Series::new("sold", known), ahead];
    let format = format_of(unit.as_deref());
    Ok(ChartSpec::new(ChartKind::Line, title(structured), format, labels, series))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(columns: &Value, rows: &Value) -> Value {
        json!({ "title": "T", "table": { "columns": columns, "rows": rows } })
    }

    #[test]
    fn time_is_a_line_and_names_are_bars() {
        let net = json!({ "name": "net_sales", "unit": "usd" });
        let days = answer(
            &json!([{ "name": "day" }, net]),
            &json!([["a", "1.50"], ["b", "2"], ["c", null]]),
        );
        let spec = spec("analyze_sales", &days, Kind::Auto, true).unwrap();
        assert_eq!(spec.kind, ChartKind::Line);
        assert_eq!(spec.series[0].values, [Some(1.5), Some(2.0), None]);

        let names = answer(&json!([{ "name": "store" }, net]), &json!([["a", "1.50"]]));
        assert_eq!(
            super::spec("analyze_sales", &names, Kind::Auto, true).unwrap().kind,
            ChartKind::Bar
        );
    }

    #[test]
    fn figures_of_other_units_are_left_out() {
        let columns = json!([{ "name": "store" }, { "name": "net_sales", "unit": "usd" },
            { "name": "net_sales_before", "unit": "usd" }, { "name": "net_sales_change", "unit": "usd" },
            { "name": "units", "unit": "units" }]);
        let spec = spec(
            "analyze_sales",
            &answer(&columns, &json!([["a", "1", "2", "-1", 3]])),
            Kind::Auto,
            true,
        );
        let names: Vec<String> =
            spec.unwrap().series.into_iter().map(|series| series.name).collect();
        assert_eq!(names, ["net sales", "net sales before"]);
    }

    #[test]
    fn metrics_without_a_scale_are_named() {
        let columns = json!([{ "name": "store" }, { "name": "net_sales", "unit": "usd" },
            { "name": "gross_sales", "unit": "usd" }, { "name": "share", "unit": "percent" },
            { "name": "units", "unit": "units" }, { "name": "basket_value", "unit": "usd_per_order" }]);
        let mut answer = answer(&columns, &json!([["a", "1", "2", "100", 3, "5"]]));
        answer["period"] = json!({ "from": "2026-01-01", "to": "2026-01-31" });
        let spec = spec("analyze_sales", &answer, Kind::Auto, true).unwrap();
        let subtitle = spec.subtitle.unwrap();
        assert_eq!(subtitle, "2026-01-01 to 2026-01-31; not drawn: units, basket value");
    }

    #[test]
    fn what_has_no_common_scale_is_refused() {
        let total = answer(&json!([{ "name": "net_sales", "unit": "usd" }]), &json!([["1"]]));
        assert!(spec("analyze_sales", &total, Kind::Auto, true).is_err());
    }
}
