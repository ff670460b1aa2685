//! Child processes: shown before they run, and stopped when xtask is.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::console;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
const POLL: Duration = Duration::from_millis(50);
/// The time that a command has to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// Makes Ctrl-C, SIGTERM and SIGHUP end the running command, so that xtask can clean up.
pub(crate) fn stop_on_signals() -> Result<()> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst)).context("watching signals")
}

/// Fails once a signal has asked xtask to stop.
pub(crate) fn fail_if_interrupted() -> Result<()> {
    if INTERRUPTED.load(Ordering::SeqCst) {
        bail!("stopped by a signal");
    }
    Ok(())
}

/// A command line, with what it adds to the environment.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    dir: Option<PathBuf>,
}

impl CommandLine {
    /// A command of this program.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref().to_string_lossy().into_owned();
        Self { program, args: Vec::new(), env: Vec::new(), dir: None }
    }

    /// Adds arguments separated by white space, for fixed command lines.
    pub(crate) fn words(self, words: &str) -> Self {
        self.args(words.split_whitespace())
    }

    /// Adds arguments.
    pub(crate) fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// Adds one argument.
    pub(crate) fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the working folder.
    pub(crate) fn in_dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Has this command run another one, as `env` and `unshare` do.
    pub(crate) fn then(mut self, command: &Self) -> Self {
        self.env.extend(command.env.iter().cloned());
        self.dir.clone_from(&command.dir);
        self.arg(&command.program).args(&command.args)
    }

    /// The standard library's form, for callers that need more.
    pub(crate) fn to_command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().map(|(name, value)| (name, value)));
        if self.program == "cargo" {
            // `cargo run` describes xtask in them. Build scripts such as ring's would see that they have changed,
            // and build most of the workspace anew after each plain `cargo build`.
            for (name, _) in std::env::vars_os() {
                let text = name.to_string_lossy();
                if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                    command.env_remove(&name);
                }
            }
        }
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    /// Starts it with these standard streams.
    pub(crate) fn spawn(&self, stdout: Stdio, stderr: Stdio) -> Result<Child> {
        let mut command = self.to_command();
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        // A group of its own: signals reach xtask alone, which then stops the whole group.
        command.process_group(0);
        command.spawn().with_context(|| format!("starting `{}`", self.program))
    }

    /// Shows the command, runs it, and fails when it does.
    pub(crate) fn run(&self) -> Result<()> {
        console::line(&format!("$ {self}"));
        let mut child = self.spawn(Stdio::inherit(), Stdio::inherit())?;
        let status = wait(&mut child, None)?;
        if !status.success() {
            bail!("`{self}` failed ({status})");
        }
        Ok(())
    }

    /// Runs it without a word and returns its standard output, trimmed.
    pub(crate) fn output(&self) -> Result<String> {
        let mut command = self.to_command();
        let output = command.stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("starting `{}`", self.program))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            bail!("`{self}` failed ({}): {}", output.status, stderr.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Whether it starts and succeeds.
    pub(crate) fn succeeds(&self) -> bool {
        self.output().is_ok()
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@+,".contains(c);
            if !text.is_empty() && text.chars().all(plain) {
                text.to_owned()
            } else {
                format!("'{}'", text.replace('\'', r"'\''"))
            }
        };
        for (name, value) in &self.env {
            write!(f, "{name}={} ", quote(value))?;
        }
        f.write_str(&quote(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quote(arg))?;
        }
        Ok(())
    }
}

/// Waits for a child. Stops it when a signal arrives or the time is over, and fails then.
pub(crate) fn wait(child: &mut Child, limit: Option<Duration>) -> Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("waiting for a command")? {
            fail_if_interrupted()?;
            return Ok(status);
        }
        let late = limit.is_some_and(|limit| start.elapsed() > limit);
        if late || fail_if_interrupted().is_err() {
            terminate(child, GRACE);
            fail_if_interrupted()?;
            bail!("not finished after {} s", start.elapsed().as_secs());
        }
        thread::sleep(POLL);
    }
}

/// Asks a child and what it started to end by SIGTERM, and kills them when the child has not
/// ended after `grace`. Returns whether it ended by itself.
pub(crate) fn terminate(child: &mut Child, grace: Duration) -> bool {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return true;
    }
    // Signals fail only when the child has just ended, which the wait sees.
    let _ = kill_process_group(Pid::from_child(child), Signal::TERM);
    let start = Instant::now();
    while start.elapsed() < grace {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return true;
        }
        thread::sleep(POLL);
    }
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    let _ = child.wait();
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_line_that_a_shell_understands() {
        let line = CommandLine::new("cargo").words("doc --no-deps").arg("a b").arg("it's");
        let line = line.env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            line.to_string(),
            r"RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'a b' 'it'\''s'"
        );
    }

    #[test]
    fn a_failing_command_names_itself() {
        let error = CommandLine::new("sh").args(["-c", "exit 3"]).run().unwrap_err();
        assert!(
            error.to_string().contains("exit 3") && error.to_string().contains("exit status: 3")
        );
    }

    #[test]
    fn a_late_command_is_killed() {
        let mut child =
            CommandLine::new("sleep").arg("60").spawn(Stdio::null(), Stdio::null()).unwrap();
        assert!(wait(&mut child, Some(Duration::from_millis(100))).is_err());
        assert!(matches!(child.try_wait(), Ok(Some(_))));
    }

    #[test]
    fn what_a_command_started_ends_with_it() {
        let shell = CommandLine::new("sh").args(["-c", "sleep 60 & echo $!; wait"]);
        let mut shell = shell.spawn(Stdio::piped(), Stdio::null()).unwrap();
        let mut grandchild = String::new();
        let mut stdout = std::io::BufReader::new(shell.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut grandchild).unwrap();
        assert!(terminate(&mut shell, Duration::from_secs(10)));
        // The grandchild held the other end of the pipe.
        assert_eq!(std::io::BufRead::read_line(&mut stdout, &mut String::new()).unwrap(), 0);
    }

    #[test]
    fn terminate_tells_a_polite_child_from_a_stubborn_one() {
        let mut polite =
            CommandLine::new("sleep").arg("60").spawn(Stdio::null(), Stdio::null()).unwrap();
        assert!(terminate(&mut polite, Duration::from_secs(10)));

        let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
        let stubborn = CommandLine::new("sh").args(["-c", script]);
        let mut stubborn = stubborn.spawn(Stdio::piped(), Stdio::null()).unwrap();
        let mut stdout = std::io::BufReader::new(stubborn.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut stdout, &mut String::new()).unwrap();
        assert!(!terminate(&mut stubborn, Duration::from_millis(200)));
    }
}
