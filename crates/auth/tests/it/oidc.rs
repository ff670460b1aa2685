//! Tokens of identity providers, signed by a real one on this machine.

mod claims;
mod flow;
mod introspection;
mod keys;
mod rights;
mod signatures;

use std::sync::Arc;

use async_trait::async_trait;
use retail_auth::{
    IssuerSettings, MappingRule, OidcResolver, OidcSettings, RuleGrant, SigningAlgorithm,
};
use retail_domain::ports::{ActingStore, Credential, IdentityResolver as _, StoreDirectory};
use retail_domain::{Error, ErrorCode, Principal, RlsUserId, Scope, Store, StoreId, Visibility};
use retail_testkit::{KeyKind, TestIssuer};
use serde_json::Value;
use uuid::Uuid;

use crate::support::{NOW_S, SetClock, causes};

pub(crate) const AUDIENCE: &str = "https://mcp.zava.example/mcp";

/// Seattle (1), Bellevue (2) and Tacoma (3).
pub(crate) struct ThreeStores;

pub(crate) fn store(id: i32) -> Store {
    let name = ["Zava Retail Seattle", "Zava Retail Bellevue", "Zava Retail Tacoma"]
        [usize::try_from(id - 1).unwrap()];
    let rls_user_id = RlsUserId(Uuid::from_u128(id.unsigned_abs().into()));
    Store { id: StoreId(id), name: name.to_owned(), rls_user_id }
}

#[async_trait]
impl StoreDirectory for ThreeStores {
    async fn store_find(&self, rls_user_id: RlsUserId) -> Result<Option<Store>, Error> {
        Ok((1..=3).map(store).find(|store| store.rls_user_id == rls_user_id))
    }

    async fn store_named(&self, name: &str) -> Result<Option<Store>, Error> {
        let is_it = |store: &Store| store.name == name || store.id.to_string() == name;
        Ok((1..=3).map(store).find(is_it))
    }
}

/// A rule for reading, searching and SQL.
pub(crate) fn rule(claim: &str, value: &str, grant: RuleGrant) -> MappingRule {
    MappingRule {
        name: format!("{claim}-{value}"),
        issuer: None,
        claim: claim.to_owned(),
        value: value.to_owned(),
        grant,
        scopes: [Scope::Read, Scope::Search, Scope::Sql].into(),
    }
}

pub(crate) fn stores(names: &[&str]) -> RuleGrant {
    RuleGrant::Stores(names.iter().map(|name| (*name).to_owned()).collect())
}

/// A provider, a clock, and a resolver for that provider alone.
pub(crate) struct World {
    pub(crate) issuer: TestIssuer,
    pub(crate) clock: Arc<SetClock>,
    pub(crate) resolver: OidcResolver,
}

impl World {
    /// `alice` is Seattle's.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, with other settings.
    pub(crate) async fn with(change: impl FnOnce(&mut OidcSettings)) -> Self {
        let issuer = TestIssuer::start().await;
        let mut settings = OidcSettings {
            issuers: vec![trusting(&issuer)],
            rules: vec![rule("sub", "alice", stores(&["Zava Retail Seattle"]))],
            delegations: Vec::new(),
        };
        change(&mut settings);
        let clock = SetClock::new();
        Self { resolver: resolver(&settings, &clock), clock, issuer }
    }

    /// Claims of a good token. Tests spoil one thing each.
    pub(crate) fn claims(&self) -> Value {
        self.issuer.claims(AUDIENCE, NOW_S)
    }

    /// The claims with one of them changed, or taken away for `null`.
    pub(crate) fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        claims
    }

    pub(crate) async fn resolve(&self, token: &str) -> Result<Principal, Error> {
        resolve(&self.resolver, token).await
    }

    /// Signs the claims with an EC key, which is quick, and resolves the token.
    pub(crate) async fn resolve_claims(&self, claims: &Value) -> Result<Principal, Error> {
        self.resolve(&self.issuer.sign(KeyKind::Ec, claims)).await
    }
}

pub(crate) fn trusting(issuer: &TestIssuer) -> IssuerSettings {
    let mut settings = IssuerSettings::new(issuer.url(), [AUDIENCE, "api://retail"]);
    settings.algorithms =
        vec![SigningAlgorithm::Rs256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa];
    settings
}

pub(crate) fn resolver(settings: &OidcSettings, clock: &Arc<SetClock>) -> OidcResolver {
    OidcResolver::new(settings, clock.clone(), Arc::new(ThreeStores), None).unwrap()
}

pub(crate) async fn resolve(resolver: &OidcResolver, token: &str) -> Result<Principal, Error> {
    let result = resolver.resolve(&Credential::bearer_token(token)).await;
    if let Err(error) = &result {
        // Whatever is wrong with a token: no part of it is shown.
        let shown = format!("{error} {error:?} {:?} {}", error.hint(), causes(error));
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!shown.contains(part), "{shown}");
        }
    }
    result
}

pub(crate) async fn resolve_acting(
    resolver: &OidcResolver,
    token: &str,
    store: &str,
    reason: Option<&str>,
) -> Result<Principal, Error> {
    let acting = ActingStore { store: store.to_owned(), reason: reason.map(ToOwned::to_owned) };
    resolver.resolve(&Credential::bearer_token(token).acting_for(Some(acting))).await
}

/// It is a 401 that tells the caller nothing but perhaps that time has passed, and tells the log why.
#[track_caller]
pub(crate) fn assert_refused(result: Result<Principal, Error>, cause: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthenticated, "{error:?}");
    let expired = "the token has expired";
    let expected = if cause.contains("expired") { expired } else { "the token is not valid" };
    assert_eq!(error.public_message(), expected);
    assert!(causes(&error).contains(cause), "{}", causes(&error));
}

#[track_caller]
pub(crate) fn assert_code(result: Result<Principal, Error>, code: ErrorCode, cause: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error:?}");
    assert!(causes(&error).contains(cause), "{}", causes(&error));
    error
}

#[track_caller]
pub(crate) fn assert_seattle(principal: &Principal) {
    assert_eq!(principal.visibility(), &Visibility::Store(store(1)));
}
