//! Which rights a claim of a token gives, as the database has it.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::{Error, Scope, Visibility};

/// A claim that a verified token makes, such as `groups` and one of its values.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClaimValue {
    /// Name of the claim.
    pub claim: String,
    /// One value of it.
    pub value: String,
}

/// What one of the claims gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityGrant {
    /// The claim.
    pub claim: ClaimValue,
    /// Whose rows.
    pub visibility: Visibility,
    /// The most that it allows.
    pub scopes: BTreeSet<Scope>,
}

/// The table `retail_mcp.identity`.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait IdentityGrants: Send + Sync {
    /// All grants to these claims of a token of `issuer`. Empty when there is none.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorCode::Unavailable) when the database does not answer.
    async fn grants(
        &self,
        issuer: &str,
        claims: &[ClaimValue],
    ) -> Result<Vec<IdentityGrant>, Error>;
}
