//! Section `auth`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use retail_auth::PeerNetwork;
use retail_domain::Scope;
use secrecy::SecretString;
use serde::Deserialize;
use uuid::Uuid;

/// Section `auth`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// How callers prove who they are. There is no default: `serve` asks for it.
    pub mode: Option<AuthMode>,
    /// Whether product search shows stores what products cost and earn.
    pub store_managers_see_costs: bool,
    /// Public address of `/mcp`.
    pub resource: Option<String>,
    /// Where people read about this server.
    pub documentation_url: Option<String>,
    /// What clients are told to ask for when they sign in.
    pub sign_in_scopes: BTreeSet<Scope>,
    /// Whether rights are looked up in `retail_mcp.identity` too.
    pub identity_table: bool,
    /// Section `auth.dev_token`.
    pub dev_token: DevTokenConfig,
    /// Section `auth.trusted_header`.
    pub trusted_header: TrustedHeaderConfig,
    /// Sections `auth.issuers.<name>`.
    #[serde(default)]
    pub issuers: BTreeMap<String, IssuerConfig>,
    /// Sections `auth.rules.<name>`.
    #[serde(default)]
    pub rules: BTreeMap<String, RuleConfig>,
    /// Sections `auth.delegations.<name>`.
    #[serde(default)]
    pub delegations: BTreeMap<String, DelegationConfig>,
}

/// How callers prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// By a token that `retail-mcp token` minted.
    DevToken,
    /// By `x-rls-user-id`, which a proxy sets.
    TrustedHeader,
    /// By a token of an identity provider.
    Oidc,
}

impl fmt::Display for AuthMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DevToken => "dev-token",
            Self::TrustedHeader => "trusted-header",
            Self::Oidc => "oidc",
        })
    }
}

/// Section `auth.dev_token`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevTokenConfig {
    /// File of the key that signs tokens. None: a file in the data folder.
    pub key_file: Option<PathBuf>,
    /// Life of a token when `retail-mcp token` is given none.
    #[serde(with = "humantime_serde")]
    pub default_ttl: Duration,
    /// Whether tokens are taken on an address that other machines reach.
    pub allow_remote: bool,
}

/// Section `auth.trusted_header`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedHeaderConfig {
    /// Addresses and networks of proxies that may send the header, besides loopback.
    pub proxies: Vec<PeerNetwork>,
    /// The identities that see all stores.
    pub head_office_ids: Vec<Uuid>,
}

/// Section `auth.issuers.<name>`: an identity provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its address, as in `iss`. Must be set.
    pub issuer: Option<String>,
    /// Values of `aud` that mean this server.
    pub audiences: Vec<String>,
    /// Signatures that are accepted.
    pub algorithms: Vec<String>,
    /// How far its clock may differ.
    #[serde(with = "humantime_serde")]
    pub clock_skew: Duration,
    /// Refuse a JWT without `nbf`.
    pub require_nbf: bool,
    /// How old keys may be before they are fetched anew.
    #[serde(with = "humantime_serde")]
    pub jwks_refresh: Duration,
    /// How long the last keys are used while the provider does not answer.
    #[serde(with = "humantime_serde")]
    pub outage_grace: Duration,
    /// What stands before the names of scopes.
    pub scope_prefix: Option<String>,
    /// Where opaque tokens are looked up.
    pub introspection_endpoint: Option<String>,
    /// Who asks there.
    pub introspection_client_id: Option<String>,
    /// Its secret.
    pub introspection_client_secret: Option<SecretString>,
}

/// Section `auth.rules.<name>`: who has rights.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Name of the issuer's section. None: the only one.
    pub issuer: Option<String>,
    /// The claim that is looked at. Must be set.
    pub claim: Option<String>,
    /// Its value. Must be set.
    pub value: Option<String>,
    /// The stores that it opens.
    pub stores: Vec<String>,
    /// Whether it opens all stores.
    pub all_stores: bool,
    /// The most that it allows.
    pub scopes: BTreeSet<Scope>,
}

/// Section `auth.delegations.<name>`: an agent that may act for users.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegationConfig {
    /// Name of the issuer's section. None: the only one.
    pub issuer: Option<String>,
    /// Who acts. Must be set.
    pub actor: Option<String>,
    /// The most that remains of the user's rights.
    pub scopes: BTreeSet<Scope>,
}
