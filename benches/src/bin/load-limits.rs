//! The limits that `cargo xtask load run` measures beside the server: what axum and rmcp can do at most with
//! answers of these bytes, when nobody is identified and nothing is looked up.
//!
//! `load-limits ADDRESS FOLDER` serves each `FOLDER/NAME.json`, the body of an answer to `tools/call`:
//! `POST /NAME/bytes` gives the bytes, and `/NAME/mcp` is an MCP server whose tools all answer so.

use std::path::Path;
use std::sync::Arc;
use std::{env, fs};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Map, Value};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let usage = "load-limits ADDRESS FOLDER";
    let address = args.next().context(usage)?;
    let folder = args.next().context(usage)?;
    let mut router = Router::new().route("/ready", get(async || ()));
    for entry in fs::read_dir(&folder).with_context(|| format!("listing {folder}"))? {
        let path = entry?.path();
        router = serve(router, &path).with_context(|| path.display().to_string())?;
    }
    let listener = TcpListener::bind(&address).await.with_context(|| address.clone())?;
    axum::serve(listener, router).await.context("serving")
}

/// Adds the two routes of one answer.
fn serve(router: Router, path: &Path) -> Result<Router> {
    let name = path.file_stem().context("a file without a name")?.to_string_lossy().into_owned();
    let body = Bytes::from(fs::read(path)?);
    let answer: Value = serde_json::from_slice(&body)?;
    let result = answer.get("result").context("no answer to tools/call")?;
    let tool = ConstantTool(Arc::new(serde_json::from_value(result.clone())?));
    // As our own server has it: JSON in one piece, and no session.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let sessions = Arc::new(NeverSessionManager::default());
    let mcp = StreamableHttpService::new(move || Ok(tool.clone()), sessions, config);
    let bytes = post(async move |_request: Bytes| ([(CONTENT_TYPE, "application/json")], body));
    Ok(router.route(&format!("/{name}/bytes"), bytes).route_service(&format!("/{name}/mcp"), mcp))
}

/// Every tool there is, with one answer.
#[derive(Debug, Clone)]
struct ConstantTool(Arc<CallToolResult>);

impl ServerHandler for ConstantTool {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        Some(Tool::new(name.to_owned(), "", Arc::new(Map::new())))
    }

    async fn call_tool(
        &self,
        _request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::clone(&self.0).into())
    }
}
