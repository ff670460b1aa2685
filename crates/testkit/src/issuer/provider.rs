//! The routes of a test identity provider.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::oauth;
use super::state::{Outage, Shared};

/// Serves until it is aborted.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(openid_metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/jwks", get(jwks))
        .route("/introspect", post(introspect))
        .route("/register", post(oauth::register))
        .route("/authorize", get(oauth::authorize))
        .route("/token", post(oauth::token))
        .layer(from_fn_with_state(Arc::clone(&shared), before))
        .with_state(Arc::clone(&shared));
    let listener = Refusing { listener, shared };
    axum::serve(listener, router).await.expect("a server that goes on");
}

/// Closes each connection at once while the provider refuses them.
struct Refusing {
    listener: TcpListener,
    shared: Arc<Shared>,
}

impl Listener for Refusing {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let accepted = Listener::accept(&mut self.listener).await;
            if self.shared.lock().behaviour.outage != Outage::Refuse {
                return accepted;
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Counts the request, waits, and fails where it is told to.
async fn before(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let behaviour = {
        let mut state = shared.lock();
        *state.requests.entry(request.uri().path().to_owned()).or_default() += 1;
        state.behaviour.clone()
    };
    tokio::time::sleep(behaviour.delay).await;
    if behaviour.outage != Outage::None {
        // A connection from before the outage is not to be used again.
        return (StatusCode::SERVICE_UNAVAILABLE, [("connection", "close")]).into_response();
    }
    next.run(request).await
}

async fn openid_metadata(state: State<Arc<Shared>>) -> Response {
    if state.lock().behaviour.has_openid_metadata {
        metadata(state).await.into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let url = &shared.url;
    let behaviour = shared.lock().behaviour.clone();
    Json(json!({
        "issuer": behaviour.metadata_issuer.as_ref().unwrap_or(url),
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "registration_endpoint": format!("{url}/register"),
        "introspection_endpoint": format!("{url}/introspect"),
        "jwks_uri": format!("{url}/jwks"),
        "scopes_supported": behaviour.scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    let state = shared.lock();
    if let Some(elsewhere) = &state.behaviour.jwks_redirect {
        return (StatusCode::FOUND, [(LOCATION, elsewhere.clone())]).into_response();
    }
    if let Some(body) = &state.behaviour.jwks_body {
        return body.clone().into_response();
    }
    let keys: Vec<Value> = state.keys.iter().map(|key| key.jwk()).collect();
    Json(json!({ "keys": keys })).into_response()
}

async fn introspect(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let state = shared.lock();
    let form = oauth::form(body.as_bytes());
    let client = headers.get(AUTHORIZATION).and_then(|value| oauth::basic(value.to_str().ok()?));
    let is_known = client.is_some_and(|(id, secret)| {
        state.clients.get(&id).is_some_and(|client| client.secret.as_deref() == Some(&*secret))
    });
    if !is_known {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let known = form.get("token").and_then(|token| state.opaque.get(token));
    let mut answer = known.cloned().unwrap_or_else(|| json!({ "active": false }));
    if answer.get("active").is_none() {
        answer["active"] = true.into();
    }
    Json(answer).into_response()
}
