//! A small shell that ends the server when this process is gone.
//!
//! It reads a pipe whose other end only this process holds. The system closes that end however
//! this process ends, by SIGKILL as well, and the shell then stops the server.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use crate::Error;
use crate::data_dir::wait_until;
use crate::server_user::ServerUser;

/// The shell's program. Its first argument is the server's data folder; the first line it reads
/// is the server's process number.
///
/// Process numbers are used again, so before each signal it checks that the number still is a
/// process with that data folder on its command line.
const SCRIPT: &str = r#"
trap '' INT HUP TERM QUIT
pgdata=$1
read -r pid || exit 0
while read -r ignored; do :; done
is_ours() {
    if [ -d /proc/self ]; then
        tr '\000' '\n' <"/proc/$pid/cmdline" | grep -qxF -e "$pgdata"
    else
        ps -ww -o command= -p "$pid" | grep -qF -e "$pgdata"
    fi
}
end_with() {
    is_ours || exit 0
    kill -s "$1" "$pid"
    left=$2
    while [ "$left" -gt 0 ] && is_ours; do
        sleep 1
        left=$((left - 1))
    done
}
end_with INT 30
end_with QUIT 10
end_with KILL 5
"#;

/// The running shell.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    /// The end of the pipe whose closing the shell waits for.
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts the shell as the server's user, before the server, so that there is hardly a moment
    /// in which a server runs unwatched.
    pub(super) fn start(user: &ServerUser, pgdata: &Path) -> Result<Self, Error> {
        let shell = Path::new("/bin/sh");
        let mut child = user
            .command(shell, Path::new("/"))
            .args(["-c", SCRIPT, "watchdog"])
            .arg(pgdata)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A terminal's Ctrl-C goes to the group of this process.
            .process_group(0)
            .spawn()
            .map_err(Error::run(shell))?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Tells it which process to end.
    pub(super) fn watch(&mut self, pid: u32) -> Result<(), Error> {
        let Some(pipe) = &mut self.pipe else {
            return Ok(());
        };
        pipe.write_all(format!("{pid}\n").as_bytes()).map_err(Error::run(Path::new("/bin/sh")))
    }

    /// Lets it end, after the server has ended.
    pub(super) fn dismiss(&mut self) {
        drop(self.pipe.take());
        let ended = wait_until(Duration::from_secs(2), || {
            matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
        });
        if !ended {
            // It has nothing left to do, so nothing is lost.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
