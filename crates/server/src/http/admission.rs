//! Who may have how much: before authentication by address, after it by principal.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http_body::Body as _;
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

/// The longest form, in bytes, and the longest time for it.
const MAX_FORM_BYTES: usize = 16 * 1024;
const FORM_WITHIN: Duration = Duration::from_secs(5);

/// Credentials and addresses that are remembered.
const MAX_REMEMBERED: u64 = 100_000;

/// All limits of requests.
pub(super) struct Admission {
    addresses: Option<Buckets<IpAddr>>,
    failures: Option<Buckets<IpAddr>>,
    blocked: Cache<IpAddr, Instant>,
    /// When they were last written here.
    good: Cache<CredentialHash, Instant>,
    hasher: RandomState,
    principals: Option<Buckets<String>>,
    authenticating: Concurrency<IpAddr>,
    concurrency: Concurrency<String>,
    body: BodyLimits,
}

/// Tells credentials apart without keeping them. Keyed anew in each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CredentialHash(u64);

/// A request whose credential is looked at.
#[derive(Debug)]
pub(super) struct Authenticating {
    address: IpAddr,
    /// None when the request shows none.
    credential: Option<CredentialHash>,
    /// Whether it is to be remembered anew when it is good.
    is_news: bool,
    /// Held by credentials that are unknown.
    _place: Option<(Slot, Share<IpAddr>)>,
}

impl Authenticating {
    /// A request of our own, which shows no credential and needs no place.
    pub(super) fn of_ourselves() -> Self {
        let address = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        Self { address, credential: None, is_news: false, _place: None }
    }
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

    /// Reads a form of somebody who is not known yet: a small one, soon, and few at once for each address.
    pub(super) async fn form(
        &self,
        client: ClientAddress,
        request: Request,
    ) -> Result<Request, Refusal> {
        let (parts, body) = request.into_parts();
        if body.is_end_stream() {
            return Ok(Request::from_parts(parts, body));
        }
        let _place = self.place(client.limited_as()).await?;
        let limits =
            BodyLimits { max_bytes: MAX_FORM_BYTES, within: self.body.within.min(FORM_WITHIN) };
        let body = limits.read(body).await?;
        Ok(Request::from_parts(parts, Body::from(body)))
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
    async fn place(&self, address: IpAddr) -> Result<(Slot, Share<IpAddr>), Refusal> {
        let until = Instant::now() + AUTHENTICATE_WITHIN;
        loop {
            match self.try_place(address) {
                Err(_) if Instant::now() < until => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
                tried => return tried,
            }
        }
    }

    fn try_place(&self, address: IpAddr) -> Result<(Slot, Share<IpAddr>), Refusal> {
        let share = self.authenticating.share_of(address);
        let share = share.ok_or(Refusal::TooMany(Duration::from_secs(1)))?;
        let slot = self.authenticating.slot().ok_or(Refusal::Busy)?;
        Ok((slot, share))
    }

    /// Before authentication: limits requests by address.
    pub(super) fn by_address(&self, client: ClientAddress) -> Result<(), Refusal> {
        let address = client.limited_as();
        match &self.addresses {
            Some(addresses) => addresses.take(address).map_err(|wait| {
                debug!(%address, "too many requests from this address");
                Refusal::TooMany(wait)
            }),
            None => Ok(()),
        }
    }

    /// Limits how many unknown credentials are looked at at once, and how often one address fails. A credential that
    /// was good lately waits for none of that: whoever sends bad ones, and however slow a provider is, those who are
    /// signed in go on.
    pub(super) async fn authenticate(
        &self,
        client: ClientAddress,
        headers: &HeaderMap,
    ) -> Result<Authenticating, Refusal> {
        let address = client.limited_as();
        let credential = self.hash_of(headers);
        let good_since = credential.and_then(|credential| self.good.get(&credential));
        if good_since.is_some() || credential.is_none() {
            let is_news = good_since.is_some_and(|since| since.elapsed() > GOOD_FOR / 2);
            return Ok(Authenticating { address, credential, is_news, _place: None });
        }
        if let Some(wait) = self.blocked_for(address) {
            return Err(Refusal::TooMany(wait));
        }
        let place = self.place(address).await?;
        Ok(Authenticating { address, credential, is_news: true, _place: Some(place) })
    }

    /// The credential was not good. Without one it is no failure: so clients ask how to authenticate.
    pub(super) fn failed(&self, who: &Authenticating) {
        let address = who.address;
        if who.credential.is_some()
            && let Some(failures) = &self.failures
            && let Err(wait) = failures.take(address)
        {
            info!(%address, "too many credentials from this address were not good");
            self.blocked.insert(address, Instant::now() + wait);
        }
    }

    /// After authentication: limits what a principal asks for, and reads the body. The request with its body, and
    /// what it takes of the limits.
    pub(super) async fn admit(
        &self,
        who: Authenticating,
        principal: &Principal,
        request: Request,
    ) -> Result<(Request, impl Sized + use<>), Refusal> {
        if let Some(credential) = who.credential.filter(|_| who.is_news) {
            self.good.insert(credential, Instant::now());
        }
        // A body that comes slowly takes nobody's place.
        drop(who);
        let principal = key_of(principal);
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

/// Subject and issuer.
fn key_of(principal: &Principal) -> String {
    format!("{}\n{}", principal.issuer().unwrap_or_default(), principal.subject())
}
