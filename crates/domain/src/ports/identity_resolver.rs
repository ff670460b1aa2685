//! From a credential to a principal.

use std::fmt;

use async_trait::async_trait;

use crate::{Error, Principal, VerifiedIdentity};

/// What a caller showed of themselves. Nothing in it is checked yet.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A token from an `Authorization: Bearer` header.
    BearerToken(String),
    /// The value of the `x-rls-user-id` header, from a peer that may send it.
    TrustedHeader(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BearerToken(_) => f.write_str("BearerToken(***)"),
            Self::TrustedHeader(_) => f.write_str("TrustedHeader(***)"),
        }
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
        let shown = format!("{:?}", Credential::BearerToken("abc".to_owned()));
        assert!(!shown.contains("abc"));
    }
}
