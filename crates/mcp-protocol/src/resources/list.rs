//! What resources there are, for a caller.

use retail_domain::{Principal, RetailTable};
use rmcp::model::{Resource, ResourceTemplate};

use super::address::visible_metrics;
use super::{Address, Library, check_right_to_read, page_tool};
use crate::server::Shared;

/// The resources that the caller may read.
pub(crate) fn listed(shared: &Shared, principal: &Principal) -> Vec<Resource> {
    let page = page_tool(shared).filter(|tool| principal.has_scope(tool.scope()));
    let page = page.map(|_| Address::Page);
    descriptions(&shared.library, principal).into_iter().chain(page).map(described).collect()
}

/// What describes the data: nothing without the right to read.
fn descriptions(library: &Library, principal: &Principal) -> Vec<Address> {
    if check_right_to_read(principal).is_err() {
        return Vec::new();
    }
    let calendar = library.analyst().calendar();
    let this_year = calendar.retail_year_of(library.analyst().today()).number();
    let years = [this_year - 1, this_year, this_year + 1].map(|year| calendar.retail_year(year));
    [Address::Store, Address::Metrics]
        .into_iter()
        .chain(visible_metrics(principal).map(Address::Metric))
        .chain(years.map(Address::Calendar))
        .chain(RetailTable::ALL.map(Address::Table))
        .collect()
}

fn described(address: Address) -> Resource {
    let (name, title, description) = match address {
        Address::Table(table) => (
            format!("schema_{}", table.name()),
            format!("Schema of {table}"),
            "Columns with types and comments, keys, valid values. What get_multiple_table_schemas \
             says."
                .to_owned(),
        ),
        Address::Metrics => (
            "metrics".to_owned(),
            "Metrics".to_owned(),
            "All metrics with units and meanings, a line each.".to_owned(),
        ),
        Address::Metric(metric) => {
            (format!("metric_{}", metric.name), metric.title.to_owned(), metric.words.to_owned())
        }
        Address::Calendar(year) => (
            format!("calendar_{}", year.number()),
            format!("Retail calendar {}", year.number()),
            "The 4-5-4 year with the days of its seasons, quarters and months; ISO weeks and \
             calendar quarters."
                .to_owned(),
        ),
        Address::Store => (
            "store".to_owned(),
            "Your store and rights".to_owned(),
            "Which store the caller sees, scopes, tools, today's date, how new the data are, limits."
                .to_owned(),
        ),
        Address::Page => (
            "chart_page".to_owned(),
            "Chart".to_owned(),
            "The page that shows the answers of the tool chart. For hosts of MCP Apps, not for models."
                .to_owned(),
        ),
    };
    Resource::new(address.to_string(), name)
        .with_title(title)
        .with_description(description)
        .with_mime_type(address.mime_type())
}

/// The families of resources. Their variables can be completed.
pub(crate) fn templates(principal: &Principal) -> Vec<ResourceTemplate> {
    if check_right_to_read(principal).is_err() {
        return Vec::new();
    }
    let template = |uri: &str, name: &str, title: &str, description: &str, mime_type: &str| {
        ResourceTemplate::new(uri, name)
            .with_title(title)
            .with_description(description)
            .with_mime_type(mime_type)
    };
    vec![
        template(
            super::TABLE_TEMPLATE,
            "schema",
            "Schema of a table",
            "A table's columns, keys and valid values. {table} is its name without the prefix: orders.",
            "text/markdown",
        ),
        template(
            super::METRIC_TEMPLATE,
            "metric",
            "Definition of a metric",
            "Formula, unit, grain, dimensions and caveats. {name} is one of retail://metrics.",
            "application/json",
        ),
        template(
            super::CALENDAR_TEMPLATE,
            "calendar",
            "Retail calendar of a year",
            "Days of the seasons, quarters and months of a 4-5-4 year. {year} is when it begins: 2026.",
            "application/json",
        ),
    ]
}
