//! The one PostgreSQL of a test program.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use retail_embedded_postgres::{
    Cluster, ClusterOptions, Error, Installation, Profile, ProvisionOptions, default_data_root,
};

use rustix::process::{Pid, Signal, kill_process};

/// The bundled version that tests use unless told otherwise.
const DEFAULT_MAJOR: u32 = 18;

/// So that a standby can follow it.
pub(crate) const FOLLOWED: [(&str, &str); 3] =
    [("wal_level", "replica"), ("max_wal_senders", "8"), ("wal_keep_size", "1GB")];

/// The beginning of the names of their folders.
const PREFIX: &str = "retail-test-";

/// Room for a cluster in memory: a test program has one or two, of some hundred megabytes each.
const ROOM_BYTES: u64 = 4 << 30;

/// How many test programs of one name may run at once.
const MAX_PARALLEL_PROGRAMS: usize = 16;

/// Major version of the PostgreSQL that tests run on: `RETAIL_TEST_PG_MAJOR`, or 18.
pub fn server_major_version() -> u32 {
    std::env::var("RETAIL_TEST_PG_MAJOR").map_or(DEFAULT_MAJOR, |major| {
        major.parse().expect("RETAIL_TEST_PG_MAJOR must be a number such as 16")
    })
}

/// The cluster, started on first use. It ends with this process, whatever way that goes.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

/// Kills the cluster's server, as a crash would. [`Cluster::restart`] lets it recover.
pub fn kill_cluster() {
    kill(cluster());
}

pub(crate) fn kill(cluster: &Cluster) {
    let pid = i32::try_from(cluster.server_pid()).ok().and_then(Pid::from_raw);
    // PostgreSQL's processes end when the first one is gone.
    kill_process(pid.expect("a process"), Signal::KILL).expect("a signal");
}

/// Where clusters are put: in memory, where that has room. Each test makes and removes a database of some 300 files, and ext4
/// takes ever longer to find numbers for new files that no file had a moment ago. Else in the temporary folder; an unprivileged
/// user must reach either when tests run as root.
fn folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    forget_ended(memory);
    let room = rustix::fs::statvfs(memory).map_or(0, |found| found.f_bavail * found.f_frsize);
    if room < ROOM_BYTES { std::env::temp_dir() } else { memory.to_owned() }
}

/// Gives back the memory of clusters whose test program and server are gone.
fn forget_ended(memory: &Path) {
    for entry in std::fs::read_dir(memory).into_iter().flatten().flatten() {
        let cluster = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        // One that is about to start has no lock yet. Its program holds it, and its server its number.
        let lock = File::open(cluster.join("lock"));
        let has_program = lock.map_or(true, |lock| lock.try_lock().is_err());
        let pid = std::fs::read_to_string(cluster.join("pgdata/postmaster.pid"));
        let has_server = pid.is_ok_and(|text| {
            text.lines().next().is_some_and(|pid| Path::new("/proc").join(pid.trim()).exists())
        });
        if !has_program && !has_server {
            let _ = std::fs::remove_dir_all(cluster);
        }
    }
}

fn start() -> Cluster {
    let installation = Installation::locate(&ProvisionOptions {
        major: Some(server_major_version()),
        prefer_bundled: true,
        ..ProvisionOptions::new(default_data_root())
    })
    .expect("a PostgreSQL with pgvector for the tests");
    let program = std::env::current_exe().expect("the name of the test program");
    let program = program.file_stem().expect("a file name").to_string_lossy().into_owned();
    let folder = folder();
    for number in 0..MAX_PARALLEL_PROGRAMS {
        // The same folder each time, so that runs do not pile up.
        let data_dir = folder.join(format!("{PREFIX}{program}-{number}"));
        if Cluster::attach(&data_dir).is_ok() {
            continue;
        }
        match std::fs::remove_dir_all(&data_dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => continue,
            _ => {}
        }
        let options = ClusterOptions {
            profile: Profile::Throwaway,
            settings: FOLLOWED.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..ClusterOptions::new(installation.clone(), data_dir)
        };
        match Cluster::start(options) {
            Ok(cluster) => return cluster,
            Err(Error::AlreadyRunning { .. }) => {}
            Err(error) => panic!("the test cluster does not start: {error}"),
        }
    }
    panic!("too many test programs run at once");
}
