//! Who may have how much: before authentication by address, after it by principal.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use moka::sync::Cache;
use retail_domain::Principal;
use tracing::{debug, info};

use super::body::BodyLimits;
use super::buckets::Buckets;
use super::client_address::ClientAddress;
use super::concurrency::{Concurrency, Share, Slot};
use super::connection::Connection;
use super::refusal::Refusal;
use crate::config::{LimitsConfig, ServerConfig};

/// How long a credential that was good is let through to be looked at again, whoever else fails at the
/// same address.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// Unknown credentials that are looked at at once: an identity provider may have to be asked, and may be slow.
const MAX_AUTHENTICATING: usize = 128;

/// How many of them come from one address. Fewer than are asked of a provider at once
/// (`retail_auth`'s introspection), so that one address does not take all of those either.
const MAX_AUTHENTICATING_OF_ADDRESS: usize = 16;

/// How long one waits for a place among them. Many may come at once, as after a restart; most take a moment.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Credentials and addresses that are remembered.
const MAX_REMEMBERED: u64 = 100_000;

/// All limits of requests.
pub(super) struct Admission {
    addresses: Option<Buckets<IpAddr>>,
    failures: Option<Buckets<IpAddr>>,
    blocked: Cache<IpAddr, Instant>,
    good: Cache<CredentialHash, ()>,
    hasher: RandomState,
    principals: Option<Buckets<String>>,
    authenticating: Concurrency<IpAddr>,
    concurrency: Concurrency<String>,
    body: BodyLimits,
}

/// Tells credentials apart without keeping them. Keyed anew in each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CredentialHash(u64);

/// A place among those that are authenticated. It goes with the request, or when that is refused.
#[derive(Debug, Clone)]
struct Authenticating {
    _place: Arc<(Slot, Option<Share<IpAddr>>)>,
}

impl Admission {
    pub(super) fn new(limits: &LimitsConfig, server: &ServerConfig) -> Self {
        // Else one could not tell a slow client from a slow answer.
        let within = server.body_timeout.min(server.request_timeout / 2);
        Self {
            addresses: Buckets::per_second(limits.address_per_second, limits.address_burst),
            failures: Buckets::per_minute(limits.failures_per_minute, limits.failures_burst),
            blocked: remembered(Duration::from_mins(1)),
            good: remembered(GOOD_FOR),
            hasher: RandomState::new(),
            principals: Buckets::per_second(limits.principal_per_second, limits.principal_burst),
            authenticating: Concurrency::new(MAX_AUTHENTICATING, MAX_AUTHENTICATING_OF_ADDRESS),
            concurrency: Concurrency::new(limits.max_concurrent, limits.principal_max_concurrent),
            body: BodyLimits { max_bytes: server.max_body_bytes, within },
        }
    }

    /// None when the request shows no credential.
    fn hash_of(&self, headers: &HeaderMap) -> Option<CredentialHash> {
        let shown = (headers.get(AUTHORIZATION), headers.get("x-rls-user-id"));
        (shown != (None, None)).then(|| CredentialHash(self.hasher.hash_one(shown)))
    }

    /// How long an address that failed too often has to wait.
    fn blocked_for(&self, address: IpAddr) -> Option<Duration> {
        let wait = self.blocked.get(&address)?.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// A place to have an unknown credential looked at.
    async fn authenticate(&self, address: Option<IpAddr>) -> Result<Authenticating, Refusal> {
        let until = Instant::now() + AUTHENTICATE_WITHIN;
        loop {
            match self.try_authenticate(address) {
                Err(_) if Instant::now() < until => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
                tried => return tried,
            }
        }
    }

    fn try_authenticate(&self, address: Option<IpAddr>) -> Result<Authenticating, Refusal> {
        let share = match address {
            None => None,
            Some(address) => {
                let share = self.authenticating.share_of(address);
                Some(share.ok_or(Refusal::TooMany(Duration::from_secs(1)))?)
            }
        };
        let slot = self.authenticating.slot().ok_or(Refusal::Busy)?;
        Ok(Authenticating { _place: Arc::new((slot, share)) })
    }

    fn failed(&self, address: IpAddr) {
        if let Some(failures) = &self.failures
            && let Err(wait) = failures.take(address)
        {
            info!(%address, "too many credentials from this address were not good");
            self.blocked.insert(address, Instant::now() + wait);
        }
    }
}

/// Before authentication: limits requests by address.
pub(super) async fn by_address(
    State(admission): State<Arc<Admission>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(addresses) = &admission.addresses
        && let Some(address) = address_of(&request)
        && let Err(wait) = addresses.take(address)
    {
        debug!(%address, "too many requests from this address");
        return Refusal::TooMany(wait).into_response();
    }
    next.run(request).await
}

/// Around authentication: limits how many unknown credentials are looked at at once, and how often one address
/// fails. A credential that was good lately waits for none of that: whoever sends bad ones, and however slow a
/// provider is, those who are signed in go on.
pub(super) async fn by_failures(
    State(admission): State<Arc<Admission>>,
    mut request: Request,
    next: Next,
) -> Response {
    let address = address_of(&request);
    let credential = admission.hash_of(request.headers());
    if let Some(credential) = credential {
        if !admission.good.contains_key(&credential) {
            if let Some(wait) = address.and_then(|address| admission.blocked_for(address)) {
                return Refusal::TooMany(wait).into_response();
            }
            match admission.authenticate(address).await {
                Ok(place) => drop(request.extensions_mut().insert(place)),
                Err(refusal) => return refusal.into_response(),
            }
        }
        request.extensions_mut().insert(credential);
    }
    let response = next.run(request).await;
    // Without a credential it is no failure: so clients ask how to authenticate.
    if response.status() == StatusCode::UNAUTHORIZED
        && credential.is_some()
        && let Some(address) = address
    {
        admission.failed(address);
    }
    response
}

/// After authentication: limits what a principal asks for, reads the body, and has the request worked
/// on.
pub(super) async fn by_principal(
    State(admission): State<Arc<Admission>>,
    request: Request,
    next: Next,
) -> Response {
    match admission.admit(request).await {
        Ok((request, kept)) => {
            let response = next.run(request).await;
            drop(kept);
            response
        }
        Err(refusal) => refusal.into_response(),
    }
}

impl Admission {
    /// The request with its body read, and what it takes of the limits.
    async fn admit(&self, mut request: Request) -> Result<(Request, impl Sized + use<>), Refusal> {
        // Authenticated: a body that comes slowly takes nobody's slot.
        drop(request.extensions_mut().remove::<Authenticating>());
        if let Some(credential) = request.extensions_mut().remove::<CredentialHash>() {
            self.good.insert(credential, ());
        }
        let principal = key_of(&request);
        if let Some(principals) = &self.principals
            && let Err(wait) = principals.take(principal.clone())
        {
            debug!("the principal asks too often");
            return Err(Refusal::TooMany(wait));
        }
        let share = self.concurrency.share_of(principal).ok_or_else(|| {
            debug!("the principal has its share of what is worked on");
            Refusal::TooMany(Duration::from_secs(1))
        })?;
        let (parts, body) = request.into_parts();
        let body = self.body.read(body).await?;
        let slot = self.concurrency.slot().ok_or(Refusal::Busy)?;
        // An answer that waits for a slow client takes memory: it counts until it is taken.
        let share = match parts.extensions.get::<Arc<Connection>>() {
            Some(connection) => {
                connection.hold(share);
                None
            }
            None => Some(share),
        };
        Ok((Request::from_parts(parts, Body::from(body)), (slot, share)))
    }
}

fn remembered<K, V>(time: Duration) -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(MAX_REMEMBERED).time_to_live(time).build()
}

fn address_of(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ClientAddress>().map(|address| address.limited_as())
}

/// Subject and issuer. A request without a principal, which is a defect, shares a limit with its like.
fn key_of(request: &Request) -> String {
    request.extensions().get::<Principal>().map_or_else(String::new, |principal| {
        format!("{}\n{}", principal.issuer().unwrap_or_default(), principal.subject())
    })
}
