//! The authorization server: registration, approval, tokens.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use retail_domain::ports::{Clock as _, SystemClock};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::keys::KeyKind;
use super::state::{Client, Grant, Shared, State as Known};

type Form = HashMap<String, String>;

/// Dynamic client registration (RFC 7591).
pub(super) async fn register(
    State(shared): State<Arc<Shared>>,
    Json(mut request): Json<Value>,
) -> Response {
    let texts = |name: &str| -> Vec<String> {
        let items = request.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| Some(item.as_str()?.to_owned())).collect()
    };
    let redirect_uris = texts("redirect_uris");
    if redirect_uris.is_empty() {
        return refuse("invalid_redirect_uri");
    }
    let method = request.get("token_endpoint_auth_method").and_then(Value::as_str);
    let is_public = method == Some("none");
    let mut state = shared.lock();
    let client_id = state.unique("client");
    let secret = (!is_public).then(|| state.unique("secret"));
    let client = Client { secret: secret.clone(), redirect_uris, roles: Vec::new() };
    state.clients.insert(client_id.clone(), client);

    request["client_id"] = client_id.into();
    request["client_id_issued_at"] = SystemClock.now().timestamp().into();
    if let Some(secret) = secret {
        request["client_secret"] = secret.into();
        request["client_secret_expires_at"] = 0.into();
    }
    (StatusCode::CREATED, Json(request)).into_response()
}

/// Approves at once, and sends the user back with a code.
pub(super) async fn authorize(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let query = form(uri.query().unwrap_or_default().as_bytes());
    let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let mut state = shared.lock();
    let redirect_uri = text("redirect_uri");
    let is_known = state
        .clients
        .get(text("client_id"))
        .is_some_and(|client| client.redirect_uris.iter().any(|known| known == redirect_uri));
    // Without a known address there is nowhere to send an error.
    if !is_known {
        return refuse("invalid_client");
    }
    if text("response_type") != "code"
        || text("code_challenge_method") != "S256"
        || text("code_challenge").is_empty()
    {
        return refuse("invalid_request");
    }
    let grant = Grant {
        client_id: text("client_id").to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        challenge: text("code_challenge").to_owned(),
        scopes: granted(&state, text("scope")),
        audience: audience(&state, &query),
        user: state.user.clone(),
    };
    let code = state.unique("code");
    state.codes.insert(code.clone(), grant);
    let mut answer = form_urlencoded::Serializer::new(String::new());
    answer.append_pair("code", &code).append_pair("iss", &shared.url);
    if let Some(state) = query.get("state") {
        answer.append_pair("state", state);
    }
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    let location = format!("{redirect_uri}{separator}{}", answer.finish());
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

/// Hands out tokens.
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let form = form(body.as_bytes());
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let from_header = headers.get(AUTHORIZATION).and_then(|value| basic(value.to_str().ok()?));
    let (client_id, secret) = from_header
        .unwrap_or_else(|| (text("client_id").to_owned(), text("client_secret").to_owned()));
    let mut state = shared.lock();
    let Some(client) = state.clients.get(&client_id).cloned() else {
        return unauthorized();
    };
    if client.secret.is_some_and(|expected| expected != secret) {
        return unauthorized();
    }
    match text("grant_type") {
        "authorization_code" => {
            let Some(grant) = state.codes.remove(text("code")) else {
                return refuse("invalid_grant");
            };
            let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(text("code_verifier")));
            let is_same = grant.client_id == client_id
                && grant.redirect_uri == text("redirect_uri")
                && grant.challenge == verifier;
            if is_same { issue(&mut state, &shared.url, grant) } else { refuse("invalid_grant") }
        }
        "refresh_token" => match state.refresh_tokens.remove(text("refresh_token")) {
            Some(mut grant) if grant.client_id == client_id => {
                if !text("scope").is_empty() {
                    grant.scopes.retain(|scope| text("scope").split(' ').any(|s| s == scope));
                }
                issue(&mut state, &shared.url, grant)
            }
            _ => refuse("invalid_grant"),
        },
        "client_credentials" => {
            let claims = json!({ "sub": client_id, "azp": client_id, "idtyp": "app", "roles": client.roles });
            let audience = audience(&state, &form);
            let token = access_token(&state, &shared.url, &audience, claims);
            let expires_in = state.behaviour.token_lifetime.as_secs();
            Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": expires_in }))
                .into_response()
        }
        _ => refuse("unsupported_grant_type"),
    }
}

fn issue(state: &mut Known, issuer: &str, grant: Grant) -> Response {
    let mut claims = grant.user.clone();
    let scope = grant.scopes.join(" ");
    claims["scope"] = scope.clone().into();
    claims["azp"] = grant.client_id.clone().into();
    let token = access_token(state, issuer, &grant.audience, claims);
    let refresh_token = state.unique("refresh");
    state.refresh_tokens.insert(refresh_token.clone(), grant);
    Json(json!({
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": state.behaviour.token_lifetime.as_secs(),
        "refresh_token": refresh_token,
        "scope": scope,
    }))
    .into_response()
}

fn access_token(state: &Known, issuer: &str, audience: &str, mut claims: Value) -> String {
    let now_s = SystemClock.now().timestamp();
    let lifetime_s = i64::try_from(state.behaviour.token_lifetime.as_secs()).expect("a lifetime");
    claims["iss"] = issuer.into();
    claims["aud"] = audience.into();
    claims["iat"] = now_s.into();
    claims["nbf"] = now_s.into();
    claims["exp"] = (now_s + lifetime_s).into();
    let key = state.keys.iter().find(|key| key.kind() == KeyKind::Rsa);
    key.expect("a published RSA key").sign(&claims)
}

fn granted(state: &Known, asked: &str) -> Vec<String> {
    let is_asked = |scope: &&String| asked.is_empty() || asked.split(' ').any(|a| a == *scope);
    state.behaviour.scopes.iter().filter(is_asked).cloned().collect()
}

/// RFC 8707: the resource that the client names is the audience.
fn audience(state: &Known, form: &Form) -> String {
    form.get("resource").cloned().unwrap_or_else(|| state.behaviour.default_audience.clone())
}

/// A form, or a query.
pub(super) fn form(body: &[u8]) -> Form {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Name and password of `Basic` authentication.
pub(super) fn basic(header: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    let plain = |text: &str| {
        let pair = form_urlencoded::parse(text.as_bytes()).next();
        pair.map(|(name, _)| name.into_owned())
    };
    Some((plain(name)?, plain(password).unwrap_or_default()))
}

fn refuse(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response()
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" }))).into_response()
}
