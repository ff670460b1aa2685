//! The program itself, as another process.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{PATIENCE, eventually};

/// Longest wait for a first start, which makes a cluster and loads the data.
const FIRST_START: Duration = Duration::from_mins(2);

/// A running `retail-mcp`. It is killed when the test gives it up.
pub(crate) struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Process {
    /// Starts the program in `folder`, with no settings but these, and without an embedding model
    /// unless they name one.
    pub(crate) fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_retail-mcp"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let foreign = [
                "RETAIL_MCP",
                "POSTGRES",
                "PG",
                "AZURE",
                "EMBEDDING",
                "IDENTITY",
                "REDIS",
                "OTEL",
                "APPLICATIONINSIGHTS",
            ];
            if foreign.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        let mut child = command
            .args(arguments)
            // Most tests search for nothing, and loading the model takes a second.
            .env("RETAIL_MCP__EMBEDDINGS__PROVIDER", "none")
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdout: collect(child.stdout.take().unwrap()),
            stderr: collect(child.stderr.take().unwrap()),
            child,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdout(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Its standard input. Dropping it is the end of the input.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until `text` is on standard output. Fails when the process ends before.
    #[track_caller]
    pub(crate) fn wait_for_output(&mut self, text: &str, within: Duration) {
        eventually(within, text, || {
            let ended = self.child.try_wait().unwrap();
            let found = self.stdout().contains(text);
            assert!(found || ended.is_none(), "{ended:?}: {}", self.stderr());
            found
        });
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> Finished {
        let mut status: Option<ExitStatus> = None;
        // What it started may hold the pipes open, so the end of the process counts, not of the pipes.
        eventually(FIRST_START, "the end of the process", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        // The last lines may still be on their way from the pipe.
        eventually(PATIENCE, "the end of the output", || {
            Arc::strong_count(&self.stdout) == 1 && Arc::strong_count(&self.stderr) == 1
        });
        Finished {
            code: status.and_then(|status| status.code()),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end.
#[track_caller]
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Finished {
    Process::start(folder, arguments, &[]).wait()
}

/// Reads a pipe into a text that grows.
fn collect(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let written = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut bytes) {
            let new = String::from_utf8_lossy(&bytes[..count]);
            written.lock().unwrap().push_str(&new);
        }
    });
    text
}

/// A `retail-mcp demo` at scale tiny on a free port, that is ready.
pub(crate) struct Demo {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    data_dir: PathBuf,
}

impl Demo {
    /// Starts the demo with its data in `folder`.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// Starts the demo with environment variables.
    pub(crate) fn start_with(folder: &Path, variables: &[(&str, &str)]) -> Self {
        let data_dir = data_dir(folder);
        let mut process = Process::start(
            folder,
            &[
                "demo",
                "--scale=tiny",
                // The number of orders depends on the last day, which is today unless it is said.
                &format!("--until={}", retail_testkit::until()),
                "--listen=127.0.0.1:0",
                "--data-dir",
                data_dir.to_str().unwrap(),
            ],
            variables,
        );
        process.wait_for_output("Ctrl-C stops it", FIRST_START);
        let text = process.stdout();
        let (_, rest) = text.split_once("Ready at http://").unwrap();
        let address = rest.split('/').next().unwrap().parse().unwrap();
        Self { process, address, data_dir }
    }

    /// The `mcp.json` that it printed.
    pub(crate) fn mcp_json(&self) -> Value {
        let text = self.process.stdout();
        let start = text.find("\n{").unwrap();
        let end = text.find("\n}").unwrap();
        serde_json::from_str(&text[start..end + 2]).unwrap()
    }

    /// The token of one of the servers in `mcp.json`, such as `zava-seattle`.
    pub(crate) fn token(&self, server: &str) -> String {
        let header = &self.mcp_json()["servers"][server]["headers"]["Authorization"];
        let token = header.as_str().unwrap().strip_prefix("Bearer ").unwrap();
        token.to_owned()
    }

    /// How long the start took, as it says itself.
    pub(crate) fn ready_after(&self) -> String {
        let text = self.process.stdout();
        let (_, rest) = text.split_once(" after ").unwrap();
        rest.split_once(". Ctrl-C").unwrap().0.to_owned()
    }

    /// Whether this start filled the database.
    pub(crate) fn loaded_data(&self) -> bool {
        self.process.stderr().contains("loaded the sample data")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.child.kill();
        let _ = self.process.child.wait();
        // The folder is removed next; what still runs there would leave files behind.
        let started = std::time::Instant::now();
        while !processes_of(&self.data_dir).is_empty() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Where [`Demo::start`] keeps its data.
pub(crate) fn data_dir(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// The command lines that name the data folder's cluster: PostgreSQL and what watches over it.
pub(crate) fn processes_of(data_dir: &Path) -> Vec<String> {
    let cluster = data_dir.join("postgres");
    std::fs::read_dir("/proc")
        .unwrap()
        // Other entries have no such file, and a process may end meanwhile.
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(cluster.to_str().unwrap()))
        .collect()
}

/// Writes one line to a process.
pub(crate) fn write_line(input: &mut ChildStdin, line: &Value) {
    writeln!(input, "{line}").unwrap();
}
