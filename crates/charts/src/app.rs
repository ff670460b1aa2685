//! The interactive page.

/// The MIME type of [`app_page`], as MCP Apps (SEP-1865, 2026-01-26) has it.
pub const APP_MIME_TYPE: &str = "text/html;profile=mcp-app";

/// Gives the interactive page: the view of MCP Apps that a host shows beside a tool's answer.
///
/// One HTML file that asks the network for nothing. It draws the [`ChartSpec`](crate::ChartSpec) that it finds as
/// `chart` in the `structuredContent` of the tool's result.
pub const fn app_page() -> &'static str {
    include_str!("../app/chart.html")
}
