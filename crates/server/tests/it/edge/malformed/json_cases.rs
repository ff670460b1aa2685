//! Good HTTP with bodies that are no good JSON, or no good JSON-RPC.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{Case, Good};

/// The kinds of cases.
const KINDS: [fn(&Good, &mut ChaCha8Rng) -> Case; 11] = [
    truncated,
    flipped,
    deep,
    huge,
    not_text,
    batch,
    wrong_type,
    doubled,
    unknown_method,
    version,
    mismatch,
];

pub(super) fn case(good: &Good, random: &mut ChaCha8Rng) -> Case {
    KINDS.choose(random).unwrap()(good, random)
}

fn truncated(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let length = random.random_range(0..good.body.len());
    Case::new("truncated JSON", good.with_body(&good.body.as_bytes()[..length])).left_open()
}

/// Some of these are good again.
fn flipped(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let mut body = good.body.clone().into_bytes();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..body.len());
        body[at] = random.random();
    }
    Case::new("flipped bytes", good.with_body(&body)).or_an_error().left_open()
}

fn deep(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let depth = random.random_range(200..50_000);
    let (open, close) = *[("[", "]"), ("{\"a\":", "}")].choose(random).unwrap();
    let middle = format!("{}1{}", open.repeat(depth), close.repeat(depth));
    let (what, body) = match random.random_range(0..3) {
        0 => ("deep", middle),
        1 => ("deep and open", open.repeat(depth)),
        _ => (
            "deep arguments",
            good.body.replace("\"arguments\":{}", &format!("\"arguments\":{middle}")),
        ),
    };
    Case::new(what, good.with_body(body.as_bytes())).left_open()
}

fn huge(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let digits = "9".repeat(random.random_range(30..5000));
    let (what, body) = match random.random_range(0..5) {
        0 => ("huge number", good.body.replace("\"id\":7", &format!("\"id\":{digits}"))),
        1 => ("huge exponent", good.body.replace("\"id\":7", "\"id\":1e999")),
        2 => ("long method", good.body.replace("tools/call", &"x".repeat(100_000))),
        3 => ("long name", good.body.replace("get_current", &"x".repeat(100_000))),
        // More than `server.max_body_bytes`.
        _ => ("long body", format!("{}{}", good.body, " ".repeat(1_100_000))),
    };
    let case = Case::new(what, good.with_body(body.as_bytes())).left_open();
    if what == "huge number" { case.or_an_error() } else { case }
}

fn not_text(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let body: &[u8] = [
        b"".as_slice(),
        b" ",
        b"\xff\xfe\x00\x00",
        b"\xef\xbb\xbf{}",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\xc3\x28\",\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\\ud800\",\"method\":\"ping\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\x00\",\"method\":\"ping\"}",
        b"{'jsonrpc':'2.0'}",
        b"{\"jsonrpc\":\"2.0\",}",
        b"NaN",
        b"null",
        b"true",
        b"7",
        b"\"text\"",
        b"{}",
        b"{} {}",
        b"<xml/>",
        b"jsonrpc=2.0&id=7",
    ]
    .choose(random)
    .unwrap();
    let what = format!("body {:?}", String::from_utf8_lossy(body));
    Case::new(what, good.with_body(body)).left_open()
}

fn batch(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let count = random.random_range(0..200);
    let body = format!("[{}]", vec![good.body.as_str(); count].join(","));
    Case::new(format!("batch of {count}"), good.with_body(body.as_bytes())).left_open()
}

/// Where a value of another type is put.
const FIELDS: [&str; 9] = [
    "/jsonrpc",
    "/id",
    "/method",
    "/params",
    "/params/name",
    "/params/arguments",
    "/params/_meta",
    "/params/_meta/io.modelcontextprotocol~1protocolVersion",
    "/params/_meta/io.modelcontextprotocol~1clientInfo",
];

fn wrong_type(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let mut body: Value = serde_json::from_str(&good.body).unwrap();
    let value = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("text"),
        json!("3.0"),
        json!([]),
        json!([1, null]),
        json!({}),
        json!({"a": {"b": []}}),
        json!("x".repeat(10_000)),
        json!("\u{0}\u{202e}\u{1f600}"),
    ]
    .choose(random)
    .unwrap()
    .clone();
    let field = FIELDS.choose(random).unwrap();
    let what = format!("{field} = {:.40}", value.to_string());
    *body.pointer_mut(field).unwrap() = value;
    Case::new(what, good.with_body(body.to_string().as_bytes())).or_an_error().left_open()
}

fn doubled(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let twice = *[
        "\"jsonrpc\":\"2.0\"",
        "\"jsonrpc\":\"1.0\"",
        "\"id\":8",
        "\"method\":\"tools/list\"",
        "\"params\":{}",
        "\"result\":{}",
        "\"error\":{\"code\":1,\"message\":\"x\"}",
    ]
    .choose(random)
    .unwrap();
    let body = if random.random() {
        format!("{{{twice},{}", &good.body[1..])
    } else {
        format!("{},{twice}}}", &good.body[..good.body.len() - 1])
    };
    Case::new(format!("doubled {twice}"), good.with_body(body.as_bytes())).or_an_error().left_open()
}

fn unknown_method(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let length = random.random_range(0..40);
    let own: String = (0..length).map(|_| random.random_range('!'..'~')).collect();
    let known = [
        "tools/call/",
        "TOOLS/CALL",
        "resources/read",
        "prompts/get",
        "completion/complete",
        "logging/setLevel",
        "sampling/createMessage",
        "roots/list",
        "notifications/x",
        "rpc.discover",
        "__proto__",
        "constructor",
        "tools/call\u{0}",
    ];
    let method = if random.random() { own } else { (*known.choose(random).unwrap()).to_owned() };
    let mut body: Value = serde_json::from_str(&good.body).unwrap();
    body["method"] = method.clone().into();
    let body = body.to_string();
    let bytes = if method.bytes().all(|byte| byte.is_ascii_graphic()) && random.random() {
        good.with("Mcp-Method", &method, body.as_bytes())
    } else {
        good.with_body(body.as_bytes())
    };
    Case::new(format!("method {method:?}"), bytes).or_an_error().left_open()
}

fn version(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let version = *[
        "1.0",
        "2020-01-01",
        "9999-12-31",
        "2026-07-29",
        "latest",
        "2026-07-28, 2025-06-18",
        "-1",
        "\u{e9}",
    ]
    .choose(random)
    .unwrap();
    let body =
        if random.random() { good.body.replace("2026-07-28", version) } else { good.body.clone() };
    let bytes = good.with("Mcp-Protocol-Version", version, body.as_bytes());
    Case::new(format!("version {version}"), bytes).left_open()
}

fn mismatch(good: &Good, random: &mut ChaCha8Rng) -> Case {
    let (name, value) = *[
        ("Mcp-Method", "tools/list"),
        ("Mcp-Method", "initialize"),
        ("Mcp-Name", "execute_sales_query"),
        ("Mcp-Name", "=?base64?!!!?="),
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/json; charset=utf-16le/"),
        ("Content-Type", "multipart/form-data"),
        ("Accept", "text/html"),
        ("Accept", "application/json"),
        ("Mcp-Session-Id", "made-up"),
        ("Authorization", "Bearer x"),
        ("Authorization", "Basic eDp5"),
        ("Host", "evil.example"),
        ("Host", "localhost@evil"),
        ("Expect", "200-maybe"),
        ("Content-Encoding", "gzip"),
        ("Upgrade", "websocket"),
    ]
    .choose(random)
    .unwrap();
    let case = Case::new(format!("{name}: {value}"), good.with(name, value, good.body.as_bytes()))
        .left_open();
    // Headers that mean nothing here are passed over.
    let means_nothing =
        ["Mcp-Session-Id", "Expect", "Content-Encoding", "Upgrade", "Accept", "Content-Type"];
    if means_nothing.contains(&name) { case.or_an_error() } else { case }
}
