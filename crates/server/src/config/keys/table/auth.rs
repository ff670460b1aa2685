//! Section `auth`.

use super::{MINUTE_MS, duration_ms, key};
use crate::config::keys::{Key, Kind};

const SCOPES: &[&str] =
    &["retail.read", "retail.search", "retail.sql", "retail.costs", "retail.admin"];

pub(super) const KEYS: &[Key] = &[
    key(
        "auth.mode",
        Kind::Choice(&["dev-token", "trusted-header", "oidc"]),
        None,
        "How callers prove who they are: `oidc` (a token of an identity provider, such as Microsoft Entra \
         ID), `trusted-header` (`x-rls-user-id`, set by a proxy that has authenticated the user) or \
         `dev-token` (a token from `retail-mcp token`). `serve` does not start without it; `demo` uses \
         `dev-token`.",
    ),
    key(
        "auth.store_managers_see_costs",
        Kind::Boolean,
        Some("false"),
        "Whether product search shows store managers what products cost and earn, as it shows head office. A \
         development token can say so for itself (`retail-mcp token --with-costs`). Callers' own SQL is not \
         limited by it.",
    ),
    key(
        "auth.resource",
        Kind::Url,
        None,
        "Public address of `/mcp`, as clients write it, such as `https://mcp.example.com/mcp`. Clients that \
         are not signed in are told it, and ask for tokens with it. `oidc` does not start without it.",
    ),
    key(
        "auth.documentation_url",
        Kind::Url,
        None,
        "Where people read how to get access. Clients may show it.",
    ),
    key(
        "auth.sign_in_scopes",
        Kind::Choices(SCOPES),
        Some("retail.read,retail.search"),
        "What clients are told to ask for when they sign in. What else a call needs, they are told then \
         (step-up). Clients of the MCP TypeScript SDK 1.x cannot do that while they hold a refresh token: add \
         `retail.sql` where people use such clients.",
    ),
    key(
        "auth.identity_table",
        Kind::Boolean,
        Some("false"),
        "Whether rights are looked up in the table `retail_mcp.identity` too, besides `auth.rules`.",
    ),
    key(
        "auth.dev_token.key_file",
        Kind::Path,
        None,
        "File of the key that signs tokens, readable by its owner alone. It is made when it is not \
         there. Not set: a file in the data folder.",
    ),
    key(
        "auth.dev_token.default_ttl",
        duration_ms(1000, 30 * 24 * 60 * MINUTE_MS),
        Some("12h"),
        "Life of a token when `retail-mcp token` is given no `--ttl`.",
    ),
    key(
        "auth.dev_token.allow_remote",
        Kind::Boolean,
        Some("false"),
        "Whether development tokens are taken on an address that other machines reach. Whoever has the key file \
         can be anybody, so this is for trials in a closed network.",
    ),
    key(
        "auth.trusted_header.proxies",
        Kind::Networks,
        Some(""),
        "Addresses and networks (CIDR) that may send `x-rls-user-id`, besides this machine. From others \
         the header is refused.",
    ),
    key(
        "auth.trusted_header.head_office_ids",
        Kind::Uuids,
        Some(""),
        "Values of `x-rls-user-id` that see all stores. Nobody does unless you list them here.",
    ),
    key(
        "auth.issuers.<name>.issuer",
        Kind::Url,
        None,
        "Address of the provider, to the last slash as it stands in `iss` of its tokens. For Entra \
         `https://login.microsoftonline.com/TENANT/v2.0`, or `https://sts.windows.net/TENANT/` for tokens of \
         version 1. Must be set. Issuers for many tenants (`common`, `organizations`) are not supported: \
         name each tenant.",
    ),
    key(
        "auth.issuers.<name>.audiences",
        Kind::Texts,
        Some(""),
        "Values of `aud` that mean this server, compared exactly: list all that the provider uses, such as \
         the client id, `api://CLIENT-ID` and the address in `auth.resource`. Not empty.",
    ),
    key(
        "auth.issuers.<name>.algorithms",
        Kind::Choices(&["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]),
        Some("RS256,ES256"),
        "Signatures that are accepted.",
    ),
    key(
        "auth.issuers.<name>.clock_skew",
        duration_ms(0, 5 * MINUTE_MS),
        Some("60s"),
        "How far the provider's clock may differ.",
    ),
    key(
        "auth.issuers.<name>.require_nbf",
        Kind::Boolean,
        Some("true"),
        "Refuse a JWT without `nbf`. Entra always sends it; other providers need not, and Keycloak does not.",
    ),
    key(
        "auth.issuers.<name>.jwks_refresh",
        duration_ms(MINUTE_MS, 24 * 60 * MINUTE_MS),
        Some("1h"),
        "How old the provider's keys may be before they are fetched anew. A key that it takes back is \
         believed for at most twice as long.",
    ),
    key(
        "auth.issuers.<name>.outage_grace",
        duration_ms(MINUTE_MS, 7 * 24 * 60 * MINUTE_MS),
        Some("24h"),
        "How long the last keys are used while the provider does not answer. Not shorter than \
         `jwks_refresh`.",
    ),
    key(
        "auth.issuers.<name>.scope_prefix",
        Kind::Text,
        None,
        "What stands before the names of scopes, such as `api://CLIENT-ID`. Clients are told the scopes with \
         it; in tokens both forms are accepted.",
    ),
    key(
        "auth.issuers.<name>.introspection_endpoint",
        Kind::Url,
        None,
        "Where tokens that are no JWT are looked up (RFC 7662). Not set: they are refused.",
    ),
    key("auth.issuers.<name>.introspection_client_id", Kind::Text, None, "Who asks there."),
    key(
        "auth.issuers.<name>.introspection_client_secret",
        Kind::Secret,
        None,
        "Secret of that client.",
    ),
    key(
        "auth.issuers.<name>.introspection_client_secret_file",
        Kind::SecretFile { secret: "auth.issuers.<name>.introspection_client_secret" },
        None,
        "File with that secret.",
    ),
    key(
        "auth.rules.<name>.issuer",
        Kind::Text,
        None,
        "Whose tokens: the `<name>` of an issuer. Must be set where there are several.",
    ),
    key(
        "auth.rules.<name>.claim",
        Kind::Text,
        None,
        "The claim that is looked at: `oid`, `sub`, `groups`, `roles`, or a path such as \
         `realm_access.roles`. Choose one that nobody can set for themselves. Must be set.",
    ),
    key(
        "auth.rules.<name>.value",
        Kind::Text,
        None,
        "Its value, or one of its values. Must be set.",
    ),
    key(
        "auth.rules.<name>.stores",
        Kind::Texts,
        Some(""),
        "The stores that it opens: names, keys, or values of `rls_user_id`.",
    ),
    key(
        "auth.rules.<name>.all_stores",
        Kind::Boolean,
        Some("false"),
        "Whether it opens all stores. Set this or `stores`.",
    ),
    key(
        "auth.rules.<name>.scopes",
        Kind::Choices(SCOPES),
        Some("retail.read,retail.search,retail.sql"),
        "The most that it allows. A token must carry each scope too, but for `retail.costs`, which is given \
         here alone.",
    ),
    key(
        "auth.delegations.<name>.issuer",
        Kind::Text,
        None,
        "Whose tokens: the `<name>` of an issuer. Must be set where there are several.",
    ),
    key(
        "auth.delegations.<name>.actor",
        Kind::Text,
        None,
        "An agent that may act for users: `sub` or `client_id` in the token's `act`. Must be set.",
    ),
    key(
        "auth.delegations.<name>.scopes",
        Kind::Choices(SCOPES),
        Some("retail.read,retail.search"),
        "The most that remains of the user's rights.",
    ),
];
