//! Tokens of identity providers: OpenID Connect and OAuth 2.1.

mod claims;
mod discovery;
mod fault;
mod http;
mod introspection;
mod jwks;
mod key_source;
mod resolver;
mod rights;
mod settings;

pub use http::BadUrl;
pub use resolver::OidcResolver;
pub use settings::{
    DelegationRule, IntrospectionSettings, IssuerSettings, MappingRule, OidcSettings, RuleGrant,
    SettingsError, SigningAlgorithm,
};
