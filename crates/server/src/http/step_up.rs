//! A call for which another token would do is answered so that the client gets one.
//!
//! The MCP authorization spec asks for this at the HTTP level, with status 403. The tools refuse the call
//! too: what is not understood here is not let through there.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use retail_auth::Challenge;
use retail_domain::{Error, ErrorCode, Principal, Scope};
use retail_mcp_protocol::RetailMcp;
use serde_json::Value;
use tracing::info;

use super::identity::{add_challenge, body};
use crate::oidc::SignIn;

#[derive(Clone)]
pub(super) struct StepUp {
    pub(super) mcp: RetailMcp,
    pub(super) sign_in: Arc<SignIn>,
    pub(super) max_body_bytes: usize,
}

/// Answers 403 `insufficient_scope` to a `tools/call` that a token with more scopes could make.
pub(super) async fn challenge(
    State(step_up): State<StepUp>,
    request: Request,
    next: Next,
) -> Response {
    let Some(principal) = request.extensions().get::<Principal>() else {
        return next.run(request).await;
    };
    // Most callers hold all that they can have, and their bodies are not looked at twice.
    let may_have_more = Scope::ALL.into_iter().any(|scope| principal.may_step_up_to(scope));
    if request.method() != Method::POST || !may_have_more {
        return next.run(request).await;
    }
    let principal = principal.clone();
    let (parts, content) = request.into_parts();
    let Ok(bytes) = to_bytes(content, step_up.max_body_bytes).await else {
        let error =
            Error::new(ErrorCode::InvalidArgument, "the request body is too long or broken");
        return (StatusCode::PAYLOAD_TOO_LARGE, body(&error)).into_response();
    };
    let missing = step_up.missing(&principal, &bytes);
    if missing.is_empty() {
        return next.run(Request::from_parts(parts, Body::from(bytes))).await;
    }
    step_up.refuse(&principal, &missing)
}

impl StepUp {
    /// The scopes that the calls in a body need, that the caller lacks, and that they could have.
    fn missing(&self, principal: &Principal, bytes: &[u8]) -> BTreeSet<Scope> {
        let messages = match serde_json::from_slice(bytes) {
            Ok(Value::Array(batch)) => batch,
            Ok(single) => vec![single],
            // The MCP service says what is wrong with it.
            Err(_) => Vec::new(),
        };
        messages
            .iter()
            .filter(|message| message.get("method").is_some_and(|method| method == "tools/call"))
            .filter_map(|message| message.get("params")?.get("name")?.as_str())
            .filter_map(|tool| self.mcp.tool_scope(tool))
            .filter(|scope| !principal.has_scope(*scope) && principal.may_step_up_to(*scope))
            .collect()
    }

    /// The challenge names what the caller has as well: a client asks for exactly what it says, and would
    /// lose the rest.
    fn refuse(&self, principal: &Principal, missing: &BTreeSet<Scope>) -> Response {
        let held = principal.scopes().iter().filter(|scope| **scope != Scope::Costs);
        let needed: BTreeSet<Scope> = held.chain(missing).copied().collect();
        let names: Vec<&str> = missing.iter().map(|scope| scope.as_str()).collect();
        let error = Error::new(ErrorCode::Forbidden, "this call needs a token with another scope")
            .with_hint(format!("sign in again for {}", names.join(" ")));
        info!(status = 403, missing = names.join(" "), "a caller was asked to step up");
        let mut response = (StatusCode::FORBIDDEN, body(&error)).into_response();
        let challenge = self.sign_in.point_to(Challenge::new().insufficient_scope(), needed);
        add_challenge(&mut response, &challenge);
        response
    }
}
