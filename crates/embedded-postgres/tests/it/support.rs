//! Scratch folders, installations and a look at the system's processes.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use retail_embedded_postgres::{
    Cluster, ClusterOptions, Installation, Profile, ProvisionOptions, default_data_root,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long a test waits for something that takes milliseconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that the server's user can enter also when root runs the tests.
pub(crate) fn scratch() -> TempDir {
    tempfile::Builder::new()
        .prefix("retail-it-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

/// The bundled PostgreSQL of a major version.
pub(crate) fn bundled(major: u32) -> Installation {
    let mut options = ProvisionOptions::new(default_data_root());
    options.prefer_bundled = true;
    options.major = Some(major);
    Installation::locate(&options).unwrap()
}

/// Options for a quick cluster of PostgreSQL 18 in `data_dir`.
pub(crate) fn throwaway(data_dir: impl Into<PathBuf>) -> ClusterOptions {
    let mut options = ClusterOptions::new(bundled(18), data_dir);
    options.profile = Profile::Throwaway;
    options
}

/// Starts a quick cluster of PostgreSQL 18.
pub(crate) fn start(data_dir: &Path) -> Cluster {
    Cluster::start(throwaway(data_dir)).unwrap()
}

/// Waits for a condition and says whether it came true.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Whether a process runs; one that ended and waits for its parent does not.
pub(crate) fn runs(pid: u32) -> bool {
    // The state stands behind the name of the program, which is in brackets and may hold any sign.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with('Z')))
        .unwrap_or(false)
}

/// The processes whose command line contains `text`.
pub(crate) fn processes_with(text: &str) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            // A NUL stands between the arguments.
            String::from_utf8_lossy(&line).replace('\0', " ").contains(text)
        })
        .collect()
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}
