//! From the claims of a good token to what its bearer may do.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use retail_domain::ports::{ActingStore, IdentityGrants, StoreDirectory};
use retail_domain::{Error, ErrorCode, RlsUserId, Scope, Store, VerifiedIdentity, Visibility};
use serde_json::Value;
use uuid::Uuid;

use super::claims::{self, Claims};
use super::settings::{DelegationRule, IssuerSettings, MappingRule, OidcSettings, RuleGrant};
use crate::acting::{act_for, is_named, not_yours};
use crate::subject::is_subject;

/// The claims that entries of the table may be about, besides those that rules name.
const TABLE_CLAIMS: [&str; 9] = [
    "oid",
    "sub",
    "groups",
    "roles",
    "preferred_username",
    "azp",
    "appid",
    "client_id",
    "realm_access.roles",
];

/// Who has which rights.
pub(super) struct Rights {
    rules: Vec<MappingRule>,
    delegations: Vec<DelegationRule>,
    table: Option<Arc<dyn IdentityGrants>>,
}

/// What one matching rule, or one entry of the table, gives.
struct Given {
    stores: GivenStores,
    scopes: BTreeSet<Scope>,
}

enum GivenStores {
    All,
    These(Vec<Store>),
}

/// Why somebody whose token is good gets nothing. For the log: it tells the operator what to mend.
#[derive(Debug, thiserror::Error)]
enum RightsFault {
    #[error("{0}")]
    NoRule(NoRule),
    #[error("the rules that match name no store that there is: {0}")]
    UnknownStores(String),
    #[error("the actor {0} is in no auth.delegations entry")]
    UnknownActor(String),
    #[error("the claim act names no actor of the token's issuer")]
    BadActor,
}

#[derive(Debug)]
struct NoRule {
    present: Vec<String>,
    missing: Vec<String>,
    has_table: bool,
    groups_overage: bool,
}

impl fmt::Display for NoRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no rule of auth.rules")?;
        if self.has_table {
            f.write_str(" and no entry of retail_mcp.identity")?;
        }
        f.write_str(" matches the token")?;
        if !self.present.is_empty() {
            write!(f, "; claims with other values: {}", self.present.join(", "))?;
        }
        if !self.missing.is_empty() {
            write!(f, "; claims that it does not have: {}", self.missing.join(", "))?;
        }
        if self.groups_overage {
            f.write_str(
                "; the user is in too many groups for a token (Entra's groups overage: _claim_names or \
                 hasgroups in place of groups), so let the application emit only groups that are assigned \
                 to it, or use app roles",
            )?;
        }
        Ok(())
    }
}

impl From<RightsFault> for Error {
    fn from(fault: RightsFault) -> Self {
        let message = match fault {
            RightsFault::UnknownActor(_) | RightsFault::BadActor => {
                "this agent may not act for others here"
            }
            _ => "this identity has no rights here",
        };
        Self::new(ErrorCode::Forbidden, message)
            .with_hint("ask the operator of this server for access")
            .with_cause(fault)
    }
}

impl Rights {
    pub(super) fn new(settings: &OidcSettings, table: Option<Arc<dyn IdentityGrants>>) -> Self {
        Self { rules: settings.rules.clone(), delegations: settings.delegations.clone(), table }
    }

    /// The identity behind checked claims.
    pub(super) async fn identity(
        &self,
        issuer: &IssuerSettings,
        claims: &Claims,
        acting: Option<&ActingStore>,
        stores: &dyn StoreDirectory,
    ) -> Result<VerifiedIdentity, Error> {
        let subject = claims::subject(claims)?;
        let given = self.given(issuer, claims, stores).await?;
        let (visibility, allowed) = choose(&given, acting)?;

        let in_token = token_scopes(claims, issuer);
        // Costs are no right that a client asks for: whom a rule gives them has them.
        let has = |scope: &Scope| *scope == Scope::Costs || in_token.contains(scope);
        let (scopes, step_up) = allowed.into_iter().partition(has);
        let mut identity = VerifiedIdentity::new(subject, visibility, []);
        identity.issuer = Some(issuer.issuer.clone());
        identity.scopes = scopes;
        // An application has what its administrator gave it, however often it asks.
        identity.step_up = if is_app(claims) { BTreeSet::new() } else { step_up };
        self.narrow_to_actor(issuer, claims, &mut identity)?;
        match identity.visibility {
            Visibility::AllStores => act_for(identity, acting, stores).await,
            Visibility::Store(_) => Ok(identity),
        }
    }

    async fn given(
        &self,
        issuer: &IssuerSettings,
        claims: &Claims,
        stores: &dyn StoreDirectory,
    ) -> Result<Vec<Given>, Error> {
        let mut given = Vec::new();
        let mut unknown = Vec::new();
        for rule in self.rules_of(issuer) {
            let matches = claims::values(claims, &rule.claim)
                .is_some_and(|values| values.contains(&rule.value));
            if !matches {
                continue;
            }
            let granted = match &rule.grant {
                RuleGrant::AllStores => GivenStores::All,
                RuleGrant::Stores(names) => {
                    GivenStores::These(find_stores(names, stores, &mut unknown).await?)
                }
            };
            given.push(Given { stores: granted, scopes: rule.scopes.clone() });
        }
        if let Some(table) = &self.table {
            let looked_at = claims::all_values(claims, self.claims_of(issuer));
            let entries = table.grants(&issuer.issuer, &looked_at).await?;
            given.extend(entries.into_iter().map(|entry| Given {
                stores: match entry.visibility {
                    Visibility::AllStores => GivenStores::All,
                    Visibility::Store(store) => GivenStores::These(vec![store]),
                },
                scopes: entry.scopes,
            }));
        }
        if given.is_empty() {
            return Err(RightsFault::NoRule(self.no_rule(issuer, claims)).into());
        }
        let is_empty = |given: &Given| matches!(&given.stores, GivenStores::These(stores) if stores.is_empty());
        if given.iter().all(is_empty) {
            return Err(RightsFault::UnknownStores(unknown.join(", ")).into());
        }
        Ok(given)
    }

    fn rules_of(&self, issuer: &IssuerSettings) -> impl Iterator<Item = &MappingRule> {
        let of_issuer = issuer.issuer.clone();
        self.rules
            .iter()
            .filter(move |rule| rule.issuer.as_ref().is_none_or(|issuer| *issuer == of_issuer))
    }

    /// The claims that are looked at, each once.
    fn claims_of(&self, issuer: &IssuerSettings) -> BTreeSet<&str> {
        let in_table = TABLE_CLAIMS.into_iter().filter(|_| self.table.is_some());
        self.rules_of(issuer).map(|rule| rule.claim.as_str()).chain(in_table).collect()
    }

    fn no_rule(&self, issuer: &IssuerSettings, claims: &Claims) -> NoRule {
        let looked_at = self.claims_of(issuer).into_iter().map(ToOwned::to_owned);
        let (present, missing) =
            looked_at.partition(|claim| claims::values(claims, claim).is_some());
        let names_groups = |names: &Value| names.get("groups").is_some();
        let groups_overage = claims.get("_claim_names").is_some_and(names_groups)
            || claims.get("hasgroups").is_some_and(|has| has == true || has == "true");
        NoRule { present, missing, has_table: self.table.is_some(), groups_overage }
    }

    /// RFC 8693, section 4.1: the outermost `act` is who acts now. Those within it acted before, and count
    /// for nothing. With an actor there are never more rights than without.
    fn narrow_to_actor(
        &self,
        issuer: &IssuerSettings,
        claims: &Claims,
        identity: &mut VerifiedIdentity,
    ) -> Result<(), Error> {
        let Some(act) = claims.get("act") else { return Ok(()) };
        // Somebody else's agent may have the same name.
        let is_of_issuer = act.get("iss").is_none_or(|iss| *iss == issuer.issuer.as_str());
        let actor = act
            .get("sub")
            .or_else(|| act.get("client_id"))
            .and_then(Value::as_str)
            .filter(|actor| is_of_issuer && is_subject(actor))
            .ok_or(RightsFault::BadActor)?;
        let is_rule = |rule: &&DelegationRule| {
            rule.actor == actor
                && rule.issuer.as_ref().is_none_or(|of_rule| *of_rule == issuer.issuer)
        };
        let rule = self
            .delegations
            .iter()
            .find(is_rule)
            .ok_or_else(|| RightsFault::UnknownActor(super::fault::quoted(actor)))?;
        identity.scopes.retain(|scope| rule.scopes.contains(scope));
        identity.step_up.retain(|scope| rule.scopes.contains(scope));
        identity.actor = Some(actor.to_owned());
        Ok(())
    }
}

/// The stores of a rule. Those that are not there are left out, and named in `unknown`.
async fn find_stores(
    names: &[String],
    stores: &dyn StoreDirectory,
    unknown: &mut Vec<String>,
) -> Result<Vec<Store>, Error> {
    let mut found = Vec::new();
    for name in names {
        let store = match Uuid::parse_str(name) {
            Ok(id) => stores.store_find(RlsUserId(id)).await?,
            Err(_) => stores.store_named(name).await?,
        };
        match store {
            Some(store) => found.push(store),
            None => unknown.push(name.clone()),
        }
    }
    Ok(found)
}

/// Whose rows, and the most that the caller may do with them.
///
/// A right counts for the stores that it was given for: of two rules for two stores, neither lends its scopes
/// to the other.
fn choose(
    given: &[Given],
    acting: Option<&ActingStore>,
) -> Result<(Visibility, BTreeSet<Scope>), Error> {
    let scopes_where = |counts: &dyn Fn(&GivenStores) -> bool| {
        let counting = given.iter().filter(|given| counts(&given.stores));
        counting.flat_map(|given| given.scopes.iter().copied()).collect()
    };
    if given.iter().any(|given| matches!(given.stores, GivenStores::All)) {
        let scopes = scopes_where(&|stores| matches!(stores, GivenStores::All));
        return Ok((Visibility::AllStores, scopes));
    }
    let mut own: Vec<&Store> = Vec::new();
    for given in given {
        if let GivenStores::These(stores) = &given.stores {
            own.extend(stores);
        }
    }
    own.sort_by_key(|store| store.id);
    own.dedup_by_key(|store| store.id);
    let store = match (acting, own.as_slice()) {
        (Some(acting), own) => {
            *own.iter().find(|store| is_named(store, &acting.store)).ok_or_else(not_yours)?
        }
        (None, [only]) => *only,
        (None, several) => return Err(which_store(several)),
    };
    let scopes = scopes_where(&|stores| match stores {
        GivenStores::All => false,
        GivenStores::These(stores) => stores.iter().any(|given| given.id == store.id),
    });
    Ok((Visibility::Store(store.clone()), scopes))
}

fn which_store(own: &[&Store]) -> Error {
    let names: Vec<&str> = own.iter().map(|store| store.name.as_str()).collect();
    Error::new(ErrorCode::InvalidArgument, "this identity has several stores and must name one")
        .with_hint(format!("send one of these names in x-retail-store: {}", names.join(", ")))
}

/// The scopes that the token carries. What is no scope of ours is passed over.
fn token_scopes(claims: &Claims, issuer: &IssuerSettings) -> BTreeSet<Scope> {
    let mut names = scope_names(claims);
    if is_app(claims) {
        names = claims::values(claims, "roles").unwrap_or_default();
    }
    names.iter().filter_map(|name| scope_of(name, issuer)).collect()
}

fn scope_names(claims: &Claims) -> Vec<String> {
    let mut names = claims::words(claims, "scp");
    names.extend(claims::words(claims, "scope"));
    names
}

/// Whether an application asks for itself. Then an administrator has given it roles, and nobody scopes.
///
/// Entra says so in `idtyp`, where the application's manifest asks for that; else an application's `sub` is its
/// `oid`. Roles alone are no sign: users have them too, also in ID tokens.
fn is_app(claims: &Claims) -> bool {
    match claims.get("idtyp").and_then(Value::as_str) {
        Some(kind) => kind == "app",
        None => {
            scope_names(claims).is_empty()
                && claims.get("oid").is_some_and(|id| claims.get("sub") == Some(id))
        }
    }
}

fn scope_of(name: &str, issuer: &IssuerSettings) -> Option<Scope> {
    let without_prefix = issuer
        .scope_prefix
        .as_deref()
        .and_then(|prefix| name.strip_prefix(prefix.trim_end_matches('/'))?.strip_prefix('/'));
    Scope::from_name(without_prefix.unwrap_or(name))
}
