//! Making development tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use retail_domain::RlsUserId;
use retail_domain::ports::Clock;
use secrecy::SecretString;

use super::DevTokenKey;
use super::claims::{AUDIENCE, ISSUER, MintedPayload};
use crate::subject::is_subject;

/// The longest life of a development token: 30 days.
pub const MAX_TTL: Duration = Duration::from_hours(30 * 24);

/// Which rows a token opens. One of the two has to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreGrant {
    /// The rows of the store with this identity.
    Store(RlsUserId),
    /// Head office: the rows of all stores.
    AllStores,
}

/// What a new token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevTokenClaims {
    /// Stable name of the caller, for logs. 1 to 200 bytes, no control characters.
    pub subject: String,
    /// Which rows the token opens.
    pub grant: StoreGrant,
    /// Whether a store's token also shows what products cost and earn. Head office's always does.
    pub with_costs: bool,
    /// Whether the token is for operating the server and for nothing else: it has the scope `retail.admin` alone, and no
    /// tool takes it.
    pub operator: bool,
    /// How long it is good for: 1 second to [`MAX_TTL`]. Fractions of a second are dropped.
    pub ttl: Duration,
}

impl DevTokenClaims {
    /// A token for the tools, without costs for a store.
    pub fn new(subject: impl Into<String>, grant: StoreGrant, ttl: Duration) -> Self {
        Self { subject: subject.into(), grant, with_costs: false, operator: false, ttl }
    }
}

/// A token that was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// The life is not 1 second to [`MAX_TTL`].
    #[error("a development token lives 1 second to 30 days")]
    TtlOutOfRange,
    /// The subject is empty, too long, or has control characters.
    #[error("the subject of a token must have 1 to 200 bytes and no control characters")]
    BadSubject,
    /// The token could not be signed.
    #[error("cannot sign the token")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Mints development tokens.
pub struct DevTokens {
    key: EncodingKey,
    clock: Arc<dyn Clock>,
}

impl DevTokens {
    /// A mint with this key and this clock.
    pub fn new(key: &DevTokenKey, clock: Arc<dyn Clock>) -> Self {
        Self { key: EncodingKey::from_secret(key.expose()), clock }
    }

    /// Makes a token that is good from now on.
    ///
    /// # Errors
    /// [`MintError::TtlOutOfRange`] and [`MintError::BadSubject`] when the claims are out of bounds.
    pub fn mint(&self, claims: &DevTokenClaims) -> Result<SecretString, MintError> {
        let ttl_s = claims.ttl.as_secs();
        if ttl_s == 0 || claims.ttl > MAX_TTL {
            return Err(MintError::TtlOutOfRange);
        }
        if !is_subject(&claims.subject) {
            return Err(MintError::BadSubject);
        }
        let (store, all_stores) = match claims.grant {
            // No grant: a server that does not know of operators must not take it for head office's.
            _ if claims.operator => (None, None),
            StoreGrant::Store(rls_user_id) => (Some(rls_user_id.0), None),
            StoreGrant::AllStores => (None, Some(true)),
        };
        let now_s = self.clock.now().timestamp();
        let payload = MintedPayload {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: &claims.subject,
            iat: now_s,
            exp: now_s.saturating_add_unsigned(ttl_s),
            store,
            all_stores,
            costs: claims.with_costs,
            operator: claims.operator,
        };
        encode(&Header::new(Algorithm::HS256), &payload, &self.key)
            .map(SecretString::from)
            .map_err(MintError::Sign)
    }
}

impl fmt::Debug for DevTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevTokens").finish_non_exhaustive()
    }
}
