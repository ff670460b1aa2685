//! From an MCP request to a tool call, and back.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use retail_domain::ports::CallerTrace;
use retail_domain::{ErrorCode, Principal};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult,
    CustomRequest, CustomResult, DiscoverResult, ErrorCode as RpcCode, ErrorData,
    GetPromptRequestParams, GetPromptResponse, InitializeRequestParams, InitializeResult,
    InitializeResultMethod, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams,
    ReadResourceResponse, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};

use crate::call::{Call, Failed};
use crate::elicitation::{Said, Way};
use crate::server::{Shared, protocol_versions};
use crate::{completions, error, progress, prompts, resources};

/// How long a client may keep lists, resources and the answer of `server/discover`, in milliseconds.
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

    /// Does what `method` asks for, and tells the observer.
    fn observed<T>(
        &self,
        method: &'static str,
        answer: impl FnOnce() -> Result<T, ErrorData>,
    ) -> Result<T, ErrorData> {
        let started = Instant::now();
        let answer = answer();
        let error = answer.as_ref().err().map(|error| match error.code {
            RpcCode::INTERNAL_ERROR => ErrorCode::Internal,
            _ => ErrorCode::InvalidArgument,
        });
        self.shared.observed(method, None, error, started);
        answer
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
        self.observed("initialize", || {
            self.principal(&context)?;
            // The newest protocol has no handshake; a request that names it is in error.
            if context.meta.protocol_version().is_some_and(|version| !version.has_initialize()) {
                return Err(ErrorData::method_not_found::<InitializeResultMethod>());
            }
            let answer = self.negotiate_initialize(&request);
            context.peer.set_peer_info(request);
            answer
        })
    }

    async fn discover(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        self.observed("server/discover", || {
            self.principal(&context)?;
            let info = self.get_info();
            // The same for every caller, unlike the list of tools.
            Ok(DiscoverResult::from_server_info(protocol_versions().into_owned(), info)
                .with_ttl_ms(CACHE_TTL_MS)
                .with_cache_scope(CacheScope::Public))
        })
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.observed("ping", || self.principal(&context).map(drop))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.observed("tools/list", || {
            let principal = self.principal(&context)?;
            Ok(ListToolsResult::with_all_items(self.shared.tools.visible_to(principal))
                .with_ttl_ms(CACHE_TTL_MS)
                .with_cache_scope(CacheScope::Private))
        })
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.observed("resources/list", || {
            let principal = self.principal(&context)?;
            let listed = resources::listed(&self.shared, principal);
            Ok(ListResourcesResult::with_all_items(listed)
                .with_ttl_ms(CACHE_TTL_MS)
                .with_cache_scope(CacheScope::Private))
        })
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.observed("resources/templates/list", || {
            let templates = resources::templates(self.principal(&context)?);
            Ok(ListResourceTemplatesResult::with_all_items(templates)
                .with_ttl_ms(CACHE_TTL_MS)
                .with_cache_scope(CacheScope::Private))
        })
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let principal = self.principal(&context)?;
        let (id, given_up) = (request_id(&context), context.ct.cancelled());
        let read = resources::read(&self.shared, principal, &request.uri, id, given_up).await?;
        Ok(read.with_ttl_ms(CACHE_TTL_MS).with_cache_scope(CacheScope::Private).into())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.observed("prompts/list", || {
            let listed = prompts::listed(&self.shared, self.principal(&context)?);
            Ok(ListPromptsResult::with_all_items(listed)
                .with_ttl_ms(CACHE_TTL_MS)
                .with_cache_scope(CacheScope::Private))
        })
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.observed("prompts/get", || {
            let principal = self.principal(&context)?;
            let arguments = request.arguments.unwrap_or_default();
            prompts::get(&self.shared, principal, &request.name, arguments)
                .map(GetPromptResponse::from)
                .map_err(|refusal| resources::to_error_data(&refusal, request_id(&context)))
        })
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let principal = self.principal(&context)?;
        let (id, given_up) = (request_id(&context), context.ct.cancelled());
        let found = completions::complete(&self.shared, principal, &request, id, given_up).await?;
        Ok(CompleteResult::new(found))
    }

    /// What rmcp could not read as a request of its method, or does not know.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let known = ["tools/call", "resources/read", "prompts/get", "completion/complete"];
        match known.into_iter().find(|method| *method == request.method) {
            Some(method) => self.observed(method, || {
                self.principal(&context)?;
                Err(resources::unreadable(method))
            }),
            None => Err(ErrorData::new(RpcCode::METHOD_NOT_FOUND, request.method, None)),
        }
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let principal = self.principal(&context)?;
        let request_id = request_id(&context);
        let arguments = request.arguments.unwrap_or_default();
        let trace = context.meta.get_traceparent().map(|traceparent| CallerTrace {
            traceparent,
            tracestate: context.meta.get_tracestate(),
        });
        let call = Call { principal, tool: &request.name, request_id, trace };
        let way = Way::of(&context, matches!(self.caller, Caller::Fixed(_)));
        let mut said =
            Said::read(request.request_state.as_deref(), request.input_responses.as_ref());
        loop {
            let arguments = said.applied_to(arguments.clone());
            let made = call.make(&self.shared, arguments, context.ct.cancelled());
            let outcome =
                progress::told(&context.peer, context.meta.get_progress_token(), made).await;
            let failure = match outcome.and_then(|outcome| Ok(outcome.into_result()?)) {
                Ok(result) => return Ok(result.into()),
                Err(Failed::UnknownTool) => return Err(error::unknown_tool()),
                Err(Failed::Error(failure)) => failure,
            };
            let is_known = match &way {
                Some(Way::Answer) => {
                    if let Some(asking) = said.asking_answer(&failure) {
                        return Ok(asking.into());
                    }
                    false
                }
                Some(Way::Request(peer)) => tokio::select! {
                    () = context.ct.cancelled() => false,
                    is_known = said.ask(peer, &failure) => is_known,
                },
                None => false,
            };
            if !is_known {
                return error::to_response(&failure, request_id).map(CallToolResponse::from);
            }
        }
    }
}

/// The id that a layer in front gave the request.
fn request_id(context: &RequestContext<RoleServer>) -> Option<&str> {
    http_parts(context).and_then(crate::http::request_id)
}
