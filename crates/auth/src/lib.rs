#![doc = include_str!("../README.md")]

mod acting;
mod cached_stores;
mod challenge;
mod dev_token;
mod key_file;
#[cfg(feature = "oidc")]
mod oidc;
mod resource_metadata;
mod scopes;
mod subject;
mod trusted_header;

pub use acting::act_for;
pub use challenge::{Challenge, www_authenticate};
pub use dev_token::{
    DevTokenClaims, DevTokenKey, DevTokenResolver, DevTokens, Leeway, LeewayOutOfRange, MAX_TTL,
    MintError, StoreGrant,
};
pub use key_file::{KEY_BYTES, KeyFileError, load_key, load_or_create_key};
#[cfg(feature = "oidc")]
pub use oidc::{
    BadUrl, DelegationRule, IntrospectionSettings, IssuerSettings, MappingRule, OidcResolver,
    OidcSettings, RuleGrant, SettingsError, SigningAlgorithm,
};
pub use resource_metadata::ProtectedResourceMetadata;
pub use scopes::scopes_of;
pub use trusted_header::{ParsePeerNetworkError, PeerNetwork, TrustedHeaderResolver, TrustedPeers};
