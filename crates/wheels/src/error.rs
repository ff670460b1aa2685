//! What can go wrong between a name of a package and its files.

use std::io;
use std::path::{Path, PathBuf};

/// A failure to fetch or unpack a package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no pip to download with.
    #[error("pip was not found")]
    NoPip,
    /// Every pip that was found failed.
    #[error("pip could not download {package} {version}: {reason}")]
    Download {
        /// The package.
        package: &'static str,
        /// Its version.
        version: &'static str,
        /// What each pip said.
        reason: String,
    },
    /// The downloaded package could not be unpacked.
    #[error("could not unpack {}", wheel.display())]
    Unpack {
        /// The package file.
        wheel: PathBuf,
        /// The cause.
        #[source]
        source: zip::result::ZipError,
    },
    /// The downloaded package holds a path that leaves the target folder.
    #[error("{} holds the unsafe path {entry:?}", wheel.display())]
    UnsafeEntry {
        /// The package file.
        wheel: PathBuf,
        /// The path inside it.
        entry: String,
    },
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
}

impl Error {
    /// Makes a closure that wraps an I/O error with what was done to which path.
    pub(crate) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }
}
