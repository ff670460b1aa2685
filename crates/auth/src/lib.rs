#![doc = include_str!("../README.md")]

mod cached_stores;
mod challenge;
mod dev_token;
mod trusted_header;

pub use challenge::www_authenticate;
pub use dev_token::{
    DevTokenClaims, DevTokenKey, DevTokenResolver, DevTokens, KeyFileError, Leeway,
    LeewayOutOfRange, MAX_TTL, MintError, StoreGrant,
};
pub use trusted_header::{ParsePeerNetworkError, PeerNetwork, TrustedHeaderResolver, TrustedPeers};
