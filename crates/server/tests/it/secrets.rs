//! Nothing secret in anything that a run emits, whatever the log level.

use std::io::Write as _;

use retail_testkit::{HEAD_OFFICE_PASSWORD, IDENTITY_KEY, QUERY_PASSWORD, TestDatabase};
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
