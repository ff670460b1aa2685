//! Sections `server` and `limits`.

use super::{MIB, MINUTE_MS, duration_ms, integer, key};
use crate::config::keys::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
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
        "How long a client may take for what is sent to it, from when it first does not take all of it. Then the \
         connection is closed. Where connections are scarce, it is closed for a new one before.",
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
];
