//! What an operator says about identity providers and the rights of their users.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use retail_domain::Scope;
use secrecy::SecretString;

use super::http::{self, BadUrl};

/// A signature that tokens may have. There is no HMAC and no `none` here: a shared secret or no
/// signature at all cannot be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSA PKCS #1 v1.5 with SHA-256: what Microsoft Entra ID signs with.
    Rs256,
    /// RSA PKCS #1 v1.5 with SHA-384.
    Rs384,
    /// RSA PKCS #1 v1.5 with SHA-512.
    Rs512,
    /// RSA PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// All that there are.
    pub const ALL: [Self; 7] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Es256, Self::Es384, Self::EdDsa];

    /// The name in tokens, for example `RS256`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// None for the algorithms that are never accepted.
    pub(super) fn from_jwt(algorithm: Algorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.to_jwt() == algorithm)
    }

    pub(super) fn to_jwt(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Rs384 => Algorithm::RS384,
            Self::Rs512 => Algorithm::RS512,
            Self::Ps256 => Algorithm::PS256,
            Self::Es256 => Algorithm::ES256,
            Self::Es384 => Algorithm::ES384,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SigningAlgorithm {
    type Err = SettingsError;

    fn from_str(name: &str) -> Result<Self, SettingsError> {
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or(SettingsError::Algorithm)
    }
}

/// One identity provider.
///
/// **Audiences** are compared as texts, exactly, and a token is good when it names one of them. An
/// application can be named in three ways that are different texts, so list those that your provider
/// puts into `aud`: the application id URI (`api://…`), the bare client id, the address of this server.
///
/// **Microsoft Entra ID.** The version of a token is a property of *this* application, in its manifest
/// (`requestedAccessTokenVersion`), whatever endpoint the client asks:
///
/// | | issuer | `aud` |
/// |---|---|---|
/// | version 1, the default | `https://sts.windows.net/<tenant>/`, with the slash | `api://<client id>` |
/// | version 2 | `https://login.microsoftonline.com/<tenant>/v2.0` | `<client id>` |
///
/// MCP clients send the address of this server as `resource` (RFC 8707). Entra answers `AADSTS9010010`
/// when that address and the scopes that are asked for belong to different applications, which is so while
/// the application id URI is `api://…`. Register the address of this server as an application id URI too
/// (version 2 tokens), and let the scopes have it as their prefix. Issuers of many tenants, whose metadata
/// say `{tenantid}`, are not supported: list each tenant as an issuer.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// The address in `iss`, and in the provider's own metadata, to the last slash.
    pub issuer: String,
    /// Values of `aud` that mean this server. Not empty.
    pub audiences: Vec<String>,
    /// Signatures that are accepted. Not empty.
    pub algorithms: Vec<SigningAlgorithm>,
    /// How far the provider's clock may differ: 0 to 300 seconds.
    pub clock_skew: Duration,
    /// Refuse a JWT without `nbf`. Entra and Keycloak differ here: Entra always sends it, others need not
    /// (RFC 7519 makes it optional), so that only their operator can know.
    pub require_nbf: bool,
    /// How old keys may be before they are fetched anew: 1 minute to 1 day. A key that the provider took
    /// back is believed no longer than twice this, while the provider answers.
    pub jwks_refresh: Duration,
    /// How long the last keys are used while the provider does not answer: from `jwks_refresh` to 7 days.
    pub outage_grace: Duration,
    /// What stands before the names of scopes in tokens, such as `api://<client id>/`. Names without it are
    /// accepted too.
    pub scope_prefix: Option<String>,
    /// Where tokens that are no JWT are looked up. None: they are refused.
    pub introspection: Option<IntrospectionSettings>,
}

impl IssuerSettings {
    /// A provider with the usual settings: RS256 and ES256, 60 seconds of skew, keys fetched each hour and
    /// used for a day without the provider.
    pub fn new<S: Into<String>>(
        issuer: impl Into<String>,
        audiences: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: audiences.into_iter().map(Into::into).collect(),
            algorithms: vec![SigningAlgorithm::Rs256, SigningAlgorithm::Es256],
            clock_skew: Duration::from_mins(1),
            require_nbf: true,
            jwks_refresh: Duration::from_hours(1),
            outage_grace: Duration::from_hours(24),
            scope_prefix: None,
            introspection: None,
        }
    }

    fn check(&self) -> Result<(), SettingsError> {
        let issuer = || self.issuer.clone();
        http::parse_url(&self.issuer).map_err(|reason| SettingsError::Address {
            what: "issuer",
            value: issuer(),
            reason,
        })?;
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            return Err(SettingsError::NoAudience { issuer: issuer() });
        }
        if self.algorithms.is_empty() {
            return Err(SettingsError::NoAlgorithm { issuer: issuer() });
        }
        let minute = Duration::from_mins(1);
        let (day, week) = (Duration::from_hours(24), Duration::from_hours(7 * 24));
        for (what, value, least, most) in [
            ("clock skew", self.clock_skew, Duration::ZERO, Duration::from_mins(5)),
            ("JWKS refresh interval", self.jwks_refresh, minute, day),
            ("outage grace", self.outage_grace, self.jwks_refresh, week),
        ] {
            if value < least || value > most {
                return Err(SettingsError::OutOfRange { issuer: issuer(), what, least, most });
            }
        }
        if let Some(introspection) = &self.introspection {
            let endpoint = &introspection.endpoint;
            http::parse_url(endpoint).map_err(|reason| SettingsError::Address {
                what: "introspection endpoint",
                value: endpoint.clone(),
                reason,
            })?;
        }
        Ok(())
    }
}

/// Where a provider says what an opaque token means (RFC 7662).
#[derive(Debug, Clone)]
pub struct IntrospectionSettings {
    /// Address of the endpoint.
    pub endpoint: String,
    /// Who asks.
    pub client_id: String,
    /// Its secret, sent by HTTP basic authentication.
    pub client_secret: SecretString,
}

/// What a rule gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleGrant {
    /// The rows of these stores: names, keys, or identities for row level security.
    Stores(Vec<String>),
    /// Head office: the rows of all stores.
    AllStores,
}

/// Who has rights: those whose token says `value` in `claim`.
///
/// Choose claims that nobody can choose for themselves: `oid`, `sub`, `groups` (by id) or `roles`. A
/// `preferred_username` can be changed, and given to somebody else later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingRule {
    /// Name of the rule, for the log.
    pub name: String,
    /// Whose tokens. None is for a single issuer: where there are several, a rule must say which, since the
    /// same `sub` is another person elsewhere.
    pub issuer: Option<String>,
    /// The claim: a name, or a path with dots such as `realm_access.roles`.
    pub claim: String,
    /// Its value, or one of its values where it has a list.
    pub value: String,
    /// Whose rows.
    pub grant: RuleGrant,
    /// The most that it allows. [`Scope::Costs`] is given by this list alone and is in no token; all others
    /// must be in the token too.
    pub scopes: BTreeSet<Scope>,
}

/// An agent that may act for users (`act` of RFC 8693).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationRule {
    /// Whose tokens. None is for a single issuer.
    pub issuer: Option<String>,
    /// `sub` of the actor, or its `client_id` where it has no `sub`.
    pub actor: String,
    /// The most that remains of the user's rights.
    pub scopes: BTreeSet<Scope>,
}

/// All that an [`OidcResolver`](super::OidcResolver) goes by.
#[derive(Debug, Clone, Default)]
pub struct OidcSettings {
    /// The identity providers. At least one.
    pub issuers: Vec<IssuerSettings>,
    /// Who has rights, besides the table.
    pub rules: Vec<MappingRule>,
    /// Which agents may act for others.
    pub delegations: Vec<DelegationRule>,
}

impl OidcSettings {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.issuers.is_empty() {
            return Err(SettingsError::NoIssuer);
        }
        let mut known = BTreeSet::new();
        for issuer in &self.issuers {
            issuer.check()?;
            if !known.insert(issuer.issuer.as_str()) {
                return Err(SettingsError::DuplicateIssuer { issuer: issuer.issuer.clone() });
            }
        }
        let rules = self.rules.iter().map(|rule| (&rule.name, rule.issuer.as_deref()));
        let delegations = self.delegations.iter().map(|rule| (&rule.actor, rule.issuer.as_deref()));
        for (rule, issuer) in rules.chain(delegations) {
            match issuer {
                Some(issuer) if !known.contains(issuer) => {
                    return Err(SettingsError::UnknownIssuer { rule: rule.clone() });
                }
                None if known.len() > 1 => {
                    return Err(SettingsError::RuleWithoutIssuer { rule: rule.clone() });
                }
                _ => {}
            }
        }
        for rule in &self.rules {
            let has_no_store =
                matches!(&rule.grant, RuleGrant::Stores(stores) if stores.is_empty());
            if rule.claim.is_empty() || rule.value.is_empty() || has_no_store {
                return Err(SettingsError::EmptyRule { rule: rule.name.clone() });
            }
        }
        Ok(())
    }
}

/// Settings that cannot work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no issuer.
    #[error("no issuer is named")]
    NoIssuer,
    /// Two issuers have the same address.
    #[error("the issuer {issuer} is named twice")]
    DuplicateIssuer {
        /// Its address.
        issuer: String,
    },
    /// An address cannot be used.
    #[error("the address of the {what}, {value}, {reason}")]
    Address {
        /// Whose address.
        what: &'static str,
        /// The address.
        value: String,
        /// What is wrong with it.
        reason: BadUrl,
    },
    /// No audience: any token of the provider would do, whoever it is for.
    #[error("the issuer {issuer} needs an audience, and none may be empty")]
    NoAudience {
        /// Its address.
        issuer: String,
    },
    /// No algorithm.
    #[error("the issuer {issuer} needs an algorithm")]
    NoAlgorithm {
        /// Its address.
        issuer: String,
    },
    /// A name that is none of [`SigningAlgorithm::ALL`].
    #[error("must be RS256, RS384, RS512, PS256, ES256, ES384 or EdDSA")]
    Algorithm,
    /// A time is too short or too long.
    #[error("the {what} of the issuer {issuer} must be {least:?} to {most:?}")]
    OutOfRange {
        /// The issuer's address.
        issuer: String,
        /// Which time.
        what: &'static str,
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// A rule names an issuer that is not there.
    #[error("the rule {rule} names an issuer that is not listed")]
    UnknownIssuer {
        /// Name of the rule.
        rule: String,
    },
    /// There are several issuers, and a rule does not say for which it is.
    #[error("the rule {rule} must name its issuer, since there are several")]
    RuleWithoutIssuer {
        /// Name of the rule.
        rule: String,
    },
    /// A rule has no claim, no value or no store.
    #[error("the rule {rule} needs a claim, a value, and a store or all stores")]
    EmptyRule {
        /// Name of the rule.
        rule: String,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {reason}")]
    Tls {
        /// Why.
        reason: String,
    },
}
