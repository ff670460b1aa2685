//! A call for which another token would do is answered so that the client gets one.
//!
//! The MCP authorization spec asks for this at the HTTP level, with status 403. The tools refuse the call
//! too: what is not understood here is not let through there.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use http::{Method, StatusCode};
use retail_auth::Challenge;
use retail_domain::{Error, ErrorCode, Principal, Scope};
use retail_mcp_protocol::RetailMcp;
use serde_json::Value;
use tracing::info;

use super::identity::{add_challenge, failure};
use crate::oidc::SignIn;

pub(super) struct StepUp {
    pub(super) mcp: RetailMcp,
    pub(super) sign_in: Arc<SignIn>,
    pub(super) max_body_bytes: usize,
}

/// A call for which the caller's token is not enough.
struct Call {
    tool: String,
    missing: Scope,
}

impl StepUp {
    /// The request; or 403 `insufficient_scope` to a `tools/call` that a token with more scopes could make.
    pub(super) async fn check(
        &self,
        principal: &Principal,
        request: Request,
    ) -> Result<Request, Response> {
        // Most callers hold all that they can have, and their bodies are not looked at twice.
        let may_have_more = Scope::ALL.into_iter().any(|scope| principal.may_step_up_to(scope));
        if request.method() != Method::POST || !may_have_more {
            return Ok(request);
        }
        let (parts, content) = request.into_parts();
        let Ok(bytes) = to_bytes(content, self.max_body_bytes).await else {
            let error =
                Error::new(ErrorCode::InvalidArgument, "the request body is too long or broken");
            return Err(failure(StatusCode::PAYLOAD_TOO_LARGE, &error));
        };
        let Some(call) = self.needs_more(principal, &bytes) else {
            return Ok(Request::from_parts(parts, Body::from(bytes)));
        };
        let request_id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok());
        Err(self.refuse(principal, &call, request_id).await)
    }

    /// The call in a body, when it needs a scope that the caller lacks and could have. What is wrong with
    /// other bodies, the MCP service says.
    fn needs_more(&self, principal: &Principal, bytes: &[u8]) -> Option<Call> {
        let message: Value = serde_json::from_slice(bytes).ok()?;
        if message.get("method")? != "tools/call" {
            return None;
        }
        let tool = message.get("params")?.get("name")?.as_str()?;
        let missing = self.mcp.tool_scope(tool)?;
        (!principal.has_scope(missing) && principal.may_step_up_to(missing))
            .then(|| Call { tool: tool.to_owned(), missing })
    }

    /// The challenge names what the caller has as well: a client asks for exactly what it says, and would
    /// lose the rest.
    async fn refuse(
        &self,
        principal: &Principal,
        call: &Call,
        request_id: Option<&str>,
    ) -> Response {
        let held = principal.scopes().iter().filter(|scope| **scope != Scope::Costs);
        let needed: BTreeSet<Scope> = held.chain([&call.missing]).copied().collect();
        let error = Error::new(ErrorCode::Forbidden, "this call needs a token with another scope")
            .with_hint(format!("sign in again for {}", call.missing));
        info!(status = 403, missing = %call.missing, "a caller was asked to step up");
        let recorded = self.mcp.record_refused(principal, &call.tool, request_id, &error).await;
        if let Err(unrecorded) = recorded {
            return failure(StatusCode::SERVICE_UNAVAILABLE, &unrecorded);
        }
        let mut response = failure(StatusCode::FORBIDDEN, &error);
        let challenge = self.sign_in.point_to(Challenge::new().insufficient_scope(), needed);
        add_challenge(&mut response, &challenge);
        response
    }
}
