//! A process that ends with the test program, however that ends.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Prints the process id of the program, and ends it when its own input closes: also when the test program was killed.
const WATCHED: &str =
    r#""$@" >/dev/null 2>&1 & server=$!; echo "$server"; read -r _; kill -KILL "$server"; wait"#;

/// A running program and the shell that watches over it.
#[derive(Debug)]
pub(crate) struct Watched {
    shell: Child,
    program: Pid,
}

impl Watched {
    /// Starts `program`; `adjust` may change the command of the shell around it.
    pub(crate) fn start<A: AsRef<OsStr>>(
        program: &str,
        arguments: impl IntoIterator<Item = A>,
        adjust: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh", program]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        adjust(&mut command);
        let mut shell = command.spawn().expect("a shell");
        let mut line = String::new();
        let stdout = shell.stdout.take().expect("an output");
        BufReader::new(stdout).read_line(&mut line).expect("a process id");
        let program = line.trim().parse().ok().and_then(Pid::from_raw).expect("a process id");
        Self { shell, program }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.program, signal).expect("a signal");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
