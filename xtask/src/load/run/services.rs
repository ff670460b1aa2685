//! The programs that are measured, each stopped when dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::database::Database;
use super::wire::Connection;
use crate::command::{self, CommandLine};
use crate::conformance::server::free_address;

const READY_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(1);

/// Limits are measured by `load flood`; here they would be all that is measured.
const NO_LIMITS: [(&str, &str); 6] = [
    ("RETAIL_MCP__LIMITS__ADDRESS_PER_SECOND", "0"),
    ("RETAIL_MCP__LIMITS__PRINCIPAL_PER_SECOND", "0"),
    ("RETAIL_MCP__LIMITS__MAX_CONCURRENT", "0"),
    ("RETAIL_MCP__LIMITS__PRINCIPAL_MAX_CONCURRENT", "0"),
    ("RETAIL_MCP__DATABASE__MAX_STATEMENTS_PER_CALLER", "1000"),
    ("RETAIL_MCP__LOG__LEVEL", "warn"),
];

/// A process that answers HTTP at an address of its own.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    pub(super) address: String,
    /// From its start to its first answer.
    pub(super) ready_after: Duration,
}

/// What `retail-mcp serve` needs to use the demo's database.
#[derive(Debug)]
pub(super) struct Serve {
    pub(super) binary: PathBuf,
    /// The demo's data folder.
    pub(super) data_dir: PathBuf,
    /// Where logs are written.
    pub(super) folder: PathBuf,
    /// `NAME=VALUE` from the command line, for every server that is measured.
    pub(super) variables: Vec<(String, String)>,
}

impl Serve {
    /// Starts a server with more variables, and waits until it is ready.
    pub(super) fn start(&self, database: &Database, variables: &[(&str, &str)]) -> Result<Service> {
        let address = free_address()?;
        let secrets = self.data_dir.join("secrets");
        let mut serve = CommandLine::new(&self.binary).words("serve --listen").arg(&address);
        // No file of the working folder has a say.
        serve = serve.in_dir(&self.folder);
        for (name, value) in NO_LIMITS.iter().chain(variables) {
            serve = serve.env(name, *value);
        }
        for (name, value) in &self.variables {
            serve = serve.env(name, value);
        }
        for (key, file) in [
            ("QUERY_PASSWORD_FILE", "retail_query"),
            ("HEAD_OFFICE_PASSWORD_FILE", "retail_query_hq"),
            ("SERVICE_PASSWORD_FILE", "retail_service"),
            ("IDENTITY_KEY_FILE", "identity-key"),
        ] {
            serve = serve.env(
                &format!("RETAIL_MCP__DATABASE__{key}"),
                secrets.join(file).display().to_string(),
            );
        }
        serve = serve
            .env("RETAIL_MCP__DATABASE__HOST", &database.host)
            .env("RETAIL_MCP__DATABASE__PORT", database.port.to_string())
            .env("RETAIL_MCP__AUTH__MODE", "dev-token")
            .env("RETAIL_MCP__DATA_DIR", self.data_dir.display().to_string());
        Service::start(&serve, address, "/ready", &self.folder)
    }
}

impl Service {
    /// Starts a program and waits until `GET path` is answered with 200.
    pub(super) fn start(
        program: &CommandLine,
        address: String,
        path: &str,
        folder: &Path,
    ) -> Result<Self> {
        let get = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let probe = address.clone();
        Self::start_until(program, address, folder, || {
            let mut connection = Connection::new(&probe);
            connection.exchange(get.as_bytes()).is_ok_and(|answer| answer.status == 200)
        })
    }

    /// Starts a program and waits until it `is_ready`.
    pub(super) fn start_until(
        program: &CommandLine,
        address: String,
        folder: &Path,
        is_ready: impl Fn() -> bool,
    ) -> Result<Self> {
        let log_path = folder.join(format!("{}.log", address.replace(':', "-")));
        let log = File::create(&log_path).context("creating a log")?;
        let started = Instant::now();
        let child = program.spawn(log.try_clone()?.into(), log.into())?;
        let mut service = Self { child, address, ready_after: Duration::ZERO };
        loop {
            if is_ready() {
                service.ready_after = started.elapsed();
                return Ok(service);
            }
            command::fail_if_interrupted()?;
            let ended = service.child.try_wait().context("asking for a server's state")?;
            if ended.is_some() || started.elapsed() > READY_LIMIT {
                let log = fs::read_to_string(&log_path).unwrap_or_default();
                bail!("{} is not ready:\n{log}", service.address);
            }
            thread::sleep(POLL);
        }
    }

    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        command::terminate(&mut self.child, STOP_LIMIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_at_once_is_told_with_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let program = CommandLine::new("sh").args(["-c", "echo no such luck"]);
        let address = free_address().unwrap();
        let error = Service::start(&program, address, "/", folder.path()).unwrap_err();
        assert!(error.to_string().contains("no such luck"), "{error}");
    }
}
