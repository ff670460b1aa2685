//! Checking the tokens of identity providers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation, decode, decode_header};
use moka::future::Cache;
use retail_domain::ports::{
    Clock, Credential, IdentityGrants, IdentityResolver, Proof, StoreDirectory,
};
use retail_domain::{Error, ErrorCode, VerifiedIdentity};
use sha2::{Digest as _, Sha256};

use super::claims::{self, Claims, Origin};
use super::fault::{TokenFault, quoted};
use super::http::Http;
use super::introspection::Introspector;
use super::jwks::Key;
use super::key_source::{CurrentKeys, KeySource};
use super::rights::Rights;
use super::settings::{IssuerSettings, OidcSettings, SettingsError, SigningAlgorithm};
use crate::cached_stores::CachedStores;

/// Entra's longest tokens, with 200 groups, have about 10 KiB.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
const MAX_KEY_ID_BYTES: usize = 256;
/// How many good tokens are remembered, and for how long. The entry also ends with the token, and with any
/// change of its issuer's keys.
const MAX_VERIFIED: u64 = 10_000;
const VERIFIED_FOR: TimeDelta = TimeDelta::seconds(60);

/// What a token is known by: it is not kept itself.
pub(super) type Digest = [u8; 32];

/// Accepts access tokens of the configured identity providers.
///
/// The token's own `iss` says only which provider it is checked against; then everything is checked: the
/// signature by a key of that provider and an algorithm that was configured, `iss`, `aud`, `exp`, `nbf`, and
/// that it is an access token. A token that is no JWT is looked up at the providers that have an introspection
/// endpoint.
///
/// A good token is remembered for at most a minute, so that its signature is not checked for each call. When
/// the provider takes a key back, tokens of that key end as soon as the keys are fetched anew: after
/// [`jwks_refresh`](IssuerSettings::jwks_refresh), or twice that where nobody called in between. Whether a
/// JWT was revoked is not asked.
pub struct OidcResolver {
    issuers: Vec<Issuer>,
    rights: Rights,
    stores: CachedStores,
    clock: Arc<dyn Clock>,
    verified: Cache<Digest, Verified>,
}

struct Issuer {
    settings: IssuerSettings,
    keys: Arc<KeySource>,
    introspector: Option<Introspector>,
}

#[derive(Clone)]
struct Verified {
    claims: Arc<Claims>,
    issuer: String,
    generation: u64,
    at: DateTime<Utc>,
}

impl OidcResolver {
    /// A resolver with these settings. It asks no provider yet. Stores that `directory` found are remembered
    /// for a minute.
    ///
    /// # Errors
    /// A [`SettingsError`] that says which setting cannot work.
    pub fn new(
        settings: &OidcSettings,
        clock: Arc<dyn Clock>,
        directory: Arc<dyn StoreDirectory>,
        table: Option<Arc<dyn IdentityGrants>>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        let needs_tls = settings.issuers.iter().any(|issuer| {
            let introspection = issuer.introspection.as_ref().map(|settings| &settings.endpoint);
            let mut addresses = introspection.into_iter().chain([&issuer.issuer]);
            addresses.any(|address| address.starts_with("https"))
        });
        let http = Http::new(needs_tls)?;
        let issuers = settings.issuers.iter().map(|issuer| Issuer {
            settings: issuer.clone(),
            keys: Arc::new(KeySource::new(issuer, http.clone(), Arc::clone(&clock))),
            introspector: issuer
                .introspection
                .as_ref()
                .and_then(|settings| Introspector::new(issuer, settings, http.clone())),
        });
        Ok(Self {
            issuers: issuers.collect(),
            rights: Rights::new(settings, table),
            stores: CachedStores::new(directory, Arc::clone(&clock)),
            clock,
            verified: Cache::new(MAX_VERIFIED),
        })
    }

    /// Fetches the keys of providers where that is due. A server calls it now and then, and at its start, so
    /// that no caller has to wait and a key that was taken back is noticed without a call.
    pub async fn refresh(&self) {
        for issuer in &self.issuers {
            issuer.keys.refresh_if_due().await;
        }
    }

    /// The providers that did not answer when they were last asked for keys, and why. Calls go on with the last keys for as
    /// long as `outage_grace` says.
    pub fn outages(&self) -> Vec<(String, String)> {
        let failing = self
            .issuers
            .iter()
            .filter_map(|issuer| Some((issuer.settings.issuer.clone(), issuer.keys.failure()?)));
        failing.collect()
    }

    /// For an operator: of each provider its issuer, and how many keys it has for us or why there are none.
    pub async fn providers(&self) -> Vec<(String, Result<usize, String>)> {
        let mut providers = Vec::new();
        for issuer in &self.issuers {
            let keys = issuer.keys.current().await;
            let keys = match keys.map(|keys| keys.set.len()) {
                Ok(0) => Err("it publishes no key that can be used".to_owned()),
                keys => keys.map_err(|fault| fault.to_string()),
            };
            providers.push((issuer.settings.issuer.clone(), keys));
        }
        providers
    }

    async fn claims_of(&self, token: &str) -> Result<(&Issuer, Arc<Claims>), TokenFault> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenFault::TooLong(MAX_TOKEN_BYTES));
        }
        let digest = Sha256::digest(token).into();
        if is_jwt(token) {
            self.check_jwt(token, digest).await
        } else {
            self.look_up(token, digest).await
        }
    }

    async fn check_jwt(
        &self,
        token: &str,
        digest: Digest,
    ) -> Result<(&Issuer, Arc<Claims>), TokenFault> {
        let issuer = self.issuer_named_in(token)?;
        let keys = issuer.keys.current().await?;
        let now = self.clock.now();
        if let Some(known) = self.verified.get(&digest).await
            && known.is_good(issuer, &keys, now)
        {
            claims::check_times(&known.claims, &issuer.settings, Origin::Jwt, now.timestamp())?;
            return Ok((issuer, known.claims));
        }
        let (header, algorithm) = read_header(token, &issuer.settings)?;
        let id = header.kid.as_deref();
        let (claims, generation) = match (keys.set.find(id, algorithm), id) {
            (Err(TokenFault::UnknownKey(_)), Some(id)) => {
                let newer = issuer.keys.after_unknown(id, &keys).await;
                let newer = newer.ok_or(TokenFault::UnknownKey(", and was asked for it"))?;
                (verify(token, newer.set.find(Some(id), algorithm)?, algorithm)?, newer.generation)
            }
            (key, _) => (verify(token, key?, algorithm)?, keys.generation),
        };
        claims::check(&claims, &issuer.settings, Origin::Jwt, now.timestamp())?;
        let claims = Arc::new(claims);
        let issuer_name = issuer.settings.issuer.clone();
        let entry =
            Verified { claims: Arc::clone(&claims), issuer: issuer_name, generation, at: now };
        self.verified.insert(digest, entry).await;
        Ok((issuer, claims))
    }

    /// The issuer that the token names. Nothing else is believed of a token that is not checked yet.
    fn issuer_named_in(&self, token: &str) -> Result<&Issuer, TokenFault> {
        let claims: Claims = insecure_decode_claims(token)
            .map_err(|_error| TokenFault::Malformed("its payload is no JSON object"))?;
        let named = claims.get("iss").ok_or(TokenFault::Missing("iss"))?;
        let named = named.as_str().ok_or(TokenFault::Type("iss"))?;
        self.issuers.iter().find(|issuer| issuer.settings.issuer == named).ok_or_else(|| {
            TokenFault::UnknownIssuer { issuer: quoted(named), hint: self.hint_for(named) }
        })
    }

    fn hint_for(&self, named: &str) -> &'static str {
        let bare = named.trim_end_matches('/');
        let differs_by_slash =
            |issuer: &Issuer| issuer.settings.issuer.trim_end_matches('/') == bare;
        if self.issuers.iter().any(differs_by_slash) {
            "; one is, that differs by the slash at its end"
        } else if named.starts_with("https://sts.windows.net/") {
            "; this is a version 1 token of Microsoft Entra: set requestedAccessTokenVersion to 2 in the \
             application's manifest, or configure this issuer"
        } else if named.starts_with("https://login.microsoftonline.com/") {
            "; this is a version 2 token of Microsoft Entra"
        } else {
            ""
        }
    }

    async fn look_up(
        &self,
        token: &str,
        digest: Digest,
    ) -> Result<(&Issuer, Arc<Claims>), TokenFault> {
        let now = self.clock.now();
        let mut refusal = TokenFault::Opaque;
        for issuer in &self.issuers {
            let Some(introspector) = &issuer.introspector else { continue };
            match introspector.look_up(token, digest, now).await {
                Ok(claims) => {
                    let origin = Origin::Introspection;
                    claims::check(&claims, &issuer.settings, origin, now.timestamp())?;
                    return Ok((issuer, claims));
                }
                // A provider that could not be asked might have known it.
                Err(fault) if fault.is_inactive() => {
                    if matches!(refusal, TokenFault::Opaque) {
                        refusal = fault;
                    }
                }
                Err(fault) => refusal = fault,
            }
        }
        Err(refusal)
    }
}

impl Verified {
    fn is_good(&self, issuer: &Issuer, keys: &CurrentKeys, now: DateTime<Utc>) -> bool {
        let age = now - self.at;
        self.issuer == issuer.settings.issuer
            && self.generation == keys.generation
            && age >= TimeDelta::zero()
            && age < VERIFIED_FOR
    }
}

/// Whether a token has the shape of a signed JWT: three parts, of which the first begins as JSON does.
fn is_jwt(token: &str) -> bool {
    token.starts_with("ey") && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

fn read_header(
    token: &str,
    issuer: &IssuerSettings,
) -> Result<(Header, SigningAlgorithm), TokenFault> {
    // `none` and what the library does not know fail here.
    let header = decode_header(token)
        .map_err(|_error| TokenFault::Malformed("its header is none, or has no known algorithm"))?;
    let kind = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    if !matches!(kind.trim_start_matches("application/"), "jwt" | "at+jwt") {
        return Err(TokenFault::NoAccessToken("token of another type (typ)"));
    }
    if header.crit.is_some() {
        return Err(TokenFault::Malformed("it has header fields that must be understood (crit)"));
    }
    if header.kid.as_ref().is_some_and(|id| id.len() > MAX_KEY_ID_BYTES) {
        return Err(TokenFault::Malformed("its kid is too long"));
    }
    let algorithm = SigningAlgorithm::from_jwt(header.alg)
        .filter(|algorithm| issuer.algorithms.contains(algorithm))
        .ok_or_else(|| TokenFault::Algorithm(format!("{:?}", header.alg)))?;
    Ok((header, algorithm))
}

/// The claims, when the signature is good.
fn verify(token: &str, key: &Key, algorithm: SigningAlgorithm) -> Result<Claims, TokenFault> {
    let mut validation = Validation::new(algorithm.to_jwt());
    // The library reads the system's clock, and takes claims of a wrong type for missing ones. `claims`
    // checks them all.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    decode::<Claims>(token, &key.decoding, &validation).map(|token| token.claims).map_err(|error| {
        match error.kind() {
            ErrorKind::InvalidSignature => TokenFault::Signature,
            ErrorKind::Base64(_) => TokenFault::Malformed("its signature is no base64url"),
            _ => TokenFault::Malformed("it cannot be verified"),
        }
    })
}

#[async_trait]
impl IdentityResolver for OidcResolver {
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error> {
        let Proof::BearerToken(token) = &credential.proof else {
            return Err(Error::new(ErrorCode::Unauthenticated, "a bearer token is needed"));
        };
        let (issuer, claims) = self.claims_of(token).await?;
        let acting = credential.acting_store.as_ref();
        let identity = self.rights.identity(&issuer.settings, &claims, acting, &self.stores).await;
        identity.map_err(|error| match error.code() {
            ErrorCode::Forbidden | ErrorCode::InvalidArgument => {
                let subject = claims::subject(&claims).unwrap_or_default().to_owned();
                let why = std::error::Error::source(&error).map(ToString::to_string);
                let refused = Refused { subject, issuer: issuer.settings.issuer.clone(), why };
                error.with_cause(refused)
            }
            _ => error,
        })
    }
}

/// Who was refused although the token is good. For the log: such a request has no principal, and so no place in
/// the audit log.
#[derive(Debug, thiserror::Error)]
#[error("{subject} of {issuer}{}{}", if why.is_some() { ": " } else { "" }, why.as_deref().unwrap_or_default())]
struct Refused {
    subject: String,
    issuer: String,
    why: Option<String>,
}

impl fmt::Debug for OidcResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let issuers: Vec<&str> =
            self.issuers.iter().map(|issuer| issuer.settings.issuer.as_str()).collect();
        f.debug_struct("OidcResolver").field("issuers", &issuers).finish_non_exhaustive()
    }
}
