//! What is no good HTTP.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::{Case, Good};

/// The kinds of cases.
const KINDS: [fn(&Good, &mut ChaCha8Rng) -> Case; 11] = [
    truncated,
    bad_version,
    huge_header,
    bad_chunks,
    bad_length,
    nul,
    folded,
    bad_method,
    bad_header_line,
    garbage,
    bad_target,
];

pub(super) fn case(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let case = KINDS.choose(random).unwrap()(good, random);
    // A client that ends its half of the connection has gone, and need not get an answer.
    let needs_patience = ["truncated", "garbage"].contains(&case.what.as_str());
    if !needs_patience && random.random_ratio(2, 3) { case.left_open() } else { case }
}

fn pick<'a>(random: &mut ChaCha8Rng, texts: &[&'a str]) -> &'a str {
    texts.choose(random).unwrap()
}

fn head(good: &Good, more: &str) -> String {
    format!("POST /mcp HTTP/1.1\r\n{}{more}\r\n", good.headers_without(""))
}

fn truncated(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let whole = good.with_body(good.body.as_bytes());
    let length = random.random_range(1..whole.len());
    let case = Case::new("truncated", &whole[..length]);
    // Some wait for more, until the server's patience ends.
    if random.random_ratio(1, 20) { case.left_open() } else { case }
}

fn bad_version(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let version = pick(
        random,
        &[
            "HTTP/0.9",
            "HTTP/1.2",
            "HTTP/2.0",
            "HTTP/9.9",
            "HTTP/1",
            "HTTX/1.1",
            "http/1.1",
            "HTTP/1.1.1",
            "HTTP/-1.1",
            "1.1",
        ],
    );
    let text =
        format!("POST /mcp {version}\r\n{}Content-Length: 0\r\n\r\n", good.headers_without(""));
    Case::new(format!("version {version}"), text)
}

fn huge_header(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let more = match random.random_range(0..3) {
        0 => format!("x: {}\r\n", "x".repeat(random.random_range(40_000..300_000))),
        1 => "x: y\r\n".repeat(random.random_range(110..5000)),
        _ => format!("{}: x\r\n", "x".repeat(random.random_range(66_000..200_000))),
    };
    Case::new("huge header", head(good, &more))
}

fn bad_chunks(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let chunks = pick(
        random,
        &[
            "zz\r\nabc\r\n0\r\n\r\n",
            "-1\r\nabc\r\n0\r\n\r\n",
            "0x3\r\nabc\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
            "3\r\nabcdef\r\n0\r\n\r\n",
            "3\nabc\n0\n\n",
            "\r\n\r\n",
            " 3\r\nabc\r\n0\r\n\r\n",
            "3;\0\r\nabc\r\n0\r\n\r\n",
            "5\r\nabc",
            "3\r\nabc\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
        ],
    );
    let extension = "x".repeat(random.random_range(0..40_000));
    let chunks =
        if random.random_ratio(1, 4) { format!("1;{extension}\r\n") } else { chunks.to_owned() };
    let text = head(good, "Transfer-Encoding: chunked\r\n");
    Case::new(format!("chunks {chunks:.40?}"), text + &chunks)
}

fn bad_length(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let lines = pick(
        random,
        &[
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: 5, 6",
            "Content-Length: -1",
            "Content-Length: +5",
            "Content-Length: 1e3",
            "Content-Length: 0x10",
            "Content-Length: five",
            "Content-Length: ",
            "Content-Length: 18446744073709551616",
            "Content-Length: 99999999999",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Transfer-Encoding: identity",
            "Transfer-Encoding: chunked, identity",
            "Transfer-Encoding: xchunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
            "Transfer-Encoding : chunked",
            "Transfer-Encoding: \x0bchunked",
        ],
    );
    let count = random.random_range(5..50);
    let text = head(good, &format!("{lines}\r\n")) + &"x".repeat(count);
    Case::new(format!("length {lines:?}"), text)
}

/// Puts bytes into a head.
fn disturbed(good: &Good, random: &mut ChaCha8Rng, what: &[u8]) -> Vec<u8> {
    let mut bytes = head(good, "Content-Length: 0\r\n").into_bytes();
    let at = random.random_range(0..bytes.len() - 4);
    bytes.splice(at..at, what.iter().copied());
    bytes
}

fn nul(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let count = random.random_range(1..5);
    Case::new("NUL", disturbed(good, random, &vec![0; count]))
}

fn folded(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let fold = pick(random, &["\r\n ", "\r\n\t", "\n ", "\r "]);
    let text = head(good, &format!("x: one{fold}two\r\nContent-Length: 0\r\n"));
    Case::new(format!("fold {fold:?}"), text)
}

fn bad_method(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let method = pick(
        random,
        &[
            "GET",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
            "TRACE",
            "CONNECT",
            "post",
            "P OST",
            "POST\t",
            "",
            "\u{e9}",
            "PRI",
            "X-VERY-OWN",
            "(POST)",
        ],
    );
    let text =
        format!("{method} /mcp HTTP/1.1\r\n{}Content-Length: 0\r\n\r\n", good.headers_without(""));
    Case::new(format!("method {method:?}"), text)
}

fn bad_header_line(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let line: &[u8] = [
        b"no colon".as_slice(),
        b": no name",
        b"spa ce: x",
        b"x : space",
        b"x: \x01",
        b"x: \x7f",
        b"(x): y",
        b"Host: second.example",
        b"Host: localhost",
        b"Authorization: Bearer two",
        b"\xff\xfe: x",
        b"Origin: http://evil.example",
        b"Mcp-Protocol-Version: \xff\xff",
        b"Accept: \xc3\x28",
    ]
    .choose(random)
    .unwrap();
    let mut bytes = format!("POST /mcp HTTP/1.1\r\n{}", good.headers_without("")).into_bytes();
    bytes.extend_from_slice(line);
    bytes.extend_from_slice(format!("\r\nContent-Length: {}\r\n\r\n", good.body.len()).as_bytes());
    bytes.extend_from_slice(good.body.as_bytes());
    let case = Case::new(format!("line {:?}", String::from_utf8_lossy(line)), bytes);
    // A second `Accept` that cannot be read takes nothing from the first.
    if line.starts_with(b"Accept") { case.or_an_error() } else { case }
}

fn garbage(_: &Good, random: &mut ChaCha8Rng) -> Case {
    let count = random.random_range(1..2000);
    let mut bytes: Vec<u8> = (0..count).map(|_| random.random()).collect();
    if random.random_ratio(1, 2) {
        bytes.extend_from_slice(b"\r\n\r\n");
    }
    if random.random_ratio(1, 10) {
        // How TLS begins.
        bytes.splice(0..0, [0x16, 3, 1, 2, 0, 1, 0, 1]);
    }
    Case::new("garbage", bytes)
}

fn bad_target(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let long = format!("/mcp?{}", "x".repeat(random.random_range(8200..70_000)));
    let target = *[
        "mcp",
        "*",
        "",
        "//",
        "/mcp/..",
        "/MCP",
        "/mcp/",
        "http://evil.example/mcp",
        "/\u{e9}",
        "/%",
        "/mcp\\",
        "/mcp#x",
        "/mcp HTTP/1.0 x",
        "http://[::1",
        "/.well-known/x",
        long.as_str(),
    ]
    .choose(random)
    .unwrap();
    let text =
        format!("POST {target} HTTP/1.1\r\n{}Content-Length: 0\r\n\r\n", good.headers_without(""));
    Case::new(format!("target {target:.40?}"), text)
}
