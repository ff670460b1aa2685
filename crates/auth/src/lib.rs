#![doc = include_str!("../README.md")]

mod cached_stores;
mod challenge;
mod dev_token;
mod key_file;
mod scopes;
mod trusted_header;

pub use challenge::www_authenticate;
pub use dev_token::{
    DevTokenClaims, DevTokenKey, DevTokenResolver, DevTokens, Leeway, LeewayOutOfRange, MAX_TTL,
    MintError, StoreGrant,
};
pub use key_file::{KEY_BYTES, KeyFileError, load_key, load_or_create_key};
pub use scopes::scopes_of;
pub use trusted_header::{ParsePeerNetworkError, PeerNetwork, TrustedHeaderResolver, TrustedPeers};
