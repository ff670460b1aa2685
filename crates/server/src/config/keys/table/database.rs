//! Sections `database` and `query`.

use super::{MIB, MINUTE_MS, duration_ms, integer, key};
use crate::config::keys::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    key(
        "database.host",
        Kind::Place,
        None,
        "Host name, address, or folder of a Unix socket (it starts with `/`). Not set: `demo` runs a \
         PostgreSQL of its own, other commands ask for it.",
    ),
    key("database.port", integer(1, 65_535), Some("5432"), "TCP port of PostgreSQL."),
    key(
        "database.pooler_host",
        Kind::Place,
        None,
        "Host name, address, or socket folder of a pooler that gives each transaction any of its connections, such as \
         PgBouncer with `pool_mode = transaction`. Callers' statements go through it, all else to `database.host`. \
         They take more round trips, since nothing can stay prepared. A pooler that keeps sessions needs none of \
         this: name it as `database.host`.",
    ),
    key("database.pooler_port", integer(1, 65_535), Some("6432"), "TCP port of the pooler."),
    key(
        "database.replicas",
        Kind::Servers,
        Some(""),
        "Standbys that follow the database, such as `replica-1:5432`; without a port, `database.port` counts. Callers' \
         statements are read there, by each in turn, and by the database itself where none is near enough or one fails. \
         Each server has `database.pool_max_connections` to each of them, too.",
    ),
    key(
        "database.replica_max_lag",
        duration_ms(2000, 10 * MINUTE_MS),
        Some("10s"),
        "How far a standby may be behind and still answer. With standbys, kept answers may be as much older.",
    ),
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
        "The most connections, those for stores and those for head office together. Each login \
         role may have 40, of all servers together, or as many as `database.servers` of them need when `retail-mcp migrate` runs.",
    ),
    key(
        "database.servers",
        integer(1, 1000),
        Some("1"),
        "How many servers share the database, this one among them: the most that autoscaling may start. `serve` does not \
         start when their connections together are more than PostgreSQL's `max_connections` or the `CONNECTION LIMIT` of \
         a role allow. `migrate` raises the latter.",
    ),
    key(
        "database.posture_every",
        duration_ms(0, 24 * 60 * MINUTE_MS),
        Some("2m"),
        "How often a running server looks again whether the database is fit to be served from, as it did before it started. Where somebody \
         opened it meanwhile, no call is answered, and `/ready` says no, until it is mended. `0s`: never.",
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
        "database.max_prepared_statements",
        integer(0, 10_000),
        Some("128"),
        "The most statements that each connection keeps prepared, for when the same text returns. PostgreSQL keeps \
         a plan of each, of some 30 kB. 0 prepares none.",
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
        "query.time_zone",
        Kind::TimeZone,
        Some("America/Los_Angeles"),
        "Where the company's days begin: what \"today\" and \"last month\" are in the analytics tools.",
    ),
];
