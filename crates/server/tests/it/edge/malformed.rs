//! Thousands of requests that are not as they should be.

mod http_cases;
mod json_cases;

use std::fmt::Write as _;
use std::net::{Shutdown, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use retail_testkit::TestDatabase;

use super::raw::Raw;
use crate::support::{Served, scratch};

const SEED: u64 = 5;
const HTTP_CASES: usize = 3000;
const JSON_CASES: usize = 4000;
const CLIENTS: usize = 16;

/// The longest time for one answer. The server's own limits below are shorter.
const HANG: Duration = Duration::from_secs(8);

/// What the server may keep of all that, in kilobytes.
const MAX_GROWTH_KB: u64 = 96 * 1024;

/// One bad request.
struct Case {
    /// Its kind, and what is special about it.
    what: String,
    bytes: Vec<u8>,
    /// Whether 4xx is the only good answer. A request that is good as HTTP may get an error of JSON-RPC
    /// with status 200, and some variations turn out to be good.
    must_be_refused: bool,
    /// Whether the client says that nothing more comes.
    ends: bool,
}

impl Case {
    fn new(what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { what: what.into(), bytes: bytes.into(), must_be_refused: true, ends: true }
    }

    fn or_an_error(mut self) -> Self {
        self.must_be_refused = false;
        self
    }

    fn left_open(mut self) -> Self {
        self.ends = false;
        self
    }
}

/// A good call of a tool, as header lines and body.
struct Good {
    headers: Vec<(String, String)>,
    body: String,
}

impl Good {
    fn new(token: &str) -> Self {
        let body = serde_json::json!({
            "jsonrpc": "2.0",
            "id": 7,
            "method": "tools/call",
            "params": {
                "name": "get_current_utc_date",
                "arguments": {},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        let headers = [
            ("Host", "localhost"),
            ("Authorization", &format!("Bearer {token}")),
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("Mcp-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "get_current_utc_date"),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { headers: headers.map(own).to_vec(), body: body.to_string() }
    }

    /// The header lines, without those of this name.
    fn headers_without(&self, without: &str) -> String {
        let mut text = String::new();
        for (name, value) in &self.headers {
            if name != without {
                write!(text, "{name}: {value}\r\n").unwrap();
            }
        }
        text
    }

    /// The request with another body.
    fn with_body(&self, body: &[u8]) -> Vec<u8> {
        self.with("", "", body)
    }

    /// The request with another body, and a header in place of that name.
    fn with(&self, name: &str, value: &str, body: &[u8]) -> Vec<u8> {
        let mut text = format!("POST /mcp HTTP/1.1\r\n{}", self.headers_without(name)).into_bytes();
        if !value.is_empty() {
            text.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        text.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        text.extend_from_slice(body);
        text
    }
}

fn corpus(good: &Good) -> Vec<Case> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut cases: Vec<Case> =
        (0..HTTP_CASES).map(|_| http_cases::case(good, &mut random)).collect();
    cases.extend((0..JSON_CASES).map(|_| json_cases::case(good, &mut random)));
    cases
}

/// Sends one request. What is wrong with the answer, if something is.
fn judge(address: SocketAddr, case: &Case) -> Result<Option<u16>, String> {
    let started = Instant::now();
    let mut client = Raw::connect(address);
    client.0.set_read_timeout(Some(HANG)).unwrap();
    client.send(&case.bytes);
    if case.ends {
        let _ = client.0.shutdown(Shutdown::Write);
    }
    let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.answer()));
    let Ok(answer) = answer else {
        return Err("it hangs".to_owned());
    };
    if started.elapsed() > HANG {
        return Err(format!("it took {:?}", started.elapsed()));
    }
    let Some((status, text)) = answer else {
        return Ok(None);
    };
    match status {
        400..500 => Ok(Some(status)),
        200 | 202 if !case.must_be_refused => Ok(Some(status)),
        _ => Err(format!("it is answered with {text}")),
    }
}

#[test]
fn what_is_malformed_is_refused_and_harms_nothing() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let database = runtime.block_on(TestDatabase::seeded());
    let folder = scratch();
    let server = Served::start(
        &database,
        folder.path(),
        &[
            ("SERVER__HEADER_TIMEOUT", "2s"),
            ("SERVER__BODY_TIMEOUT", "2s"),
            // They would answer for what is tested here.
            ("LIMITS__PRINCIPAL_PER_SECOND", "0"),
            ("LIMITS__ADDRESS_PER_SECOND", "0"),
            ("LIMITS__FAILURES_PER_MINUTE", "0"),
        ],
    );
    let good = Good::new(&server.head_office());
    let call = Case::new("good", good.with_body(good.body.as_bytes())).left_open();
    let answered = |when: &str| {
        let (status, text) = Raw::connect(server.address).send(&call.bytes).answer().unwrap();
        assert_eq!(status, 200, "{when}: {text}");
    };
    answered("before");
    let cases = corpus(&good);
    assert!(cases.len() >= 5000);
    let before = server.resident_kb();
    let started = Instant::now();
    let next = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match judge(server.address, case) {
                        Ok(Some(400..500)) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(_) => {}
                        Err(fault) => faults.lock().unwrap().push((case, fault)),
                    }
                }
            });
        }
    });
    let after = server.resident_kb();
    let refused = refused.load(Ordering::Relaxed);
    println!(
        "{} cases in {:.1} s, {refused} answered with 4xx; memory {before} kB before, {after} kB after",
        cases.len(),
        started.elapsed().as_secs_f64(),
    );
    let faults = faults.into_inner().unwrap();
    for (case, fault) in faults.iter().take(10) {
        let bytes = String::from_utf8_lossy(&case.bytes);
        let start: String = bytes.chars().take(1500).collect();
        println!("== {}: {fault}\n{start}\n", case.what);
    }
    assert_eq!(faults.len(), 0);
    assert!(refused > cases.len() / 2, "most must come through to an answer");
    answered("after");
    let grown = after.saturating_sub(before);
    assert!(grown < MAX_GROWTH_KB, "it keeps {grown} kB");
    let log = server.process.stderr();
    assert!(!log.contains("panicked"), "{log}");
}
