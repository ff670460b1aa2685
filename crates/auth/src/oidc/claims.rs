//! The claims of a token whose signature is good, or that its issuer has looked up.

use retail_domain::ports::ClaimValue;
use serde_json::{Map, Value};

use super::fault::{TokenFault, quoted};
use super::settings::IssuerSettings;
use crate::subject::is_subject;

/// A token's payload, or an introspection answer.
pub(super) type Claims = Map<String, Value>;

/// Where claims come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Jwt,
    /// The issuer has said that the token is active, which it is not before `nbf`: that claim need not be
    /// there.
    Introspection,
}

/// Checks that the claims are of an access token, from this issuer, for this server, now.
pub(super) fn check(
    claims: &Claims,
    issuer: &IssuerSettings,
    origin: Origin,
    now_s: i64,
) -> Result<(), TokenFault> {
    if text(claims, "iss")? != issuer.issuer {
        return Err(TokenFault::Issuer);
    }
    check_audience(claims, issuer)?;
    check_times(claims, issuer, origin, now_s)?;
    check_purpose(claims)?;
    subject(claims).map(drop)
}

/// Checks the times alone: they are all that changes while a token is kept.
pub(super) fn check_times(
    claims: &Claims,
    issuer: &IssuerSettings,
    origin: Origin,
    now_s: i64,
) -> Result<(), TokenFault> {
    let skew_s = i64::try_from(issuer.clock_skew.as_secs()).unwrap_or_default();
    let exp_s = seconds(claims, "exp")?.ok_or(TokenFault::Missing("exp"))?;
    let left_s = exp_s.saturating_sub(now_s);
    if left_s.saturating_add(skew_s) <= 0 {
        return Err(TokenFault::Expired(left_s.saturating_neg()));
    }
    match seconds(claims, "nbf")? {
        None if issuer.require_nbf && origin == Origin::Jwt => {
            return Err(TokenFault::Missing("nbf"));
        }
        Some(nbf_s) if nbf_s.saturating_sub(now_s) > skew_s => {
            return Err(TokenFault::NotYetValid(nbf_s.saturating_sub(now_s)));
        }
        _ => {}
    }
    if let Some(iat_s) = seconds(claims, "iat")? {
        if iat_s.saturating_sub(now_s) > skew_s {
            return Err(TokenFault::IssuedLater(iat_s.saturating_sub(now_s)));
        }
        if iat_s > exp_s {
            return Err(TokenFault::NoLife);
        }
    }
    Ok(())
}

fn check_audience(claims: &Claims, issuer: &IssuerSettings) -> Result<(), TokenFault> {
    let audience = claims.get("aud").ok_or(TokenFault::Missing("aud"))?;
    let named = match audience {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or(TokenFault::Type("aud"))?,
        _ => return Err(TokenFault::Type("aud")),
    };
    if named.iter().any(|name| issuer.audiences.iter().any(|known| known == name)) {
        return Ok(());
    }
    Err(TokenFault::Audience { audience: quoted(&named.join(" ")) })
}

/// Issuers sign other things too, with the same keys. What is no access token is known by its claims: of
/// OpenID Connect (`at_hash`, `nonce`), of its logout tokens (`events`), of Keycloak (`typ`) and of Cognito
/// (`token_use`).
fn check_purpose(claims: &Claims) -> Result<(), TokenFault> {
    // In a code flow an ID token need not have these; but it has the nonce that it was asked with, and no scope.
    let has_scope = claims.contains_key("scp") || claims.contains_key("scope");
    if claims.contains_key("at_hash")
        || claims.contains_key("c_hash")
        || (claims.contains_key("nonce") && !has_scope)
    {
        return Err(TokenFault::NoAccessToken("id token"));
    }
    if claims.contains_key("events") {
        return Err(TokenFault::NoAccessToken("logout or event token"));
    }
    let is_other = |name: &str, good: &str| {
        claims.get(name).is_some_and(|value| {
            value.as_str().is_none_or(|value| !value.eq_ignore_ascii_case(good))
        })
    };
    if is_other("typ", "Bearer") || is_other("token_type", "Bearer") {
        return Err(TokenFault::NoAccessToken("token of another type"));
    }
    if is_other("token_use", "access") {
        return Err(TokenFault::NoAccessToken("token for another use"));
    }
    if claims.contains_key("cnf") {
        return Err(TokenFault::Bound);
    }
    Ok(())
}

/// Who the token is about. Entra's `oid` is the same in all applications; `sub` is not.
pub(super) fn subject(claims: &Claims) -> Result<&str, TokenFault> {
    let name = if claims.contains_key("oid") { "oid" } else { "sub" };
    let subject = match claims.get(name) {
        None => return Err(TokenFault::Missing("sub or oid")),
        Some(value) => value.as_str().ok_or(TokenFault::Type("sub or oid"))?,
    };
    if is_subject(subject) { Ok(subject) } else { Err(TokenFault::BadSubject) }
}

fn text<'a>(claims: &'a Claims, name: &'static str) -> Result<&'a str, TokenFault> {
    let value = claims.get(name).ok_or(TokenFault::Missing(name))?;
    value.as_str().ok_or(TokenFault::Type(name))
}

/// A `NumericDate`, which may have a fraction.
fn seconds(claims: &Claims, name: &'static str) -> Result<Option<i64>, TokenFault> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    if let Some(whole) = value.as_i64() {
        return Ok(Some(whole));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest i64")]
    value.as_f64().map(|value| Some(value as i64)).ok_or(TokenFault::Type(name))
}

/// The values of a claim: one for a text, several for a list. None when the token does not have it.
///
/// `path` is a name or, when there is no claim of that name, names joined by dots.
pub(super) fn values(claims: &Claims, path: &str) -> Option<Vec<String>> {
    let Some(value) = claims.get(path) else {
        let (first, rest) = path.split_once('.')?;
        return values(claims.get(first)?.as_object()?, rest);
    };
    match value {
        Value::Array(items) => Some(items.iter().filter_map(scalar).collect()),
        value => scalar(value).map(|value| vec![value]),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The words of a claim that is a text with spaces, or a list.
pub(super) fn words(claims: &Claims, name: &str) -> Vec<String> {
    let values = values(claims, name).unwrap_or_default();
    values.iter().flat_map(|value| value.split_ascii_whitespace()).map(ToOwned::to_owned).collect()
}

/// All values of these claims.
pub(super) fn all_values<'a>(
    claims: &Claims,
    paths: impl IntoIterator<Item = &'a str>,
) -> Vec<ClaimValue> {
    let mut found = Vec::new();
    for path in paths {
        for value in values(claims, path).unwrap_or_default() {
            found.push(ClaimValue { claim: path.to_owned(), value });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("oid", Some(vec!["7"]))]
    #[case("groups", Some(vec!["a", "b"]))]
    #[case("realm_access.roles", Some(vec!["buyer"]))]
    #[case("https://zava.example/role", Some(vec!["manager"]))]
    #[case("realm_access", None)]
    #[case("realm_access.other", None)]
    #[case("oid.roles", None)]
    #[case("sub", None)]
    fn a_claim_is_found_by_its_name_or_path(
        #[case] path: &str,
        #[case] expected: Option<Vec<&str>>,
    ) {
        let claims = json!({
            "oid": "7",
            "groups": ["a", "b", { "c": 1 }],
            "realm_access": { "roles": ["buyer"] },
            "https://zava.example/role": "manager",
        });
        let found = values(claims.as_object().unwrap(), path);
        assert_eq!(found, expected.map(|list| list.into_iter().map(ToOwned::to_owned).collect()));
    }
}
