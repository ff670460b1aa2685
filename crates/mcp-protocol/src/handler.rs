//! From an MCP request to a tool call, and back.

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use retail_domain::{Error, ErrorCode, Principal};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, DiscoverResult, ErrorData,
    InitializeRequestParams, InitializeResult, InitializeResultMethod, JsonObject, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use tracing::Instrument as _;

use crate::audit::{CallAudit, UNKNOWN_TOOL};
use crate::error;
use crate::server::{Shared, protocol_versions};
use crate::tools::ToolEntry;

/// How long a client may keep the answers of `tools/list` and `server/discover`, in milliseconds.
const CACHE_TTL_MS: u64 = 5 * 60 * 1000;

/// Answers MCP requests. Made by [`RetailMcp`](crate::RetailMcp) for each transport.
#[derive(Clone)]
pub struct RetailHandler {
    shared: Arc<Shared>,
    caller: Caller,
}

/// Where the principal of a request comes from.
#[derive(Clone)]
enum Caller {
    /// From the extensions of the HTTP request. There is none when no layer put one there.
    PerRequest,
    /// The same for all requests of one connection.
    Fixed(Box<Principal>),
}

impl RetailHandler {
    pub(crate) fn per_request(shared: Arc<Shared>) -> Self {
        Self { shared, caller: Caller::PerRequest }
    }

    pub(crate) fn fixed(shared: Arc<Shared>, principal: Principal) -> Self {
        Self { shared, caller: Caller::Fixed(Box::new(principal)) }
    }

    /// Who calls. There is no default: without a principal the request fails.
    fn principal<'a>(
        &'a self,
        context: &'a RequestContext<RoleServer>,
    ) -> Result<&'a Principal, ErrorData> {
        match &self.caller {
            Caller::Fixed(principal) => Some(principal.as_ref()),
            Caller::PerRequest => http_parts(context).and_then(|parts| parts.extensions.get()),
        }
        .ok_or_else(error::unauthenticated)
    }
}

fn http_parts(context: &RequestContext<RoleServer>) -> Option<&http::request::Parts> {
    context.extensions.get::<http::request::Parts>()
}

impl fmt::Debug for RetailHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetailHandler").finish_non_exhaustive()
    }
}

impl ServerHandler for RetailHandler {
    fn get_info(&self) -> ServerConfig {
        self.shared.info.clone()
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        protocol_versions()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.shared.tools.find(name).map(|entry| entry.definition().clone())
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        self.principal(&context)?;
        // The newest protocol has no handshake; a request that names it is in error.
        if context.meta.protocol_version().is_some_and(|version| !version.has_initialize()) {
            return Err(ErrorData::method_not_found::<InitializeResultMethod>());
        }
        let answer = self.negotiate_initialize(&request);
        context.peer.set_peer_info(request);
        answer
    }

    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        self.principal(&context)?;
        // The same for every caller, unlike the list of tools.
        Ok(DiscoverResult::from_server_info(protocol_versions().into_owned(), self.get_info())
            .with_ttl_ms(CACHE_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.principal(&context).map(drop)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let principal = self.principal(&context)?;
        Ok(ListToolsResult::with_all_items(self.shared.tools.visible_to(principal))
            .with_ttl_ms(CACHE_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let principal = self.principal(&context)?;
        let request_id = request_id(&context);
        let tool = self.shared.tools.find(&request.name);
        let name = tool.map_or(UNKNOWN_TOOL, ToolEntry::name);
        let span = tracing::info_span!(
            "tools/call",
            gen_ai.tool.name = name,
            error.type = tracing::field::Empty,
        );
        let call = async {
            let audit = self.shared.begin_audit(principal, name, request_id).await?;
            let Some(tool) = tool else {
                audit.failed(&Error::new(ErrorCode::NotFound, "there is no such tool"));
                return Ok(None);
            };
            let arguments = request.arguments.unwrap_or_default();
            call_entry(tool, principal, arguments, audit).await.map(Some)
        };
        let outcome = tokio::select! {
            biased;
            // Leaving drops the other branch, and with it the port's future.
            () = context.ct.cancelled() => {
                Err(Error::new(ErrorCode::Cancelled, "the caller gave up"))
            }
            outcome = call.instrument(span.clone()) => outcome,
        };
        match outcome {
            Ok(Some(result)) => Ok(result.into()),
            Ok(None) => Err(error::unknown_tool()),
            Err(failure) => {
                span.record("error.type", failure.code().as_str());
                span.in_scope(|| error::log_failure(name, &failure, request_id));
                error::to_response(&failure, request_id).map(CallToolResponse::from)
            }
        }
    }
}

/// The id that a layer in front gave the request.
fn request_id(context: &RequestContext<RoleServer>) -> Option<&str> {
    http_parts(context)
        .and_then(|parts| parts.headers.get("x-request-id"))
        .and_then(|id| id.to_str().ok())
}

/// Calls a tool, if the principal may call it, and records what came of it. When the future is dropped, the call
/// is recorded as given up.
///
/// A panic becomes an internal error: rmcp would leave the client waiting for an answer.
async fn call_entry(
    entry: &ToolEntry,
    principal: &Principal,
    arguments: JsonObject,
    mut audit: CallAudit,
) -> Result<CallToolResult, Error> {
    if !principal.has_scope(entry.scope()) {
        let refusal = error::missing_scope(entry.name(), entry.scope());
        audit.failed(&refusal);
        return Err(refusal);
    }
    audit.runs(entry.own_statement());
    let mut call = pin!(entry.call(principal, arguments));
    let outcome = poll_fn(|task| {
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(task)))
            .unwrap_or_else(|_| Poll::Ready(Err(Error::internal("the tool panicked"))))
    })
    .await;
    match outcome {
        Ok(outcome) => {
            audit.answered(&outcome);
            Ok(outcome.result)
        }
        Err(failure) => {
            audit.failed(&failure);
            Err(failure)
        }
    }
}
