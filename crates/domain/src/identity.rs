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
    /// Read descriptions of the data, and find products: schemas, dates, search, recommendations.
    #[serde(rename = "retail.read")]
    Read,
    /// Run ad-hoc SQL.
    #[serde(rename = "retail.sql")]
    Sql,
    /// Be shown what the chain pays and earns: cost and margin of products.
    #[serde(rename = "retail.costs")]
    Costs,
}

impl Scope {
    /// All scopes that there are.
    pub const ALL: [Self; 3] = [Self::Read, Self::Sql, Self::Costs];

    /// The name in tokens, for example `retail.sql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "retail.read",
            Self::Sql => "retail.sql",
            Self::Costs => "retail.costs",
        }
    }
}

/// What a resolver found out about a caller, before it becomes a [`Principal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedIdentity {
    /// Stable name of the caller, for logs.
    pub subject: String,
    /// Which rows the caller may see.
    pub visibility: Visibility,
    /// What the caller may do.
    pub scopes: BTreeSet<Scope>,
    /// The user for whom an agent acts, when it is another than `subject`.
    pub on_behalf_of: Option<String>,
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

    /// Stable name of the caller.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Which rows the caller may see.
    pub fn visibility(&self) -> &Visibility {
        &self.0.visibility
    }

    /// Whether the caller holds `scope`.
    pub fn has_scope(&self, scope: Scope) -> bool {
        self.0.scopes.contains(&scope)
    }

    /// The user for whom an agent acts.
    pub fn on_behalf_of(&self) -> Option<&str> {
        self.0.on_behalf_of.as_deref()
    }
}
