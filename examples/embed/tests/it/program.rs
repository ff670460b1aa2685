//! Starts the program and speaks HTTP to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use retail_testkit::{
    HEAD_OFFICE_PASSWORD, IDENTITY_KEY, QUERY_PASSWORD, SERVICE_PASSWORD, TestDatabase, store,
};
use serde_json::{Value, json};

/// The API key of the Seattle store.
pub(crate) const SEATTLE_KEY: &str = "key-of-seattle";
/// An API key whose identity is no store's.
pub(crate) const STRANGER_KEY: &str = "key-of-nobody";

/// The longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running program. It ends with this value.
pub(crate) struct Program {
    child: Child,
    address: String,
    // Kept open, so that the program can go on writing its log.
    _log: BufReader<ChildStdout>,
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Program {
    /// Starts it on a free port and waits until it listens.
    pub(crate) fn start(database: &TestDatabase) -> Self {
        let mut child =
            command(database).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut log = BufReader::new(child.stdout.take().expect("a piped log"));
        let address = log
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("listening on ")?.1.to_owned()))
            .expect("a log line with the address");
        Self { child, address, _log: log }
    }

    pub(crate) fn get(&self, path: &str, key: Option<&str>) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n"), key, "")
    }

    pub(crate) fn post(&self, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let start = format!(
            "POST {path} HTTP/1.1\r\n\
             content-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n\
             mcp-protocol-version: 2025-11-25\r\n"
        );
        self.send(&start, key, &body.to_string())
    }

    fn send(&self, start: &str, key: Option<&str>, body: &str) -> Answer {
        let authorization =
            key.map_or_else(String::new, |key| format!("authorization: Bearer {key}\r\n"));
        let request = format!(
            "{start}{authorization}host: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        Answer {
            status: head[9..12].parse().expect("a status"),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Best effort: it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program without one of its variables, and gives what it says.
pub(crate) fn without(database: &TestDatabase, variable: &str) -> String {
    let output = command(database).env_remove(variable).output().expect("the program starts");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn command(database: &TestDatabase) -> Command {
    let settings = database.settings();
    let seattle = store("Zava Retail Seattle").rls_user_id;
    let api_keys = json!({
        SEATTLE_KEY: seattle,
        STRANGER_KEY: "00000000-0000-4000-8000-000000000001",
        "": seattle,
    });
    let identity_key: String = IDENTITY_KEY.map(|byte| format!("{byte:02x}")).concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_retail-example-embed"));
    command
        .env("DATABASE_HOST", settings.host)
        .env("DATABASE_PORT", settings.port.to_string())
        .env("DATABASE_NAME", settings.database)
        .env("DATABASE_PASSWORD", QUERY_PASSWORD)
        .env("HEAD_OFFICE_PASSWORD", HEAD_OFFICE_PASSWORD)
        .env("SERVICE_PASSWORD", SERVICE_PASSWORD)
        .env("IDENTITY_KEY", identity_key)
        .env("API_KEYS", api_keys.to_string())
        .env("LISTEN", "127.0.0.1:0");
    command
}
