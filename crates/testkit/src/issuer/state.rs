//! What a test identity provider knows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::keys::{KeyKind, TestKey};

/// How a provider fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outage {
    /// It does not.
    #[default]
    None,
    /// It answers 503.
    Status,
    /// It closes each new connection.
    Refuse,
}

/// How a provider behaves. The default is well.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Whether it is down.
    pub outage: Outage,
    /// How long it waits before each answer.
    pub delay: Duration,
    /// The `issuer` in its metadata, when that is another than its own.
    pub metadata_issuer: Option<String>,
    /// Whether it has `/.well-known/openid-configuration`, or the metadata of RFC 8414 alone.
    pub has_openid_metadata: bool,
    /// The body of its JWK set, when that is another than its keys.
    pub jwks_body: Option<String>,
    /// Where it sends those who ask for its keys.
    pub jwks_redirect: Option<String>,
    /// `aud` of tokens that are asked for without a `resource`.
    pub default_audience: String,
    /// The scopes that it grants, of those that are asked for; all of them when none are.
    pub scopes: Vec<String>,
    /// How long tokens live.
    pub token_lifetime: Duration,
}

impl Default for Behaviour {
    fn default() -> Self {
        let scopes = ["retail.read", "retail.search", "retail.sql", "retail.admin"];
        Self {
            outage: Outage::None,
            delay: Duration::ZERO,
            metadata_issuer: None,
            has_openid_metadata: true,
            jwks_body: None,
            jwks_redirect: None,
            default_audience: "retail-mcp".to_owned(),
            scopes: scopes.map(str::to_owned).to_vec(),
            token_lifetime: Duration::from_hours(1),
        }
    }
}

/// What requests and tests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) url: String,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) behaviour: Behaviour,
    pub(super) keys: Vec<Arc<TestKey>>,
    pub(super) rotations: usize,
    pub(super) requests: HashMap<String, usize>,
    pub(super) opaque: HashMap<String, Value>,
    pub(super) user: Value,
    pub(super) clients: HashMap<String, Client>,
    pub(super) codes: HashMap<String, Grant>,
    pub(super) refresh_tokens: HashMap<String, Grant>,
    pub(super) issued: usize,
}

/// Somebody who may ask for tokens.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) secret: Option<String>,
    pub(super) redirect_uris: Vec<String>,
    pub(super) roles: Vec<String>,
}

/// What a user has approved.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) scopes: Vec<String>,
    pub(super) audience: String,
    pub(super) user: Value,
}

impl Shared {
    pub(super) fn new(url: String) -> Self {
        let state = State {
            behaviour: Behaviour::default(),
            keys: key_ring(0),
            rotations: 0,
            requests: HashMap::new(),
            opaque: HashMap::new(),
            user: json!({ "sub": "alice" }),
            clients: HashMap::new(),
            codes: HashMap::new(),
            refresh_tokens: HashMap::new(),
            issued: 0,
        };
        Self { url, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A name that was not given before.
    pub(super) fn unique(&mut self, what: &str) -> String {
        self.issued += 1;
        format!("{what}-{}", self.issued)
    }
}

/// One key of each kind.
pub(super) fn key_ring(turn: usize) -> Vec<Arc<TestKey>> {
    let new = |kind: KeyKind| {
        TestKey::new(kind, format!("{}-{}", kind.algorithm().to_lowercase(), turn + 1), turn)
    };
    KeyKind::ALL.into_iter().map(|kind| Arc::new(new(kind))).collect()
}
