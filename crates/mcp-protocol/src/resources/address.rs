//! Which resource a URI names.

use std::fmt;

use retail_analytics::calendar::RetailYear;
use retail_analytics::metric::{METRICS, Metric};
use retail_domain::{Error, ErrorCode, Principal, RetailTable, Scope, StatementSummary};

use super::nearest::hint;
use super::{store, tables};
use crate::server::Shared;
use crate::tools::APP_URI;

/// What all addresses begin with.
const ROOT: &str = "retail://";

/// The kinds of resources: what stands behind the root.
const KINDS: [&str; 4] = ["schema", "metrics", "calendar", "store"];

/// Years of the calendar that can be read: the first and the last whose days are all good for periods.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9998;

/// A resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Address {
    /// `retail://schema/{table}`
    Table(RetailTable),
    /// `retail://metrics`
    Metrics,
    /// `retail://metrics/{name}`
    Metric(&'static Metric),
    /// `retail://calendar/{year}`
    Calendar(RetailYear),
    /// `retail://store`
    Store,
    /// The page that hosts of MCP Apps show beside a chart.
    Page,
}

impl Address {
    /// The resource of a `retail://` URI. Hints name what the caller may see, and no more.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] with what it may have meant. It repeats nothing of the URI.
    pub(crate) fn parse(uri: &str, principal: &Principal) -> Result<Self, Error> {
        let Some(path) = uri.strip_prefix(ROOT) else {
            return Err(unknown(
                "resource",
                format!("addresses begin with {ROOT}; resources/list names them"),
            ));
        };
        let (kind, name) = match path.split_once('/') {
            Some((kind, name)) => (kind, Some(name)),
            None => (path, None),
        };
        match (kind, name) {
            ("schema", Some(name)) => name.parse().map(Self::Table).map_err(|_| {
                unknown("table", hint(name, &RetailTable::ALL.map(RetailTable::name)))
            }),
            ("schema", None) => Err(unknown("resource", "add a table: retail://schema/orders")),
            ("metrics", None) => Ok(Self::Metrics),
            ("metrics", Some(name)) => {
                let metric = METRICS.iter().find(|metric| metric.name == name);
                metric.map(Self::Metric).ok_or_else(|| {
                    let names: Vec<&str> = visible_metrics(principal).map(|one| one.name).collect();
                    unknown("metric", hint(name, &names))
                })
            }
            ("calendar", Some(year)) => read_year(year).map(Self::Calendar).ok_or_else(|| {
                let message =
                    "a year of four digits: retail://calendar/2026 begins in February 2026";
                unknown("year", message)
            }),
            ("calendar", None) => Err(unknown("resource", "add a year: retail://calendar/2026")),
            ("store", None) => Ok(Self::Store),
            ("store", Some(_)) => Err(unknown(
                "resource",
                "it is retail://store: which store that is follows from who asks",
            )),
            _ => Err(unknown("resource", hint(kind, &KINDS))),
        }
    }

    /// What a caller must hold besides the right to read.
    pub(crate) fn further_scope(&self) -> Option<Scope> {
        match self {
            Self::Metric(metric) => metric.scope,
            _ => None,
        }
    }

    /// The form of its text.
    pub(crate) fn mime_type(&self) -> &'static str {
        match self {
            Self::Table(_) | Self::Metrics => "text/markdown",
            Self::Metric(_) | Self::Calendar(_) | Self::Store => "application/json",
            Self::Page => retail_charts::APP_MIME_TYPE,
        }
    }

    /// The statement that it runs, for the audit log.
    pub(super) fn statement(&self, shared: &Shared) -> Option<StatementSummary> {
        match self {
            Self::Table(_) => tables::statement(shared),
            Self::Store => Some(store::statement()),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "{ROOT}schema/{}", table.name()),
            Self::Metrics => write!(f, "{ROOT}metrics"),
            Self::Metric(metric) => write!(f, "{ROOT}metrics/{}", metric.name),
            Self::Calendar(year) => write!(f, "{ROOT}calendar/{}", year.number()),
            Self::Store => write!(f, "{ROOT}store"),
            Self::Page => f.write_str(APP_URI),
        }
    }
}

/// The metrics that the caller may be shown.
pub(crate) fn visible_metrics(principal: &Principal) -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(|metric| metric.scope.is_none_or(|scope| principal.has_scope(scope)))
}

fn read_year(text: &str) -> Option<RetailYear> {
    let is_year = text.len() == 4 && text.bytes().all(|digit| digit.is_ascii_digit());
    let year = text.parse().ok().filter(|_| is_year)?;
    YEARS.contains(&year).then(|| RetailYear::new(year))
}

fn unknown(what: &str, hint: impl Into<String>) -> Error {
    Error::new(ErrorCode::NotFound, format!("there is no such {what}")).with_hint(hint)
}
