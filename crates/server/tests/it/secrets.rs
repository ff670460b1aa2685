//! Nothing secret in anything that a run emits, whatever the log level.

use std::io::Write as _;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use retail_domain::ports::{Clock as _, SystemClock};
use retail_testkit::{
    HEAD_OFFICE_PASSWORD, IDENTITY_KEY, KeyKind, QUERY_PASSWORD, TestDatabase, TestIssuer,
};
use rustix::process::Signal;
use secrecy::ExposeSecret;

use crate::support::{PATIENCE, Served, run_on, scratch};

/// What a client plants where credentials stand, or where text of its own does.
const PLANTED: [&str; 7] = [
    "planted-bad-token-4711",
    "planted-basic-4711",
    "planted-cookie-4711",
    "planted-query-4711",
    "planted-header-4711",
    "planted-literal-4711",
    "planted-json-4711",
];

/// Everything that was emitted, by its source.
struct Emitted(Vec<(String, String)>);

impl Emitted {
    fn add(&mut self, source: &str, text: impl Into<String>) {
        self.0.push((source.to_owned(), text.into()));
    }

    /// Fails when a secret stands anywhere, as it is or in another notation.
    #[track_caller]
    fn must_not_hold(&self, what: &str, secret: &str) {
        assert!(secret.len() >= 8, "{what} is too short to be told from other text");
        let debug = format!("{:?}", secret.as_bytes());
        let bytes = debug.trim_matches(['[', ']']);
        for (source, text) in &self.0 {
            for notation in [secret, &secret.to_uppercase(), &hex::encode(secret), bytes] {
                let line = text.lines().find(|line| line.contains(notation));
                assert_eq!(line, None, "{what} stands in {source}");
            }
        }
    }
}

fn exchange(server: &Served, request: &str) -> String {
    let mut stream = std::net::TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn post(more: &str, body: &str) -> String {
    format!(
        "POST /mcp?access_token=planted-query-4711 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         MCP-Protocol-Version: 2025-06-18\r\nX-Planted: planted-header-4711\r\n\
         Cookie: session=planted-cookie-4711\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn call(sql: &str) -> String {
    serde_json::json!({
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": { "name": "execute_sales_query", "arguments": { "postgresql_query": sql } },
    })
    .to_string()
}

#[test]
fn a_whole_run_tells_no_secret() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(TestDatabase::seeded());
    let folder = scratch();
    let mut server = Served::start(
        &database,
        folder.path(),
        &[("LOG__LEVEL", "trace"), ("LIMITS__FAILURES_BURST", "2")],
    );
    let token = server.head_office();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let mut emitted = Emitted(Vec::new());
    let requests = [
        post(&bearer, &call("SELECT 1")),
        post(&bearer, &call("SELECT 'planted-literal-4711'::int")),
        post(&bearer, &call("SELECT 'planted-literal-4711' FROM no_such_table")),
        post(&bearer, &call("DELETE FROM retail.orders WHERE 'planted-literal-4711' = ''")),
        post(&bearer, "{\"planted-json-4711\": "),
        post(&bearer, "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"planted-json-4711\"}"),
        post("Authorization: Bearer planted-bad-token-4711\r\n", &call("SELECT 1")),
        post("Authorization: Basic planted-basic-4711\r\n", &call("SELECT 1")),
        post("Authorization: Bearer planted-bad-token-4711\r\n", &call("SELECT 1")),
        post("Authorization: Bearer planted-bad-token-4711\r\n", &call("SELECT 1")),
        post(&format!("{bearer}{bearer}"), &call("SELECT 1")),
        post("Origin: https://planted-header-4711\r\n", &call("SELECT 1")),
        format!("GET /planted-query-4711 HTTP/9.9\r\n{bearer}\r\n"),
        "GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(),
    ];
    let mut statuses = Vec::new();
    for request in &requests {
        let answer = exchange(&server, request);
        statuses.push(answer.split(' ').nth(1).unwrap_or_default().to_owned());
        // A caller may see what it sent itself, but not what others did.
        emitted.add(
            "an answer",
            answer.replace("planted-literal-4711", "").replace("planted-json-4711", ""),
        );
    }
    println!("statuses: {statuses:?}");
    assert_eq!(statuses[0], "200");
    server.process.signal(Signal::TERM);
    let finished = server.process.wait();
    emitted.add("the log", finished.stderr);
    emitted.add("standard output", finished.stdout);
    let key_file = server.key_file.to_str().unwrap().to_owned();
    for command in
        [&["config"][..], &["doctor"], &["doctor", "--json"], &["serve", "--no-such-flag"]]
    {
        let more = [("LOG__LEVEL", "trace"), ("AUTH__DEV_TOKEN__KEY_FILE", key_file.as_str())];
        let finished = run_on(&database, folder.path(), command, &more);
        emitted.add(&command.join(" "), finished.stdout + &finished.stderr);
    }

    let superuser = database.superuser();
    let superuser = superuser.password.as_ref().map(ExposeSecret::expose_secret);
    emitted.must_not_hold("the token", &token);
    emitted.must_not_hold("the token's signature", token.rsplit('.').next().unwrap());
    emitted.must_not_hold("the identity key", &hex::encode(IDENTITY_KEY));
    emitted.must_not_hold("a password", QUERY_PASSWORD);
    emitted.must_not_hold("head office's password", HEAD_OFFICE_PASSWORD);
    if let Some(password) = superuser {
        emitted.must_not_hold("the superuser's password", password);
    }
    let key = std::fs::read_to_string(&server.key_file).unwrap();
    emitted.must_not_hold("the key of tokens", key.trim());
    for planted in PLANTED {
        emitted.must_not_hold("what a client sent", planted);
    }
}

const CLIENT_SECRET: &str = "planted-client-secret-4711";
const RESOURCE: &str = "https://mcp.zava.example/mcp";

/// The same with an identity provider: its tokens, what stands in them, and our secret there.
#[test]
fn sign_in_tells_no_secret() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(TestDatabase::seeded());
    let issuer = runtime.block_on(TestIssuer::start());
    issuer.add_client("retail-mcp", CLIENT_SECRET, &[]);
    let mut claims = issuer.claims(RESOURCE, SystemClock.now().timestamp());
    claims["preferred_username"] = "planted-name-4711@example.com".into();
    claims["groups"] = "planted-group-4711".into();
    let good = issuer.sign(KeyKind::Ec, &claims);
    issuer.know("planted-opaque-4711", claims.clone());
    claims["exp"] = 1.into();
    let expired = issuer.sign(KeyKind::Ec, &claims);

    let url = issuer.url().to_owned();
    let endpoint = format!("{url}/introspect");
    let variables = [
        ("LOG__LEVEL", "trace"),
        ("AUTH__MODE", "oidc"),
        ("AUTH__RESOURCE", RESOURCE),
        ("AUTH__ISSUERS__TEST__ISSUER", url.as_str()),
        ("AUTH__ISSUERS__TEST__AUDIENCES", RESOURCE),
        ("AUTH__ISSUERS__TEST__ALGORITHMS", "ES256"),
        ("AUTH__ISSUERS__TEST__INTROSPECTION_ENDPOINT", endpoint.as_str()),
        ("AUTH__ISSUERS__TEST__INTROSPECTION_CLIENT_ID", "retail-mcp"),
        ("AUTH__ISSUERS__TEST__INTROSPECTION_CLIENT_SECRET", CLIENT_SECRET),
        ("AUTH__RULES__ALICE__CLAIM", "sub"),
        ("AUTH__RULES__ALICE__VALUE", "alice"),
        ("AUTH__RULES__ALICE__STORES", "1"),
    ];
    let folder = scratch();
    let mut server = Served::start(&database, folder.path(), &variables);
    let mut emitted = Emitted(Vec::new());
    let mut statuses = Vec::new();
    for token in [&good, "planted-opaque-4711", &expired, "planted-bad-token-4711"] {
        let bearer = format!("Authorization: Bearer {token}\r\n");
        let answer = exchange(&server, &post(&bearer, &call("SELECT 1")));
        statuses.push(answer.split(' ').nth(1).unwrap_or_default().to_owned());
        emitted.add("an answer", answer);
    }
    assert_eq!(statuses, ["200", "200", "401", "401"]);
    let told = run_on(&database, folder.path(), &["doctor"], &variables);
    assert!(told.stdout.contains(&format!("{url}: 3 keys")), "{}", told.stdout);
    // What cannot be reached is told with where it is.
    drop(issuer);
    let bearer = "Authorization: Bearer planted-other-4711\r\n";
    emitted.add("an answer", exchange(&server, &post(bearer, &call("SELECT 1"))));
    server.process.signal(Signal::TERM);
    let finished = server.process.wait();
    emitted.add("the log", finished.stderr);
    let told = run_on(&database, folder.path(), &["doctor"], &variables);
    let line = told.stdout.lines().find(|line| line.contains(&url)).unwrap();
    assert!(line.contains("warn") && !line.contains("keys"), "{line}");
    emitted.add("doctor", told.stdout + &told.stderr);
    let finished = run_on(&database, folder.path(), &["config"], &variables);
    emitted.add("config", finished.stdout + &finished.stderr);

    let base64 = BASE64_STANDARD.encode(format!("retail-mcp:{CLIENT_SECRET}"));
    emitted.must_not_hold("our secret at the provider", CLIENT_SECRET);
    emitted.must_not_hold("our secret at the provider", &base64);
    for token in [&good, &expired] {
        let parts: Vec<&str> = token.split('.').collect();
        emitted.must_not_hold("a token's claims", parts[1]);
        emitted.must_not_hold("a token's signature", parts[2]);
    }
    for planted in ["opaque", "bad-token", "other", "name", "group"] {
        emitted.must_not_hold(planted, &format!("planted-{planted}-4711"));
    }
}
