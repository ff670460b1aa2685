//! A demo server with a data folder of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::command::{self, CommandLine};
use crate::console;

/// The first start downloads PostgreSQL and loads the sample data.
const READY_LIMIT: Duration = Duration::from_mins(5);
/// More data take longer, above all on a machine that does something else as well.
const READY_LIMIT_OF_MORE: Duration = Duration::from_hours(1);
/// A server that was asked to stop drains its requests and stops PostgreSQL.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running `retail-mcp demo`, stopped and removed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: String,
    folder: PathBuf,
    binary: PathBuf,
}

impl Server {
    /// Starts the demo at tiny scale on a free port, waits until it is ready, and mints tokens.
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let server = Self::start_with(binary, &[])?;
        server.write_settings()?;
        Ok(server)
    }

    /// Starts it with environment variables, and mints no tokens.
    pub(crate) fn start_with(binary: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        Self::start_at(binary, &free_address()?, variables)
    }

    /// Does so at this address.
    pub(crate) fn start_at(
        binary: &Path,
        address: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_scaled(binary, address, "tiny", variables)
    }

    /// Does so with data of this scale: `tiny`, `full` or a factor such as `10x`.
    pub(crate) fn start_scaled(
        binary: &Path,
        address: &str,
        scale: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        // Not in the target folder: PostgreSQL may run as another user, who must be able to enter.
        let port = address.rsplit(':').next().unwrap_or_default();
        let name = format!("retail-mcp-conformance-{}-{port}", process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let data_dir = folder.join("data");
        let demo = CommandLine::new(binary).words("demo --data-dir").arg(&data_dir);
        let mut demo = demo.args(["--scale", scale, "--listen", address]);
        for (name, value) in variables {
            demo = demo.env(name, *value);
        }
        console::line(&format!("$ {demo}"));
        let log = File::create(folder.join("server.log")).context("creating the server's log")?;
        let child = demo.spawn(log.try_clone()?.into(), log.into())?;
        let mut server =
            Self { child, address: address.to_owned(), folder, binary: binary.to_owned() };
        server.wait_until_ready(if scale == "tiny" { READY_LIMIT } else { READY_LIMIT_OF_MORE })?;
        Ok(server)
    }

    /// `host:port` of the server.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The file that tells the client scripts where and as whom to connect.
    pub(crate) fn settings(&self) -> PathBuf {
        self.folder.join("settings.json")
    }

    /// The file with head office's token.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.join("token")
    }

    /// Stops the server, and fails when it does not end by itself or leaves PostgreSQL behind.
    pub(crate) fn stop(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("asking for the server's state")? {
            bail!("the server had ended before it was stopped ({status}):\n{}", self.log_tail());
        }
        if !command::terminate(&mut self.child, STOP_LIMIT) {
            bail!(
                "the server did not stop within {} s:\n{}",
                STOP_LIMIT.as_secs(),
                self.log_tail()
            );
        }
        if let Some(left) = find(&self.folder, "postmaster.pid", 5) {
            bail!("PostgreSQL was left behind: {} still exists", left.display());
        }
        Ok(())
    }

    fn wait_until_ready(&mut self, limit: Duration) -> Result<()> {
        let start = Instant::now();
        while !is_ready(&self.address) {
            command::fail_if_interrupted()?;
            if let Some(status) = self.child.try_wait().context("asking for the server's state")? {
                bail!("the server ended while starting ({status}):\n{}", self.log_tail());
            }
            if start.elapsed() > limit {
                bail!("not ready after {} s:\n{}", limit.as_secs(), self.log_tail());
            }
            thread::sleep(Duration::from_millis(100));
        }
        console::line(&format!("ready after {:.1} s", start.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Mints a token with these arguments.
    pub(crate) fn token(&self, who: &[&str]) -> Result<String> {
        let token = CommandLine::new(&self.binary).arg("token").args(who).arg("--data-dir");
        let token = token.arg(self.data_dir()).output()?;
        if token.is_empty() || token.contains(char::is_whitespace) {
            bail!("`retail-mcp token {}` did not print a token alone: {token}", who.join(" "));
        }
        Ok(token)
    }

    /// The process of its PostgreSQL.
    pub(crate) fn database_process(&self) -> Result<u32> {
        let file = find(&self.folder, "postmaster.pid", 5).context("PostgreSQL does not run")?;
        let text = fs::read_to_string(&file).context("reading the process of PostgreSQL")?;
        let first = text.lines().next().unwrap_or_default();
        first.trim().parse().context("reading the process of PostgreSQL")
    }

    /// Its data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn write_settings(&self) -> Result<()> {
        let seattle = self.token(&["--store", "seattle"])?;
        let all = self.token(&["--all-stores"])?;
        let data_dir = self.data_dir();
        let data_dir = data_dir.to_string_lossy();
        let settings = json!({
            "url": format!("http://{}/mcp", self.address),
            "tokens": { "seattle": seattle, "all": all },
            "stdio": {
                "command": self.binary.to_string_lossy(),
                "args": ["stdio", "--store", "seattle", "--data-dir", data_dir],
            },
        });
        write_secret(&self.settings(), &settings.to_string())?;
        write_secret(&self.token_file(), &all)
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        command::terminate(&mut self.child, STOP_LIMIT);
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            console::problem(&format!("{} stays: {error}", self.folder.display()));
        }
    }
}

pub(crate) fn free_address() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.to_string())
}

pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("writing {}", path.display()))
}

/// Whether `GET /ready` answers 200.
fn is_ready(address: &str) -> bool {
    let get = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let request =
            format!("GET /ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    get().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

/// The first file of this name, at most `depth` folders down.
fn find(folder: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let paths: Vec<PathBuf> =
        fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    let here = paths.iter().find(|path| path.file_name().is_some_and(|file| file == name)).cloned();
    here.or_else(|| {
        let mut folders =
            paths.iter().filter(|path| depth > 0 && path.is_dir() && !path.is_symlink());
        folders.find_map(|path| find(path, name, depth - 1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn ready_means_200_and_nothing_else() {
        for (answer, expected) in
            [("HTTP/1.1 200 OK", true), ("HTTP/1.1 503 Service Unavailable", false)]
        {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).unwrap();
                stream
                    .write_all(format!("{answer}\r\nContent-Length: 0\r\n\r\n").as_bytes())
                    .unwrap();
                String::from_utf8_lossy(&request[..length]).into_owned()
            });
            assert_eq!(is_ready(&address), expected, "{answer}");
            assert!(server.join().unwrap().starts_with("GET /ready HTTP/1.1\r\n"));
        }
        assert!(!is_ready(&free_address().unwrap()));
    }

    #[test]
    fn a_cluster_that_was_left_behind_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = folder.path().join("data/pg/cluster");
        fs::create_dir_all(&cluster).unwrap();
        assert_eq!(find(folder.path(), "postmaster.pid", 5), None);
        fs::write(cluster.join("postmaster.pid"), "1").unwrap();
        assert_eq!(find(folder.path(), "postmaster.pid", 5), Some(cluster.join("postmaster.pid")));
    }

    #[test]
    fn a_secret_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        write_secret(&path, "t").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
