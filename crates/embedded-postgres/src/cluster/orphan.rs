//! A server that a killed process left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;
use crate::data_dir::{DataDir, wait_until};
use crate::server_user::ServerUser;

/// How long a server may take to die after a signal that leaves it no choice.
const FORCED_END: Duration = Duration::from_secs(5);

/// Ends a server that still runs on the data folder. The caller holds the folder's lock, so
/// whoever started that server is gone.
pub(super) fn end(data: &DataDir, user: &ServerUser, patience: Duration) -> Result<(), Error> {
    let pgdata = data.pgdata();
    let pid_file = pgdata.join("postmaster.pid");
    let Some(pid) = first_number(&pid_file) else {
        return Ok(());
    };
    if !is_server_of(pid, &pgdata, user) {
        return disown(&pid_file, user);
    }
    tracing::warn!(pid, "ending a PostgreSQL that an earlier run left behind");
    let steps = [(Signal::INT, patience), (Signal::QUIT, FORCED_END), (Signal::KILL, FORCED_END)];
    for (signal, limit) in steps {
        // It may have ended since the last look; the check that follows tells.
        if let Some(pid) = raw(pid) {
            let _ = kill_process(pid, signal);
        }
        if wait_until(limit, || !is_server_of(pid, &pgdata, user)) {
            return Ok(());
        }
    }
    Err(Error::OrphanStays { pid })
}

/// The process number in the first line of `postmaster.pid`.
pub(super) fn first_number(pid_file: &Path) -> Option<u32> {
    fs::read_to_string(pid_file).ok()?.lines().next()?.trim().parse().ok()
}

/// A process number as the system calls take it.
pub(super) fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Whether the process is a server on this data folder, run by this user.
fn is_server_of(pid: u32, pgdata: &Path, user: &ServerUser) -> bool {
    let pgdata = pgdata.as_os_str().as_encoded_bytes();
    if Path::new("/proc/self").exists() {
        use std::os::unix::fs::MetadataExt;
        let process = format!("/proc/{pid}");
        let owned = fs::metadata(&process).is_ok_and(|meta| meta.uid() == user.uid());
        // A process that has ended and waits for its parent has an empty command line.
        let line = fs::read(format!("{process}/cmdline")).unwrap_or_default();
        return owned && line.split(|byte| *byte == 0).any(|argument| argument == pgdata);
    }
    let listed = std::process::Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    listed.windows(pgdata.len()).any(|window| window == pgdata)
}

/// Makes PostgreSQL accept the `postmaster.pid` of a dead server.
///
/// PostgreSQL refuses to start while the number in it is alive, except for its own parent's. Another
/// program may have that number now, or get it before the server looks: in a fresh container, for
/// one, numbers start over. The file must stay, because the rest of it lets PostgreSQL notice worker
/// processes of the dead server.
fn disown(pid_file: &Path, user: &ServerUser) -> Result<(), Error> {
    let shell = Path::new("/bin/sh");
    let script = r#"{ echo "$2"; tail -n +2 "$1"; } >"$1.new" && mv "$1.new" "$1""#;
    // As the server's user: root must not write where that user could have put a link.
    let status = user
        .command(shell, Path::new("/"))
        .args(["-c", script, "sh"])
        .arg(pid_file)
        .arg(std::process::id().to_string())
        .status()
        .map_err(Error::run(shell))?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::file("rewrite", pid_file)(std::io::Error::other(status.to_string())))
    }
}
