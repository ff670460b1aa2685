//! A second process that runs a cluster, so that a test can kill it.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support;

const DATA_DIR: &str = "RETAIL_IT_HELPER_DATA_DIR";
const LEAVE: &str = "RETAIL_IT_HELPER_LEAVE";

/// The other process, and the server that it started.
pub(crate) struct Helper {
    pub(crate) child: Child,
    pub(crate) server_pid: u32,
    /// Kept open, because the test harness of the other process prints to it at its end.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs this test program again, as a process group of its own, with a cluster in `data_dir`.
///
/// With `leave` it returns from `main` without dropping the cluster; else it waits to be killed.
pub(crate) fn spawn(data_dir: &Path, leave: bool) -> Helper {
    let mut command = with_default_interrupt(std::env::current_exe().unwrap());
    command
        .args(["--exact", "helper::run_as_helper", "--nocapture"])
        .env(DATA_DIR, data_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0);
    if leave {
        command.env(LEAVE, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let server_pid = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split_once("server=")?.1.trim().parse().ok())
        .expect("the helper prints the server's process number");
    Helper { child, server_pid, _output: lines }
}

/// A command that SIGINT ends. What a shell starts in the background ignores it, and so would all that
/// it starts.
fn with_default_interrupt(program: PathBuf) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Not a test by itself: passes at once unless [`spawn`] runs it.
#[test]
fn run_as_helper() {
    let Some(data_dir) = std::env::var_os(DATA_DIR) else {
        return;
    };
    let cluster = support::start(Path::new(&data_dir));
    println!("\nserver={}", cluster.server_pid());
    if std::env::var_os(LEAVE).is_none() {
        std::thread::sleep(support::PATIENCE * 4);
    }
    // As a cluster in a static, which is never dropped.
    std::mem::forget(cluster);
}
