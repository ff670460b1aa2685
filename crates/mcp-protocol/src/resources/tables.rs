//! `retail://schema/{table}`: a table, in the words of `get_multiple_table_schemas`.

use retail_domain::{Error, Principal, RetailTable, StatementSummary};
use rmcp::model::JsonObject;

use super::Found;
use crate::server::Shared;
use crate::tools::ToolEntry;

/// The tool that describes tables. It is always there.
const TOOL: &str = "get_multiple_table_schemas";

/// The description that the tool gives of the table, to this caller.
pub(super) async fn read(
    shared: &Shared,
    principal: &Principal,
    table: RetailTable,
) -> Result<Found, Error> {
    let tool =
        shared.tools.find(TOOL).ok_or_else(|| Error::internal("no tool describes tables"))?;
    let mut arguments = JsonObject::new();
    arguments.insert("table_names".to_owned(), vec![table.qualified_name()].into());
    let outcome = tool.call(principal, arguments).await?;
    Ok(Found { text: outcome.text, rows: outcome.rows, statement: outcome.statement })
}

/// What the tool runs.
pub(super) fn statement(shared: &Shared) -> Option<StatementSummary> {
    shared.tools.find(TOOL).and_then(ToolEntry::own_statement)
}
