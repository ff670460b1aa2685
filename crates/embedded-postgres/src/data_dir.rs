//! The folder of one cluster: where each thing is, and who may use it.
//!
//! ```text
//! lock               held by the process that runs the cluster, names its process number
//! pgdata/            PostgreSQL's own files, owned by the server's user
//! run/               the server's socket
//! secrets/           the superuser's password
//! connection.json    how to connect, while it runs
//! postgres.log       what the server printed
//! ```

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::RngExt;
use rand::distr::Alphanumeric;

use crate::{Error, files};

/// The log is started afresh when it is larger than this at a start.
const MAX_LOG_BYTES: u64 = 10 * 1024 * 1024;
/// Letters and digits of a password: 190 bits.
const PASSWORD_LENGTH: usize = 32;

/// The major version that made the data in `data_dir`; none when there is no data yet.
///
/// Pass it on as [`ProvisionOptions::major`](crate::ProvisionOptions::major), so that data made by
/// PostgreSQL 16 keeps running on 16 after 18 became the default.
pub fn existing_major(data_dir: &Path) -> Option<u32> {
    let version = fs::read_to_string(data_dir.join("pgdata/PG_VERSION")).ok()?;
    version.trim().parse().ok()
}

/// The paths below a cluster's folder.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    root: PathBuf,
}

impl DataDir {
    /// Creates the folder when needed. Its path becomes absolute and free of links, because a
    /// server left behind is recognised by it.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let is_root = rustix::process::geteuid().is_root();
        // The server's user must pass through it when that is another user.
        files::create_folder(path, if is_root { 0o711 } else { 0o700 })?;
        let root = path.canonicalize().map_err(Error::file("resolve", path))?;
        let meta = fs::metadata(&root).map_err(Error::file("read", &root))?;
        if is_root && meta.uid() != 0 {
            // Its owner could swap files for links while root works on them.
            return Err(Error::ForeignFolder { data_dir: root, owner: meta.uid() });
        }
        Ok(Self { root })
    }

    /// Names a folder that another process made.
    pub(crate) fn existing(path: &Path) -> Self {
        Self { root: path.to_owned() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn pgdata(&self) -> PathBuf {
        self.root.join("pgdata")
    }

    /// Where `initdb` works; renamed to `pgdata` when it is complete.
    pub(crate) fn unfinished_pgdata(&self) -> PathBuf {
        self.root.join("pgdata.unfinished")
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    pub(crate) fn connection_file(&self) -> PathBuf {
        self.root.join("connection.json")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        self.root.join("secrets/superuser-password")
    }

    /// Takes the folder for this process until the returned value is dropped.
    pub(crate) fn lock(&self) -> Result<FolderLock, Error> {
        let path = self.root.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid =
                    file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(Error::AlreadyRunning { data_dir: self.root.clone(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", &path)(error)),
        }
        file.set_len(0)
            .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()))
            .map_err(Error::file("write", &path))?;
        Ok(FolderLock(file))
    }

    /// Reads the superuser's password.
    pub(crate) fn password(&self) -> Result<String, Error> {
        let path = self.password_file();
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file("read", &path)(error))
            }
            _ => {
                let reason = "its secrets/superuser-password is missing or empty".to_owned();
                Err(Error::DamagedFolder { data_dir: self.root.clone(), reason })
            }
        }
    }

    /// Makes a new password for a new cluster and keeps it.
    pub(crate) fn make_password(&self) -> Result<String, Error> {
        let password: String =
            rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH).map(char::from).collect();
        self.keep_password(&password)?;
        Ok(password)
    }

    /// Keeps the password of a cluster that was copied.
    pub(crate) fn keep_password(&self, password: &str) -> Result<(), Error> {
        files::create_folder(&self.root.join("secrets"), 0o700)?;
        let path = self.password_file();
        files::remove_file(&path)?;
        files::create_private_file(&path, password)
    }
}

/// A data folder that this process holds.
#[derive(Debug)]
pub(crate) struct FolderLock(File);

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread starts at this moment has a copy of
        // the open file for a short while, and would keep the lock that long.
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "could not unlock the data folder");
        }
    }
}

/// The server's log, and where this start's part of it begins.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    start: u64,
}

impl Log {
    /// Opens the log for adding to it.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        if fs::metadata(&path).is_ok_and(|meta| meta.len() > MAX_LOG_BYTES) {
            files::remove_file(&path)?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::file("open", &path))?;
        let start = file.metadata().map_err(Error::file("read", &path))?.len();
        Ok(Self { path, file, start })
    }

    /// A handle for a child process to write to.
    pub(crate) fn handle(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(Error::file("open", &self.path))
    }

    /// What the server printed since this start; empty when it cannot be read.
    pub(crate) fn since_start(&self) -> String {
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.start))?;
            file.read_to_end(&mut text)
        });
        if let Err(error) = read {
            tracing::debug!(%error, "could not read the server's log");
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Calls `done` every few milliseconds until it gives true; false when `limit` passed before.
pub(crate) fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = std::time::Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_lock_is_exclusive_and_names_its_holder() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        let held = data.lock().unwrap();
        let error = data.lock().unwrap_err();
        let own = std::process::id();
        assert!(
            matches!(error, Error::AlreadyRunning { pid: Some(pid), .. } if pid == own),
            "{error}"
        );
        drop(held);
        data.lock().unwrap();
    }

    #[test]
    fn passwords_are_private_long_and_never_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        assert!(matches!(data.password(), Err(Error::DamagedFolder { .. })));
        let first = data.make_password().unwrap();
        assert_eq!(data.password().unwrap(), first);
        assert_eq!(first.len(), PASSWORD_LENGTH);
        let mode = fs::metadata(data.password_file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(data.make_password().unwrap(), first);
    }

    #[test]
    fn the_log_gives_this_start_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postgres.log");
        fs::write(&path, "earlier\n").unwrap();
        let log = Log::open(path).unwrap();
        log.handle().unwrap().write_all(b"now\n").unwrap();
        assert_eq!(log.since_start(), "now\n");
    }
}
