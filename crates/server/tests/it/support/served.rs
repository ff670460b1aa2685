//! `retail-mcp serve` as a process, on a test's database.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use retail_auth::{DevTokenKey, StoreGrant};
use retail_domain::ports::SystemClock;
use retail_testkit::TestDatabase;

use super::on_database::start_in;
use super::{PATIENCE, Process, eventually, minted};

/// A running server.
pub(crate) struct Served {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) key_file: PathBuf,
}

impl Served {
    /// Starts it on a free port, with variables without `RETAIL_MCP__`, and waits until it listens.
    pub(crate) fn start(
        database: &TestDatabase,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_in(database, folder, variables, &[])
    }

    /// The same, with variables that are not ours.
    pub(crate) fn start_in(
        database: &TestDatabase,
        folder: &Path,
        variables: &[(&str, &str)],
        foreign: &[(&str, &str)],
    ) -> Self {
        let key_file = folder.join("dev-token-key");
        let mut all = vec![("AUTH__DEV_TOKEN__KEY_FILE", key_file.to_str().unwrap())];
        all.extend_from_slice(variables);
        let arguments = ["serve", "--listen=127.0.0.1:0"];
        let process = start_in(database, folder, &arguments, &all, foreign);
        let mut address = None;
        eventually(PATIENCE, "the server listens", || {
            let log = process.stderr();
            address = log.lines().find(|line| line.contains("serving MCP")).and_then(|line| {
                line.split_once("address=")?.1.split_whitespace().next()?.parse().ok()
            });
            address.is_some()
        });
        Self { process, address: address.unwrap(), key_file }
    }

    /// A token for head office.
    pub(crate) fn head_office(&self) -> String {
        let key = DevTokenKey::load_or_create(&self.key_file).unwrap();
        minted(&key, Arc::new(SystemClock), StoreGrant::AllStores, Duration::from_mins(10))
    }

    /// The memory that the process has, in kilobytes.
    pub(crate) fn resident_kb(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}
