//! From a credential to a principal.

use std::fmt;

use async_trait::async_trait;

use crate::{Error, Principal, VerifiedIdentity};

/// What a caller showed of themselves. Nothing in it is checked yet.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credential {
    /// What proves who it is.
    pub proof: Proof,
    /// The one store that they want to act for, where they may see more.
    pub acting_store: Option<ActingStore>,
}

/// What proves who a caller is.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// A token from an `Authorization: Bearer` header.
    BearerToken(String),
    /// The value of the `x-rls-user-id` header, from a peer that may send it.
    TrustedHeader(String),
}

/// One of the stores that a caller may see, as they named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActingStore {
    /// Its name, or its key.
    pub store: String,
    /// Why; asked of callers who may see all stores, and kept in the audit log.
    pub reason: Option<String>,
}

impl Credential {
    /// A credential for all that the proof gives.
    pub fn new(proof: Proof) -> Self {
        Self { proof, acting_store: None }
    }

    /// A token from an `Authorization: Bearer` header.
    pub fn bearer_token(token: impl Into<String>) -> Self {
        Self::new(Proof::BearerToken(token.into()))
    }

    /// The value of the `x-rls-user-id` header, from a peer that may send it.
    pub fn trusted_header(value: impl Into<String>) -> Self {
        Self::new(Proof::TrustedHeader(value.into()))
    }

    /// Acts for one store.
    #[must_use]
    pub fn acting_for(mut self, acting_store: Option<ActingStore>) -> Self {
        self.acting_store = acting_store;
        self
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BearerToken(_) => f.write_str("BearerToken(***)"),
            Self::TrustedHeader(_) => f.write_str("TrustedHeader(***)"),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("proof", &self.proof)
            .field("acting_store", &self.acting_store)
            .finish()
    }
}

/// Checks a credential. The only maker of a [`Principal`].
///
/// Implementors write [`verify`](Self::verify). `resolve` is what callers use; its default body is
/// the only code outside this crate's tests that can build a [`Principal`], so an implementor cannot
/// hand one out without a [`VerifiedIdentity`].
#[async_trait]
pub trait IdentityResolver: Send + Sync {
    /// Checks the credential and says who shows it.
    ///
    /// # Errors
    /// [`Unauthenticated`](crate::ErrorCode::Unauthenticated) when it is wrong, expired or unknown;
    /// [`Forbidden`](crate::ErrorCode::Forbidden) when it is good and has no right to any store, or not to
    /// the one that it names;
    /// [`Unavailable`](crate::ErrorCode::Unavailable) when it cannot be checked now. There is no
    /// default identity.
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error>;

    /// Checks the credential and gives the principal behind it.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    async fn resolve(&self, credential: &Credential) -> Result<Principal, Error> {
        Ok(Principal::from_verified(self.verify(credential).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_credential() {
        let shown = format!("{:?}", Credential::bearer_token("abc"));
        assert!(!shown.contains("abc"));
    }
}
