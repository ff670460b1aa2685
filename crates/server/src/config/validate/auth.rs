//! Whether `auth.mode = "oidc"` can work.

use super::Faults;
use crate::config::{AuthConfig, IssuerConfig};

pub(super) fn validate(faults: &mut Faults<'_>) {
    let auth = &faults.config.auth;
    if auth.resource.is_none() {
        faults.add(
            "auth.resource",
            "must be set with auth.mode = \"oidc\": the public address of /mcp, such as \
             https://mcp.example.com/mcp",
        );
    }
    if auth.issuers.is_empty() {
        faults.add(
            "auth.issuers",
            "must have an issuer with auth.mode = \"oidc\": write a section [auth.issuers.entra] with issuer \
             and audiences",
        );
    }
    if auth.rules.is_empty() && !auth.identity_table {
        faults.add(
            "auth.rules",
            "must have a rule with auth.mode = \"oidc\", or nobody has rights: write a section \
             [auth.rules.NAME] with claim, value and stores, or set auth.identity_table = true",
        );
    }
    for (name, issuer) in &auth.issuers {
        validate_issuer(faults, &format!("auth.issuers.{name}"), issuer);
    }
    for (name, rule) in &auth.rules {
        let section = format!("auth.rules.{name}");
        validate_issuer_name(faults, &section, auth, rule.issuer.as_deref());
        for (key, value) in [("claim", &rule.claim), ("value", &rule.value)] {
            if value.is_none() {
                faults.add(&format!("{section}.{key}"), "must be set");
            }
        }
        if rule.stores.is_empty() != rule.all_stores {
            faults.add(
                &format!("{section}.stores"),
                "must name a store, or all_stores must be true, and not both",
            );
        }
    }
    for (name, delegation) in &auth.delegations {
        let section = format!("auth.delegations.{name}");
        validate_issuer_name(faults, &section, auth, delegation.issuer.as_deref());
        if delegation.actor.is_none() {
            faults.add(&format!("{section}.actor"), "must be set");
        }
    }
}

fn validate_issuer(faults: &mut Faults<'_>, section: &str, issuer: &IssuerConfig) {
    if issuer.issuer.is_none() {
        faults.add(&format!("{section}.issuer"), "must be set: it is `iss` of the tokens");
    }
    if issuer.audiences.is_empty() {
        faults.add(
            &format!("{section}.audiences"),
            "must name what stands in `aud` of the tokens for this server",
        );
    }
    if issuer.algorithms.is_empty() {
        faults.add(&format!("{section}.algorithms"), "must name an algorithm, such as RS256");
    }
    if issuer.outage_grace < issuer.jwks_refresh {
        faults.add(&format!("{section}.outage_grace"), "must not be shorter than jwks_refresh");
    }
    let introspection = [
        ("introspection_endpoint", issuer.introspection_endpoint.is_some()),
        ("introspection_client_id", issuer.introspection_client_id.is_some()),
        ("introspection_client_secret", issuer.introspection_client_secret.is_some()),
    ];
    if introspection.iter().any(|(_, is_set)| *is_set) {
        for (key, _) in introspection.iter().filter(|(_, is_set)| !is_set) {
            faults.add(
                &format!("{section}.{key}"),
                "must be set, as the other two keys of introspection are",
            );
        }
    }
}

fn validate_issuer_name(
    faults: &mut Faults<'_>,
    section: &str,
    auth: &AuthConfig,
    name: Option<&str>,
) {
    let key = format!("{section}.issuer");
    match name {
        Some(name) if !auth.issuers.contains_key(name) => {
            faults.add(&key, format!("names [auth.issuers.{name}], which is not there"));
        }
        None if auth.issuers.len() > 1 => faults.add(
            &key,
            "must be set where there are several issuers: the same sub is another person elsewhere",
        ),
        _ => {}
    }
}
