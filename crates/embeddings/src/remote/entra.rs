//! Tokens of Microsoft Entra.

mod credential;
mod tokens;

pub(super) use credential::TokenSource;
pub use credential::{EntraCredential, ManagedIdentityEndpoint, PUBLIC_AUTHORITY};
pub(super) use tokens::{Token, Tokens};
