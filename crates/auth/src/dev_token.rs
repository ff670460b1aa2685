//! Development tokens: signed by a key on this machine, expiring, for one store or for all.

mod claims;
mod key;
mod mint;
mod resolver;

pub use key::DevTokenKey;
pub use mint::{DevTokenClaims, DevTokens, MAX_TTL, MintError, StoreGrant};
pub use resolver::{DevTokenResolver, Leeway, LeewayOutOfRange};
