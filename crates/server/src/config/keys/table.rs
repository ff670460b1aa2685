//! The keys themselves.

use std::time::Duration;

use super::{Key, Kind};

const fn key(
    path: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    meaning: &'static str,
) -> Key {
    Key { path, kind, default, meaning }
}

const fn integer(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

const fn duration_ms(min: u64, max: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min), max: Duration::from_millis(max) }
}

const MINUTE_MS: u64 = 60_000;
const MIB: i64 = 1_048_576;
const SCOPES: &[&str] =
    &["retail.read", "retail.search", "retail.sql", "retail.costs", "retail.admin"];

/// All keys, in the order of the documentation.
pub(in crate::config) const KEYS: &[Key] = &[
    key(
        "server.listen",
        Kind::SocketAddr,
        Some("127.0.0.1:8000"),
        "Address and port of the HTTP server. Only this machine reaches it unless you say otherwise.",
    ),
    key(
        "server.allowed_hosts",
        Kind::Hosts,
        Some(""),
        "Values of the `Host` header that are served besides `localhost` and loopback addresses, with or without a port. \
         Requests for other hosts are refused, which stops DNS rebinding.",
    ),
    key(
        "server.allowed_origins",
        Kind::Origins,
        Some(""),
        "Values of the `Origin` header that are served. Browsers send it; other clients do not.",
    ),
    key(
        "server.max_body_bytes",
        integer(1024, 64 * MIB),
        Some("1048576"),
        "The longest request body in bytes.",
    ),
    key(
        "server.request_timeout",
        duration_ms(1000, 10 * MINUTE_MS),
        Some("60s"),
        "The longest time for one request. Must be longer than `query.statement_timeout`.",
    ),
    key(
        "server.max_header_bytes",
        integer(8192, 262_144),
        Some("32768"),
        "The longest request head (request line and headers) in bytes. A longer one is answered with 431.",
    ),
    key(
        "server.max_headers",
        integer(16, 1000),
        Some("100"),
        "The most headers of a request. More are answered with 431.",
    ),
    key(
        "server.header_timeout",
        duration_ms(100, 5 * MINUTE_MS),
        Some("10s"),
        "How long a request head may take to arrive, and a TLS handshake to end. Then the connection is closed.",
    ),
    key(
        "server.idle_timeout",
        duration_ms(100, 60 * MINUTE_MS),
        Some("75s"),
        "How long a connection may wait for its next request. Longer than your proxy's own limit, so that the \
         proxy closes first.",
    ),
    key(
        "server.body_timeout",
        duration_ms(100, 10 * MINUTE_MS),
        Some("15s"),
        "How long a request body may take to arrive; it may not pause for longer than a third of it. Then the \
         answer is 408. At most half of `server.request_timeout` counts.",
    ),
    key(
        "server.write_timeout",
        duration_ms(100, 10 * MINUTE_MS),
        Some("30s"),
        "How long a client may take nothing of its answer. Then the connection is closed.",
    ),
    key(
        "server.max_connections",
        integer(1, 1_000_000),
        Some("10000"),
        "The most connections. Where there are as many, a new one takes the place of the one that has waited \
         longest for a request; one whose request is being answered is never closed for it.",
    ),
    key(
        "server.proxies",
        Kind::Networks,
        Some(""),
        "Addresses and networks (CIDR) of your reverse proxies. For connections from them, and no others, the \
         client's address is taken from `server.proxy_header`.",
    ),
    key(
        "server.proxy_header",
        Kind::Choice(&["x-forwarded-for", "forwarded"]),
        Some("x-forwarded-for"),
        "The header in which your proxies write the client's address. Only one is read: a proxy passes the \
         other one on as the client wrote it.",
    ),
    key(
        "server.cors_origins",
        Kind::Origins,
        Some(""),
        "Web origins whose pages may call the server from a browser (CORS). They need not be in \
         `server.allowed_origins` too.",
    ),
    key(
        "server.shutdown_grace",
        duration_ms(0, 10 * MINUTE_MS),
        Some("20s"),
        "How long running requests may take to finish after a stop signal.",
    ),
    key(
        "server.tls.cert_file",
        Kind::Path,
        None,
        "PEM file with the server's certificate chain, its own certificate first. With it the server speaks TLS \
         1.2 and 1.3 and nothing else. SIGHUP reads it anew.",
    ),
    key(
        "server.tls.key_file",
        Kind::Path,
        None,
        "PEM file with the private key of that certificate.",
    ),
    key(
        "limits.address_per_second",
        integer(0, 1_000_000),
        Some("500"),
        "Requests a second from one client address (IPv6: one /64), before anybody is authenticated. More are \
         answered with 429. Generous, since many clients may share an address. 0: no limit.",
    ),
    key(
        "limits.address_burst",
        integer(1, 1_000_000),
        Some("1000"),
        "How many may come at once after a quiet time.",
    ),
    key(
        "limits.failures_per_minute",
        integer(0, 1_000_000),
        Some("60"),
        "Failed authentications a minute from one client address. Then its requests are answered with 429, except \
         those with a credential that was good in the last ten minutes. 0: no limit.",
    ),
    key(
        "limits.failures_burst",
        integer(1, 1_000_000),
        Some("20"),
        "How many may fail at once after a quiet time.",
    ),
    key(
        "limits.principal_per_second",
        integer(0, 1_000_000),
        Some("50"),
        "Requests a second of one principal (subject and issuer). More are answered with 429. 0: no limit.",
    ),
    key(
        "limits.principal_burst",
        integer(1, 1_000_000),
        Some("200"),
        "How many may come at once after a quiet time.",
    ),
    key(
        "limits.max_concurrent",
        integer(0, 1_000_000),
        Some("256"),
        "Requests that are worked on at once, of all principals together. More are answered with 503 at once. \
         `/health` and `/ready` do not count. 0: no limit.",
    ),
    key(
        "limits.principal_max_concurrent",
        integer(0, 1_000_000),
        Some("32"),
        "The share of one principal in them, counted until the client has taken the answer. More are answered \
         with 429. 0: no limit.",
    ),
    key(
        "database.host",
        Kind::Text,
        None,
        "Host name, address, or folder of a Unix socket (it starts with `/`). Not set: `demo` runs a \
         PostgreSQL of its own, other commands ask for it.",
    ),
    key("database.port", integer(1, 65_535), Some("5432"), "TCP port of PostgreSQL."),
    key("database.name", Kind::Text, Some("zava"), "Name of the database."),
    key(
        "database.ssl_mode",
        Kind::Choice(&["disable", "prefer", "require", "verify-full"]),
        Some("prefer"),
        "When the connection is encrypted: `disable` (never), `prefer` (except on a Unix socket and on \
         loopback), `require` or `verify-full` (always). Where it is, the server's certificate and name \
         are always checked.",
    ),
    key(
        "database.ssl_root_cert",
        Kind::Path,
        None,
        "PEM file with the certificate authorities of the database server. Not set: those of the system.",
    ),
    key(
        "database.query_password",
        Kind::Secret,
        None,
        "Password of the role `retail_query`, which runs the queries of stores. `migrate` sets it.",
    ),
    key(
        "database.query_password_file",
        Kind::SecretFile { secret: "database.query_password" },
        None,
        "File with that password.",
    ),
    key(
        "database.head_office_password",
        Kind::Secret,
        None,
        "Password of the role `retail_query_hq`, which runs the queries of head office. `migrate` sets it.",
    ),
    key(
        "database.head_office_password_file",
        Kind::SecretFile { secret: "database.head_office_password" },
        None,
        "File with that password.",
    ),
    key(
        "database.service_password",
        Kind::Secret,
        None,
        "Password of the role `retail_service`, by which the server looks up stores and grants and writes the \
         audit log. `migrate` sets it.",
    ),
    key(
        "database.service_password_file",
        Kind::SecretFile { secret: "database.service_password" },
        None,
        "File with that password.",
    ),
    key(
        "database.admin_user",
        Kind::Text,
        None,
        "An administrator, or `retail_migrator`. `migrate` and `seed` use it, and `token` and `stdio` to find a \
         store by its name; `serve` never does.",
    ),
    key("database.admin_password", Kind::Secret, None, "Password of `database.admin_user`."),
    key(
        "database.admin_password_file",
        Kind::SecretFile { secret: "database.admin_password" },
        None,
        "File with that password.",
    ),
    key(
        "database.identity_key_file",
        Kind::Path,
        None,
        "File of the key with which the server signs identities for the database. A running server \
         takes up a key that `keys rotate` puts there.",
    ),
    key(
        "database.identity_key",
        Kind::Secret,
        None,
        "That key itself, 64 hexadecimal digits, for places that give secrets in the environment.",
    ),
    key(
        "database.application_name",
        Kind::Text,
        Some("retail-mcp"),
        "Name of the connections in `pg_stat_activity`.",
    ),
    key(
        "database.pool_max_connections",
        integer(2, 1000),
        Some("8"),
        "The most connections, those for stores and those for head office together. Each query role may \
         have 40, of all servers together, until an administrator sets another `CONNECTION LIMIT`.",
    ),
    key(
        "database.pool_acquire_timeout",
        duration_ms(10, MINUTE_MS),
        Some("5s"),
        "How long a query waits for a free connection before the answer is `overloaded`.",
    ),
    key(
        "database.max_statements_per_caller",
        integer(1, 1000),
        Some("2"),
        "The most statements that one caller may have running. More wait as long as for a connection; \
         then the answer is `overloaded`.",
    ),
    key(
        "query.max_rows",
        integer(1, 10_000),
        Some("1000"),
        "The most rows of one answer. A longer one is cut and says so.",
    ),
    key(
        "query.max_bytes",
        integer(1024, 64 * MIB),
        Some("1048576"),
        "The most bytes of one answer. A longer one is cut and says so.",
    ),
    key(
        "query.max_row_bytes",
        integer(256, 64 * MIB),
        Some("65536"),
        "The most bytes of one row. The answer is cut before a longer one and says so.",
    ),
    key(
        "query.max_plan_cost",
        integer(1000, 1_000_000_000_000_000),
        Some("50000000"),
        "The highest cost that PostgreSQL's planner may expect of a statement, in its own units \
         (`seq_page_cost` is 1). A costlier one is refused before it runs.",
    ),
    key(
        "query.statement_timeout",
        duration_ms(10, MINUTE_MS),
        Some("5s"),
        "The longest time for one statement. PostgreSQL cancels it then.",
    ),
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
    key(
        "embeddings.provider",
        Kind::Choice(&["local", "azure-openai", "openai", "none"]),
        None,
        "What turns texts into vectors: `local` (all-MiniLM-L6-v2 in this process, no network), \
         `azure-openai`, `openai` (OpenAI or any service that answers as it does), or `none`, with which \
         `hybrid_product_search` goes by words alone. Not set: `azure-openai` where \
         `embeddings.azure.endpoint` is set, else `local`. `demo` uses `local` unless this is set.",
    ),
    key(
        "embeddings.model",
        Kind::Text,
        None,
        "Name of the model. The catalogue's vectors are known by it, so it is the model's own name, not a \
         deployment's. Not set: `all-MiniLM-L6-v2` for `local`; else the deployment's name where OpenAI has a \
         model of that name, or `text-embedding-3-small`.",
    ),
    key(
        "embeddings.dimensions",
        integer(1, 16_000),
        None,
        "Numbers in each vector. Not set: as many as the model gives. For a model that is not OpenAI's it \
         must be set.",
    ),
    key(
        "embeddings.model_dir",
        Kind::Path,
        None,
        "Folder with the files of the local model. Not set: the user's cache folder, which \
         `retail-mcp embed --fetch-model` fills.",
    ),
    key(
        "embeddings.timeout",
        duration_ms(100, 10 * MINUTE_MS),
        Some("10s"),
        "The longest time that a search waits for a service's vector, with all tries. Then \
         `hybrid_product_search` goes by words alone. Must be shorter than `server.request_timeout`.",
    ),
    key(
        "embeddings.cache_bytes",
        integer(0, 1024 * MIB),
        Some("16777216"),
        "Memory for vectors of search texts that were asked before. 0 keeps none.",
    ),
    key(
        "embeddings.azure.endpoint",
        Kind::Text,
        None,
        "Address of the Azure OpenAI resource, such as `https://zava.openai.azure.com`.",
    ),
    key(
        "embeddings.azure.deployment",
        Kind::Text,
        None,
        "Name of the model's deployment. Not set: the model's name.",
    ),
    key(
        "embeddings.azure.api_version",
        Kind::Text,
        Some("v1"),
        "Version of the interface: `v1`, `preview`, or a date such as `2024-10-21`.",
    ),
    key(
        "embeddings.azure.auth",
        Kind::Choice(&["api-key", "client-secret", "workload-identity", "managed-identity"]),
        None,
        "How the server proves to Azure who it is. Not set: by the first of them whose secret or file is \
         set, else as `managed-identity`.",
    ),
    key("embeddings.azure.api_key", Kind::Secret, None, "Key of the resource."),
    key(
        "embeddings.azure.api_key_file",
        Kind::SecretFile { secret: "embeddings.azure.api_key" },
        None,
        "File with that key.",
    ),
    key("embeddings.azure.tenant_id", Kind::Text, None, "Directory (tenant) in Microsoft Entra."),
    key(
        "embeddings.azure.client_id",
        Kind::Text,
        None,
        "Application, or user-assigned managed identity, in Microsoft Entra.",
    ),
    key("embeddings.azure.client_secret", Kind::Secret, None, "Secret of the application."),
    key(
        "embeddings.azure.client_secret_file",
        Kind::SecretFile { secret: "embeddings.azure.client_secret" },
        None,
        "File with that secret.",
    ),
    key(
        "embeddings.azure.federated_token_file",
        Kind::Path,
        None,
        "File of the Kubernetes service account's token, for `workload-identity`.",
    ),
    key(
        "embeddings.azure.authority_host",
        Kind::Text,
        Some("https://login.microsoftonline.com"),
        "Address of Microsoft Entra.",
    ),
    key(
        "embeddings.azure.identity_endpoint",
        Kind::Text,
        None,
        "Where App Service and Container Apps hand out the tokens of a managed identity; they set it \
         themselves. Not set: the metadata service of virtual machines.",
    ),
    key("embeddings.azure.identity_header", Kind::Secret, None, "Secret that goes with it."),
    key(
        "embeddings.azure.identity_header_file",
        Kind::SecretFile { secret: "embeddings.azure.identity_header" },
        None,
        "File with that secret.",
    ),
    key(
        "embeddings.openai.base_url",
        Kind::Text,
        Some("https://api.openai.com/v1"),
        "Address of the service, up to and with its version.",
    ),
    key(
        "embeddings.openai.api_key",
        Kind::Secret,
        None,
        "Key of the service. Not set: the service asks for none.",
    ),
    key(
        "embeddings.openai.api_key_file",
        Kind::SecretFile { secret: "embeddings.openai.api_key" },
        None,
        "File with that key.",
    ),
    key(
        "embeddings.openai.send_dimensions",
        Kind::Boolean,
        Some("false"),
        "Ask for vectors of `embeddings.dimensions`, which only models that can shorten theirs understand. \
         OpenAI's own are asked where it is needed.",
    ),
    key(
        "audit.policy",
        Kind::Choice(&["block", "drop-and-count"]),
        Some("block"),
        "What becomes of a call when the audit log has no place for its entry, as when the database is down: \
         `block` (it waits for `audit.wait`, and is then not made) or `drop-and-count` (it is made; the entry \
         is in the log of the process alone, and counted).",
    ),
    key(
        "audit.queue_entries",
        integer(1, 1_000_000),
        Some("1024"),
        "Entries that may wait to be written. A running call has one of the places.",
    ),
    key(
        "audit.wait",
        duration_ms(0, MINUTE_MS),
        Some("2s"),
        "How long a call waits for a place with `audit.policy = \"block\"` before the answer is `overloaded`. \
         Must be shorter than `server.request_timeout`.",
    ),
    key(
        "log.level",
        Kind::LogFilter,
        Some("info"),
        "Which lines are logged: `error`, `warn`, `info`, `debug` or `trace`, or a filter such as \
         `info,retail_storage=debug`.",
    ),
    key(
        "log.format",
        Kind::Choice(&["text", "json"]),
        Some("text"),
        "`text` for people, `json` for one JSON object a line.",
    ),
    key(
        "data_dir",
        Kind::Path,
        None,
        "Folder of the embedded PostgreSQL's data and of keys. Not set: a folder in the user's cache folder. \
         What is downloaded, PostgreSQL's programs and the local model, is in the cache folder in any case; the variable `RETAIL_MCP_CACHE_DIR` names another one.",
    ),
];
