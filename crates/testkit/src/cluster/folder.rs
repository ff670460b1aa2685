//! Where the clusters of test programs are, and what becomes of those that ended.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use retail_embedded_postgres::unique_name;

/// The beginning of the names of their folders.
pub(super) const PREFIX: &str = "retail-test-";

/// The beginning of the names of those that are being removed.
const GONE: &str = "retail-test-gone";

/// Room for a cluster in memory: it has some hundred megabytes, and with its log at most two gigabytes.
const ROOM_BYTES: u64 = 4 << 30;

/// Where clusters are put: in memory, where that has room. Each test makes and removes a database of some 300 files, and ext4
/// takes ever longer to find numbers for new files that no file had a moment ago. Else in the temporary folder; an unprivileged
/// user must reach either when tests run as root.
pub(super) fn of_clusters() -> PathBuf {
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
pub(super) fn forget_ended(cluster: &Path) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of a cluster that ended without a word.
    fn left() -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let cluster = parent.path().join(format!("{PREFIX}it-0"));
        std::fs::create_dir_all(cluster.join("pgdata")).unwrap();
        std::fs::write(cluster.join("lock"), "1").unwrap();
        (parent, cluster)
    }

    fn has_server(cluster: &Path, pid: u32) {
        std::fs::write(cluster.join("pgdata/postmaster.pid"), format!("{pid}\n/data\n")).unwrap();
    }

    #[test]
    fn what_ended_is_removed_whole() {
        let (parent, cluster) = left();
        // More than Linux gives.
        has_server(&cluster, 1 << 23);
        forget_ended(&cluster);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    // Servers are looked for in /proc.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_a_program_or_a_server_or_is_about_to_start_stays() {
        let (_parent, cluster) = left();
        let lock = File::open(cluster.join("lock")).unwrap();
        lock.lock().unwrap();
        forget_ended(&cluster);
        assert!(cluster.exists(), "its program runs");
        drop(lock);
        has_server(&cluster, std::process::id());
        forget_ended(&cluster);
        assert!(cluster.exists(), "its server runs");
        std::fs::remove_file(cluster.join("lock")).unwrap();
        std::fs::remove_file(cluster.join("pgdata/postmaster.pid")).unwrap();
        forget_ended(&cluster);
        assert!(cluster.exists(), "it is about to start");
    }
}
