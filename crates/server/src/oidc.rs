//! From the configuration to what the resolver and clients need to know.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context;
use retail_auth::{
    Challenge, DelegationRule, IntrospectionSettings, IssuerSettings, MappingRule, OidcResolver,
    OidcSettings, ProtectedResourceMetadata, RuleGrant,
};
use retail_domain::Scope;
use tracing::{info, warn};

use crate::config::{AuthConfig, IssuerConfig, RuleConfig};

/// How often it is looked whether keys are due.
const REFRESH_EVERY: Duration = Duration::from_secs(30);

/// The settings of a configuration that was validated.
///
/// # Errors
/// Names the key that must be set.
pub(crate) fn settings(config: &AuthConfig) -> anyhow::Result<OidcSettings> {
    // A name that is not there must not become "any issuer".
    let url_of = |name: &Option<String>| match name {
        None => Ok(None),
        Some(name) => {
            let url = config.issuers.get(name).and_then(|issuer| issuer.issuer.clone());
            url.map(Some).with_context(|| format!("auth.issuers.{name} is not there"))
        }
    };
    let issuers = config.issuers.iter().map(|(name, issuer)| {
        issuer_settings(issuer).with_context(|| format!("auth.issuers.{name}"))
    });
    let rules = config.rules.iter().map(|(name, rule)| {
        url_of(&rule.issuer)
            .and_then(|issuer| mapping_rule(name, rule, issuer))
            .with_context(|| format!("auth.rules.{name}"))
    });
    let delegations = config.delegations.iter().map(|(name, rule)| {
        let actor = rule.actor.clone();
        Ok(DelegationRule {
            issuer: url_of(&rule.issuer)?,
            actor: actor.with_context(|| format!("auth.delegations.{name}.actor must be set"))?,
            scopes: rule.scopes.clone(),
        })
    });
    Ok(OidcSettings {
        issuers: issuers.collect::<anyhow::Result<_>>()?,
        rules: rules.collect::<anyhow::Result<_>>()?,
        delegations: delegations.collect::<anyhow::Result<_>>()?,
    })
}

fn issuer_settings(config: &IssuerConfig) -> anyhow::Result<IssuerSettings> {
    let issuer = config.issuer.clone().context("issuer must be set")?;
    let algorithms = config.algorithms.iter().map(|name| name.parse());
    let introspection = match (
        &config.introspection_endpoint,
        &config.introspection_client_id,
        &config.introspection_client_secret,
    ) {
        (Some(endpoint), Some(client_id), Some(client_secret)) => Some(IntrospectionSettings {
            endpoint: endpoint.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
        }),
        _ => None,
    };
    Ok(IssuerSettings {
        algorithms: algorithms.collect::<Result<_, _>>()?,
        clock_skew: config.clock_skew,
        require_nbf: config.require_nbf,
        jwks_refresh: config.jwks_refresh,
        outage_grace: config.outage_grace,
        scope_prefix: config.scope_prefix.clone(),
        introspection,
        ..IssuerSettings::new(issuer, config.audiences.iter().cloned())
    })
}

fn mapping_rule(
    name: &str,
    config: &RuleConfig,
    issuer: Option<String>,
) -> anyhow::Result<MappingRule> {
    let grant = if config.all_stores {
        RuleGrant::AllStores
    } else {
        RuleGrant::Stores(config.stores.clone())
    };
    Ok(MappingRule {
        name: name.to_owned(),
        issuer,
        claim: config.claim.clone().context("claim must be set")?,
        value: config.value.clone().context("value must be set")?,
        grant,
        scopes: config.scopes.clone(),
    })
}

/// What clients are told: where tokens come from, and the names of scopes.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The document of RFC 9728.
    pub metadata: ProtectedResourceMetadata,
    scope_prefix: Option<String>,
    first_scopes: BTreeSet<Scope>,
}

impl SignIn {
    /// What the configuration says. `issuers` as in [`settings`].
    pub(crate) fn new(config: &AuthConfig, settings: &OidcSettings) -> anyhow::Result<Self> {
        let resource = config.resource.clone().context("auth.resource must be set")?;
        let prefixes: BTreeSet<_> =
            settings.issuers.iter().map(|issuer| issuer.scope_prefix.clone()).collect();
        // Of two prefixes neither is right for all clients.
        let scope_prefix = match prefixes.into_iter().collect::<Vec<_>>().as_slice() {
            [Some(only)] => Some(only.trim_end_matches('/').to_owned()),
            _ => None,
        };
        let issuers = settings.issuers.iter().map(|issuer| issuer.issuer.clone());
        let metadata = ProtectedResourceMetadata::new(resource, issuers)
            .with_documentation(config.documentation_url.clone());
        let first_scopes = config.sign_in_scopes.clone();
        let sign_in = Self { metadata, scope_prefix, first_scopes };
        // Those that a call can need. Costs are in no token.
        let scopes = [Scope::Read, Scope::Search, Scope::Sql];
        let names = scopes.map(|scope| sign_in.scope_name(scope));
        Ok(Self { metadata: sign_in.metadata.with_scopes(names), ..sign_in })
    }

    /// Adds to a challenge where to sign in, and for what at first. Other scopes are asked for when a call
    /// needs them.
    pub(crate) fn first(&self, challenge: Challenge) -> Challenge {
        self.point_to(challenge, self.first_scopes.iter().copied())
    }

    /// Adds to a challenge where to sign in, and for what.
    pub(crate) fn point_to(
        &self,
        challenge: Challenge,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Challenge {
        challenge
            .scopes(scopes.into_iter().map(|scope| self.scope_name(scope)))
            .resource_metadata(self.metadata.url())
    }

    /// A scope as clients ask for it.
    pub fn scope_name(&self, scope: Scope) -> String {
        match &self.scope_prefix {
            Some(prefix) => format!("{prefix}/{scope}"),
            None => scope.to_string(),
        }
    }
}

/// Keeps the keys of providers fresh until the resolver is gone.
pub(crate) async fn keep_fresh(resolver: Weak<OidcResolver>) {
    let mut failing = BTreeSet::new();
    while let Some(resolver) = Weak::upgrade(&resolver) {
        resolver.refresh().await;
        // Told once an outage, and not as callers notice it: that may be a day later.
        let outages = resolver.outages();
        for (issuer, reason) in &outages {
            if !failing.contains(issuer) {
                warn!(
                    alert = "identity_provider",
                    issuer, reason, "an identity provider gives no keys"
                );
            }
        }
        let now_failing: BTreeSet<String> = outages.into_iter().map(|(issuer, _)| issuer).collect();
        for issuer in failing.difference(&now_failing) {
            info!(issuer, "an identity provider gives keys again");
        }
        failing = now_failing;
        drop::<Arc<OidcResolver>>(resolver);
        tokio::time::sleep(REFRESH_EVERY).await;
    }
}
