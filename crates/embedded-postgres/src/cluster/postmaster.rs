//! The server's process: start, wait until ready, stop.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::ClusterOptions;
use super::orphan::{first_number, raw};
use super::settings::{Address, arguments};
use super::watchdog::Watchdog;
use crate::Error;
use crate::data_dir::{DataDir, Log, wait_until};
use crate::error::tail;
use crate::server_user::ServerUser;

/// How long the server may take to end at once, without writing its data out.
const IMMEDIATE_STOP: Duration = Duration::from_secs(5);
/// How many lines of the log an error quotes.
const LOG_TAIL_LINES: usize = 20;
/// The line of `postmaster.pid` that tells the server's state, from 0.
const STATE_LINE: usize = 7;
/// What the log says while workers of a killed server still run; they end by themselves soon.
const WORKERS_REMAIN: &str = "is still in use";

/// A server that runs as a child of this process.
#[derive(Debug)]
pub(super) struct Postmaster {
    child: Child,
    watchdog: Watchdog,
    stop_timeout: Duration,
    stopped: bool,
}

impl Postmaster {
    /// Starts the server and waits until it accepts connections.
    pub(super) fn start(
        data: &DataDir,
        user: &ServerUser,
        options: &ClusterOptions,
        address: &Address,
        log: &Log,
    ) -> Result<Self, Error> {
        let deadline = Instant::now() + options.start_timeout;
        loop {
            let mut server = Self::spawn(data, user, options, address, log)?;
            match server.wait_until_ready(&data.pgdata(), options.start_timeout, deadline, log) {
                Ok(()) => return Ok(server),
                Err(Error::EndedEarly { log_tail, .. })
                    if log_tail.contains(WORKERS_REMAIN) && Instant::now() < deadline =>
                {
                    tracing::debug!("waiting for the workers of a killed server");
                    std::thread::sleep(Duration::from_millis(200));
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops the server: orderly, then at once, then by force. Does nothing the second time.
    pub(super) fn stop(&mut self) -> Result<(), Error> {
        if self.stopped {
            return Ok(());
        }
        self.stopped = true;
        let steps = [(Signal::INT, self.stop_timeout), (Signal::QUIT, IMMEDIATE_STOP)];
        for (signal, limit) in steps {
            // The number is still this child's: it was not waited for before.
            if !self.has_ended()
                && let Some(pid) = raw(self.pid())
            {
                let _ = kill_process(pid, signal);
            }
            if wait_until(limit, || self.has_ended()) {
                self.watchdog.dismiss();
                return Ok(());
            }
        }
        let killed = self.child.kill().and_then(|()| self.child.wait());
        self.watchdog.dismiss();
        killed.map(drop).map_err(Error::run(Path::new("postgres")))
    }

    fn spawn(
        data: &DataDir,
        user: &ServerUser,
        options: &ClusterOptions,
        address: &Address,
        log: &Log,
    ) -> Result<Self, Error> {
        let pgdata: PathBuf = data.pgdata();
        let program = options.installation.program("postgres");
        let mut watchdog = Watchdog::start(user, &pgdata)?;
        let spawned = limited(user, &program, &pgdata, options.max_process_memory_bytes)
            .arg("-D")
            .arg(&pgdata)
            .args(arguments(options, address))
            .stdout(log.handle()?)
            .stderr(log.handle()?)
            // A terminal's Ctrl-C goes to the group of this process, which then stops the server.
            .process_group(0)
            .spawn();
        let child = match spawned {
            Ok(child) => child,
            Err(error) => {
                watchdog.dismiss();
                return Err(Error::run(&program)(error));
            }
        };
        let pid = child.id();
        let mut server =
            Self { child, watchdog, stop_timeout: options.stop_timeout, stopped: false };
        server.watchdog.watch(pid)?;
        Ok(server)
    }

    fn wait_until_ready(
        &mut self,
        pgdata: &Path,
        start_timeout: Duration,
        deadline: Instant,
        log: &Log,
    ) -> Result<(), Error> {
        let pid_file = pgdata.join("postmaster.pid");
        let program = Path::new("postgres");
        let left = deadline.saturating_duration_since(Instant::now());
        let mut ended = Ok(None);
        wait_until(left, || {
            ended = self.child.try_wait();
            !matches!(ended, Ok(None)) || is_ready(&pid_file, self.child.id())
        });
        match ended.map_err(Error::run(program))? {
            Some(status) => {
                self.stopped = true;
                self.watchdog.dismiss();
                let log_tail = tail(&log.since_start(), LOG_TAIL_LINES);
                Err(Error::EndedEarly { status, log_tail })
            }
            None if is_ready(&pid_file, self.child.id()) => Ok(()),
            // Dropping it ends it.
            None => Err(Error::NotReady {
                waited_s: start_timeout.as_secs(),
                log_tail: tail(&log.since_start(), LOG_TAIL_LINES),
            }),
        }
    }

    fn has_ended(&mut self) -> bool {
        // An error means that there is no such child, so it does not run either.
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::warn!(%error, "the embedded PostgreSQL did not stop");
        }
    }
}

/// The command of a server whose processes may each have so much private memory.
///
/// A shell sets the limit and becomes the server, since a process may lower its own limits without
/// any privilege, but not those of a server that runs as another user.
fn limited(
    user: &ServerUser,
    program: &Path,
    pgdata: &Path,
    max_process_memory_bytes: Option<u64>,
) -> Command {
    let Some(bytes) = max_process_memory_bytes else {
        return user.command(program, pgdata);
    };
    let mut command = user.command(Path::new("/bin/sh"), pgdata);
    let script = format!("ulimit -d {} && exec \"$0\" \"$@\"", bytes / 1024);
    command.arg("-c").arg(script).arg(program);
    command
}

/// Whether the server says in its file that it accepts connections, as `pg_ctl` reads it.
fn is_ready(pid_file: &Path, pid: u32) -> bool {
    first_number(pid_file) == Some(pid)
        && fs::read_to_string(pid_file).is_ok_and(|text| {
            text.lines().nth(STATE_LINE).is_some_and(|state| state.trim() == "ready")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_this_server_and_this_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postmaster.pid");
        let text = |state: &str| format!("77\n/data\n1700000000\n5432\n/run\n\n  1  2\n{state}\n");
        fs::write(&path, text("starting")).unwrap();
        assert!(!is_ready(&path, 77));
        fs::write(&path, text("ready   ")).unwrap();
        assert!(is_ready(&path, 77));
        assert!(!is_ready(&path, 78));
    }
}
