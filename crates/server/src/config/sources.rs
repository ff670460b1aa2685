//! Where a configuration may come from.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// Everything that [`Config::load`](super::Config::load) reads, besides the defaults and the files
/// that it is pointed to. The default has nothing in it, so tests never see the machine's settings.
#[derive(Clone, Default)]
pub struct Sources {
    pub(super) folder: Option<PathBuf>,
    pub(super) config_file: Option<PathBuf>,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) flags: Vec<Flag>,
}

/// A value from the command line.
#[derive(Clone)]
pub(super) struct Flag {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) value: String,
}

impl Sources {
    /// The working folder and the environment of this process.
    pub fn of_process() -> Self {
        Self::default().with_folder("").with_environment(std::env::vars_os())
    }

    /// Reads `retail-mcp.toml` in this folder, when it is there and no file is named.
    #[must_use]
    pub fn with_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Reads this file, which must be there.
    #[must_use]
    pub fn with_config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config_file = Some(path.into());
        self
    }

    /// Adds environment variables. Those with other names are passed over.
    #[must_use]
    pub fn with_environment<N: Into<OsString>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.environment.extend(variables);
        self
    }

    /// Adds a value from the command line: the name of its flag, the key that it sets, the value
    /// written as in the environment.
    #[must_use]
    pub fn with_flag(
        mut self,
        name: impl Into<String>,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Self {
        self.flags.push(Flag { name: name.into(), key: key.into(), value: value.into() });
        self
    }
}

/// Shows no values: an environment is full of secrets.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("folder", &self.folder)
            .field("config_file", &self.config_file)
            .field("environment", &self.environment.len())
            .field("flags", &self.flags.len())
            .finish()
    }
}
