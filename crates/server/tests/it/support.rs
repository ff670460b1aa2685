//! What the tests share.

mod call;
mod on_database;
mod process;
mod served;
mod server;
mod vectors;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use retail_embedded_postgres::{Installation, ProvisionOptions, default_data_root};
use tempfile::TempDir;

pub(crate) use call::{Call, Reply};
pub(crate) use on_database::{run_on, start_on};
pub(crate) use process::{Demo, Finished, Process, processes_of, run, write_line};
pub(crate) use served::Served;
pub(crate) use server::{TestServer, access_to, minted};
pub(crate) use vectors::{embedded, embedder, local_model};

/// Longest wait for what should take a second or two.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A folder that PostgreSQL's own user can enter when tests run as root. In `/tmp`, so that the path
/// is short enough for a Unix socket.
pub(crate) fn scratch() -> TempDir {
    tempfile::Builder::new()
        .prefix("retail-it-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir_in("/tmp")
        .unwrap()
}

/// The PostgreSQL that the shared test cluster runs on.
pub(crate) fn installation() -> Installation {
    Installation::locate(&ProvisionOptions {
        major: Some(retail_testkit::server_major_version()),
        prefer_bundled: true,
        ..ProvisionOptions::new(default_data_root())
    })
    .unwrap()
}

/// Waits until `holds`, and says how long it took. Fails after `within`.
#[track_caller]
pub(crate) fn eventually(
    within: Duration,
    what: &str,
    mut holds: impl FnMut() -> bool,
) -> Duration {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    started.elapsed()
}
