//! What can go wrong between an empty machine and a running server.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// A failure to provision, start, attach to or use a private cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No PostgreSQL was found and none could be fetched.
    #[error(
        "no PostgreSQL with pgvector to run ({reason}); do one of three things: \
         1) install Python's pip (Debian: python3-pip), and the server is downloaded once; \
         2) install PostgreSQL 16 or newer with pgvector (Debian: postgresql-16-pgvector); \
         3) name a database of your own in the [database] section of the configuration"
    )]
    NothingToRun {
        /// What was tried and how it failed.
        reason: String,
    },
    /// The folder named as the programs' folder does not hold a usable PostgreSQL.
    #[error("{} is not the bin folder of a usable PostgreSQL: {reason}", bin_dir.display())]
    UnusableInstallation {
        /// The folder that was named.
        bin_dir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A download could not be unpacked, or a folder not be made or removed.
    #[error(transparent)]
    Wheel(retail_wheels::Error),
    /// A file operation failed.
    #[error("could not {operation} {}", path.display())]
    File {
        /// The operation, as a verb: "read", "create folder".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A program could not be started or waited for.
    #[error("could not run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Running as root, and `/etc/passwd` names neither `postgres` nor `nobody`.
    #[error(
        "PostgreSQL does not run as root, and /etc/passwd has neither a user postgres nor nobody; \
         add one, or run as an ordinary user"
    )]
    NoUnprivilegedUser,
    /// The server's user may not enter a folder on the way to its data or programs.
    #[error(
        "PostgreSQL runs as the user {user} here, and that user may not enter {}; \
         name a folder elsewhere with --data-dir",
        folder.display()
    )]
    ClosedFolder {
        /// The first folder that the user may not enter.
        folder: PathBuf,
        /// The name or number of the server's user.
        user: String,
    },
    /// Running as root on a data folder of an ordinary user.
    #[error(
        "{} belongs to the user with number {owner}; start as that user, or name another folder \
         with --data-dir",
        data_dir.display()
    )]
    ForeignFolder {
        /// The data folder.
        data_dir: PathBuf,
        /// The owner's user number.
        owner: u32,
    },
    /// Another process holds the data folder.
    #[error(
        "the database in {} is already running{}",
        data_dir.display(),
        pid.map(|pid| format!(", started by process {pid}")).unwrap_or_default()
    )]
    AlreadyRunning {
        /// The data folder.
        data_dir: PathBuf,
        /// The process that started it, when known.
        pid: Option<u32>,
    },
    /// There is no server to attach to.
    #[error("no database is running in {}", data_dir.display())]
    NotRunning {
        /// The data folder.
        data_dir: PathBuf,
    },
    /// The data was written by another major version of PostgreSQL.
    #[error(
        "{} was made by PostgreSQL {found}, and this is PostgreSQL {installed}; delete the folder \
         to start afresh, or use PostgreSQL {found}",
        data_dir.display()
    )]
    OtherMajor {
        /// The data folder.
        data_dir: PathBuf,
        /// The major version that made the data.
        found: u32,
        /// The major version at hand.
        installed: u32,
    },
    /// The data folder holds something that no cluster has.
    #[error(
        "{} does not hold a usable database ({reason}); delete the folder to start afresh",
        data_dir.display()
    )]
    DamagedFolder {
        /// The data folder.
        data_dir: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// `initdb` failed.
    #[error("initdb failed ({status}): {output}")]
    Initdb {
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// The data of a primary could not be copied.
    #[error("pg_basebackup failed ({status}): {output}")]
    BaseBackup {
        /// How it ended.
        status: ExitStatus,
        /// The end of what it printed.
        output: String,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL ended before it was ready ({status}); its log ends with:\n{log_tail}")]
    EndedEarly {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of this start's log.
        log_tail: String,
    },
    /// The server did not become ready in time.
    #[error("PostgreSQL was not ready after {waited_s} s; its log ends with:\n{log_tail}")]
    NotReady {
        /// How long the start waited, in seconds.
        waited_s: u64,
        /// The last lines of this start's log.
        log_tail: String,
    },
    /// A server left behind by an earlier run could not be ended.
    #[error("a PostgreSQL of an earlier run (process {pid}) does not end; end it by hand")]
    OrphanStays {
        /// The server's process number.
        pid: u32,
    },
    /// A database name that is not a plain identifier.
    #[error(
        "{name:?} is no database name: use 1 to 63 of a-z, 0-9 and _, and start with a letter or _"
    )]
    InvalidName {
        /// The name as given.
        name: String,
    },
    /// `psql` reported an error.
    #[error("psql failed: {output}")]
    Sql {
        /// What it printed.
        output: String,
    },
}

impl Error {
    /// Makes a closure that wraps an I/O error with what was done to which path.
    pub(crate) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }

    /// Makes a closure that wraps the failure to run a program.
    pub(crate) fn run(program: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Run { program: program.to_owned(), source }
    }
}

impl From<retail_wheels::Error> for Error {
    fn from(error: retail_wheels::Error) -> Self {
        match error {
            retail_wheels::Error::NoPip | retail_wheels::Error::Download { .. } => {
                Self::NothingToRun { reason: error.to_string() }
            }
            other => Self::Wheel(other),
        }
    }
}

/// The end of a program's output, short enough for an error message.
pub(crate) fn tail(text: &str, max_lines: usize) -> String {
    let lines: Vec<&str> =
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let start = lines.len().saturating_sub(max_lines);
    lines.get(start..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_keeps_the_last_lines_without_blanks() {
        assert_eq!(tail("a\n\nb  \nc\n", 2), "b\nc");
        assert_eq!(tail("a", 5), "a");
        assert_eq!(tail("", 5), "");
    }

    #[test]
    fn nothing_to_run_names_the_three_ways() {
        let text = Error::NothingToRun { reason: "pip was not found".to_owned() }.to_string();
        for part in ["1) install Python's pip", "2) install PostgreSQL 16", "3) name a database"] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
        assert!(text.contains("postgresql-16-pgvector") && text.contains("[database]"));
    }
}
