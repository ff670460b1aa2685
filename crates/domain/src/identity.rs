//! Who is asking, and which rows are theirs.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The key of a store, `retail.stores.store_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreId(pub i32);

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity that row level security compares, `retail.stores.rls_user_id`.
///
/// It is not a secret that grants access: the database also asks for the server's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RlsUserId(pub Uuid);

impl fmt::Display for RlsUserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One store of the chain, as an identity needs it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Store {
    /// Key of the store.
    pub id: StoreId,
    /// Full name, for example `Zava Retail Seattle`.
    pub name: String,
    /// The identity that sees this store's rows.
    pub rls_user_id: RlsUserId,
}

/// Which rows a caller may see.
///
/// There is no default: head office is a value that somebody had to grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// The rows of one store.
    Store(Store),
    /// Head office: the rows of all stores.
    AllStores,
}

impl Visibility {
    /// The name for receipts: the store's, or `all stores`.
    pub fn label(&self) -> &str {
        match self {
            Self::Store(store) => &store.name,
            Self::AllStores => "all stores",
        }
    }
}

/// A right to use a group of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Scope {
    /// Read descriptions of the data: schemas, dates.
    #[serde(rename = "retail.read")]
    Read,
    /// Find products: search, recommendations.
    #[serde(rename = "retail.search")]
    Search,
    /// Run ad-hoc SQL.
    #[serde(rename = "retail.sql")]
    Sql,
    /// Be shown what the chain pays and earns: cost and margin of products.
    #[serde(rename = "retail.costs")]
    Costs,
    /// Operate the server: see how it does, not what it answers.
    #[serde(rename = "retail.admin")]
    Admin,
}

impl Scope {
    /// All scopes that there are.
    pub const ALL: [Self; 5] = [Self::Read, Self::Search, Self::Sql, Self::Costs, Self::Admin];

    /// The name in tokens, for example `retail.sql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "retail.read",
            Self::Search => "retail.search",
            Self::Sql => "retail.sql",
            Self::Costs => "retail.costs",
            Self::Admin => "retail.admin",
        }
    }

    /// The scope of a name, if there is one.
    ///
    /// ```
    /// use retail_domain::Scope;
    ///
    /// assert_eq!(Scope::from_name("retail.sql"), Some(Scope::Sql));
    /// assert_eq!(Scope::from_name("openid"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a resolver found out about a caller, before it becomes a [`Principal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedIdentity {
    /// Stable name of the caller whose rights are used: `sub` of a token. Unique together with `issuer`.
    pub subject: String,
    /// Who vouches for the subject: the issuer of a token. None for one that this machine made itself.
    pub issuer: Option<String>,
    /// Which rows the caller may see.
    pub visibility: Visibility,
    /// What the caller may do.
    pub scopes: BTreeSet<Scope>,
    /// What the caller would be allowed with a new token that asks for it, besides `scopes`.
    pub step_up: BTreeSet<Scope>,
    /// The agent that acts for the subject: `act` of a token (RFC 8693, section 4.1). It has narrowed
    /// `scopes` already.
    pub actor: Option<String>,
    /// Why a caller who may see all stores looks at one as its manager does. Set only then.
    pub view_as_reason: Option<String>,
}

impl VerifiedIdentity {
    /// An identity that this machine made, acting for itself.
    pub fn new(
        subject: impl Into<String>,
        visibility: Visibility,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        Self {
            subject: subject.into(),
            issuer: None,
            visibility,
            scopes: scopes.into_iter().collect(),
            step_up: BTreeSet::new(),
            actor: None,
            view_as_reason: None,
        }
    }
}

/// A caller who has been authenticated.
///
/// Only [`IdentityResolver::resolve`](crate::ports::IdentityResolver::resolve) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(VerifiedIdentity);

impl Principal {
    /// Kept inside the crate: see [`crate::ports::IdentityResolver::resolve`].
    pub(crate) fn from_verified(identity: VerifiedIdentity) -> Self {
        Self(identity)
    }

    /// All that is known of the caller. For what must not leave any of it out, such as the key of a cached answer.
    pub fn identity(&self) -> &VerifiedIdentity {
        &self.0
    }

    /// Stable name of the caller.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Which rows the caller may see.
    pub fn visibility(&self) -> &Visibility {
        &self.0.visibility
    }

    /// Who vouches for the subject. None for an identity that this machine made itself.
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// Whether the caller holds `scope`.
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.0.scopes.contains(&scope)
    }

    /// What the caller may do.
    pub fn scopes(&self) -> &BTreeSet<Scope> {
        &self.0.scopes
    }

    /// Whether a new token that asks for `scope` would be given it.
    pub fn may_step_up_to(&self, scope: Scope) -> bool {
        self.0.step_up.contains(&scope)
    }

    /// The agent that acts for the subject.
    pub fn actor(&self) -> Option<&str> {
        self.0.actor.as_deref()
    }

    /// Why a caller who may see all stores looks at one as its manager does.
    pub fn view_as_reason(&self) -> Option<&str> {
        self.0.view_as_reason.as_deref()
    }
}
