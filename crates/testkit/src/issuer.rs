//! A small identity provider: OpenID Connect discovery, keys, introspection, and a whole OAuth 2.1
//! authorization server that approves everything.

#![expect(clippy::indexing_slicing, reason = "in a test a set-up that fails is a failed test")]

mod keys;
mod oauth;
mod provider;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use keys::{KeyKind, TestKey, hmac_token, joined_token};
pub use state::{Behaviour, Outage};

use state::Shared;

/// An identity provider on this machine. It ends when it is dropped.
///
/// It begins with one published key of each kind. Tests sign what they like with [`sign`](Self::sign), or
/// get tokens as a client does: register, `/authorize` with PKCE, `/token`.
#[derive(Debug)]
pub struct TestIssuer {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

impl TestIssuer {
    /// Starts one at a free port.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts one at this address.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free address");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::new(format!("http://{address}")));
        let server = tokio::spawn(provider::serve(listener, Arc::clone(&shared)));
        Self { address, shared, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its issuer, `http://127.0.0.1:port` without a slash at the end.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// Claims of a good token for `audience` that was issued at `now_s`: from one minute before until one
    /// hour after, for `alice`, with the scopes `retail.read` and `retail.sql`.
    pub fn claims(&self, audience: &str, now_s: i64) -> Value {
        json!({
            "iss": self.url(),
            "aud": audience,
            "sub": "alice",
            "iat": now_s - 60,
            "nbf": now_s - 60,
            "exp": now_s + 3600,
            "scope": "retail.read retail.sql",
        })
    }

    /// Signs claims with the newest published key of this kind.
    pub fn sign(&self, kind: KeyKind, claims: &Value) -> String {
        self.key(kind).sign(claims)
    }

    /// The newest published key of this kind.
    pub fn key(&self, kind: KeyKind) -> Arc<TestKey> {
        let state = self.shared.lock();
        let key = state.keys.iter().rev().find(|key| key.kind() == kind);
        Arc::clone(key.expect("a published key of this kind"))
    }

    /// Replaces the published keys by new ones, and gives back the old ones.
    pub fn rotate(&self) -> Vec<Arc<TestKey>> {
        let mut state = self.shared.lock();
        state.rotations += 1;
        let new = state::key_ring(state.rotations);
        std::mem::replace(&mut state.keys, new)
    }

    /// Publishes exactly these keys.
    pub fn publish(&self, keys: Vec<Arc<TestKey>>) {
        self.shared.lock().keys = keys;
    }

    /// Changes how it behaves.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.lock().behaviour);
    }

    /// How many requests came to `path`, such as `/jwks`.
    pub fn requests(&self, path: &str) -> usize {
        self.shared.lock().requests.get(path).copied().unwrap_or(0)
    }

    /// Lets introspection know an opaque token. Claims without `active` are active.
    pub fn know(&self, token: &str, claims: Value) {
        self.shared.lock().opaque.insert(token.to_owned(), claims);
    }

    /// The user who signs in from now on: these claims stand in their tokens. `alice` unless said otherwise.
    pub fn sign_in_as(&self, claims: Value) {
        self.shared.lock().user = claims;
    }

    /// Adds a client with a secret, for `client_credentials` and introspection. Its tokens carry `roles`.
    pub fn add_client(&self, client_id: &str, secret: &str, roles: &[&str]) {
        let client = state::Client {
            secret: Some(secret.to_owned()),
            redirect_uris: Vec::new(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        };
        self.shared.lock().clients.insert(client_id.to_owned(), client);
    }
}

impl Drop for TestIssuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
