//! Section `cache`.

use super::{MIB, MINUTE_MS, duration_ms, integer, key};
use crate::config::keys::{Key, Kind};

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

pub(super) const KEYS: &[Key] = &[
    key(
        "cache.mode",
        Kind::Choice(&["off", "memory", "redis"]),
        Some("memory"),
        "Where answers are kept for when the same identity asks the same again: `off` (nowhere), `memory` (in this \
         process) or `redis` (also there, for all servers). See docs/cache.md.",
    ),
    key(
        "cache.redis_url",
        Kind::Secret,
        None,
        "Address of Redis: `redis://`, `rediss://` (TLS) or `redis+unix://`, with user, password and number of the \
         database where there are any. Must be set with `cache.mode = \"redis\"`.",
    ),
    key(
        "cache.redis_url_file",
        Kind::SecretFile { secret: "cache.redis_url" },
        None,
        "File with that address.",
    ),
    key(
        "cache.redis_password",
        Kind::Secret,
        None,
        "Password of Redis, in place of one in the address.",
    ),
    key(
        "cache.redis_password_file",
        Kind::SecretFile { secret: "cache.redis_password" },
        None,
        "File with that password.",
    ),
    key(
        "cache.key",
        Kind::Secret,
        None,
        "Key of the names and the seals of what lies in Redis, 64 hexadecimal digits; servers share answers only if \
         they have the same. Not set: derived from the identity key, which all servers of one database have. Not \
         read without Redis.",
    ),
    key("cache.key_file", Kind::SecretFile { secret: "cache.key" }, None, "File with that key."),
    key(
        "cache.max_bytes",
        integer(MIB, 64 * 1024 * MIB),
        Some("67108864"),
        "Memory of this process for answers.",
    ),
    key(
        "cache.queries_ttl",
        duration_ms(1000, DAY_MS),
        Some("5m"),
        "How long answers to statements are kept, if no table behind them changes before.",
    ),
    key(
        "cache.search_ttl",
        duration_ms(1000, 7 * DAY_MS),
        Some("1h"),
        "How long what searches found is kept, if neither products nor stock change before.",
    ),
    key(
        "cache.recommendations_ttl",
        duration_ms(1000, 7 * DAY_MS),
        Some("4h"),
        "How long recommendations are kept, if nothing behind them changes before.",
    ),
    key(
        "cache.schemas_ttl",
        duration_ms(1000, 7 * DAY_MS),
        Some("1h"),
        "How long descriptions of tables are kept, if the tables do not change before: they count rows.",
    ),
    key(
        "cache.embeddings_ttl",
        duration_ms(1000, 30 * DAY_MS),
        Some("7d"),
        "How long vectors of search texts are kept.",
    ),
    key(
        "cache.max_stale",
        duration_ms(0, 60 * MINUTE_MS),
        Some("0s"),
        "How old an answer may be that is given though the data have changed, while it is read anew: to a statement at \
         most `1m`, recommendations at most `15m`, others never. The receipt says `stale`. 0: such an answer is never \
         given.",
    ),
    key(
        "cache.version_poll_ms",
        integer(10, 60_000),
        Some("500"),
        "Milliseconds between two questions whether the data have changed. A kept answer is given at most so much \
         longer after a write, and the time of a question.",
    ),
];
