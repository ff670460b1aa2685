//! What a client can read without a call: the tables, the metrics, the calendar, and the caller's own place.
//!
//! A resource is one variant of [`Address`], and one file that makes its text.

mod address;
mod calendar;
mod list;
mod metrics;
mod nearest;
mod reading;
mod refusal;
mod store;
mod tables;

use std::fmt;
use std::sync::Arc;

use retail_analytics::Analyst;
use retail_domain::ports::QueryRunner;
use retail_domain::{Error, Principal, QueryLimits, Scope};
use rmcp::model::{ErrorData, ReadResourceResult, ResourceContents};

pub(crate) use address::{Address, visible_metrics};
pub(crate) use list::{listed, templates};
pub(crate) use nearest::hint;
pub(crate) use reading::{Found, Reading};
pub(crate) use refusal::{to_error_data, unreadable};

use crate::error;
use crate::server::Shared;
use crate::tools::{APP_URI, ToolEntry};

/// Name of reads in the audit log and for the observer.
pub(crate) const READ: &str = "resources/read";

/// The families of resources, each with one variable.
pub(crate) const TABLE_TEMPLATE: &str = "retail://schema/{table}";
pub(crate) const METRIC_TEMPLATE: &str = "retail://metrics/{name}";
pub(crate) const CALENDAR_TEMPLATE: &str = "retail://calendar/{year}";

/// What a caller must be allowed to do: the same as for the descriptions that tools give.
const SCOPE: Scope = Scope::Read;

/// What resources, prompts and completions are made from.
pub(crate) struct Library {
    analyst: Analyst,
    query_runner: Arc<dyn QueryRunner>,
    limits: QueryLimits,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Library {
    pub(crate) fn new(
        analyst: Analyst,
        query_runner: Arc<dyn QueryRunner>,
        limits: QueryLimits,
    ) -> Self {
        Self { analyst, query_runner, limits }
    }

    /// Who knows the calendar, and the names that a caller may see.
    pub(crate) fn analyst(&self) -> &Analyst {
        &self.analyst
    }
}

/// Reads a resource as the caller, unless `given_up` ends before.
///
/// # Errors
/// Resource not found with the nearest one, the refusal of a tool call, or what the database said.
pub(crate) async fn read(
    shared: &Shared,
    principal: &Principal,
    uri: &str,
    request_id: Option<&str>,
    given_up: impl Future<Output = ()>,
) -> Result<ReadResourceResult, ErrorData> {
    let address = permitted(shared, principal, uri);
    let statement = address.as_ref().ok().and_then(|address| address.statement(shared));
    let work = async move {
        let address = address?;
        match address {
            Address::Table(table) => tables::read(shared, principal, table).await,
            Address::Metrics => Ok(Found::text(metrics::index(principal))),
            Address::Metric(metric) => metrics::definition(metric).map(Found::text),
            Address::Calendar(year) => calendar::describe(&shared.library, year).map(Found::text),
            Address::Store => store::read(shared, principal).await,
            Address::Page => Ok(Found::text(retail_charts::app_page().to_owned())),
        }
        .map(|found| (found, address.mime_type()))
    };
    let reading = Reading { shared, principal, method: READ, request_id, statement };
    match reading.make(work, given_up, |(found, _)| found).await {
        Ok((found, mime_type)) => {
            // It is one of the addresses that there are, so nothing of the caller's comes back.
            let contents = ResourceContents::text(found.text, uri).with_mime_type(mime_type);
            Ok(ReadResourceResult::new(vec![contents]))
        }
        Err(failure) => Err(to_error_data(&failure, request_id)),
    }
}

/// What the URI names, if the caller may read it.
fn permitted(shared: &Shared, principal: &Principal, uri: &str) -> Result<Address, Error> {
    if uri == APP_URI {
        // Without the tool there is nothing that the page could show.
        if let Some(tool) = page_tool(shared) {
            check_scope(principal, tool.scope())?;
            return Ok(Address::Page);
        }
    }
    // Before the URI is looked at: hints about what there is are for those who may see it.
    check_right_to_read(principal)?;
    let address = Address::parse(uri, principal)?;
    if let Some(scope) = address.further_scope() {
        check_scope(principal, scope)?;
    }
    Ok(address)
}

/// The tool whose answers the page shows.
fn page_tool(shared: &Shared) -> Option<&ToolEntry> {
    shared.tools.find("chart")
}

/// Refuses whoever may read nothing, as a call of a tool is refused.
pub(crate) fn check_right_to_read(principal: &Principal) -> Result<(), Error> {
    check_scope(principal, SCOPE)
}

fn check_scope(principal: &Principal, scope: Scope) -> Result<(), Error> {
    if principal.has_scope(scope) { Ok(()) } else { Err(error::missing_scope(READ, scope)) }
}
