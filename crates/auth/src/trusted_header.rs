//! The `x-rls-user-id` header, from a proxy that has authenticated the user.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use retail_domain::ports::{Clock, Credential, IdentityResolver, Proof, StoreDirectory};
use retail_domain::{Error, ErrorCode, RlsUserId, VerifiedIdentity, Visibility};
use serde::Deserialize;
use uuid::Uuid;

use crate::acting::act_for;
use crate::cached_stores::CachedStores;
use crate::scopes::scopes_of;

/// An address, or a network in CIDR notation, from which the header is believed.
///
/// ```
/// use retail_auth::PeerNetwork;
///
/// assert_eq!("10.1.0.0/16".parse::<PeerNetwork>()?.to_string(), "10.1.0.0/16");
/// assert_eq!("::1".parse::<PeerNetwork>()?.to_string(), "::1/128");
/// assert!("0.0.0.0/0".parse::<PeerNetwork>().is_err());
/// # Ok::<(), retail_auth::ParsePeerNetworkError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct PeerNetwork(IpNet);

/// A text that names no usable network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePeerNetworkError {
    /// It is no address and no network.
    #[error("write an IP address or a network such as 10.1.0.0/16")]
    Malformed,
    /// It is the whole internet: anybody could say who they are.
    #[error("a network of all addresses would let anybody send the header")]
    AllAddresses,
}

impl PeerNetwork {
    /// Whether the address is in it. An IPv4 address that is written as IPv6 counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for PeerNetwork {
    type Err = ParsePeerNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address.to_canonical()),
            Err(_) => text.parse().map_err(|_| ParsePeerNetworkError::Malformed)?,
        };
        if network.prefix_len() == 0 {
            return Err(ParsePeerNetworkError::AllAddresses);
        }
        Ok(Self(network))
    }
}

impl TryFrom<String> for PeerNetwork {
    type Error = ParsePeerNetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for PeerNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who may send the header: this machine, and the networks that the operator listed.
///
/// ```
/// use retail_auth::TrustedPeers;
///
/// let peers = TrustedPeers::new(vec!["10.1.0.0/16".parse()?]);
/// assert!(peers.allows("127.0.0.1".parse().unwrap()));
/// assert!(peers.allows("10.1.2.3".parse().unwrap()));
/// assert!(!peers.allows("10.2.0.1".parse().unwrap()));
/// # Ok::<(), retail_auth::ParsePeerNetworkError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct TrustedPeers(Vec<PeerNetwork>);

/// For the log: what the operator can do.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} sent x-rls-user-id and is not listed in auth.trusted_header.proxies; list it if it is your \
     proxy"
)]
struct UnlistedPeer(IpAddr);

impl TrustedPeers {
    /// Loopback and these networks.
    pub fn new(networks: Vec<PeerNetwork>) -> Self {
        Self(networks)
    }

    /// Whether the header is believed when it comes from `peer`, the other end of the connection.
    /// An address that itself came in a header must not be asked about here.
    pub fn allows(&self, peer: IpAddr) -> bool {
        // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d.
        let peer = peer.to_canonical();
        peer.is_loopback() || self.0.iter().any(|network| network.0.contains(&peer))
    }

    /// Makes a credential of the header, when `peer` may send it.
    ///
    /// # Errors
    /// [`Unauthenticated`](ErrorCode::Unauthenticated) for another peer. The cause, for the log, says
    /// which setting would allow it.
    pub fn credential(&self, peer: IpAddr, header: &str) -> Result<Credential, Error> {
        if self.allows(peer) {
            Ok(Credential::trusted_header(header))
        } else {
            Err(Error::new(
                ErrorCode::Unauthenticated,
                "x-rls-user-id is not accepted from this address",
            )
            .with_cause(UnlistedPeer(peer)))
        }
    }
}

/// Why a header is refused, for the log.
#[derive(Debug, thiserror::Error)]
enum HeaderFault {
    #[error("x-rls-user-id is no UUID")]
    NoUuid(#[source] uuid::Error),
    #[error(
        "no store has this x-rls-user-id, and auth.trusted_header.head_office_ids does not list it"
    )]
    UnknownId,
}

impl From<HeaderFault> for Error {
    fn from(fault: HeaderFault) -> Self {
        Self::new(ErrorCode::Unauthenticated, "x-rls-user-id is not valid").with_cause(fault)
    }
}

/// Believes the identity in the header. Its caller has asked [`TrustedPeers`] before.
///
/// An identity is a store's, or is listed as head office's. There is no special value: the all-zero
/// UUID is refused like any other unknown one unless the operator lists it. A caller has all scopes, but
/// a store sees costs only [when told so](Self::with_costs_for_stores).
pub struct TrustedHeaderResolver {
    head_office_ids: HashSet<Uuid>,
    stores: CachedStores,
    stores_see_costs: bool,
}

impl TrustedHeaderResolver {
    /// A resolver for which `head_office_ids`, and no other identities, see all stores. Stores that
    /// `directory` found are remembered for a minute.
    pub fn new(
        head_office_ids: impl IntoIterator<Item = Uuid>,
        clock: Arc<dyn Clock>,
        directory: Arc<dyn StoreDirectory>,
    ) -> Self {
        Self {
            head_office_ids: head_office_ids.into_iter().collect(),
            stores: CachedStores::new(directory, clock),
            stores_see_costs: false,
        }
    }

    /// Shows stores what products cost and earn.
    #[must_use]
    pub fn with_costs_for_stores(mut self, stores_see_costs: bool) -> Self {
        self.stores_see_costs = stores_see_costs;
        self
    }
}

#[async_trait]
impl IdentityResolver for TrustedHeaderResolver {
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error> {
        let Proof::TrustedHeader(value) = &credential.proof else {
            return Err(Error::new(
                ErrorCode::Unauthenticated,
                "the identity must come in x-rls-user-id, set by the proxy",
            ));
        };
        let id = Uuid::parse_str(value).map_err(HeaderFault::NoUuid)?;
        // The subject stands in logs. It names the identity without writing it out, since
        // within the trusted network the identity is all that one needs to be that store.
        let (subject, visibility) = if self.head_office_ids.contains(&id) {
            let (first_digits, ..) = id.as_fields();
            (format!("trusted-header:head-office-{first_digits:08x}"), Visibility::AllStores)
        } else {
            let store =
                self.stores.store_find(RlsUserId(id)).await?.ok_or(HeaderFault::UnknownId)?;
            (format!("trusted-header:store-{}", store.id), Visibility::Store(store))
        };
        let scopes = scopes_of(&visibility, self.stores_see_costs);
        let identity = VerifiedIdentity::new(subject, visibility, scopes);
        act_for(identity, credential.acting_store.as_ref(), &self.stores).await
    }
}

impl fmt::Debug for TrustedHeaderResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedHeaderResolver")
            .field("head_office_ids", &self.head_office_ids.len())
            .finish_non_exhaustive()
    }
}
