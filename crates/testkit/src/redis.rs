//! A Redis server for one test.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::watched::Watched;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(20);

/// A `redis-server` process on a socket in a folder of its own, which keeps nothing on disk. Its faults are real ones.
/// It ends when this is dropped, or with the test program.
#[derive(Debug)]
pub struct TestRedis {
    folder: TempDir,
    running: Option<Watched>,
}

impl TestRedis {
    /// A running server with nothing in it.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut redis = Self { folder, running: None };
        redis.launch();
        redis
    }

    /// Where it is, for a client.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it again with nothing in it, after [`kill`](Self::kill) or as it is.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Lets it answer nothing, and keep its connections, until [`resume`](Self::resume).
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Forgets all values.
    pub fn flush(&self) {
        self.command(&["FLUSHALL"]);
    }

    /// Changes a setting, such as `maxmemory`.
    pub fn config_set(&self, name: &str, value: &str) {
        self.command(&["CONFIG", "SET", name, value]);
    }

    /// The names of all values.
    pub fn names(&self) -> Vec<String> {
        let reply = self.command(&["KEYS", "*"]);
        let lines = reply.split("\r\n").filter(|line| !line.starts_with(['*', '$']));
        lines.filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
    }

    /// The value under `name`.
    pub fn value(&self, name: &str) -> Vec<u8> {
        self.value_if_any(name).expect("a value")
    }

    /// The value under `name`, where it has not gone meanwhile.
    pub fn value_if_any(&self, name: &str) -> Option<Vec<u8>> {
        let reply = self.raw(&[b"GET", name.as_bytes()]);
        // `$length`, a line break, the bytes, a line break; the length of none is -1.
        let line_end = reply.iter().position(|byte| *byte == b'\n')?;
        let (_, bytes) = reply.split_at_checked(line_end + 1)?;
        bytes.strip_suffix(b"\r\n").map(<[u8]>::to_vec)
    }

    /// Puts a value under `name`.
    pub fn put(&self, name: &str, value: &[u8]) {
        self.raw(&[b"SET", name.as_bytes(), value]);
    }

    /// A counter of `INFO commandstats`: how often the server ran `command`, such as `getrange`.
    pub fn calls(&self, command: &str) -> u64 {
        let stats = self.command(&["INFO", "commandstats"]);
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
        let calls = line.and_then(|line| line.split_once("calls=")?.1.split_once(','));
        calls.map_or(0, |(calls, _)| calls.parse().expect("a number"))
    }

    /// Runs a command and gives the raw reply. Panics at an error.
    pub fn command(&self, words: &[&str]) -> String {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        String::from_utf8(self.raw(&words)).expect("a text")
    }

    fn raw(&self, words: &[&[u8]]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend(format!("${}\r\n", word.len()).bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        let mut stream = UnixStream::connect(self.socket()).expect("a connection");
        stream.write_all(&request).expect("a request");
        // Which closes the connection behind the reply.
        stream.write_all(b"*1\r\n$4\r\nQUIT\r\n").expect("a request");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).expect("a reply");
        reply.truncate(reply.len().saturating_sub(b"+OK\r\n".len()));
        assert!(!reply.starts_with(b"-"), "{}", String::from_utf8_lossy(&reply));
        reply
    }

    fn launch(&mut self) {
        let socket = self.socket();
        // A server that was killed leaves its socket.
        let _ = std::fs::remove_file(&socket);
        let words = ["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"];
        let words = words.map(OsStr::new).into_iter();
        let arguments =
            words.chain([socket.as_os_str(), OsStr::new("--dir"), self.folder.path().as_os_str()]);
        self.running = Some(Watched::start("redis-server", arguments, |_| {}));
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(
                begun.elapsed() < START,
                "redis-server does not start: `cargo xtask setup` installs it"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, signal: Signal) {
        let running = self.running.as_ref().expect("a running server");
        running.signal(signal);
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }
}
