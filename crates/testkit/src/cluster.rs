//! The one PostgreSQL of a test program.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use retail_embedded_postgres::{
    Cluster, ClusterOptions, Error, Installation, Profile, ProvisionOptions, default_data_root,
    unique_name,
};

use rustix::process::{Pid, Signal, kill_process};

/// The bundled version that tests use unless told otherwise.
const DEFAULT_MAJOR: u32 = 18;

/// So that a standby can follow it.
pub(crate) const FOLLOWED: [(&str, &str); 3] =
    [("wal_level", "replica"), ("max_wal_senders", "8"), ("wal_keep_size", "1GB")];

/// The beginning of the names of their folders.
const PREFIX: &str = "retail-test-";

/// The beginning of the names of those that are being removed.
const GONE: &str = "retail-test-gone";

/// Room for a cluster in memory: it has some hundred megabytes, and with its log at most two gigabytes.
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
    for left in std::fs::read_dir(memory).into_iter().flatten().flatten() {
        let name = left.file_name();
        if name.to_string_lossy().starts_with(GONE) {
            let _ = std::fs::remove_dir_all(left.path());
        } else if name.to_string_lossy().starts_with(PREFIX) {
            forget_ended(&left.path());
        }
    }
    let room = rustix::fs::statvfs(memory).map_or(0, |found| found.f_bavail * found.f_frsize);
    let has_room = room.min(available_bytes()) >= ROOM_BYTES;
    if has_room && tempfile::tempdir_in(memory).is_ok() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// Memory that programs can have, as the kernel estimates it: what is written to `/dev/shm` comes out of it.
fn available_bytes() -> u64 {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Removes a cluster whose test program and server are gone.
fn forget_ended(cluster: &Path) {
    let path = cluster.join("lock");
    // Its program holds the lock, and one that is about to start has none yet.
    let Ok(lock) = File::open(&path) else { return };
    let is_free = lock.try_lock().is_ok();
    // A program may have removed it in the meantime, and started another one there.
    let is_same = match (lock.metadata(), std::fs::metadata(&path)) {
        (Ok(locked), Ok(there)) => locked.ino() == there.ino(),
        _ => false,
    };
    // A server ends a moment after its program.
    let pid = std::fs::read_to_string(cluster.join("pgdata/postmaster.pid"));
    let has_server = pid.is_ok_and(|text| {
        text.lines().next().is_some_and(|pid| Path::new("/proc").join(pid.trim()).exists())
    });
    if is_free && is_same && !has_server {
        let gone = cluster.with_file_name(unique_name(GONE));
        if std::fs::rename(cluster, &gone).is_ok() {
            let _ = std::fs::remove_dir_all(gone);
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
        forget_ended(&data_dir);
        if data_dir.join("lock").exists() {
            continue;
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
