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
        "server.shutdown_grace",
        duration_ms(0, 10 * MINUTE_MS),
        Some("20s"),
        "How long running requests may take to finish after a stop signal.",
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
        Kind::Choice(&["dev-token", "trusted-header"]),
        None,
        "How callers prove who they are: `dev-token` (a token from `retail-mcp token`) or \
         `trusted-header` (`x-rls-user-id`, set by a proxy that has authenticated the user). `serve` \
         does not start without it; `demo` uses `dev-token`.",
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
        "Folder of the embedded PostgreSQL and of keys. Not set: a folder in the user's cache folder.",
    ),
];
