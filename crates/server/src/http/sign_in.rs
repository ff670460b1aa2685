//! What clients read before they have a token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CACHE_CONTROL;

use crate::oidc::SignIn;

/// Where the document is, for a resource without a path and for older clients.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// Where it is for a client that reaches this server without the proxy that the resource names.
const FOR_MCP: &str = "/.well-known/oauth-protected-resource/mcp";

/// The metadata of RFC 9728, at the root and at the address with the resource's path.
pub(super) fn routes(sign_in: &Arc<SignIn>) -> Router {
    Router::new()
        .route(WELL_KNOWN, get(metadata))
        .route(&format!("{WELL_KNOWN}/{{*path}}"), get(metadata))
        .with_state(Arc::clone(sign_in))
}

async fn metadata(State(sign_in): State<Arc<SignIn>>, request: Request) -> Response {
    let path = request.uri().path();
    let metadata = &sign_in.metadata;
    if path != FOR_MCP && !metadata.well_known_paths().iter().any(|known| known == path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    ([(CACHE_CONTROL, "public, max-age=300")], Json(metadata)).into_response()
}
