//! Checking development tokens.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use retail_domain::ports::{Clock, Credential, IdentityResolver, Proof, StoreDirectory};
use retail_domain::{Error, ErrorCode, RlsUserId, Scope, VerifiedIdentity, Visibility};

use super::claims::{AUDIENCE, ISSUER, ReceivedPayload};
use super::{DevTokenKey, MAX_TTL, StoreGrant};
use crate::acting::act_for;
use crate::cached_stores::CachedStores;
use crate::scopes::scopes_of;
use crate::subject::is_subject;

/// No token of ours is longer. What is longer is refused before it is decoded.
const MAX_TOKEN_BYTES: usize = 4096;

/// How many tokens are remembered whose signature was good.
const MAX_VERIFIED: usize = 1024;

/// How far the clocks of two machines may differ: 0 to 30 seconds, 0 unless said otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leeway(i64);

/// The leeway is more than 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the leeway must be 0 to 30 seconds")]
pub struct LeewayOutOfRange;

impl TryFrom<Duration> for Leeway {
    type Error = LeewayOutOfRange;

    /// Fractions of a second are dropped.
    fn try_from(leeway: Duration) -> Result<Self, LeewayOutOfRange> {
        match i64::try_from(leeway.as_secs()) {
            Ok(seconds @ 0..=30) => Ok(Self(seconds)),
            _ => Err(LeewayOutOfRange),
        }
    }
}

/// Why a token is refused. For the log alone: the caller learns only whether it has expired.
#[derive(Debug, thiserror::Error)]
enum TokenFault {
    #[error("the token is longer than {MAX_TOKEN_BYTES} bytes")]
    TooLong,
    #[error("the token does not decode")]
    Decode(#[source] jsonwebtoken::errors::Error),
    #[error("the token expired {0} s ago")]
    Expired(i64),
    #[error("the token is good only in {0} s")]
    NotYetValid(i64),
    #[error("the token lives longer than any that this server mints")]
    LivesTooLong,
    #[error("the subject of the token is empty, too long or has control characters")]
    BadSubject,
    #[error(
        "the token must have exactly one of the claims `store`, `all_stores: true` and `operator: true`"
    )]
    NotOneGrant,
    #[error("no store has the identity in the token")]
    UnknownStore,
}

impl From<TokenFault> for Error {
    fn from(fault: TokenFault) -> Self {
        let message = match fault {
            TokenFault::Expired(_) => "the token has expired",
            _ => "the token is not valid",
        };
        Self::new(ErrorCode::Unauthenticated, message).with_cause(fault)
    }
}

/// Accepts the tokens that [`DevTokens`](super::DevTokens) mints with the same key.
///
/// A development token carries all scopes of callers, or that of operators alone; costs only for head office and where it says so itself.
pub struct DevTokenResolver {
    key: DecodingKey,
    validation: Validation,
    leeway: Leeway,
    clock: Arc<dyn Clock>,
    stores: CachedStores,
    stores_see_costs: bool,
    /// Each token is used for many calls. Its times are looked at for each of them.
    verified: Mutex<HashMap<String, Arc<ReceivedPayload>>>,
}

/// What a good token says.
struct Checked {
    subject: String,
    grant: StoreGrant,
    with_costs: bool,
    operator: bool,
}

impl DevTokenResolver {
    /// A resolver with this key. Stores that `directory` found are remembered for a minute.
    pub fn new(
        key: &DevTokenKey,
        clock: Arc<dyn Clock>,
        directory: Arc<dyn StoreDirectory>,
    ) -> Self {
        // The algorithm is ours, never the token's.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The library reads the system's clock. `check_times` asks ours instead.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            key: DecodingKey::from_secret(key.expose()),
            validation,
            leeway: Leeway::default(),
            stores: CachedStores::new(directory, clock.clone()),
            clock,
            stores_see_costs: false,
            verified: Mutex::default(),
        }
    }

    /// Allows for clocks that differ.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Leeway) -> Self {
        self.leeway = leeway;
        self
    }

    /// Shows costs to every store, whatever its token says.
    #[must_use]
    pub fn with_costs_for_stores(mut self, stores_see_costs: bool) -> Self {
        self.stores_see_costs = stores_see_costs;
        self
    }

    /// Everything about the token that needs no look into the store directory.
    fn check(&self, token: &str) -> Result<Checked, TokenFault> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenFault::TooLong);
        }
        let payload = self.signed(token)?;
        self.check_times(&payload)?;
        if !is_subject(&payload.sub) {
            return Err(TokenFault::BadSubject);
        }
        let grant = match (payload.store, payload.all_stores, payload.operator) {
            (Some(rls_user_id), None, false) => StoreGrant::Store(RlsUserId(rls_user_id)),
            // An operator's has no scope that reads rows.
            (None, Some(true), false) | (None, None, true) => StoreGrant::AllStores,
            _ => return Err(TokenFault::NotOneGrant),
        };
        Ok(Checked {
            subject: payload.sub.clone(),
            grant,
            with_costs: payload.costs,
            operator: payload.operator,
        })
    }

    /// What the token says, when the signature is good.
    fn signed(&self, token: &str) -> Result<Arc<ReceivedPayload>, TokenFault> {
        let verified = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(payload) = verified().get(token) {
            return Ok(Arc::clone(payload));
        }
        let decoded = decode(token, &self.key, &self.validation).map_err(TokenFault::Decode)?;
        let payload = Arc::new(decoded.claims);
        let mut verified = verified();
        if verified.len() >= MAX_VERIFIED {
            verified.clear();
        }
        verified.insert(token.to_owned(), Arc::clone(&payload));
        Ok(payload)
    }

    fn check_times(&self, payload: &ReceivedPayload) -> Result<(), TokenFault> {
        let now_s = self.clock.now().timestamp();
        let left_s = payload.exp.saturating_sub(now_s);
        if left_s.saturating_add(self.leeway.0) <= 0 {
            return Err(TokenFault::Expired(left_s.saturating_neg()));
        }
        let max_left_s = self.leeway.0.saturating_add_unsigned(MAX_TTL.as_secs());
        if left_s > max_left_s {
            return Err(TokenFault::LivesTooLong);
        }
        let wait_s = payload.nbf.map_or(0, |nbf| nbf.saturating_sub(now_s));
        if wait_s > self.leeway.0 {
            return Err(TokenFault::NotYetValid(wait_s));
        }
        Ok(())
    }
}

#[async_trait]
impl IdentityResolver for DevTokenResolver {
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error> {
        let Proof::BearerToken(token) = &credential.proof else {
            return Err(Error::new(ErrorCode::Unauthenticated, "a bearer token is needed"));
        };
        let Checked { subject, grant, with_costs, operator } = self.check(token)?;
        let visibility = match grant {
            StoreGrant::AllStores => Visibility::AllStores,
            StoreGrant::Store(rls_user_id) => self
                .stores
                .store_find(rls_user_id)
                .await?
                .map(Visibility::Store)
                .ok_or(TokenFault::UnknownStore)?,
        };
        let scopes = if operator {
            BTreeSet::from([Scope::Admin])
        } else {
            scopes_of(&visibility, with_costs || self.stores_see_costs)
        };
        let identity = VerifiedIdentity::new(subject, visibility, scopes);
        act_for(identity, credential.acting_store.as_ref(), &self.stores).await
    }
}

impl fmt::Debug for DevTokenResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevTokenResolver").field("leeway", &self.leeway).finish_non_exhaustive()
    }
}
