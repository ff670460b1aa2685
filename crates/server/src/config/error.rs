//! What can be wrong with a configuration.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The configuration file is not there or cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The configuration file is not TOML.
    #[error("the configuration file {} is not valid TOML: {reason}", path.display())]
    ParseFile {
        /// The file.
        path: PathBuf,
        /// Where and why, without the text of the line: it may be a password.
        reason: String,
    },
    /// Some keys or values are wrong. All of them are listed.
    #[error("the configuration has {}", list(.0))]
    Faults(Vec<Fault>),
    /// The table of keys and the types of the sections differ: a defect of the program.
    #[error("cannot build the configuration")]
    Build(#[source] ::config::ConfigError),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The key, for example `server.listen`.
    pub key: String,
    /// Who set it, for example `file retail-mcp.toml`. None when nobody did.
    pub origin: Option<String>,
    /// What is wrong, and what would be right. Never holds a secret.
    pub reason: String,
}

impl Fault {
    pub(super) fn new(
        key: impl Into<String>,
        origin: impl Into<Option<String>>,
        reason: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), origin: origin.into(), reason: reason.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)?;
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        write!(f, ": {}", self.reason)
    }
}

fn list(faults: &[Fault]) -> String {
    let count = faults.len();
    let mut text = format!("{count} {}", if count == 1 { "fault" } else { "faults" });
    for fault in faults {
        text.push_str("\n  ");
        text.push_str(&fault.to_string());
    }
    text
}
